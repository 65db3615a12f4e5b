/**
 * Stopping and continuing processes (Linux: kernel/signal.c, do_signal_stop, prepare_signal; job control). A stop belongs to
 * the whole process: `SharedSignals.stopSignal` is set, every thread stops when it next looks, and the parent learns of it
 * when the last one has.
 */
import { CLD_STOPPED, SA_NOCLDWAIT, SIGCHLD } from '../../abi/signal.js';
import { interrupt } from '../scheduler.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { isAlive } from './pending.js';
import { notifyParent } from './send.js';
import { SIG_IGN } from './shared-signals.js';

/** `task` took a stop signal with default action: begins the stop of its process. */
export function beginGroupStop(task: Task, signal: number): void {
  const group = task.group;
  const shared = group.signals;
  if (shared.stopSignal !== 0) return;
  shared.stopSignal = signal;
  shared.stopped = false;
  for (const thread of group.tasks) if (thread !== task && isAlive(thread)) interrupt(thread);
}

/** `task` stops as part of its process's stop. */
export function stopTask(task: Task): void {
  task.state = 'stopped';
  checkGroupStop(task.group);
}

/** Completes the stop once no thread runs any more. Also to be called when a thread ends. */
export function checkGroupStop(group: ThreadGroup): void {
  const shared = group.signals;
  if (shared.stopSignal === 0 || shared.stopped) return;
  let live = 0;
  for (const task of group.tasks) {
    if (!isAlive(task)) continue;
    if (task.state !== 'stopped') return;
    live++;
  }
  if (live === 0) return;
  shared.stopped = true;
  shared.stopToReport = shared.stopSignal;
  shared.continueToReport = false;
  notifyParent(group, CLD_STOPPED, shared.stopSignal);
}

/** The parent wants no zombies: SIGCHLD is ignored, or has SA_NOCLDWAIT. */
export function discardsChildren(parent: ThreadGroup): boolean {
  const action = parent.signals.actions[SIGCHLD]!;
  return action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0;
}
