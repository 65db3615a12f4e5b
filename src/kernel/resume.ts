/**
 * The way back to the guest (Linux: exit_to_user_mode_loop): pending signals are acted on, interrupted system calls restart,
 * then the host thread runs.
 */
import { unreachable } from '../base/assert.js';
import { continueSyscall } from './dispatch.js';
import { deliverSignals } from './signals/deliver.js';
import { signalPending } from './signals/send.js';
import type { Task } from './task.js';

/** An interrupted system call: its number and the restart code that it returned. */
export interface Restart {
  readonly nr: number;
  readonly result: number;
}

export function returnToGuest(task: Task, restart?: Restart): void {
  if (task.state === 'dead' || task.state === 'zombie') return;
  const { signals } = task;
  if (
    restart !== undefined ||
    signals.interruptedCall !== undefined ||
    signals.savedMask !== undefined ||
    signals.decision !== undefined ||
    task.trace?.stop !== undefined ||
    signalPending(task)
  ) {
    switch (deliverSignals(task, restart)) {
      case 'continue':
        break;
      case 'stopped':
      case 'exit':
        return;
    }
  }
  task.state = 'running';
  task.thread.resume();
}

/** Goes on with a task from the ready list. */
export function goOn(task: Task): void {
  switch (task.state) {
    case 'blocked':
      continueSyscall(task);
      return;
    case 'stopped':
    case 'running':
      if (!task.thread.running) returnToGuest(task);
      return;
    case 'zombie':
    case 'dead':
      return;
    default:
      unreachable(task.state);
  }
}
