/** Taking signals by hand: sigtimedwait(2), signalfd, and waiting for any (sigsuspend(2), pause(2)). */
import { sleepOnAny, type Blocking } from '../../base/blocking.js';
import { EAGAIN, EINTR, ERESTARTNOHAND, ETIMEDOUT } from '../../abi/errno.js';
import type { Task } from '../task.js';
import { setTemporaryMask } from './deliver.js';
import { setMask, signalPending } from './send.js';
import type { SigSet } from './sig-set.js';
import type { SignalInfo } from './signal-info.js';

/** The next pending signal of `set`, the thread's own before the process's. */
export function takeFrom(task: Task, set: SigSet): SignalInfo | undefined {
  const others = set.complement();
  return task.signals.pending.takeUnblocked(others) ?? task.group.signals.pending.takeUnblocked(others);
}

/** sigtimedwait: a signal of `set`, EAGAIN at the deadline, EINTR when another signal came. `deadlineNs` 0: does not wait. */
export function* waitForSignal(task: Task, set: SigSet, deadlineNs: number): Blocking<SignalInfo | number> {
  let info = takeFrom(task, set);
  if (info) return info;
  if (deadlineNs === 0) return EAGAIN;
  const { signals } = task;
  const real = signals.mask.copy();
  signals.realMask = real;
  signals.mask.subtract(set);
  try {
    const reason = yield* sleepOnAny([], { deadlineNs });
    info = takeFrom(task, set);
    return info ?? (reason === ETIMEDOUT ? EAGAIN : EINTR);
  } finally {
    signals.realMask = undefined;
    setMask(task, real);
  }
}

/** pause, and with a mask sigsuspend: until a handler has run. */
export function* suspend(task: Task, mask: SigSet | undefined): Blocking<number> {
  if (mask) setTemporaryMask(task, mask);
  while (!signalPending(task)) yield* sleepOnAny([]);
  return ERESTARTNOHAND;
}
