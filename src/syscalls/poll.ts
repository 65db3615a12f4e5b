/** poll, ppoll, select, pselect6 (Linux: fs/select.c; poll(2), select(2)). */
import { thenDo, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type UserPtr } from '../base/brands.js';
import type { StructType } from '../base/struct.js';
import { EFAULT, EINTR, EINVAL, ERESTARTNOHAND, ERESTART_RESTARTBLOCK } from '../abi/errno.js';
import { POLLFD, SIGSET_ARGUMENT } from '../abi/poll-struct.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import { TIMESPEC, TIMEVAL } from '../abi/time-struct.js';
import { endTemporaryMask, setTemporaryMask } from '../kernel/signals/deliver.js';
import { SigSet } from '../kernel/signals/sig-set.js';
import { address, int, ptr, size, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { pollList, readPollfds, readSets, writeRevents, writeSets, type SelectSets } from '../fs/poll-select.js';

/** Longer waits than this are for ever. */
const MAX_SECONDS = 2 ** 32;

/** The moment when a wait of `sec` and `nsec` ends: 0 for none at all, Infinity, or host CLOCK_MONOTONIC; EINVAL. */
export function deadlineOf(task: Task, sec: number, nsec: number): number | Errno {
  if (sec < 0 || nsec < 0 || nsec >= 1e9) return EINVAL;
  if (sec === 0 && nsec === 0) return 0;
  return sec > MAX_SECONDS ? Infinity : task.machine.clock.monotonicNs() + sec * 1e9 + nsec;
}

/** The deadline that a struct timespec in guest memory means; Infinity for NULL. */
export function deadlineAt(task: Task, timeout: UserPtr<{ sec: number; nsec: number }>): number | Errno {
  if (timeout === 0) return Infinity;
  const value = task.mm.readStruct(timeout, TIMESPEC);
  return isErr(value) ? value : deadlineOf(task, value.sec, value.nsec);
}

/** Runs `wait` under the signal mask that the caller gave, if any. */
export function underMask(task: Task, mask: number, maskSize: number, wait: () => number | Blocking<number>): number | Blocking<number> {
  if (mask === 0) return wait();
  if (maskSize !== 8) return EINVAL;
  const bytes = new Uint8Array(8);
  if (isErr(task.copyIn(mask, bytes))) return EFAULT;
  setTemporaryMask(task, SigSet.read(new DataView(bytes.buffer), 0));
  return thenDo(wait(), (result) => {
    endTemporaryMask(task, result === EINTR);
    return result;
  });
}

/** personality(2): the caller's timeout is not touched. */
const STICKY_TIMEOUTS = 0x4000000;

/** Tells the caller how much of its timeout was left (Linux: poll_select_finish), and how the call restarts. */
function finishTimed<T>(
  task: Task,
  result: number,
  timeout: number,
  type: StructType<T>,
  deadlineNs: number,
  value: (leftNs: number) => T,
): number {
  const restart = result === EINTR ? ERESTARTNOHAND : result;
  if (timeout === 0 || deadlineNs === 0 || (task.personality & STICKY_TIMEOUTS) !== 0) return restart;
  const leftNs = deadlineNs === Infinity ? 0 : Math.max(0, deadlineNs - task.machine.clock.monotonicNs());
  // Where the time left cannot be told, the call must not be made again with the whole of it.
  if (deadlineNs !== Infinity && isErr(task.mm.writeStruct(timeout, type, value(leftNs)))) return result;
  return restart;
}

const timespecOf = (ns: number) => ({ sec: Math.floor(ns / 1e9), nsec: ns % 1e9 });
const timevalOf = (ns: number) => ({ sec: Math.floor(ns / 1e9), usec: Math.floor((ns % 1e9) / 1e3) });

function pollFiles(task: Task, fds: number, count: number, deadlineNs: number): number | Blocking<number> {
  if (count > task.group.limits.soft[RLIMIT_NOFILE]!) return EINVAL;
  const pollfds = new Uint8Array(count * POLLFD.size);
  if (count > 0 && isErr(task.copyIn(fds, pollfds))) return EFAULT;
  const list = readPollfds(new DataView(pollfds.buffer), count, task.files);
  return thenDo(pollList(task, list, deadlineNs), (result) => {
    if (isErr(result) || count === 0) return result;
    return isErr(writeRevents(task.mm.ioVec(fds, count * POLLFD.size), list.found)) ? EFAULT : result;
  });
}

/** poll goes on with what is left of its time when a signal had no handler. */
function pollUntil(task: Task, fds: number, count: number, deadlineNs: number): number | Blocking<number> {
  return thenDo(pollFiles(task, fds, count, deadlineNs), (result) => {
    if (result !== EINTR) return result;
    task.signals.restartBlock = () => pollUntil(task, fds, count, deadlineNs);
    return ERESTART_RESTARTBLOCK;
  });
}

/** As `deadlineOf`; negative: no end. */
export function deadlineAfterMs(task: Task, timeoutMs: number): number {
  if (timeoutMs < 0) return Infinity;
  return timeoutMs === 0 ? 0 : task.machine.clock.monotonicNs() + timeoutMs * 1e6;
}

export const poll = syscall('poll', [ptr(POLLFD), uint, int], (task, fds, count, timeoutMs) => {
  return pollUntil(task, fds, count, deadlineAfterMs(task, timeoutMs));
});

export const ppoll = syscall('ppoll', [ptr(POLLFD), uint, ptr(TIMESPEC), address, size], (task, fds, count, timeout, mask, maskSize) => {
  const deadlineNs = deadlineAt(task, timeout);
  if (isErr(deadlineNs)) return deadlineNs;
  const answer = underMask(task, mask, maskSize, () => pollFiles(task, fds, count, deadlineNs));
  return thenDo(answer, (result) => finishTimed(task, result, timeout, TIMESPEC, deadlineNs, timespecOf));
});

/** Descriptors that select looks at: as Linux, which ignores those above the size of the table, seldom less than 256. */
function selectLimit(task: Task, count: number): number {
  return Math.min(count, Math.max(256, Math.ceil(task.files.capacity / 64) * 64));
}

function selectFiles(task: Task, count: number, pointers: readonly number[], deadlineNs: number): number | Blocking<number> {
  if (count < 0) return EINVAL;
  const limit = selectLimit(task, count);
  const arrays: (Uint8Array | undefined)[] = [];
  for (const pointer of pointers) {
    const array = pointer === 0 ? undefined : new Uint8Array(Math.ceil(limit / 64) * 8);
    if (array && limit > 0 && isErr(task.copyIn(pointer, array))) return EFAULT;
    for (let fd = limit; array && fd < array.length * 8; fd++) array[fd >> 3] = array[fd >> 3]! & ~(1 << (fd & 7));
    arrays.push(array);
  }
  const sets: SelectSets = { read: arrays[0], write: arrays[1], except: arrays[2] };
  const fds: number[] = [];
  const list = readSets(sets, limit, task.files, fds);
  if (isErr(list)) return list;
  return thenDo(pollList(task, list, deadlineNs), (result) => {
    if (isErr(result)) return result;
    const bits = writeSets(sets, list, fds);
    for (const [i, pointer] of pointers.entries()) {
      if (arrays[i] && limit > 0 && isErr(task.copyOut(pointer, arrays[i]))) return EFAULT;
    }
    return bits;
  });
}

export const select = syscall(
  'select',
  [int, address, address, address, ptr(TIMEVAL)],
  (task, count, readSet, writeSet, exceptSet, timeout) => {
    let deadlineNs: number = Infinity;
    if (timeout !== 0) {
      const value = task.mm.readStruct(timeout, TIMEVAL);
      if (isErr(value)) return value;
      if (value.usec < 0) return EINVAL;
      deadlineNs = deadlineOf(task, value.sec + Math.floor(value.usec / 1e6), (value.usec % 1e6) * 1e3);
      if (isErr(deadlineNs)) return deadlineNs;
    }
    const answer = selectFiles(task, count, [readSet, writeSet, exceptSet], deadlineNs);
    return thenDo(answer, (result) => finishTimed(task, result, timeout, TIMEVAL, deadlineNs, timevalOf));
  },
);

export const pselect6 = syscall(
  'pselect6',
  [int, address, address, address, ptr(TIMESPEC), ptr(SIGSET_ARGUMENT)],
  (task, count, readSet, writeSet, exceptSet, timeout, sigset) => {
    const argument = sigset === 0 ? { mask: 0, size: 0 } : task.mm.readStruct(sigset, SIGSET_ARGUMENT);
    if (isErr(argument)) return argument;
    const deadlineNs = deadlineAt(task, timeout);
    if (isErr(deadlineNs)) return deadlineNs;
    const answer = underMask(task, argument.mask, argument.size, () =>
      selectFiles(task, count, [readSet, writeSet, exceptSet], deadlineNs),
    );
    return thenDo(answer, (result) => finishTimed(task, result, timeout, TIMESPEC, deadlineNs, timespecOf));
  },
);
