/**
 * Futexes (Linux: kernel/futex/waitwake.c, requeue.c; futex(2)). A word is known by the key that mm gives it, equal in every
 * address space that shares the word. Waiters of a key queue in order of arrival.
 *
 * The guest's own threads change words while the kernel looks. That is safe: whoever changes a word calls FUTEX_WAKE
 * afterwards, and that call is served after the waiter is in the queue.
 * Priority inheritance is in futex-pi.ts (priorities mean nothing here), robust lists in robust-list.ts.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EINVAL, ENOSYS } from '../abi/errno.js';
import {
  FUTEX_OP_ADD,
  FUTEX_OP_ANDN,
  FUTEX_OP_CMP_EQ,
  FUTEX_OP_CMP_GE,
  FUTEX_OP_CMP_GT,
  FUTEX_OP_CMP_LE,
  FUTEX_OP_CMP_LT,
  FUTEX_OP_CMP_NE,
  FUTEX_OP_OR,
  FUTEX_OP_SET,
  FUTEX_OP_XOR,
} from '../abi/futex.js';
import type { Task } from './task.js';

export { clearChildTid, exitRobustList } from './robust-list.js';

/** A thread in FUTEX_WAIT. */
export class FutexWaiter {
  readonly queue = new WaitQueue();
  /** Taken off its queue by a wake-up. */
  woken = false;
  /** Waits for a lock in the end, which only FUTEX_CMP_REQUEUE_PI can give. */
  get isForLock(): boolean {
    return false;
  }

  constructor(
    readonly task: Task,
    /** Changes when the waiter is requeued. */
    public key: string,
    readonly bitset: number,
  ) {}
}

/** All waiters of the machine. */
export class FutexTable {
  private readonly waiters = new Map<string, FutexWaiter[]>();

  add(waiter: FutexWaiter): void {
    const list = this.waiters.get(waiter.key);
    if (list) list.push(waiter);
    else this.waiters.set(waiter.key, [waiter]);
  }

  remove(waiter: FutexWaiter): void {
    const list = this.waiters.get(waiter.key);
    const index = list ? list.indexOf(waiter) : -1;
    if (!list || index < 0) return;
    list.splice(index, 1);
    if (list.length === 0) this.waiters.delete(waiter.key);
  }

  /** Wakes up to `count` waiters whose bitset meets `bitset`, oldest first. Returns how many; EINVAL when one waits for a lock. */
  wake(key: string, count: number, bitset = -1): number {
    const list = this.waiters.get(key);
    if (!list) return 0;
    let woken = 0;
    for (let i = 0; i < list.length && woken < count; ) {
      const waiter = list[i]!;
      if (waiter.isForLock) return EINVAL;
      if ((waiter.bitset & bitset) === 0) {
        i++;
        continue;
      }
      list.splice(i, 1);
      waiter.woken = true;
      waiter.queue.wake();
      woken++;
    }
    if (list.length === 0) this.waiters.delete(key);
    return woken;
  }

  /** Moves up to `count` waiters to another key, keeping their order. Returns how many. */
  requeue(from: string, to: string, count: number): number {
    const list = this.waiters.get(from);
    if (!list || from === to) return Math.min(list?.length ?? 0, count);
    const moved = list.splice(0, count);
    if (list.length === 0) this.waiters.delete(from);
    for (const waiter of moved) {
      waiter.key = to;
      this.add(waiter);
    }
    return moved.length;
  }

  /** The oldest waiter for `key`. */
  first(key: string): FutexWaiter | undefined {
    return this.waiters.get(key)?.[0];
  }

  /** Number of threads that wait for `key`. */
  count(key: string): number {
    return this.waiters.get(key)?.length ?? 0;
  }
}

/** The key of an aligned futex word; EINVAL, EFAULT. */
function futexKeyOf(task: Task, address: GuestAddr, isPrivate: boolean): string | Errno {
  if (address % 4 !== 0) return EINVAL;
  return task.mm.futexKey(address, isPrivate);
}

/**
 * FUTEX_WAIT, FUTEX_WAIT_BITSET: sleeps while nobody wakes, if the word still holds `expected`. 0, EAGAIN, ETIMEDOUT, or
 * ERESTARTSYS for a signal (the caller decides how to restart).
 */
export function futexWait(
  task: Task,
  address: GuestAddr,
  expected: number,
  bitset: number,
  deadlineNs: number,
  isPrivate: boolean,
): number | Blocking<number> {
  if (bitset === 0) return EINVAL;
  const key = futexKeyOf(task, address, isPrivate);
  if (isErr(key)) return key;
  const value = task.mm.atomicLoad(address);
  if (isErr(value)) return value;
  if (value !== expected >>> 0) return EAGAIN;
  return sleepForWake(task, new FutexWaiter(task, key as string, bitset), deadlineNs);
}

function* sleepForWake(task: Task, waiter: FutexWaiter, deadlineNs: number): Blocking<number> {
  const table = task.machine.futexes;
  table.add(waiter);
  try {
    while (!waiter.woken) {
      const reason = yield* sleepOn(waiter.queue, -1, { deadlineNs });
      // A wake-up that came together with a signal or the deadline must not be lost: it counts.
      if (isErr(reason) && !waiter.woken) return reason;
    }
    return 0;
  } finally {
    if (!waiter.woken) table.remove(waiter);
  }
}

/** FUTEX_WAKE, FUTEX_WAKE_BITSET. */
export function futexWake(task: Task, address: GuestAddr, count: number, bitset: number, isPrivate: boolean): number {
  if (bitset === 0) return EINVAL;
  const key = futexKeyOf(task, address, isPrivate);
  if (isErr(key)) return key;
  // Linux wakes one for any count below one.
  return task.machine.futexes.wake(key as string, Math.max(1, count), bitset);
}

/** FUTEX_REQUEUE, and with `expected` FUTEX_CMP_REQUEUE. Returns how many were woken or moved. */
export function futexRequeue(
  task: Task,
  from: GuestAddr,
  to: GuestAddr,
  wakeCount: number,
  requeueCount: number,
  expected: number | undefined,
  isPrivate: boolean,
): number {
  if (wakeCount < 0 || requeueCount < 0) return EINVAL;
  const fromKey = futexKeyOf(task, from, isPrivate);
  if (isErr(fromKey)) return fromKey;
  const toKey = futexKeyOf(task, to, isPrivate);
  if (isErr(toKey)) return toKey;
  if (expected !== undefined) {
    const value = task.mm.atomicLoad(from);
    if (isErr(value)) return value;
    if (value !== expected >>> 0) return EAGAIN;
  }
  const table = task.machine.futexes;
  if (table.first(fromKey as string)?.isForLock) return EINVAL;
  const woken = table.wake(fromKey as string, wakeCount);
  if (isErr(woken)) return woken;
  return woken + table.requeue(fromKey as string, toKey as string, requeueCount);
}

/** FUTEX_WAKE_OP: changes the second word, wakes waiters of the first, and of the second when its old value compares. */
export function futexWakeOp(
  task: Task,
  first: GuestAddr,
  second: GuestAddr,
  count: number,
  secondCount: number,
  operation: number,
  isPrivate: boolean,
): number {
  const firstKey = futexKeyOf(task, first, isPrivate);
  if (isErr(firstKey)) return firstKey;
  const secondKey = futexKeyOf(task, second, isPrivate);
  if (isErr(secondKey)) return secondKey;
  const old = changeWord(task, second, operation);
  if (isErr(old)) return old;
  const compares = compareOld(old | 0, operation);
  if (isErr(compares)) return compares;
  const table = task.machine.futexes;
  const woken = table.wake(firstKey as string, Math.max(1, count));
  if (isErr(woken) || !compares) return woken;
  const more = table.wake(secondKey as string, Math.max(1, secondCount));
  return isErr(more) ? more : woken + more;
}

/** Applies the encoded operation atomically. Returns the old value, unsigned. */
function changeWord(task: Task, address: GuestAddr, operation: number): number | Errno {
  const shifts = (operation & 0x80000000) !== 0;
  const argument = (operation << 8) >> 20;
  const operand = shifts ? 1 << (argument & 31) : argument;
  let old = task.mm.atomicLoad(address);
  while (!isErr(old)) {
    const replacement = applyOperation((operation >> 28) & 7, old, operand);
    if (isErr(replacement)) return replacement;
    const seen = task.mm.atomicCompareExchange(address, old, replacement);
    if (isErr(seen) || seen === old) return seen;
    old = seen;
  }
  return old;
}

function applyOperation(operation: number, old: number, operand: number): number | Errno {
  switch (operation) {
    case FUTEX_OP_SET:
      return operand >>> 0;
    case FUTEX_OP_ADD:
      return (old + operand) >>> 0;
    case FUTEX_OP_OR:
      return (old | operand) >>> 0;
    case FUTEX_OP_ANDN:
      return (old & ~operand) >>> 0;
    case FUTEX_OP_XOR:
      return (old ^ operand) >>> 0;
    default:
      return ENOSYS;
  }
}

function compareOld(old: number, operation: number): boolean | Errno {
  const argument = (operation << 20) >> 20;
  switch ((operation >> 24) & 15) {
    case FUTEX_OP_CMP_EQ:
      return old === argument;
    case FUTEX_OP_CMP_NE:
      return old !== argument;
    case FUTEX_OP_CMP_LT:
      return old < argument;
    case FUTEX_OP_CMP_GE:
      return old >= argument;
    case FUTEX_OP_CMP_LE:
      return old <= argument;
    case FUTEX_OP_CMP_GT:
      return old > argument;
    default:
      return ENOSYS;
  }
}

/** One entry of futex_waitv(2). */
export interface FutexWaitEntry {
  readonly address: GuestAddr;
  readonly expected: number;
  readonly isPrivate: boolean;
}

/** futex_waitv(2): sleeps until one of several words is woken; its index. Errors as futexWait. */
export function* futexWaitMultiple(task: Task, entries: readonly FutexWaitEntry[], deadlineNs: number): Blocking<number> {
  const waiters: FutexWaiter[] = [];
  for (const { address, expected, isPrivate } of entries) {
    const key = futexKeyOf(task, address, isPrivate);
    if (isErr(key)) return key;
    const value = task.mm.atomicLoad(address);
    if (isErr(value)) return value;
    if (value !== expected >>> 0) return EAGAIN;
    waiters.push(new FutexWaiter(task, key as string, -1));
  }
  const table = task.machine.futexes;
  const sources = waiters.map(({ queue }) => ({ queue, mask: -1, exclusive: false }));
  for (const waiter of waiters) table.add(waiter);
  try {
    for (;;) {
      const reason = yield { sources, deadlineNs, interruptible: true };
      const index = waiters.findIndex(({ woken }) => woken);
      if (index >= 0) return index;
      if (isErr(reason)) return reason;
    }
  } finally {
    for (const waiter of waiters) if (!waiter.woken) table.remove(waiter);
  }
}
