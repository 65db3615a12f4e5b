/** What SEM_UNDO takes back when a process ends (Linux: ipc/sem.c, struct sem_undo_list; CLONE_SYSVSEM shares it). */
import { SEMVMX } from '../../abi/ipc.js';
import type { Task } from '../task.js';
import { update, type SemaphoreSet } from './sem.js';
import { nowSeconds } from './ids.js';

export class UndoList {
  /** Tasks that share it. */
  users = 1;
  /** What is added to a semaphore at the end, by its number. */
  readonly sets = new Map<SemaphoreSet, Map<number, number>>();

  adjust(set: SemaphoreSet, num: number, by: number): void {
    let values = this.sets.get(set);
    if (!values) {
      values = new Map();
      this.sets.set(set, values);
      listsOf(set).add(this);
    }
    const before = values.get(num) ?? 0;
    const after = before + by;
    if (before === 0 && after !== 0) set.ns.undos++;
    if (before !== 0 && after === 0) set.ns.undos--;
    if (after === 0) values.delete(num);
    else values.set(num, after);
  }
}

/** Lists that hold something for a set. */
const lists = new WeakMap<SemaphoreSet, Set<UndoList>>();

function listsOf(set: SemaphoreSet): Set<UndoList> {
  let found = lists.get(set);
  if (!found) {
    found = new Set();
    lists.set(set, found);
  }
  return found;
}

export function undoListOf(task: Task): UndoList {
  task.semUndo ??= new UndoList();
  return task.semUndo;
}

export function adjustmentOf(undo: UndoList, set: SemaphoreSet, num: number): number {
  return undo.sets.get(set)?.get(num) ?? 0;
}

/** The values of a set were set anew, or the set is gone: nothing of semaphores [first, first + count) is taken back. */
export function forgetSet(set: SemaphoreSet, first = 0, count = Infinity): void {
  const holders = listsOf(set);
  for (const list of holders) {
    const values = list.sets.get(set)!;
    for (const num of [...values.keys()]) {
      if (num < first || num >= first + count) continue;
      values.delete(num);
      set.ns.undos--;
    }
    if (values.size > 0) continue;
    list.sets.delete(set);
    holders.delete(list);
  }
}

/** A task ends, or unshares: the last user of its list takes everything back. */
export function exitSem(task: Task): void {
  const list = task.semUndo;
  task.semUndo = undefined;
  if (!list || --list.users > 0) return;
  for (const [set, values] of list.sets) {
    for (const [num, adjustment] of values) {
      set.values[num] = Math.min(SEMVMX, Math.max(0, set.values[num]! + adjustment));
      set.pids[num] = task.group.pid;
      set.ns.undos--;
    }
    listsOf(set).delete(list);
    if (!set.perm.deleted) update(set, nowSeconds(task.machine));
  }
}
