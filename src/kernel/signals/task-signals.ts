/** A thread's signal state: mask, own queue, alternate stack, what a restarted call goes on with (Linux: struct task_struct). */
import type { Blocking } from '../../base/blocking.js';
import { SS_DISABLE } from '../../abi/signal.js';
import type { Task } from '../task.js';
import type { SignalInfo } from './signal-info.js';
import { PendingQueue } from './pending-queue.js';
import { SigSet } from './sig-set.js';

/** stack_t. `flags` is 0, SS_DISABLE or SS_AUTODISARM (unsigned); SS_ONSTACK is computed. */
export interface AltStack {
  base: number;
  size: number;
  flags: number;
}

/** What restart_syscall(2) goes on with (Linux: struct restart_block). */
export type RestartBlock = (task: Task) => number | Blocking<number>;

/** What is still to be decided about an interrupted system call once the thread is no longer stopped. */
export interface InterruptedCall {
  nr: number;
  result: number;
}

export class TaskSignals {
  mask = new SigSet();
  readonly pending = new PendingQueue();
  readonly altStack: AltStack = { base: 0, size: 0, flags: SS_DISABLE };
  /** The mask to return to after sigsuspend, ppoll, pselect, epoll_pwait; undefined outside of them. */
  savedMask: SigSet | undefined = undefined;
  /** The real mask during sigtimedwait, which unblocks what it waits for; undefined outside of it. */
  realMask: SigSet | undefined = undefined;
  restartBlock: RestartBlock | undefined = undefined;
  /** Set while the thread is stopped on its way out of a system call. */
  interruptedCall: InterruptedCall | undefined = undefined;
  /** What a tracer made of the signal that the thread stopped for: one to deliver, null for none. */
  decision: SignalInfo | null | undefined = undefined;
  /** Last fault, for the signal frame. */
  faultAddress = 0;
  faultError = 0;
  faultTrap = 0;

  /** For clone: the mask, and the alternate stack unless memory is shared (`sharesMemory`, without CLONE_VFORK). Nothing pending. */
  copyForClone(sharesMemory = false): TaskSignals {
    const copy = new TaskSignals();
    copy.mask.assign(this.mask);
    if (!sharesMemory) Object.assign(copy.altStack, this.altStack);
    return copy;
  }

  /** What execve does: no alternate stack; mask and pending signals stay. */
  forExec(): void {
    this.resetAltStack();
    this.restartBlock = undefined;
  }

  resetAltStack(): void {
    this.altStack.base = 0;
    this.altStack.size = 0;
    this.altStack.flags = SS_DISABLE;
  }
}
