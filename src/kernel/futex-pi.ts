/**
 * Priority-inheritance futexes (Linux: kernel/futex/pi.c). The word holds the owner's thread id and FUTEX_WAITERS; unlocking
 * hands the lock to the oldest waiter. No priority is ever inherited: the host schedules.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { EAGAIN, EDEADLK, EINVAL, EPERM, ERESTARTNOINTR, ERESTARTSYS, ESRCH } from '../abi/errno.js';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from '../abi/futex.js';
import { WaitQueue } from '../base/wait-queue.js';
import { taskByPid } from './pid-namespace.js';
import type { Machine } from './machine.js';
import type { Task } from './task.js';

/** A thread that waits for a lock, and where its word is in its own address space. */
export interface PiWaiter {
  readonly task: Task;
  readonly address: GuestAddr;
  readonly queue: WaitQueue;
  /** Set when the lock was handed over. */
  owns: boolean;
}

/** A contended lock. */
export interface PiLock {
  owner: Task;
  readonly waiters: PiWaiter[];
}

/** The key of an aligned word. */
export function keyOfPi(task: Task, address: GuestAddr, isPrivate: boolean): string | Errno {
  if (address % 4 !== 0) return EINVAL;
  return task.mm.futexKey(address, isPrivate);
}

/** FUTEX_LOCK_PI; with `tryOnly` FUTEX_TRYLOCK_PI. */
export function lockPi(
  task: Task,
  address: GuestAddr,
  deadlineNs: number,
  tryOnly: boolean,
  isPrivate: boolean,
): number | Blocking<number> {
  const key = keyOfPi(task, address, isPrivate);
  if (isErr(key)) return key;
  const lock = task.machine.piLocks.get(key as string);
  let value = task.mm.atomicLoad(address);
  for (;;) {
    if (isErr(value)) return value;
    const owner = value & FUTEX_TID_MASK;
    if (owner === task.nsTid) return EDEADLK;
    const isFree = owner === 0 && !lock;
    if (!isFree && tryOnly) return EAGAIN;
    const wanted: number = isFree ? ((value & FUTEX_OWNER_DIED) | task.nsTid) >>> 0 : (value | FUTEX_WAITERS) >>> 0;
    const seen = task.mm.atomicCompareExchange(address, value, wanted);
    if (isErr(seen)) return seen;
    if (seen === value) {
      if (isFree) return 0;
      const ownerTask = lock?.owner ?? taskByPid(task, owner);
      if (!ownerTask || ownerTask.state === 'dead') return ESRCH;
      return waitForLock(task, key as string, ownerTask, address, deadlineNs);
    }
    value = seen;
  }
}

/** A place in the queue of the lock that `owner` has; without an owner the lock is the waiter's already. */
export function enterPiLock(task: Task, key: string, owner: Task | undefined, address: GuestAddr): PiWaiter {
  const waiter: PiWaiter = { task, address, queue: new WaitQueue(), owns: owner === undefined };
  if (!owner) return waiter;
  const locks = task.machine.piLocks;
  const lock = locks.get(key);
  if (lock) lock.waiters.push(waiter);
  else locks.set(key, { owner, waiters: [waiter] });
  return waiter;
}

/** The waiter has the lock, or gives up. */
export function leavePiLock({ piLocks }: Machine, key: string, waiter: PiWaiter): void {
  const lock = piLocks.get(key);
  const index = lock ? lock.waiters.indexOf(waiter) : -1;
  if (!lock || index < 0) return;
  lock.waiters.splice(index, 1);
  if (lock.waiters.length === 0) piLocks.delete(key);
}

function* waitForLock(task: Task, key: string, owner: Task, address: GuestAddr, deadlineNs: number): Blocking<number> {
  const waiter = enterPiLock(task, key, owner, address);
  try {
    while (!waiter.owns) {
      const reason = yield* sleepOn(waiter.queue, -1, { deadlineNs });
      if (isErr(reason) && !waiter.owns) return reason === ERESTARTSYS ? ERESTARTNOINTR : reason;
    }
    return 0;
  } finally {
    leavePiLock(task.machine, key, waiter);
  }
}

/** FUTEX_UNLOCK_PI. */
export function unlockPi(task: Task, address: GuestAddr, isPrivate: boolean): number {
  const key = keyOfPi(task, address, isPrivate);
  if (isErr(key)) return key;
  let value = task.mm.atomicLoad(address);
  if (isErr(value)) return value;
  if ((value & FUTEX_TID_MASK) !== task.nsTid) return EPERM;
  const lock = task.machine.piLocks.get(key as string);
  if (lock) return handOver(task, key as string, lock, 0);
  for (;;) {
    const seen = task.mm.atomicCompareExchange(address, value, 0);
    if (isErr(seen)) return seen;
    if (seen === value) return 0;
    value = seen;
  }
}

/** Gives the lock to the oldest waiter. `mark`: FUTEX_OWNER_DIED or 0. */
function handOver(task: Task, key: string, lock: PiLock, mark: number): number {
  const next = lock.waiters.shift()!;
  const rest = lock.waiters.length > 0 ? FUTEX_WAITERS : 0;
  const stored = next.task.mm.writeU32(next.address, (next.task.nsTid | rest | mark) >>> 0);
  if (lock.waiters.length === 0) task.machine.piLocks.delete(key);
  lock.owner = next.task;
  next.owns = true;
  next.queue.wake();
  return isErr(stored) ? stored : 0;
}

/** A thread ended: contended locks that it holds go to their next waiter, marked. */
export function releaseOwnedPi(task: Task): void {
  for (const [key, lock] of task.machine.piLocks) {
    if (lock.owner === task && lock.waiters.length > 0) handOver(task, key, lock, FUTEX_OWNER_DIED);
  }
}
