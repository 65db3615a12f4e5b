/** syslog(2), the kernel's log by number of action (Linux: kernel/printk/printk.c, do_syslog). The console is nobody's: levels are kept. */
import { isErr, type Errno } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { CAP_SYSLOG } from '../abi/capability.js';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.js';
import { formatLogLine, kernelLogOf, type KernelLog } from '../fs/dev/kernel-log.js';
import { address, int, partial, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { hasCapability } from '../vfs/credentials.js';

const ACTION_CLOSE = 0;
const ACTION_OPEN = 1;
const ACTION_READ = 2;
const ACTION_READ_ALL = 3;
const ACTION_READ_CLEAR = 4;
const ACTION_CLEAR = 5;
const ACTION_CONSOLE_OFF = 6;
const ACTION_CONSOLE_ON = 7;
const ACTION_CONSOLE_LEVEL = 8;
const ACTION_SIZE_UNREAD = 9;
const ACTION_SIZE_BUFFER = 10;
/** What the buffer holds at most, as far as programs are told. */
const BUFFER_BYTES = 262144;

/** Text of the records from `from` on. */
function textFrom(log: KernelLog, from: number): string {
  let text = '';
  for (let sequence = Math.max(from, log.first); sequence < log.end; sequence++) text += formatLogLine(log.record(sequence)!);
  return text;
}

/** The newest whole lines that fit (Linux: syslog_print_all). */
function readAll(task: Task, log: KernelLog, at: number, length: number): number | Errno {
  let text = textFrom(log, log.cleared);
  while (text.length > length) {
    const end = text.indexOf('\n');
    if (end < 0 || end + 1 >= text.length) return 0;
    text = text.slice(end + 1);
  }
  return isErr(task.copyOut(at, bytesOf(text))) ? EFAULT : text.length;
}

/** The next lines that nobody has taken by this call; here an empty log is no reason to wait. */
function readNext(task: Task, log: KernelLog, at: number, length: number): number | Errno {
  const text = textFrom(log, log.taken).slice(0, length);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (isErr(task.copyOut(at, bytesOf(whole)))) return EFAULT;
  log.taken = Math.max(log.taken, log.first) + whole.split('\n').length - 1;
  return whole.length;
}

function act(task: Task, action: number, at: number, length: number): number | Errno {
  const log = kernelLogOf(task.machine);
  switch (action) {
    case ACTION_CLOSE:
    case ACTION_OPEN:
    case ACTION_CONSOLE_OFF:
    case ACTION_CONSOLE_ON:
      return 0;
    case ACTION_READ:
    case ACTION_READ_ALL:
    case ACTION_READ_CLEAR: {
      if (at === 0 || length < 0) return EINVAL;
      if (length === 0) return 0;
      const read = action === ACTION_READ ? readNext(task, log, at, length) : readAll(task, log, at, length);
      if (!isErr(read) && action === ACTION_READ_CLEAR) log.cleared = log.end;
      return read;
    }
    case ACTION_CLEAR:
      log.cleared = log.end;
      return 0;
    case ACTION_CONSOLE_LEVEL:
      return length < 1 || length > 8 ? EINVAL : 0;
    case ACTION_SIZE_UNREAD:
      return textFrom(log, log.taken).length;
    case ACTION_SIZE_BUFFER:
      return BUFFER_BYTES;
    default:
      return EINVAL;
  }
}

export const syslog = syscall(
  'syslog',
  [int, address, int],
  (task, action, at, length) => {
    // kernel.dmesg_restrict is set: reading needs the privilege too.
    if (!hasCapability(task.cred, CAP_SYSLOG)) return EPERM;
    return act(task, action, at, length);
  },
  partial('reading an empty log does not wait'),
);
