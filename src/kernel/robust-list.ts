/**
 * What a dying thread leaves locked (Linux: kernel/futex/core.c, exit_robust_list, handle_futex_death; kernel/fork.c,
 * mm_release). The list is the guest's memory: read once, bounded, any fault ends the walk.
 */
import { isErr, type GuestAddr } from '../base/brands.js';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, ROBUST_LIST_LIMIT } from '../abi/futex.js';
import { releaseOwnedPi } from './futex-pi.js';
import type { Task } from './task.js';

/** Marks the robust mutexes that the thread holds as left by a dead owner, and wakes one waiter of each. */
export function exitRobustList(task: Task): void {
  releaseOwnedPi(task);
  const head = task.robustList;
  if (head === 0) return;
  task.robustList = 0;
  const { mm } = task;
  let entry = mm.readU64(head);
  const offset = readSigned(task, head + 8);
  const pending = mm.readU64(head + 16);
  if (isErr(entry) || offset === undefined || isErr(pending)) return;
  for (let count = 0; entry - (entry % 2) !== head && count < ROBUST_LIST_LIMIT; count++) {
    const address: GuestAddr = entry - (entry % 2);
    const isPi = entry % 2 === 1;
    // The next pointer is read first: once marked, the entry may be reused by others.
    const next = mm.readU64(address);
    if (entry !== pending && !markDead(task, address + offset, isPi, false)) return;
    if (isErr(next)) return;
    entry = next;
  }
  if (pending !== 0) markDead(task, pending - (pending % 2) + offset, pending % 2 === 1, true);
}

function readSigned(task: Task, address: GuestAddr): number | undefined {
  const low = task.mm.readU32(address);
  const high = task.mm.readU32(address + 4);
  return isErr(low) || isErr(high) ? undefined : low + (high | 0) * 4294967296;
}

/** False: the word cannot be reached, stop. */
function markDead(task: Task, address: GuestAddr, isPi: boolean, isPending: boolean): boolean {
  const { mm } = task;
  if (address % 4 !== 0 || address < 0) return false;
  let value = mm.atomicLoad(address);
  for (;;) {
    if (isErr(value)) return false;
    // Died between unlocking and waking: somebody may sleep on a free mutex.
    if (isPending && !isPi && value === 0) return wakeShared(task, address);
    if ((value & FUTEX_TID_MASK) !== task.nsTid) return true;
    const dead = ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0;
    const seen = mm.atomicCompareExchange(address, value, dead);
    if (isErr(seen)) return false;
    if (seen === value) break;
    value = seen;
  }
  return isPi || (value & FUTEX_WAITERS) === 0 || wakeShared(task, address);
}

function wakeShared(task: Task, address: GuestAddr): boolean {
  const key = task.mm.futexKey(address, false);
  if (isErr(key)) return false;
  task.machine.futexes.wake(key as string, 1);
  return true;
}

/** Clears the word of set_tid_address(2) and wakes who waits for the thread's end (pthread_join). */
export function clearChildTid(task: Task): void {
  const address = task.clearChildTid;
  if (address === 0) return;
  task.clearChildTid = 0;
  if (task.mm.users <= 1) return;
  if (isErr(task.mm.writeU32(address, 0))) return;
  if (address % 4 === 0) wakeShared(task, address);
}
