/** Futexes and robust lists (futex(2), futex_waitv(2), get_robust_list(2)). */
import { thenDo, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type UserPtr } from '../base/brands.js';
import { EINVAL, ENOSYS, EPERM, ERESTARTSYS, ERESTART_RESTARTBLOCK, ESRCH } from '../abi/errno.js';
import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_CMP_REQUEUE_PI,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAITV_MAX,
  FUTEX_WAIT_BITSET,
  FUTEX_WAIT_REQUEUE_PI,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
} from '../abi/futex.js';
import { FUTEX2_PRIVATE, FUTEX2_SIZE_U32, FUTEX_WAITV, ROBUST_LIST_HEAD_SIZE } from '../abi/futex-struct.js';
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../abi/time.js';
import { TIMESPEC, type TimespecStruct } from '../abi/time-struct.js';
import { lockPi, unlockPi } from '../kernel/futex-pi.js';
import { requeuePi, waitRequeuePi } from '../kernel/futex-requeue-pi.js';
import { futexRequeue, futexWait, futexWaitMultiple, futexWake, futexWakeOp, type FutexWaitEntry } from '../kernel/futex.js';
import { absoluteDeadline, durationNs } from '../kernel/guest-clock.js';
import { mayAccess } from '../kernel/task-access.js';
import { address, flags, oneOf, partial, pid, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { R10 } from '../platform/registers.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';

const FUTEX_OPERATIONS = {
  FUTEX_WAIT,
  FUTEX_WAKE,
  FUTEX_REQUEUE,
  FUTEX_CMP_REQUEUE,
  FUTEX_CMP_REQUEUE_PI,
  FUTEX_WAKE_OP,
  FUTEX_LOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_TRYLOCK_PI,
  FUTEX_WAIT_BITSET,
  FUTEX_WAIT_REQUEUE_PI,
  FUTEX_WAKE_BITSET,
  FUTEX_LOCK_PI2,
  FUTEX_PRIVATE_FLAG,
  FUTEX_CLOCK_REALTIME,
};
/** FUTEX_CLOCK_REALTIME goes with these. */
const WITH_CLOCK: ReadonlySet<number> = new Set([FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2]);
const COMMAND_MASK = 0x7f;

/** When the wait ends; Infinity without a timeout. FUTEX_WAIT's is relative, all others are absolute. */
function deadlineOf(task: Task, command: number, timeout: number, isRealtime: boolean): number | Errno {
  if (timeout === 0) return Infinity;
  const time = task.mm.readStruct(timeout as UserPtr<TimespecStruct>, TIMESPEC);
  if (isErr(time)) return time;
  if (command === FUTEX_WAIT) {
    const duration = durationNs(time.sec, time.nsec);
    return isErr(duration) ? duration : task.machine.clock.monotonicNs() + duration;
  }
  return absoluteDeadline(task.machine, isRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, time.sec, time.nsec);
}

/** A wait with a timeout goes on with what is left of it; one without is simply made again. */
function wait(task: Task, at: number, expected: number, bitset: number, deadlineNs: number, isPrivate: boolean): number | Blocking<number> {
  return thenDo(futexWait(task, at, expected, bitset, deadlineNs, isPrivate), (result) => {
    if (result !== ERESTARTSYS || deadlineNs === Infinity) return result;
    task.signals.restartBlock = (again) => wait(again, at, expected, bitset, deadlineNs, isPrivate);
    return ERESTART_RESTARTBLOCK;
  });
}

export const futex = syscall(
  'futex',
  [address, flags(FUTEX_OPERATIONS), uint, address, address, uint],
  (task, at, operation, value, timeout, at2, value3) => {
    const command = operation & COMMAND_MASK;
    const isPrivate = (operation & FUTEX_PRIVATE_FLAG) !== 0;
    const isRealtime = (operation & FUTEX_CLOCK_REALTIME) !== 0;
    if (isRealtime && !WITH_CLOCK.has(command)) return ENOSYS;
    switch (command) {
      case FUTEX_WAIT:
      case FUTEX_WAIT_BITSET: {
        const deadlineNs = deadlineOf(task, command, timeout, isRealtime);
        if (isErr(deadlineNs)) return deadlineNs;
        return wait(task, at, value, command === FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : value3, deadlineNs, isPrivate);
      }
      case FUTEX_WAKE:
        return futexWake(task, at, value | 0, FUTEX_BITSET_MATCH_ANY, isPrivate);
      case FUTEX_WAKE_BITSET:
        return futexWake(task, at, value | 0, value3, isPrivate);
      // The fourth argument of these is a count, not a pointer.
      case FUTEX_REQUEUE:
        return futexRequeue(task, at, at2, value | 0, task.thread.regs.i32of(R10), undefined, isPrivate);
      case FUTEX_CMP_REQUEUE:
        return futexRequeue(task, at, at2, value | 0, task.thread.regs.i32of(R10), value3, isPrivate);
      case FUTEX_CMP_REQUEUE_PI:
        return requeuePi(task, at, at2, value | 0, task.thread.regs.i32of(R10), value3, isPrivate);
      case FUTEX_WAIT_REQUEUE_PI: {
        const deadlineNs = deadlineOf(task, command, timeout, isRealtime);
        return isErr(deadlineNs) ? deadlineNs : waitRequeuePi(task, at, value, at2, deadlineNs, isPrivate);
      }
      case FUTEX_WAKE_OP:
        return futexWakeOp(task, at, at2, value | 0, task.thread.regs.i32of(R10), value3 | 0, isPrivate);
      default:
        return piCommand(task, command, at, timeout, isRealtime, isPrivate);
    }
  },
  partial('priorities are not inherited'),
);

function piCommand(
  task: Task,
  command: number,
  at: number,
  timeout: number,
  isRealtime: boolean,
  isPrivate: boolean,
): number | Blocking<number> {
  switch (command) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      const deadlineNs = deadlineOf(task, command, timeout, isRealtime || command === FUTEX_LOCK_PI);
      return isErr(deadlineNs) ? deadlineNs : lockPi(task, at, deadlineNs, false, isPrivate);
    }
    case FUTEX_TRYLOCK_PI:
      return lockPi(task, at, Infinity, true, isPrivate);
    case FUTEX_UNLOCK_PI:
      return unlockPi(task, at, isPrivate);
    default:
      return ENOSYS;
  }
}

/** When a wait of the newer calls ends: the absolute time at `at` by that clock, never where there is none. */
export function readFutexDeadline(task: Task, at: number, clock: number): number | Errno {
  if (at === 0) return Infinity;
  if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC) return EINVAL;
  const time = task.mm.readStruct(at, TIMESPEC);
  return isErr(time) ? time : absoluteDeadline(task.machine, clock, time.sec, time.nsec);
}

export const futexWaitv = syscall(
  'futex_waitv',
  [address, uint, uint, ptr(TIMESPEC), oneOf({ CLOCK_REALTIME, CLOCK_MONOTONIC })],
  (task, list, count, flagBits, timeout, clock) => {
    if (flagBits !== 0 || count === 0 || count > FUTEX_WAITV_MAX || list === 0) return EINVAL;
    const deadlineNs = readFutexDeadline(task, timeout, clock);
    if (isErr(deadlineNs)) return deadlineNs;
    const entries = readEntries(task, list, count);
    return isErr(entries) ? entries : futexWaitMultiple(task, entries as FutexWaitEntry[], deadlineNs);
  },
);

function readEntries(task: Task, list: number, count: number): FutexWaitEntry[] | Errno {
  const entries: FutexWaitEntry[] = [];
  for (let i = 0; i < count; i++) {
    const entry = task.mm.readStruct(list + i * FUTEX_WAITV.size, FUTEX_WAITV);
    if (isErr(entry)) return entry;
    const { flags: bits, reserved, val, uaddr } = entry;
    if ((bits & ~FUTEX2_PRIVATE) !== FUTEX2_SIZE_U32 || reserved !== 0 || val > 0xffffffff) return EINVAL;
    entries.push({ address: uaddr, expected: val, isPrivate: (bits & FUTEX2_PRIVATE) !== 0 });
  }
  return entries;
}

export const setRobustList = syscall('set_robust_list', [address, size], (task, head, length) => {
  if (length !== ROBUST_LIST_HEAD_SIZE) return EINVAL;
  task.robustList = head;
  return 0;
});

export const getRobustList = syscall('get_robust_list', [pid, address, address], (task, id, headAt, lengthAt) => {
  const target = id === 0 ? task : taskByPid(task, id);
  if (!target) return ESRCH;
  if (target !== task && !mayAccess(task, target)) return EPERM;
  const stored = task.mm.writeU64(lengthAt, ROBUST_LIST_HEAD_SIZE);
  return isErr(stored) ? stored : task.mm.writeU64(headAt, target.robustList);
});
