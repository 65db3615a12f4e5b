/** What a background process may do to its terminal (Linux: drivers/tty/tty_jobctrl.c, __tty_check_change; POSIX, "Terminal access control"). */
import type { Errno } from '../../base/brands.js';
import { EIO, ERESTARTSYS } from '../../abi/errno.js';
import { SIGTTIN, SIGTTOU } from '../../abi/signal.js';
import { isOrphaned, terminalOf } from '../../kernel/job-control.js';
import { kernelInfo } from '../../kernel/signals/signal-info.js';
import { sendToProcessGroup } from '../../kernel/signals/send.js';
import type { Task } from '../../kernel/task.js';
import type { Tty } from './tty.js';

function isBackground(task: Task, tty: Tty): boolean {
  const { processGroup } = task.group;
  return terminalOf(task.group) === tty && tty.foreground !== undefined && tty.foreground !== processGroup;
}

function refuses(task: Task, signal: number): boolean {
  return task.signals.mask.has(signal) || task.group.signals.isIgnored(signal);
}

/** Before reading: SIGTTIN stops a background process; EIO when it cannot be stopped. */
export function checkRead(task: Task, tty: Tty): 0 | Errno {
  if (!isBackground(task, tty)) return 0;
  if (refuses(task, SIGTTIN) || isOrphaned(task.group.processGroup)) return EIO;
  sendToProcessGroup(task.group.processGroup, kernelInfo(SIGTTIN));
  return ERESTARTSYS;
}

/** Before changing the terminal, or writing with TOSTOP: SIGTTOU stops a background process that does not refuse it. */
export function checkChange(task: Task, tty: Tty): 0 | Errno {
  if (!isBackground(task, tty) || refuses(task, SIGTTOU)) return 0;
  if (isOrphaned(task.group.processGroup)) return EIO;
  sendToProcessGroup(task.group.processGroup, kernelInfo(SIGTTOU));
  return ERESTARTSYS;
}
