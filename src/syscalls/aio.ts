/** io_setup, io_destroy, io_submit, io_getevents, io_pgetevents, io_cancel (Linux: fs/aio.c). */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type GuestAddr, type UserPtr } from '../base/brands.js';
import { EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EOPNOTSUPP, ETIMEDOUT } from '../abi/errno.js';
import * as abi from '../abi/aio.js';
import { IO_EVENT, IOCB, type Iocb } from '../abi/aio.js';
import { RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC } from '../abi/fs.js';
import { RLIMIT_FSIZE } from '../abi/resource.js';
import { TIMESPEC, type TimespecStruct } from '../abi/time-struct.js';
import { createAioContext, destroyAioContext, findAioContext, type AioContext } from '../fs/aio.js';
import { EventFile } from '../fs/eventfd.js';
import { address, long, partial, ptr, syscall, uint, ulong } from '../kernel/syscall.js';
import { fileOf } from '../kernel/task-files.js';
import { afterWrite, bufferOf, buffersOf } from '../kernel/task-io.js';
import type { Task } from '../kernel/task.js';
import type { OpenFile } from '../vfs/open-file.js';
import { readFile, writeFile } from '../vfs/read-write.js';
import { deadlineAt, underMask } from './poll.js';

export const ioSetup = syscall('io_setup', [uint, address], (task, capacity, at) => {
  const old = task.mm.readU64(at);
  if (isErr(old)) return EFAULT;
  if (old !== 0) return EINVAL;
  const { machine, mm } = task;
  const context = createAioContext(machine, mm, capacity);
  if (isErr(context)) return context;
  const stored = mm.writeU64(at, context);
  if (isErr(stored)) destroyAioContext(machine, mm, context);
  return isErr(stored) ? EFAULT : 0;
});

export const ioDestroy = syscall('io_destroy', [ulong], (task, context) => destroyAioContext(task.machine, task.mm, context));

const SUBMIT = partial('operations are made at once; no polls');

export const ioSubmit = syscall(
  'io_submit',
  [ulong, long, address],
  (task, at, count, list) => {
    const context = findAioContext(task.mm, at);
    if (isErr(context)) return context;
    return count < 0 ? EINVAL : submitAll(task, context, count, list);
  },
  SUBMIT,
);

function* submitAll(task: Task, context: AioContext, count: number, list: GuestAddr): Blocking<number> {
  const bounded = Math.min(count, context.slots);
  for (let done = 0; done < bounded; done++) {
    const at = task.mm.readU64(list + done * 8);
    const result = isErr(at) ? EFAULT : yield* submitOne(task, context, at);
    if (isErr(result)) return done > 0 ? done : result;
  }
  return bounded;
}

function* submitOne(task: Task, context: AioContext, at: GuestAddr): Blocking<0 | Errno> {
  const iocb = task.mm.readStruct(at as UserPtr<Iocb>, IOCB);
  if (isErr(iocb)) return EFAULT;
  if (iocb.reserved2 !== 0 || iocb.nbytes >= 2 ** 63) return EINVAL;
  if (context.isFull || context.ended) return EAGAIN;
  const file = fileOf(task, iocb.fildes | 0);
  if (isErr(file)) return EBADF;
  let told: EventFile | undefined;
  if ((iocb.flags & abi.IOCB_FLAG_RESFD) !== 0) {
    const event = fileOf(task, iocb.resfd | 0);
    if (isErr(event)) return event;
    if (!(event instanceof EventFile)) return EINVAL;
    told = event;
  }
  // The kernel's mark that this block was submitted.
  if (isErr(task.mm.writeU32(at + IOCB.offsets.key, 0))) return EFAULT;
  const checked = checkOperation(file, iocb);
  if (isErr(checked)) return checked;
  const operation = operate(task, file, iocb);
  const result = typeof operation === 'number' ? operation : yield* operation;
  // Errors that come before the operation begins are the submitter's; what it answered goes to the queue.
  if (result === EINVAL || result === EFAULT) return result as Errno;
  context.complete({ data: iocb.data, obj: at, res: result, res2: 0 });
  told?.signal();
  return 0;
}

/** Data is as durable as it gets once it is written: the flags that ask for that need nothing. */
const RW_FLAGS = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT;

function checkOperation(file: OpenFile, { opcode, rwFlags }: Iocb): 0 | Errno {
  switch (opcode) {
    case abi.IOCB_CMD_PREAD:
    case abi.IOCB_CMD_PREADV:
      return !file.readable ? EBADF : (rwFlags & ~RW_FLAGS) !== 0 ? EOPNOTSUPP : 0;
    case abi.IOCB_CMD_PWRITE:
    case abi.IOCB_CMD_PWRITEV:
      return !file.writable ? EBADF : (rwFlags & ~RW_FLAGS) !== 0 ? EOPNOTSUPP : 0;
    case abi.IOCB_CMD_FSYNC:
    case abi.IOCB_CMD_FDSYNC:
      return rwFlags !== 0 ? EINVAL : 0;
    default:
      return EINVAL;
  }
}

function operate(task: Task, file: OpenFile, { opcode, buf, nbytes, offset, rwFlags }: Iocb): number | Blocking<number> {
  if (opcode === abi.IOCB_CMD_FSYNC || opcode === abi.IOCB_CMD_FDSYNC) return file.fsync();
  if (file.seekable && offset < 0) return EINVAL;
  const vector = opcode === abi.IOCB_CMD_PREADV || opcode === abi.IOCB_CMD_PWRITEV;
  const io = vector ? buffersOf(task, buf, nbytes) : bufferOf(task, buf, nbytes);
  if (isErr(io)) return io;
  const reads = opcode === abi.IOCB_CMD_PREAD || opcode === abi.IOCB_CMD_PREADV;
  const noWait = (rwFlags & RWF_NOWAIT) !== 0;
  if (reads) return readFile(file, io, offset, noWait);
  return afterWrite(task, writeFile(file, io, offset, task.group.limits.soft[RLIMIT_FSIZE]!, noWait));
}

function getEvents(task: Task, at: number, least: number, most: number, events: GuestAddr, deadlineNs: number): number | Blocking<number> {
  const context = findAioContext(task.mm, at);
  if (isErr(context)) return context;
  return least < 0 || most < 0 || least > most ? EINVAL : collect(task, context, least, most, events, deadlineNs);
}

/** Hands over up to `most` completions, waiting for `least`. */
function* collect(task: Task, context: AioContext, least: number, most: number, at: GuestAddr, deadlineNs: number): Blocking<number> {
  for (let done = 0; ; ) {
    while (done < most && context.events.length > 0) {
      if (isErr(task.mm.writeStruct((at + done * IO_EVENT.size) as UserPtr<abi.IoEvent>, IO_EVENT, context.events[0]!))) {
        return done > 0 ? done : EFAULT;
      }
      context.events.shift();
      done++;
    }
    if (done >= least || context.ended || deadlineNs === 0) return done > 0 || !context.ended ? done : EINVAL;
    const woken = yield* sleepOn(context.queue, undefined, { deadlineNs });
    if (woken === ETIMEDOUT) return done;
    if (isErr(woken)) return done > 0 ? done : EINTR;
  }
}

export const ioGetevents = syscall(
  'io_getevents',
  [ulong, long, long, address, ptr(TIMESPEC)],
  (task, at, least, most, events, timeout: UserPtr<TimespecStruct>) => {
    const deadlineNs = deadlineAt(task, timeout);
    return isErr(deadlineNs) ? deadlineNs : getEvents(task, at, least, most, events, deadlineNs);
  },
);

export const ioPgetevents = syscall(
  'io_pgetevents',
  [ulong, long, long, address, ptr(TIMESPEC), address],
  (task, at, least, most, events, timeout: UserPtr<TimespecStruct>, maskAt) => {
    const deadlineNs = deadlineAt(task, timeout);
    if (isErr(deadlineNs)) return deadlineNs;
    // struct __aio_sigset: the mask's address and size.
    const mask = maskAt === 0 ? 0 : task.mm.readU64(maskAt);
    const size = maskAt === 0 ? 0 : task.mm.readU64(maskAt + 8);
    if (isErr(mask) || isErr(size)) return EFAULT;
    return underMask(task, mask, size, () => getEvents(task, at, least, most, events, deadlineNs));
  },
);

export const ioCancel = syscall(
  'io_cancel',
  [ulong, ptr(IOCB), address],
  (task, _at, iocbAt) => (isErr(task.mm.readStruct(iocbAt, IOCB)) ? EFAULT : EINVAL),
  partial('nothing is in flight'),
);
