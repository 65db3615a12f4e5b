/** What waits for a thread (Linux: signal_pending, fatal_signal_pending). Asked before every return to guest code. */
import { SIGKILL } from '../../abi/signal.js';
import type { Trace } from '../ptrace/trace.js';
import type { Task } from '../task.js';

/** True when the thread has something to act on before it may return to guest code, or that ends an interruptible sleep. */
export function signalPending(task: Task): boolean {
  const own = task.signals;
  const shared = task.group.signals;
  const mask = own.mask;
  return (
    ((own.pending.low | shared.pending.low) & ~mask.low) !== 0 ||
    ((own.pending.high | shared.pending.high) & ~mask.high) !== 0 ||
    (shared.stopSignal !== 0 && !task.stopPassed) ||
    (task.trace !== undefined && owesStop(task.trace)) ||
    task.group.exiting !== undefined
  );
}

/** A tracee owes its tracer a stop before it returns to guest code. */
function owesStop(trace: Trace): boolean {
  return trace.trapPending || trace.stepPending || trace.dyingOf !== 0;
}

/** True when SIGKILL waits for the thread, or its process is ending. */
export function killPending(task: Task): boolean {
  return task.signals.pending.has(SIGKILL) || task.group.signals.pending.has(SIGKILL) || task.group.exiting !== undefined;
}

/** The thread has not ended. */
export function isAlive(task: Task): boolean {
  return task.state !== 'zombie' && task.state !== 'dead';
}
