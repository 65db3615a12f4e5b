/** sigaction(2) and sigprocmask(2) (Linux: kernel/signal.c, do_sigaction, sigprocmask). */
import type { Errno } from '../../base/brands.js';
import { EINVAL } from '../../abi/errno.js';
import {
  SA_EXPOSE_TAGBITS,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
  SA_SIGINFO,
  SIGKILL,
  SIGSTOP,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
} from '../../abi/signal.js';
import type { Task } from '../task.js';
import { setMask } from './send.js';
import type { SignalAction } from './shared-signals.js';
import { SigSet, SIGNAL_MAX } from './sig-set.js';

/** Others are cleared, so that a program can tell by sigaction(2) what is supported. */
const KNOWN_FLAGS =
  SA_EXPOSE_TAGBITS | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER | SA_ONSTACK | SA_RESETHAND | SA_RESTART | SA_RESTORER | SA_SIGINFO;

/** Sets the action of a signal (when given) and returns what it was; EINVAL for SIGKILL, SIGSTOP and what is no signal. */
export function changeAction(task: Task, signal: number, action: SignalAction | undefined): SignalAction | Errno {
  if (signal < 1 || signal > SIGNAL_MAX) return EINVAL;
  if (action && (signal === SIGKILL || signal === SIGSTOP)) return EINVAL;
  const { group } = task;
  const shared = group.signals;
  const old = shared.actions[signal]!;
  if (!action) return old;
  action.flags = (action.flags & KNOWN_FLAGS) >>> 0;
  action.mask.removeUnblockable();
  shared.actions[signal] = action;
  if (shared.isIgnored(signal)) {
    const set = SigSet.of(signal);
    shared.pending.discard(set);
    for (const thread of group.tasks) thread.signals.pending.discard(set);
  }
  return old;
}

/** how: SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK. */
export function changeMask(task: Task, how: number, set: SigSet): 0 | Errno {
  const mask = task.signals.mask.copy();
  switch (how) {
    case SIG_BLOCK:
      mask.unite(set);
      break;
    case SIG_UNBLOCK:
      mask.subtract(set);
      break;
    case SIG_SETMASK:
      mask.assign(set);
      break;
    default:
      return EINVAL;
  }
  setMask(task, mask);
  return 0;
}
