/**
 * System V semaphores (Linux: ipc/sem.c; semop(2), semctl(2)). A call's operations happen all or not at all; those that must
 * wait stand in a queue of the set, and whoever changes a value performs what has become possible on the waiters' behalf.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { sleepOn, type Blocking } from '../../base/blocking.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ENOMEM, ENOSPC, ERANGE, ETIMEDOUT } from '../../abi/errno.js';
import { IPC_NOWAIT, SEM_UNDO, SEMAEM, SEMVMX } from '../../abi/ipc.js';
import type { Task } from '../task.js';
import { checkAccess, checkOwner, IpcPerm, nowSeconds } from './ids.js';
import { UNDOS_TOTAL, type IpcNamespace } from './ipc-namespace.js';
import { adjustmentOf, forgetSet, undoListOf, type UndoList } from './sem-undo.js';

/** struct sembuf. */
export interface SemOperation {
  readonly num: number;
  readonly op: number;
  readonly flg: number;
}

/** A call that waits. */
interface PendingCall {
  readonly pid: number;
  readonly operations: readonly SemOperation[];
  readonly undo: UndoList | undefined;
  readonly queue: WaitQueue;
  /** The operation that could not be done when last tried. */
  blockedOn: SemOperation;
  /** Set by whoever performed it, or removed the set. */
  result: number | undefined;
}

const MUST_WAIT = 1;

export class SemaphoreSet {
  readonly values: Uint16Array;
  readonly pids: Int32Array;
  pending: PendingCall[] = [];
  otime = 0;
  ctime: number;

  constructor(
    readonly ns: IpcNamespace,
    readonly perm: IpcPerm,
    count: number,
    now: number,
  ) {
    this.values = new Uint16Array(count);
    this.pids = new Int32Array(count);
    this.ctime = now;
  }
}

export function semget(task: Task, key: number, count: number, flags: number): number | Errno {
  const { machine } = task;
  const ns = task.nsproxy.ipc;
  const { limits } = ns;
  if (count < 0 || count > limits.semmsl) return EINVAL;
  const make = (): SemaphoreSet | Errno => {
    if (count === 0) return EINVAL;
    if (ns.semaphores + count > limits.semmns) return ENOSPC;
    const set = new SemaphoreSet(ns, new IpcPerm(key, flags & 0o777, task.cred, ns.owner!), count, nowSeconds(machine));
    const added = ns.sem.add(set, limits.semmni);
    if (isErr(added)) return added;
    ns.semaphores += count;
    return set;
  };
  return ns.sem.get(task.cred, key, flags, make, (set) => (set.values.length < count ? EINVAL : 0));
}

/** `deadlineNs`: Infinity for none. Never restarted after a signal. */
export function* semop(task: Task, id: number, operations: readonly SemOperation[], deadlineNs: number): Blocking<number> {
  const set = task.nsproxy.ipc.sem.find(id);
  if (isErr(set)) return set;
  const count = set.values.length;
  if (operations.some((operation) => operation.num >= count)) return EFBIG;
  const alters = operations.some((operation) => operation.op !== 0);
  const allowed = checkAccess(task.cred, set.perm, alters ? 0o222 : 0o444);
  if (isErr(allowed)) return allowed;
  const undo = operations.some((operation) => (operation.flg & SEM_UNDO) !== 0) ? undoListOf(task) : undefined;
  const call: PendingCall = {
    pid: task.group.pid,
    operations,
    undo,
    queue: new WaitQueue(),
    blockedOn: operations[0]!,
    result: undefined,
  };
  const done = perform(set, call);
  if (done === 0) update(set, nowSeconds(task.machine));
  if (done !== MUST_WAIT) return done;
  return yield* waitForTurn(set, call, deadlineNs);
}

function* waitForTurn(set: SemaphoreSet, call: PendingCall, deadlineNs: number): Blocking<number> {
  set.pending.push(call);
  try {
    while (call.result === undefined) {
      const woken = yield* sleepOn(call.queue, -1, { deadlineNs });
      if (isErr(woken) && call.result === undefined) return woken === ETIMEDOUT ? EAGAIN : EINTR;
    }
    return call.result;
  } finally {
    const index = set.pending.indexOf(call);
    if (index >= 0) set.pending.splice(index, 1);
  }
}

/** Does all operations of a call, or none: 0, MUST_WAIT, or an Errno. */
function perform(set: SemaphoreSet, call: PendingCall): number {
  const { operations, undo } = call;
  const { values } = set;
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]!;
    const failed = performOne(set, operation, undo);
    if (failed === 0) continue;
    for (let j = i - 1; j >= 0; j--) {
      const { num, op, flg } = operations[j]!;
      values[num]! -= op;
      if (op !== 0 && (flg & SEM_UNDO) !== 0) undo!.adjust(set, num, op);
    }
    if (failed !== MUST_WAIT) return failed;
    call.blockedOn = operation;
    return (operation.flg & IPC_NOWAIT) !== 0 ? EAGAIN : MUST_WAIT;
  }
  for (const { num } of operations) set.pids[num] = call.pid;
  return 0;
}

function performOne(set: SemaphoreSet, { num, op, flg }: SemOperation, undo: UndoList | undefined): number {
  const value = set.values[num]!;
  if (op === 0) return value === 0 ? 0 : MUST_WAIT;
  const result = value + op;
  if (result < 0) return MUST_WAIT;
  if (result > SEMVMX) return ERANGE;
  if ((flg & SEM_UNDO) !== 0) {
    const adjusted = adjustmentOf(undo!, set, num) - op;
    if (adjusted < -SEMAEM - 1 || adjusted > SEMAEM) return ERANGE;
    if (set.ns.undos >= UNDOS_TOTAL) return ENOMEM;
    undo!.adjust(set, num, -op);
  }
  set.values[num] = result;
  return 0;
}

/** A call or an undo changed values. */
export function update(set: SemaphoreSet, now: number): void {
  set.otime = now;
  wakeWaiters(set, now);
}

/** Performs what waits and has become possible, oldest first, until nothing more is. */
function wakeWaiters(set: SemaphoreSet, now: number): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const call of set.pending.slice()) {
      const result = perform(set, call);
      if (result === MUST_WAIT) continue;
      set.pending.splice(set.pending.indexOf(call), 1);
      call.result = result;
      call.queue.wake();
      if (result === 0) set.otime = now;
      if (result === 0) changed ||= call.operations.some((operation) => operation.op !== 0);
    }
  }
}

/** Calls that wait for `num` to grow (or, `forZero`, to become zero). */
export function countWaiters(set: SemaphoreSet, num: number, forZero: boolean): number {
  let count = 0;
  for (const { blockedOn } of set.pending) if (blockedOn.num === num && (blockedOn.op === 0) === forZero) count++;
  return count;
}

export function removeSem(task: Task, id: number): 0 | Errno {
  const { ipc } = task.nsproxy;
  const set = ipc.sem.find(id);
  if (isErr(set)) return set;
  const allowed = checkOwner(task.cred, set.perm);
  if (isErr(allowed)) return allowed;
  ipc.sem.remove(set);
  ipc.semaphores -= set.values.length;
  forgetSet(set);
  for (const call of set.pending) {
    call.result = EIDRM;
    call.queue.wake();
  }
  set.pending = [];
  return 0;
}

/** SETVAL and SETALL: `values` from semaphore `first` on; undo values of theirs are forgotten. */
export function setValues(task: Task, set: SemaphoreSet, first: number, values: readonly number[] | Uint16Array): 0 | Errno {
  if (values.some((value) => value < 0 || value > SEMVMX)) return ERANGE;
  for (let i = 0; i < values.length; i++) {
    set.values[first + i] = values[i]!;
    set.pids[first + i] = task.group.pid;
  }
  forgetSet(set, first, values.length);
  const now = nowSeconds(task.machine);
  set.ctime = now;
  wakeWaiters(set, now);
  return 0;
}
