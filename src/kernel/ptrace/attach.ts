/** Beginnings and ends of tracing (Linux: kernel/ptrace.c, ptrace_attach, ptrace_detach, exit_ptrace; ptrace(2)). */
import type { Errno } from '../../base/brands.js';
import { EPERM } from '../../abi/errno.js';
import { PTRACE_O_EXITKILL } from '../../abi/ptrace.js';
import { SIGKILL, SIGSTOP } from '../../abi/signal.js';
import { interrupt, makeReady } from '../scheduler.js';
import { isAlive, sendToTask } from '../signals/send.js';
import { kernelInfo } from '../signals/signal-info.js';
import { mayAccess } from '../task-access.js';
import type { Task } from '../task.js';
import { applyMode, recoverCall, stopInGroup, stopStepping } from './stops.js';
import { Trace, WORK_SECCOMP } from './trace.js';

function link(tracee: Task, tracer: Task, seized: boolean, options: number): Trace {
  const trace = new Trace(tracer, seized);
  trace.options = options;
  tracee.trace = trace;
  tracer.tracees.add(tracee);
  return trace;
}

/** PTRACE_TRACEME: the parent becomes the tracer. */
export function traceMe(task: Task): 0 | Errno {
  if (task.trace) return EPERM;
  const { group } = task;
  const parent = group.parentTask && isAlive(group.parentTask) ? group.parentTask : group.parent?.leader;
  if (!parent || !isAlive(parent)) return EPERM;
  link(task, parent, false, 0);
  return 0;
}

/** PTRACE_ATTACH and PTRACE_SEIZE. */
export function attach(tracer: Task, target: Task, seize: boolean, options: number): 0 | Errno {
  if (target.group === tracer.group) return EPERM;
  if (!mayAccess(tracer, target)) return EPERM;
  if (target.trace || !isAlive(target)) return EPERM;
  const trace = link(target, tracer, seize, options);
  if (!seize) sendToTask(target, kernelInfo(SIGSTOP));
  // One that stands in a group stop is seen to stand at once.
  const { signals } = target.group;
  if (target.state === 'stopped' && signals.stopSignal !== 0)
    stopInGroup(target, trace, signals.stopSignal, target.signals.interruptedCall);
  return 0;
}

/** A new task of a tracee is traced as its parent is, and stops before its first instruction. */
export function attachChild(parent: Task, child: Task): void {
  const trace = parent.trace!;
  const childTrace = link(child, trace.tracer, trace.seized, trace.options);
  if (trace.seized) childTrace.trapPending = true;
  else child.signals.pending.push(kernelInfo(SIGSTOP), 0); // without information, as Linux leaves it
}

function unlink(tracee: Task): void {
  tracee.trace!.tracer.tracees.delete(tracee);
  tracee.trace = undefined;
  tracee.syscallWork &= WORK_SECCOMP;
}

/** Ends tracing; a stopped tracee goes on (or stays in the stop of its process). */
export function detach(tracee: Task): void {
  const trace = tracee.trace!;
  const { stop } = trace;
  if (isAlive(tracee) && !tracee.thread.running) {
    applyMode(tracee, trace, 'cont');
    stopStepping(tracee, trace);
  }
  tracee.stopPassed = false;
  if (stop) {
    trace.stop = undefined;
    tracee.signals.interruptedCall = recoverCall(tracee, trace);
  }
  unlink(tracee);
  if (!stop) {
    if (tracee.group.signals.stopSignal !== 0) interrupt(tracee);
    return;
  }
  if (tracee.blocked) trace.resumed.wake();
  else makeReady(tracee);
}

/** A tracer thread ends: its tracees are free, or die with it. `release`: for those that have ended already. */
export function exitTracer(tracer: Task, release: (tracee: Task) => void): void {
  for (const tracee of [...tracer.tracees]) {
    const trace = tracee.trace!;
    if (trace.exitStatus !== undefined) {
      unlink(tracee);
      release(tracee);
      continue;
    }
    if ((trace.options & PTRACE_O_EXITKILL) !== 0) sendToTask(tracee, kernelInfo(SIGKILL));
    detach(tracee);
  }
}

/** The tracer has waited for the end of a tracee. */
export function forgetTracee(tracee: Task): void {
  if (tracee.trace) unlink(tracee);
}
