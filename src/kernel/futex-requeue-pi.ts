/**
 * From a condition to its lock without waking all (Linux: kernel/futex/requeue.c; futex(2)): FUTEX_WAIT_REQUEUE_PI waits for a word
 * and names a priority-inheritance lock; FUTEX_CMP_REQUEUE_PI gives that lock to the first waiter, and lets the others wait for it.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { EAGAIN, EDEADLK, EINVAL, ERESTARTNOINTR, ERESTARTSYS, ESRCH, EWOULDBLOCK } from '../abi/errno.js';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from '../abi/futex.js';
import { enterPiLock, keyOfPi, leavePiLock, type PiWaiter } from './futex-pi.js';
import { FutexWaiter } from './futex.js';
import { taskByPid } from './pid-namespace.js';
import type { Task } from './task.js';

/** One that waits to be moved to a lock. */
class RequeueWaiter extends FutexWaiter {
  /** Its place at the lock, once it has been moved. */
  place: PiWaiter | undefined;
  override get isForLock(): boolean {
    return true;
  }

  constructor(
    task: Task,
    key: string,
    readonly lockKey: string,
    readonly lockAddress: GuestAddr,
  ) {
    super(task, key, -1);
  }
}

/** FUTEX_WAIT_REQUEUE_PI: 0 with the lock held. */
export function waitRequeuePi(
  task: Task,
  address: GuestAddr,
  expected: number,
  lockAddress: GuestAddr,
  deadlineNs: number,
  isPrivate: boolean,
): number | Blocking<number> {
  if (address === lockAddress) return EINVAL;
  const key = keyOfPi(task, address, isPrivate);
  if (isErr(key)) return key;
  const lockKey = keyOfPi(task, lockAddress, isPrivate);
  if (isErr(lockKey)) return lockKey;
  if (key === lockKey) return EINVAL;
  const value = task.mm.atomicLoad(address);
  if (isErr(value)) return value;
  if (value !== expected >>> 0) return EAGAIN;
  return sleepForLock(task, new RequeueWaiter(task, key as string, lockKey as string, lockAddress), deadlineNs);
}

function* sleepForLock(task: Task, waiter: RequeueWaiter, deadlineNs: number): Blocking<number> {
  const { futexes } = task.machine;
  futexes.add(waiter);
  try {
    while (!waiter.place) {
      const reason = yield* sleepOn(waiter.queue, -1, { deadlineNs });
      if (isErr(reason) && !waiter.place) return reason === ERESTARTSYS ? ERESTARTNOINTR : reason;
    }
    const { place } = waiter;
    while (!place.owns) {
      const reason = yield* sleepOn(place.queue, -1, { deadlineNs });
      // The wait cannot be begun anew, as the first word is behind it: the caller has to look for itself.
      if (isErr(reason) && !place.owns) return reason === ERESTARTSYS ? EWOULDBLOCK : reason;
    }
    return 0;
  } finally {
    if (waiter.place) leavePiLock(task.machine, waiter.lockKey, waiter.place);
    else futexes.remove(waiter);
  }
}

/** FUTEX_CMP_REQUEUE_PI. Returns how many have the lock or now wait for it. */
export function requeuePi(
  task: Task,
  from: GuestAddr,
  lockAddress: GuestAddr,
  wakeCount: number,
  requeueCount: number,
  expected: number,
  isPrivate: boolean,
): number {
  if (wakeCount !== 1 || requeueCount < 0 || from === lockAddress) return EINVAL;
  const key = keyOfPi(task, from, isPrivate);
  if (isErr(key)) return key;
  const lockKey = keyOfPi(task, lockAddress, isPrivate);
  if (isErr(lockKey)) return lockKey;
  const value = task.mm.atomicLoad(from);
  if (isErr(value)) return value;
  if (value !== expected >>> 0) return EAGAIN;
  const { futexes } = task.machine;
  let moved = 0;
  while (moved <= requeueCount) {
    const waiter = futexes.first(key as string);
    if (!waiter) break;
    if (!(waiter instanceof RequeueWaiter) || waiter.lockKey !== lockKey) return moved > 0 ? moved : EINVAL;
    const placed = moveToLock(task, waiter, lockAddress);
    if (placed !== 0) return moved > 0 ? moved : placed;
    moved++;
  }
  return moved;
}

/** The waiter gets the lock if it is free, else a place in its queue. */
function moveToLock(task: Task, waiter: RequeueWaiter, lockAddress: GuestAddr): 0 | Errno {
  const { machine, mm } = task;
  const { task: waiting, lockKey } = waiter;
  let value = mm.atomicLoad(lockAddress);
  for (;;) {
    if (isErr(value)) return value;
    const owner = value & FUTEX_TID_MASK;
    if (owner === waiting.nsTid) return EDEADLK;
    const lock = machine.piLocks.get(lockKey);
    const isFree = owner === 0 && !lock;
    const ownerTask = isFree ? waiting : (lock?.owner ?? taskByPid(task, owner));
    if (!ownerTask || ownerTask.state === 'dead') return ESRCH;
    const wanted: number = isFree ? ((value & FUTEX_OWNER_DIED) | waiting.nsTid) >>> 0 : (value | FUTEX_WAITERS) >>> 0;
    const seen = mm.atomicCompareExchange(lockAddress, value, wanted);
    if (isErr(seen)) return seen;
    if (seen !== value) {
      value = seen;
      continue;
    }
    machine.futexes.remove(waiter);
    waiter.place = enterPiLock(waiting, lockKey, isFree ? undefined : ownerTask, waiter.lockAddress);
    waiter.queue.wake();
    return 0;
  }
}
