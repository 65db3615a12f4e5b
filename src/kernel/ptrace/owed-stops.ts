/** Stops that a tracee makes on its way back to guest code without a signal (Linux: do_jobctl_trap, PTRACE_EVENT_EXIT). */
import { PTRACE_EVENT_EXIT, PTRACE_O_TRACEEXIT } from '../../abi/ptrace.js';
import { SIGTRAP } from '../../abi/signal.js';
import { exitGroup } from '../exit.js';
import type { InterruptedCall } from '../signals/task-signals.js';
import type { Task } from '../task.js';
import { newStop, notifyInfo, seizedCode, stopInGroup, stopOnReturn } from './stops.js';
import type { Trace } from './trace.js';

/** Makes the stop that is owed; undefined when there is none. */
export function owedStop(task: Task, trace: Trace, call: InterruptedCall | undefined): 'stopped' | 'exit' | undefined {
  if (trace.dyingOf !== 0) {
    exitGroup(task, trace.dyingOf);
    return 'exit';
  }
  if (trace.stepPending) {
    trace.stepPending = false;
    stopOnReturn(task, trace, newStop('event', SIGTRAP, notifyInfo(task, SIGTRAP)), call);
    return 'stopped';
  }
  if (!trace.trapPending) return undefined;
  trace.trapPending = false;
  const { stopSignal } = task.group.signals;
  if (stopSignal !== 0 && task.stopPassed) {
    stopInGroup(task, trace, stopSignal, call);
    return 'stopped';
  }
  if (stopSignal !== 0) return undefined; // the stop of the process follows, and tells as much
  const code = seizedCode(0);
  stopOnReturn(task, trace, newStop('event', code, notifyInfo(task, code)), call);
  return 'stopped';
}

/** PTRACE_EVENT_EXIT before a signal ends the process; false when nobody wants to see it. */
export function announceDeath(task: Task, trace: Trace, signal: number): boolean {
  if ((trace.options & PTRACE_O_TRACEEXIT) === 0 || trace.exitSeen) return false;
  trace.exitSeen = true;
  trace.dyingOf = signal;
  trace.eventMessage = signal;
  const code = (PTRACE_EVENT_EXIT << 8) | SIGTRAP;
  stopOnReturn(task, trace, newStop('event', code, notifyInfo(task, code)), undefined);
  return true;
}
