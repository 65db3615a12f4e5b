/** sendfile, splice, tee, vmsplice, copy_file_range (Linux: fs/splice.c, fs/read_write.c). */
import { sleepOn, thenDo, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { EAGAIN, EBADF, EFAULT, EFBIG, EINVAL, EISDIR, EOVERFLOW, EPERM, ESPIPE } from '../abi/errno.js';
import { O_APPEND, SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK } from '../abi/fcntl.js';
import { MAX_RW_COUNT } from '../abi/fs.js';
import { IN_ACCESS, IN_MODIFY } from '../abi/inotify.js';
import { RLIMIT_FSIZE } from '../abi/resource.js';
import { S_IFDIR, S_IFREG } from '../abi/stat.js';
import { PipeFile } from '../fs/pipe.js';
import { transfer, type TransferEnd } from '../fs/splice.js';
import { address, fd, flags, size, syscall, uint } from '../kernel/syscall.js';
import { fileOf } from '../kernel/task-files.js';
import { afterWrite, buffersOf } from '../kernel/task-io.js';
import type { Task } from '../kernel/task.js';
import type { IoVec } from '../mm/io-vec.js';
import { notifyFile } from '../vfs/notify.js';
import type { OpenFile } from '../vfs/open-file.js';
import { isImmutable } from '../vfs/inode-flags.js';
import { CURRENT, readFile, WRITE_EVENTS } from '../vfs/read-write.js';

type Answer = number | Blocking<number>;
const SPLICE_FLAGS = { SPLICE_F_MOVE, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_GIFT };
const ALL_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

/** One end: its file, and where it stands. `pointer`: guest address of a loff_t, 0 for the file's own position. */
interface End extends TransferEnd {
  readonly pointer: number;
}

function endAt(task: Task, file: OpenFile, pointer: number, noWait: boolean): End | Errno {
  if (pointer === 0) return { file, position: file.position, noWait, pointer };
  const position = task.mm.readU64(pointer);
  if (isErr(position)) return EFAULT;
  return position > Number.MAX_SAFE_INTEGER ? EINVAL : { file, position, noWait, pointer };
}

/** Stores the new position where it came from. */
function finishEnd(task: Task, end: End): 0 | Errno {
  if (end.pointer !== 0) return isErr(task.mm.writeU64(end.pointer, end.position)) ? EFAULT : 0;
  if (end.file.seekable) end.file.position = end.position;
  return 0;
}

/** Runs a transfer, moves the positions and tells the watchers. */
function move(task: Task, source: End, target: End, count: number, untilDone: boolean): Answer {
  let bounded = Math.min(count, MAX_RW_COUNT);
  if (target.file.inode.type === S_IFREG) {
    const limit = task.group.limits.soft[RLIMIT_FSIZE]!;
    if (bounded > 0 && target.position >= limit) return afterWrite(task, EFBIG);
    bounded = Math.min(bounded, limit - target.position);
  }
  const answer = thenDo(transfer(source, target, bounded, { untilDone }), (result) => {
    if (result < 0) return result;
    if (result === 0) return isErr(finishEnd(task, source)) ? EFAULT : 0;
    notifyFile(source.file, IN_ACCESS);
    notifyFile(target.file, IN_MODIFY);
    const first = finishEnd(task, source);
    const second = finishEnd(task, target);
    return isErr(first) ? first : isErr(second) ? second : result;
  });
  return afterWrite(task, answer);
}

/** Directories do not, nor do files without a name and kind: eventfd, timerfd, epoll ... */
function takesSplice(file: OpenFile): boolean {
  return file.inode.type !== S_IFDIR && file.inode.type !== 0;
}

export const sendfile = syscall('sendfile', [fd, fd, address, size], (task, outFd, inFd, offset, count) => {
  const input = fileOf(task, inFd);
  if (isErr(input) || !input.readable) return EBADF;
  if (offset !== 0 && !input.seekable) return ESPIPE;
  const output = fileOf(task, outFd);
  if (isErr(output) || !output.writable) return EBADF;
  if (output instanceof PipeFile) {
    if (output.nonBlocking && output.pipe.buffer.room === 0 && output.pipe.readers > 0) return EAGAIN;
  } else if ((!input.seekable && input.inode.type !== 0) || (output.flags & O_APPEND) !== 0) {
    return EINVAL; // what the target does not take would be lost
  }
  if (count === 0) return 0;
  if (input instanceof PipeFile || !takesSplice(input)) return EINVAL;
  const source = endAt(task, input, offset, input.nonBlocking);
  if (isErr(source)) return source;
  if (!takesSplice(output)) return input.inode.type === S_IFREG && source.position >= input.inode.size ? 0 : EINVAL;
  return move(task, source, { file: output, position: output.position, noWait: output.nonBlocking, pointer: 0 }, count, true);
});

export const splice = syscall(
  'splice',
  [fd, address, fd, address, size, flags(SPLICE_FLAGS)],
  (task, inFd, inOffset, outFd, outOffset, count, options) => {
    if (count === 0) return 0;
    if ((options & ~ALL_FLAGS) !== 0) return EINVAL;
    const input = fileOf(task, inFd);
    const output = fileOf(task, outFd);
    if (isErr(input) || isErr(output) || !input.readable || !output.writable) return EBADF;
    const fromPipe = input instanceof PipeFile;
    const toPipe = output instanceof PipeFile;
    if (!fromPipe && !toPipe) return EINVAL;
    if ((inOffset !== 0 && !input.seekable) || (outOffset !== 0 && !output.seekable)) return ESPIPE;
    if (fromPipe && toPipe && input.pipe === output.pipe) return EINVAL;
    if ((output.flags & O_APPEND) !== 0 || !takesSplice(input) || !takesSplice(output)) return EINVAL;
    const asked = (options & SPLICE_F_NONBLOCK) !== 0;
    const source = endAt(task, input, inOffset, input.nonBlocking || (asked && fromPipe));
    if (isErr(source)) return source;
    const target = endAt(task, output, outOffset, output.nonBlocking || (asked && toPipe));
    return isErr(target) ? target : move(task, source, target, count, false);
  },
);

export const tee = syscall('tee', [fd, fd, size, flags(SPLICE_FLAGS)], (task, inFd, outFd, count, options) => {
  if ((options & ~ALL_FLAGS) !== 0) return EINVAL;
  if (count === 0) return 0;
  const input = fileOf(task, inFd);
  const output = fileOf(task, outFd);
  if (isErr(input) || isErr(output) || !input.readable || !output.writable) return EBADF;
  if (!(input instanceof PipeFile) || !(output instanceof PipeFile) || input.pipe === output.pipe) return EINVAL;
  const noWait = (options & SPLICE_F_NONBLOCK) !== 0;
  const source = { file: input, position: 0, noWait: noWait || input.nonBlocking };
  const target = { file: output, position: 0, noWait: noWait || output.nonBlocking };
  return afterWrite(task, transfer(source, target, Math.min(count, MAX_RW_COUNT), { untilDone: false, keepSource: true }));
});

/** Waits for room once and gives what fits: the caller comes again with the rest (Linux: vmsplice_to_pipe). */
function* fillPipe(file: PipeFile, io: IoVec, noWait: boolean): Blocking<number> {
  for (;;) {
    const moved = file.write(io);
    if (moved !== EAGAIN || noWait) return moved;
    const woken = yield* sleepOn(file.queue, WRITE_EVENTS);
    if (isErr(woken)) return woken;
  }
}

export const vmsplice = syscall('vmsplice', [fd, address, size, flags(SPLICE_FLAGS)], (task, number, at, count, options) => {
  if ((options & ~ALL_FLAGS) !== 0) return EINVAL;
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!(file instanceof PipeFile)) return EBADF;
  const io = buffersOf(task, at, count);
  if (isErr(io)) return io;
  const noWait = (options & SPLICE_F_NONBLOCK) !== 0 || file.nonBlocking;
  return file.writable ? afterWrite(task, fillPipe(file, io, noWait)) : readFile(file, io, CURRENT, noWait);
});

export const copyFileRange = syscall(
  'copy_file_range',
  [fd, address, fd, address, size, uint],
  (task, inFd, inOffset, outFd, outOffset, count, options) => {
    if (options !== 0) return EINVAL;
    const input = fileOf(task, inFd);
    const output = fileOf(task, outFd);
    if (isErr(input) || isErr(output)) return EBADF;
    const source = endAt(task, input, inOffset, false);
    if (isErr(source)) return source;
    const target = endAt(task, output, outOffset, false);
    if (isErr(target)) return target === EINVAL ? tooFar(task, outOffset, count) : target;
    const problem = checkCopy(source, target, count);
    return problem !== 0 ? problem : move(task, source, target, count, true);
  },
);

/** Where no file reaches: EOVERFLOW only where the end cannot be told. */
function tooFar(task: Task, at: GuestAddr, count: number): Errno {
  const position = task.mm.readU64(at);
  if (isErr(position)) return EFAULT;
  if (position + count >= 2 ** 64) return EOVERFLOW;
  return position > 2 ** 63 ? EINVAL : EFBIG;
}

function checkCopy(source: End, target: End, count: number): 0 | Errno {
  const from = source.file;
  const to = target.file;
  if (from.inode.type === S_IFDIR || to.inode.type === S_IFDIR) return EISDIR;
  if (from.inode.type !== S_IFREG || to.inode.type !== S_IFREG) return EINVAL;
  if (!from.readable || !to.writable || to.appending) return EBADF;
  if (isImmutable(to.inode)) return EPERM;
  if (source.position + count > 2 ** 63 || target.position + count > 2 ** 63) return EOVERFLOW;
  const length = Math.max(0, Math.min(count, from.inode.size - source.position));
  const overlaps = target.position < source.position + length && source.position < target.position + length;
  return from.inode === to.inode && overlaps ? EINVAL : 0;
}
