/** Waiting for children (Linux: kernel/exit.c, do_wait; wait4(2), waitid(2)). */
import type { Blocking, WakeReason } from '../base/blocking.js';
import { sleepOn } from '../base/blocking.js';
import { isErr, type Errno, type Pid } from '../base/brands.js';
import { ECHILD } from '../abi/errno.js';
import { CLD_CONTINUED, CLD_DUMPED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_TRAPPED, SIGCHLD, SIGCONT } from '../abi/signal.js';
import { WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, __WALL, __WCLONE, __WNOTHREAD } from '../abi/wait.js';
import { reap, releaseTracee } from './exit.js';
import { shownUid } from '../vfs/user-namespace.js';
import { pidFor } from './pid-namespace.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** Which children: any, one process, or a process group. */
export type ChildSelector = { kind: 'any' } | { kind: 'pid'; pid: Pid } | { kind: 'group'; pgid: Pid };

/** What happened to a child. */
export interface ChildEvent {
  pid: Pid;
  uid: number;
  /** CLD_* */
  code: number;
  /** Exit code or signal number. */
  value: number;
  /** The status word of wait4(2). */
  status: number;
  usage: { userNs: number; systemNs: number; maxRssPages: number; faults: number; waits: number };
}

const CONTINUED_STATUS = 0xffff;

/** The next event of a selected child, undefined when WNOHANG found none, or ECHILD, ERESTARTSYS. */
export function* waitForChild(task: Task, selector: ChildSelector, options: number): Blocking<ChildEvent | Errno | undefined> {
  const { group } = task;
  for (let woken: WakeReason = 0; ; ) {
    let candidates = 0;
    for (const child of group.children) {
      // Those that a thread of this process traces are looked at below.
      if (child.leader?.trace?.tracer.group === group) continue;
      if (!selects(selector, child, child.pid) || !kindMatches(child, options)) continue;
      candidates++;
      const event = takeEvent(task, child, options);
      if (event) return event;
    }
    for (const tracee of traceesOf(task, options)) {
      if (!selects(selector, tracee.group, tracee.tid)) continue;
      candidates++;
      const event = takeTraceEvent(task, tracee, options);
      if (event) return event;
    }
    if (candidates === 0) return ECHILD;
    if (options & WNOHANG) return undefined;
    // A child that ended counts more than the signal that told of it, so look before giving up.
    if (isErr(woken)) return woken;
    woken = yield* sleepOn(group.childQueue);
  }
}

function* traceesOf(task: Task, options: number): Iterable<Task> {
  const threads = options & __WNOTHREAD ? [task] : task.group.tasks;
  for (const thread of threads) if (thread.tracees.size > 0) yield* [...thread.tracees];
}

/** What a tracer sees of a tracee: its end, its stops (whatever the options), and that it went on. */
function takeTraceEvent(task: Task, tracee: Task, options: number): ChildEvent | undefined {
  const { group } = tracee;
  const trace = tracee.trace!;
  const keep = (options & WNOWAIT) !== 0;
  const ownChild = group.leader === tracee && group.parent === task.group;
  const status = ownChild ? group.exitStatus : trace.exitStatus;
  if (status !== undefined) {
    if (!(options & WEXITED)) return undefined;
    const event = { ...exitEvent(task, group, status), pid: pidFor(task, tracee.tid) };
    if (!keep && ownChild) reap(task.machine, group, true);
    else if (!keep) releaseTracee(task.machine, tracee);
    return event;
  }
  const { stop } = trace;
  if (stop && !stop.reported && !stop.listening) {
    if (!keep) stop.reported = true;
    return { ...eventOf(task, group, CLD_TRAPPED, stop.code, (stop.code << 8) | 0x7f), pid: pidFor(task, tracee.tid) };
  }
  if (options & WCONTINUED && group.signals.continueToReport) {
    if (!keep) group.signals.continueToReport = false;
    return eventOf(task, group, CLD_CONTINUED, SIGCONT, CONTINUED_STATUS);
  }
  return undefined;
}

function selects(selector: ChildSelector, child: ThreadGroup, id: Pid): boolean {
  switch (selector.kind) {
    case 'any':
      return true;
    case 'pid':
      return id === selector.pid;
    case 'group':
      return child.processGroup.id === selector.pgid;
  }
}

/** A "clone child" tells its parent by another signal than SIGCHLD, and is only waited for when asked. */
function kindMatches(child: ThreadGroup, options: number): boolean {
  if (options & __WALL) return true;
  return (child.exitSignal !== SIGCHLD) === ((options & __WCLONE) !== 0);
}

function takeEvent(task: Task, child: ThreadGroup, options: number): ChildEvent | undefined {
  const keep = (options & WNOWAIT) !== 0;
  if (child.exitStatus !== undefined) {
    // Its tracer comes first.
    if (child.leader?.trace) return undefined;
    if (!(options & WEXITED)) return undefined;
    const event = exitEvent(task, child, child.exitStatus);
    if (!keep) reap(task.machine, child, true);
    return event;
  }
  if (options & WSTOPPED && child.signals.stopToReport !== 0) {
    const signal = child.signals.stopToReport;
    if (!keep) child.signals.stopToReport = 0;
    return eventOf(task, child, CLD_STOPPED, signal, (signal << 8) | 0x7f);
  }
  if (options & WCONTINUED && child.signals.continueToReport) {
    if (!keep) child.signals.continueToReport = false;
    return eventOf(task, child, CLD_CONTINUED, SIGCONT, CONTINUED_STATUS);
  }
  return undefined;
}

function exitEvent(task: Task, child: ThreadGroup, status: number): ChildEvent {
  const signal = status & 0x7f;
  if (signal === 0) return eventOf(task, child, CLD_EXITED, (status >> 8) & 0xff, status);
  return eventOf(task, child, status & 0x80 ? CLD_DUMPED : CLD_KILLED, signal, status);
}

/** With the ids that the one who waits knows: once reaped, the child has none. */
function eventOf(task: Task, child: ThreadGroup, code: number, value: number, status: number): ChildEvent {
  return {
    pid: pidFor(task, child.pid),
    uid: shownUid(task.cred.userNs, child.leader?.cred.uid ?? 0),
    code,
    value,
    status,
    usage: {
      userNs: child.userNs + child.childUserNs,
      systemNs: child.systemNs + child.childSystemNs,
      maxRssPages: Math.max(child.maxRssPages, child.childMaxRssPages),
      faults: child.counts.faults + child.childCounts.faults,
      waits: child.counts.waits + child.childCounts.waits,
    },
  };
}
