/**
 * Sending signals (Linux: kernel/signal.c, send_signal_locked, complete_signal, force_sig_info_to_task). Permission checks are
 * the callers' (kill.ts): what comes here is sent.
 */
import type { Errno } from '../../base/brands.js';
import { EAGAIN } from '../../abi/errno.js';
import { RLIMIT_SIGPENDING } from '../../abi/resource.js';
import {
  CLD_CONTINUED,
  CLD_STOPPED,
  SA_NOCLDSTOP,
  SIGCHLD,
  SI_KERNEL,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
} from '../../abi/signal.js';
import { shownUid } from '../../vfs/user-namespace.js';
import type { ProcessGroup } from '../job-control.js';
import { pidIn } from '../pid-namespace.js';
import { interrupt } from '../scheduler.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { isAlive } from './pending.js';
import { SIG_DFL, SIG_IGN } from './shared-signals.js';
import { SigSet } from './sig-set.js';
import { childInfo, type SignalInfo } from './signal-info.js';

export { isAlive, killPending, signalPending } from './pending.js';

export const STOP_SIGNALS = SigSet.of(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
const CONT_SIGNALS = SigSet.of(SIGCONT);

/** Sends to one thread (tkill, faults, timers with SIGEV_THREAD_ID). EAGAIN: the queue of real-time signals is full. */
export function sendToTask(task: Task, info: SignalInfo): 0 | Errno {
  return send(task, info, false, comesFromAbove(task, info));
}

/** Sends to a process: whichever thread wants it takes it. */
export function sendToGroup(group: ThreadGroup, info: SignalInfo): 0 | Errno {
  const task = representative(group);
  return task ? send(task, info, true, comesFromAbove(task, info)) : 0;
}

/** The first process of a pid namespace cannot escape SIGKILL and SIGSTOP from outside of it (pid_namespaces(7)). */
function comesFromAbove(task: Task, info: SignalInfo): boolean {
  const { pidNs, signals } = task.group;
  if (!signals.unkillable || pidNs.parent === null) return false;
  if (info.signo !== SIGKILL && info.signo !== SIGSTOP) return false;
  return info.code === SI_KERNEL || pidNs.idOf(task.machine.current.group.pid) === 0;
}

/** Sends to every process of a process group (terminals, kill(-pgrp) by the kernel itself). */
export function sendToProcessGroup(processGroup: ProcessGroup, info: SignalInfo): void {
  for (const group of [...processGroup.members]) sendToGroup(group, info);
}

/**
 * A signal that the thread cannot escape (Linux: force_sig): blocked or ignored, it gets its default action instead; init
 * is not spared.
 */
export function forceSignal(task: Task, info: SignalInfo): void {
  const shared = task.group.signals;
  const action = shared.actions[info.signo]!;
  const blocked = task.signals.mask.has(info.signo);
  if (blocked || shared.isIgnored(info.signo)) {
    action.handler = SIG_DFL;
    task.signals.mask.delete(info.signo);
  }
  if (action.handler === SIG_DFL) shared.unkillable = false;
  send(task, info, false, true);
}

function representative(group: ThreadGroup): Task | undefined {
  if (group.leader && isAlive(group.leader)) return group.leader;
  for (const task of group.tasks) if (isAlive(task)) return task;
  return undefined;
}

function send(task: Task, info: SignalInfo, toGroup: boolean, force: boolean): 0 | Errno {
  const group = task.group;
  const shared = group.signals;
  const signal = info.signo;
  if (!isAlive(task) || group.exiting !== undefined) return 0;
  if (signal === SIGCONT) {
    discardEverywhere(group, STOP_SIGNALS);
    continueGroup(group);
  } else if (STOP_SIGNALS.has(signal)) {
    discardEverywhere(group, CONT_SIGNALS);
  }
  if (isDropped(task, signal, force)) return 0;
  const room = force ? 1 : group.limits.soft[RLIMIT_SIGPENDING]! - queuedSignals(group);
  if (!(toGroup ? shared : task.signals).pending.push(seenBy(task, info), room)) return EAGAIN;
  shared.arrivals.wake();
  wakeForSignal(task, signal, toGroup);
  return 0;
}

/** Ids of the sender as the receiver's namespaces have them. */
function seenBy(task: Task, info: SignalInfo): SignalInfo {
  const { pidNs } = task.group;
  const { userNs } = task.cred;
  if ((pidNs.parent === null && userNs.parent === null) || (info.layout !== 'kill' && info.layout !== 'child')) return info;
  return { ...info, pid: pidIn(pidNs, info.pid ?? 0), uid: shownUid(userNs, info.uid ?? 0) };
}

/** Ignored signals never enter a queue, unless they are blocked: an action may be set before they are unblocked. */
function isDropped(task: Task, signal: number, force: boolean): boolean {
  const { mask, realMask } = task.signals;
  const shared = task.group.signals;
  if (mask.has(signal) || realMask?.has(signal)) return false;
  // A tracer sees what the program itself ignores.
  if (task.trace !== undefined && signal !== SIGKILL) return false;
  if (shared.unkillable && !force && shared.actions[signal]!.handler === SIG_DFL) return true;
  return shared.isIgnored(signal);
}

function queuedSignals(group: ThreadGroup): number {
  let count = group.signals.pending.length;
  for (const task of group.tasks) count += task.signals.pending.length;
  return count;
}

function discardEverywhere(group: ThreadGroup, set: SigSet): void {
  group.signals.pending.discard(set);
  for (const task of group.tasks) task.signals.pending.discard(set);
}

/** Picks the thread that shall take the signal and makes it look. */
function wakeForSignal(task: Task, signal: number, toGroup: boolean): void {
  if (signal === SIGKILL) {
    for (const thread of task.group.tasks) if (isAlive(thread)) interrupt(thread);
    return;
  }
  if (wants(task, signal)) {
    interrupt(task);
    return;
  }
  if (!toGroup) return;
  for (const thread of task.group.tasks) {
    if (thread !== task && wants(thread, signal)) {
      interrupt(thread);
      return;
    }
  }
}

function wants(task: Task, signal: number): boolean {
  return isAlive(task) && task.state !== 'stopped' && !task.signals.mask.has(signal);
}

/**
 * After `task` blocked more signals or ended: signals of the process that it was chosen for may need another thread
 * (Linux: retarget_shared_pending).
 */
export function retargetShared(task: Task): void {
  const pending = task.group.signals.pending;
  if (pending.isEmpty) return;
  for (const thread of task.group.tasks) {
    if (thread === task || !isAlive(thread) || thread.state === 'stopped') continue;
    const mask = thread.signals.mask;
    if (((pending.low & ~mask.low) | (pending.high & ~mask.high)) !== 0) interrupt(thread);
  }
}

/** Replaces the thread's mask (sigprocmask, sigreturn, handlers). */
export function setMask(task: Task, mask: SigSet): void {
  task.signals.mask.assign(mask);
  task.signals.mask.removeUnblockable();
  retargetShared(task);
}

/** SIGCONT was sent: whatever stops the process is over, before the signal itself is delivered. */
function continueGroup(group: ThreadGroup): void {
  const shared = group.signals;
  if (shared.stopSignal === 0) return;
  const wasStopped = shared.stopped;
  const signal = shared.stopSignal;
  shared.stopSignal = 0;
  shared.stopped = false;
  shared.stopToReport = 0;
  for (const task of group.tasks) continueTask(task);
  if (wasStopped) {
    shared.continueToReport = true;
    notifyParent(group, CLD_CONTINUED, SIGCONT);
  } else {
    // Caught in the middle of stopping: the parent is told of a stop that it could have seen, as Linux does.
    notifyParent(group, CLD_STOPPED, signal);
  }
}

function continueTask(task: Task): void {
  task.stopPassed = false;
  const { trace } = task;
  if (trace?.seized) {
    // The end of a group stop is an event; one that listens hears it at once.
    trace.trapPending = true;
    if (trace.stop?.listening) trace.stop = undefined;
  }
  if (task.state === 'stopped') interrupt(task);
}

/** Tells the parent that the process stopped or went on. */
export function notifyParent(group: ThreadGroup, code: number, status: number): void {
  const parent = group.parent;
  if (!parent) return;
  const action = parent.signals.actions[SIGCHLD]!;
  if (action.handler !== SIG_IGN && (action.flags & SA_NOCLDSTOP) === 0) {
    const uid = group.leader?.cred.uid ?? 0;
    sendToGroup(parent, childInfo(code, group.pid, uid, status, group.userNs, group.systemNs));
  }
  parent.childQueue.wake();
}
