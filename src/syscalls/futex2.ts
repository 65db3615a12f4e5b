/** futex_wake(2), futex_wait(2), futex_requeue(2): futex(2) with an argument for each thing (Linux: kernel/futex/syscalls.c). */
import type { Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL } from '../abi/errno.js';
import { FUTEX2_PRIVATE, FUTEX2_SIZE_U32, FUTEX_WAITV } from '../abi/futex-struct.js';
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../abi/time.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { futexRequeue, futexWait, futexWake } from '../kernel/futex.js';
import { address, flags, int, oneOf, ptr, syscall, uint, ulong } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { readFutexDeadline } from './futex.js';

const FLAGS = { FUTEX2_SIZE_U32, FUTEX2_PRIVATE };

/** Only words of 32 bits, as in Linux so far. */
function areValid(options: number): boolean {
  return (options & ~FUTEX2_PRIVATE) === FUTEX2_SIZE_U32;
}

export const futexWake2 = syscall('futex_wake', [address, ulong, int, flags(FLAGS)], (task, at, mask, count, options) => {
  if (!areValid(options) || mask === 0 || mask > 0xffffffff) return EINVAL;
  // Unlike futex(2), a count of none wakes none.
  return count < 1 ? 0 : futexWake(task, at, count, mask, (options & FUTEX2_PRIVATE) !== 0);
});

export const futexWait2 = syscall(
  'futex_wait',
  [address, ulong, ulong, flags(FLAGS), ptr(TIMESPEC), oneOf({ CLOCK_REALTIME, CLOCK_MONOTONIC })],
  (task, at, value, mask, options, timeout, clock): number | Blocking<number> => {
    if (!areValid(options) || value > 0xffffffff || mask === 0 || mask > 0xffffffff) return EINVAL;
    const deadlineNs = readFutexDeadline(task, timeout, clock);
    if (isErr(deadlineNs)) return deadlineNs;
    return futexWait(task, at, value, mask | 0, deadlineNs, (options & FUTEX2_PRIVATE) !== 0);
  },
);

/** The two words of futex_requeue, as struct futex_waitv. */
function readPair(task: Task, at: number): { from: number; to: number; expected: number; isPrivate: boolean } | Errno {
  const first = task.mm.readStruct(at, FUTEX_WAITV);
  if (isErr(first)) return first;
  const second = task.mm.readStruct(at + FUTEX_WAITV.size, FUTEX_WAITV);
  if (isErr(second)) return second;
  if (!areValid(first.flags) || second.flags !== first.flags || first.reserved !== 0 || second.reserved !== 0) return EINVAL;
  if (first.val > 0xffffffff) return EINVAL;
  return { from: first.uaddr, to: second.uaddr, expected: first.val, isPrivate: (first.flags & FUTEX2_PRIVATE) !== 0 };
}

export const futexRequeue2 = syscall('futex_requeue', [address, uint, int, int], (task, at, options, wakeCount, requeueCount) => {
  if (options !== 0 || at === 0) return EINVAL;
  const pair = readPair(task, at);
  if (typeof pair === 'number') return pair;
  return futexRequeue(task, pair.from, pair.to, wakeCount, requeueCount, pair.expected, pair.isPrivate);
});
