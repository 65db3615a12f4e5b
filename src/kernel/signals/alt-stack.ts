/** sigaltstack(2) (Linux: kernel/signal.c, do_sigaltstack). */
import type { Errno } from '../../base/brands.js';
import { EINVAL, ENOMEM, EPERM } from '../../abi/errno.js';
import { SS_AUTODISARM, SS_DISABLE, SS_ONSTACK } from '../../abi/signal.js';
import { RSP } from '../../platform/registers.js';
import type { Task } from '../task.js';
import { onAltStack } from './frame.js';

const MINSIGSTKSZ = 2048;

/** Sets the thread's alternate stack. EPERM while it runs on it, EINVAL for unknown flags, ENOMEM when too small for a frame. */
export function setAltStack(task: Task, base: number, flags: number, size: number): 0 | Errno {
  const stack = task.signals.altStack;
  if (onAltStack(stack, task.thread.regs.get(RSP))) return EPERM;
  const autoDisarm = (flags & SS_AUTODISARM) !== 0;
  const mode = autoDisarm ? flags & 0x7fffffff : flags;
  if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return EINVAL;
  if (mode === SS_DISABLE) {
    stack.base = 0;
    stack.size = 0;
  } else {
    if (size < MINSIGSTKSZ) return ENOMEM;
    stack.base = base;
    stack.size = size;
  }
  stack.flags = flags >>> 0;
  return 0;
}
