/**
 * Stopping and continuing processes (Linux: kernel/signal.c, do_signal_stop, prepare_signal; job control). A stop belongs to
 * the whole process: `SharedSignals.stopSignal` is set, every thread stops when it next looks, and the parent learns of it
 * when the last one has.
 */
import { CLD_STOPPED, SA_NOCLDWAIT, SIGCHLD } from '../../abi/signal.js';
import { interrupt } from '../scheduler.js';
import { stopInGroup } from '../ptrace/stops.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { isAlive } from './pending.js';
import { notifyParent } from './send.js';
import { SIG_IGN } from './shared-signals.js';
import type { InterruptedCall } from './task-signals.js';

/** `task` took a stop signal with default action: begins the stop of its process. */
export function beginGroupStop(task: Task, signal: number): void {
  const group = task.group;
  const shared = group.signals;
  if (shared.stopSignal !== 0) {
    // A tracee that goes on in a stopped process stops once more.
    for (const thread of group.tasks) thread.stopPassed = false;
    return;
  }
  shared.stopSignal = signal;
  shared.stopped = false;
  for (const thread of group.tasks) thread.stopPassed = false;
  for (const thread of group.tasks) if (thread !== task && isAlive(thread)) interrupt(thread);
}

/** `task` stops as part of its process's stop; `call`: the system call that was interrupted for it. */
export function stopTask(task: Task, call: InterruptedCall | undefined): void {
  task.state = 'stopped';
  task.signals.interruptedCall = call;
  if (task.trace) stopInGroup(task, task.trace, task.group.signals.stopSignal, call);
  checkGroupStop(task.group);
}

/** The task stands for the stop of its process, not for its tracer alone. */
function isInGroupStop(task: Task): boolean {
  const stop = task.trace?.stop;
  return task.stopPassed || (task.state === 'stopped' && (stop === undefined || stop.kind === 'group'));
}

/** Completes the stop once no thread runs any more. Also to be called when a thread ends. */
export function checkGroupStop(group: ThreadGroup): void {
  const shared = group.signals;
  if (shared.stopSignal === 0 || shared.stopped) return;
  let live = 0;
  for (const task of group.tasks) {
    if (!isAlive(task)) continue;
    if (!isInGroupStop(task)) return;
    live++;
  }
  if (live === 0) return;
  shared.stopped = true;
  shared.stopToReport = shared.stopSignal;
  shared.continueToReport = false;
  // A parent that traces the process has been told already.
  if (group.parent && group.leader?.trace?.tracer.group === group.parent) return;
  notifyParent(group, CLD_STOPPED, shared.stopSignal);
}

/** The parent wants no zombies: SIGCHLD is ignored, or has SA_NOCLDWAIT. */
export function discardsChildren(parent: ThreadGroup): boolean {
  const action = parent.signals.actions[SIGCHLD]!;
  return action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0;
}
