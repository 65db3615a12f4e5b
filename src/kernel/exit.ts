/**
 * The end of threads and processes (Linux: kernel/exit.c): what they held is given back, the parent is told, children get
 * another parent.
 */
import { EINTR } from '../abi/errno.js';
import { SIGCHLD, SIGCONT, SIGHUP, SIGKILL } from '../abi/signal.js';
import { settleCpuTime } from './cpu-clock.js';
import { leaveFilters } from './seccomp/seccomp.js';
import { dropKeyrings, dropProcessKeyring } from './keys/task-keyrings.js';
import { setExecutable } from './exec/executable.js';
import { clearChildTid, exitRobustList } from './futex.js';
import { exitSem } from './ipc/sem-undo.js';
import { isOrphaned, leaveGroup, type ProcessGroup } from './job-control.js';
import type { Machine } from './machine.js';
import { exitTracer, forgetTracee } from './ptrace/attach.js';
import type { Trace } from './ptrace/trace.js';
import { forgetPid } from './pid-namespace.js';
import { stopAllTimers } from './posix-timers.js';
import { childCodeOf, childInfo, kernelInfo, type SignalInfo } from './signals/signal-info.js';
import { retargetShared, sendToGroup, sendToProcessGroup } from './signals/send.js';
import { checkGroupStop, discardsChildren } from './signals/stop.js';
import { wakeTrapQueue } from './scheduler.js';
import type { Task } from './task.js';
import { notePeak } from './usage-counts.js';
import type { ThreadGroup, WaitStatus } from './thread-group.js';

/** exit_group(2), or death by a signal: every thread of the process ends. `status`: as wait(2) reports it. */
export function exitGroup(task: Task, status: WaitStatus): void {
  const { group } = task;
  group.exiting ??= status;
  settleCpuTime(group);
  const tasks = [...group.tasks];
  if (task.mm.users === tasks.filter((member) => member.mm === task.mm).length) endSpace(tasks);
  for (const member of tasks) if (member !== task) exitTask(member, status);
  exitTask(task, status);
}

/** The robust lists must be walked while every thread still has its memory; then one kill ends all host threads. */
function endSpace(tasks: readonly Task[]): void {
  if (tasks.length === 1) return;
  for (const member of tasks) releaseFutexes(member);
  tasks[0]!.mm.space.destroy();
}

function releaseFutexes(task: Task): void {
  if (task.futexesReleased) return;
  task.futexesReleased = true;
  exitRobustList(task);
  clearChildTid(task);
}

/** exit(2): one thread ends; the last one ends the process. */
export function exitTask(task: Task, status: WaitStatus): void {
  if (task.state === 'zombie' || task.state === 'dead') return;
  const { group, machine } = task;
  if (group.tasks.size === 1) settleCpuTime(group);
  unwind(task);
  if (task.trapQueue !== undefined) wakeTrapQueue(task);
  releaseFutexes(task);
  if (task.tracees.size > 0) exitTracer(task, (tracee) => releaseTracee(machine, tracee));
  task.state = 'dead';
  task.thread.destroy();
  if (task.semUndo) exitSem(task);
  releaseMemory(task);
  if (--task.files.users === 0) task.files.closeAll();
  task.fs.release();
  task.nsproxy.drop();
  if (task.keyrings) dropKeyrings(task);
  task.cred.landlock?.drop();
  if (task.seccompFilter) leaveFilters(task);
  task.vforkDone.wake();
  group.tasks.delete(task);
  if (task.trace) endTracee(task, task.trace, status);
  if (task === group.leader || task.trace) task.state = 'zombie';
  else {
    machine.tasks.delete(task.tid);
    forgetPid(machine, task.tid);
  }
  if (group.tasks.size === 0) exitProcess(machine, group, group.exiting ?? status);
  else leaveSignals(task);
  group.exitQueue.wake();
}

/** A tracee's end is its tracer's to see first; a thread's that is not the leader's too. */
function endTracee(task: Task, trace: Trace, status: WaitStatus): void {
  trace.stop = undefined;
  task.syscallWork = 0;
  if (task === task.group.leader) return;
  trace.exitStatus = status;
  const { group } = trace.tracer;
  sendToGroup(group, tracedExitInfo(task, status));
  group.childQueue.wake();
}

function tracedExitInfo(task: Task, waitStatus: WaitStatus): SignalInfo {
  const { code, status } = childCodeOf(waitStatus);
  return childInfo(code, task.tid, task.cred.uid, status, task.group.userNs, task.group.systemNs);
}

/** The tracer has seen the end of a tracee, or is gone: a thread vanishes, of a process its parent is told. */
export function releaseTracee(machine: Machine, tracee: Task): void {
  const { group } = tracee;
  forgetTracee(tracee);
  if (tracee !== group.leader) {
    tracee.state = 'dead';
    machine.tasks.delete(tracee.tid);
    forgetPid(machine, tracee.tid);
  } else if (group.exitStatus !== undefined) {
    notifyParent(machine, group);
  }
}

/** A stop under way may be complete without this thread, and its signals may need another. */
function leaveSignals(task: Task): void {
  if (task.group.exiting !== undefined) return;
  checkGroupStop(task.group);
  retargetShared(task);
}

/** Ends a system call that waits: `finally` blocks of its generator take it off whatever it had entered. */
function unwind(task: Task): void {
  task.sleeper.cancel();
  const { blocked } = task;
  task.blocked = undefined;
  blocked?.return(EINTR);
}

export function releaseMemory(task: Task): void {
  const { mm } = task;
  notePeak(task);
  if (--mm.users === 0) mm.dispose();
}

function exitProcess(machine: Machine, group: ThreadGroup, status: WaitStatus): void {
  stopAllTimers(machine, group);
  setExecutable(group, undefined);
  if (group.processKeyring) dropProcessKeyring(group);
  group.exitStatus = status;
  endSession(group);
  if (group.pidNs.init === group) endPidNamespace(machine, group);
  reparentChildren(machine, group);
  hangUpOrphans(group, group.parent);
  const { leader } = group;
  if (leader?.trace && leader.trace.tracer.group !== group.parent) {
    // The parent hears of it when the tracer has.
    leader.trace.exitStatus = status;
    const tracers = leader.trace.tracer.group;
    tracers.childQueue.wake();
    sendToGroup(tracers, tracedExitInfo(leader, status));
  } else {
    notifyParent(machine, group);
  }
}

/** A session leader's terminal hangs up. */
function endSession(group: ThreadGroup): void {
  const { session } = group.processGroup;
  if (session.id !== group.pid) return;
  const { terminal } = session;
  const foreground = terminal ? terminal.foreground : session.lastForeground;
  if (foreground) {
    sendToProcessGroup(foreground, kernelInfo(SIGHUP));
    sendToProcessGroup(foreground, kernelInfo(SIGCONT));
  }
  session.terminal = undefined;
  session.lastForeground = undefined;
  terminal?.onSessionEnd();
}

/**
 * A process group that an exit orphans and that has a stopped member gets SIGHUP and SIGCONT (POSIX). It is orphaned only if
 * `member`, a process of it, has ended or lost its parent, and `link`, that parent, was in the same session but another group.
 */
function hangUpOrphans(member: ThreadGroup, link: ThreadGroup | undefined): void {
  const { processGroup } = member;
  if (!link || link.processGroup === processGroup || link.processGroup.session !== processGroup.session) return;
  if (!hasStoppedMember(processGroup) || !isOrphaned(processGroup)) return;
  sendToProcessGroup(processGroup, kernelInfo(SIGHUP));
  sendToProcessGroup(processGroup, kernelInfo(SIGCONT));
}

function hasStoppedMember(group: ProcessGroup): boolean {
  for (const member of group.members) {
    for (const task of member.tasks) if (task.state === 'stopped') return true;
  }
  return false;
}

/** With its process 1 a pid namespace ends, and everything in it (Linux: zap_pid_ns_processes). */
function endPidNamespace(machine: Machine, init: ThreadGroup): void {
  const { pidNs } = init;
  pidNs.dead = true;
  for (const id of pidNs.memberIds()) {
    const task = machine.tasks.get(pidNs.globalOf(id));
    if (task && task.group !== init && task.group.exitStatus === undefined) exitGroup(task, SIGKILL);
  }
}

/** Children go to the nearest living subreaper, else to init; without either their end is nobody's business. */
function reparentChildren(machine: Machine, group: ThreadGroup): void {
  const heir = findReaper(machine, group);
  for (const child of [...group.children]) {
    group.children.delete(child);
    child.parent = heir;
    child.orphaned = heir === undefined;
    heir?.children.add(child);
    deliverParentDeathSignal(child);
    if (child.parentTask?.group === group) child.parentTask = undefined;
    if (child.exitStatus === undefined) hangUpOrphans(child, group);
    else if (child.leader?.trace?.exitStatus !== undefined) continue;
    else if (heir) notifyParent(machine, child);
    else reap(machine, child, false);
  }
}

function deliverParentDeathSignal(child: ThreadGroup): void {
  if (child.parentDeathSignal !== 0) sendToGroup(child, kernelInfo(child.parentDeathSignal));
}

function findReaper(machine: Machine, group: ThreadGroup): ThreadGroup | undefined {
  for (let ancestor = group.parent; ancestor; ancestor = ancestor.parent) {
    if (ancestor.pidNs !== group.pidNs) break;
    if (ancestor.isSubreaper && ancestor.exitStatus === undefined) return ancestor;
  }
  const init = group.pidNs.init ?? machine.init;
  return init && init !== group && init.exitStatus === undefined ? init : undefined;
}

function notifyParent(machine: Machine, group: ThreadGroup): void {
  const { parent } = group;
  if (!parent) {
    machine.onExit(group);
    reap(machine, group, false);
    return;
  }
  const discarded = group.exitSignal === SIGCHLD && discardsChildren(parent);
  // First the wake-up: a parent in wait(2) finds its child before the signal can interrupt it.
  if (!discarded) parent.childQueue.wake();
  if (group.exitSignal !== 0) sendToGroup(parent, exitInfo(group));
  if (!discarded) return;
  reap(machine, group, false);
  parent.childQueue.wake();
}

function exitInfo(group: ThreadGroup): SignalInfo {
  const { code, status } = childCodeOf(group.exitStatus!);
  return childInfo(code, group.pid, group.leader?.cred.uid ?? 0, status, group.userNs, group.systemNs, group.exitSignal);
}

/** Removes a zombie: its pid is free; when it was waited for, its times are its parent's. */
export function reap(machine: Machine, group: ThreadGroup, waitedFor: boolean): void {
  const { parent, leader } = group;
  if (parent) {
    parent.children.delete(group);
    parent.childSyscalls += group.syscalls + group.childSyscalls;
    parent.limitsReached |= group.limitsReached;
    parent.childCounts.add(group.counts);
    parent.childCounts.add(group.childCounts);
  }
  if (parent && waitedFor) {
    parent.childUserNs += group.userNs + group.childUserNs;
    parent.childSystemNs += group.systemNs + group.childSystemNs;
    parent.childMaxRssPages = Math.max(parent.childMaxRssPages, group.maxRssPages, group.childMaxRssPages);
  }
  leaveGroup(machine, group);
  group.reaped = true;
  machine.groups.delete(group.pid);
  machine.tasks.delete(group.pid);
  forgetPid(machine, group.pid);
  if (!leader) return;
  forgetTracee(leader);
  leader.state = 'dead';
}
