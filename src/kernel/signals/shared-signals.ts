/**
 * What the threads of a process share of signals: actions (Linux: struct sighand_struct), the shared queue and the state of a
 * group stop (Linux: struct signal_struct). clone(CLONE_SIGHAND) without CLONE_THREAD shares only the actions.
 */
import { WaitQueue } from '../../base/wait-queue.js';
import { SIGCHLD, SIGCONT, SIGURG, SIGWINCH } from '../../abi/signal.js';
import { PendingQueue } from './pending-queue.js';
import { SigSet, SIGNAL_MAX } from './sig-set.js';

export const SIG_DFL = 0;
export const SIG_IGN = 1;

/** struct sigaction as the system call has it. */
export interface SignalAction {
  /** SIG_DFL, SIG_IGN or the handler's address. */
  handler: number;
  /** SA_*, unsigned. */
  flags: number;
  restorer: number;
  mask: SigSet;
}

function defaultAction(): SignalAction {
  return { handler: SIG_DFL, flags: 0, restorer: 0, mask: new SigSet() };
}

const IGNORED_BY_DEFAULT = SigSet.of(SIGCONT, SIGCHLD, SIGWINCH, SIGURG);

export class SharedSignals {
  readonly pending = new PendingQueue();
  /** Woken when a signal is queued for the process or one of its threads, even a blocked one (signalfd). */
  readonly arrivals = new WaitQueue();
  /** The process is init: signals whose default action would end or stop it are dropped, unless the kernel forces them. */
  unkillable = false;

  // Group stop.
  /** Signal that stops or has stopped the process: its threads stop when they next look; 0 otherwise. */
  stopSignal = 0;
  /** Every thread has stopped. */
  stopped = false;
  /** A parent's wait(WUNTRACED) has not seen the stop yet: the signal, else 0. */
  stopToReport = 0;
  /** A parent's wait(WCONTINUED) has not seen that the process went on. */
  continueToReport = false;

  /** `actions[n]` belongs to signal n; index 0 is unused. Shared with CLONE_SIGHAND. */
  constructor(public actions: SignalAction[] = Array.from({ length: SIGNAL_MAX + 1 }, defaultAction)) {}

  /** For a new process: nothing pending; actions are copied, or shared with `shareActions` (CLONE_SIGHAND). */
  copy(shareActions = false): SharedSignals {
    if (shareActions) return new SharedSignals(this.actions);
    return new SharedSignals(this.actions.map((action) => ({ ...action, mask: action.mask.copy() })));
  }

  /** clone3(CLONE_CLEAR_SIGHAND) and execve: handlers become SIG_DFL, ignored signals stay ignored. Unshares the actions. */
  resetHandlers(): void {
    this.actions = this.actions.map((action) => {
      const reset = defaultAction();
      if (action.handler === SIG_IGN) reset.handler = SIG_IGN;
      return reset;
    });
  }

  /** What execve does: handlers are reset; pending signals and masks stay. */
  forExec(): void {
    this.resetHandlers();
  }

  /** True when the signal has no effect by its action (not looking at masks). */
  isIgnored(signal: number): boolean {
    const handler = this.actions[signal]!.handler;
    return handler === SIG_IGN || (handler === SIG_DFL && IGNORED_BY_DEFAULT.has(signal));
  }

  /** Signals with a handler and ignored ones, for /proc/PID/status. */
  caughtSet(): SigSet {
    return this.select((handler) => handler > SIG_IGN);
  }
  ignoredSet(): SigSet {
    return this.select((handler) => handler === SIG_IGN);
  }

  private select(matches: (handler: number) => boolean): SigSet {
    const set = new SigSet();
    for (let signal = 1; signal <= SIGNAL_MAX; signal++) if (matches(this.actions[signal]!.handler)) set.add(signal);
    return set;
  }
}
