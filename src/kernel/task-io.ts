/** Guest buffers as cursors for read, write and their kin, checked as Linux does (lib/iov_iter.c import_iovec, access_ok). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EFAULT, EFBIG, EINVAL, EPIPE } from '../abi/errno.js';
import { MAX_RW_COUNT, UIO_MAXIOV } from '../abi/fs.js';
import { SIGPIPE, SIGXFSZ } from '../abi/signal.js';
import type { IoVec } from '../mm/io-vec.js';
import { userInfo } from './signals/signal-info.js';
import { sendToTask } from './signals/send.js';
import type { Task } from './task.js';

/** End of user space as Linux sees it: buffers that reach beyond are EFAULT before anything else is looked at. */
const USER_END = 0x7fff_ffff_f000;
const IOVEC_SIZE = 16;

const table = new Uint8Array(UIO_MAXIOV * IOVEC_SIZE);
const tableView = new DataView(table.buffer);

/** One guest buffer. */
export function bufferOf(task: Task, address: GuestAddr, length: number): IoVec | Errno {
  if (address + length > USER_END) return EFAULT;
  return task.mm.ioVec(address, Math.min(length, MAX_RW_COUNT));
}

/** An array of `count` struct iovec at `address`. */
export function buffersOf(task: Task, address: GuestAddr, count: number): IoVec | Errno {
  if (count > UIO_MAXIOV) return EINVAL;
  const bytes = table.subarray(0, count * IOVEC_SIZE);
  if (count > 0 && isErr(task.mm.copyIn(address, bytes))) return EFAULT;
  const segments: { base: GuestAddr; length: number }[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length; at += IOVEC_SIZE) if (tableView.getInt32(at + 12, true) < 0) return EINVAL;
  for (let at = 0; at < bytes.length; at += IOVEC_SIZE) {
    const base = tableView.getUint32(at, true) + tableView.getUint32(at + 4, true) * 4294967296;
    const length = tableView.getUint32(at + 8, true) + tableView.getUint32(at + 12, true) * 4294967296;
    if (base + length > USER_END) return EFAULT;
    const used = Math.min(length, MAX_RW_COUNT - total);
    if (used > 0) segments.push({ base, length: used });
    total += used;
  }
  return task.mm.ioVecs(segments);
}

/** What a failed write does to the writer: SIGPIPE for EPIPE, SIGXFSZ for EFBIG. */
export function afterWrite(task: Task, answer: number | Blocking<number>): number | Blocking<number> {
  if (typeof answer !== 'number') return afterBlockedWrite(task, answer);
  if (answer === EPIPE || answer === EFBIG) raiseForWrite(task, answer);
  return answer;
}

function* afterBlockedWrite(task: Task, writing: Blocking<number>): Blocking<number> {
  const result = yield* writing;
  if (result === EPIPE || result === EFBIG) raiseForWrite(task, result);
  return result;
}

export function raiseForWrite(task: Task, error: number): void {
  sendToTask(task, userInfo(error === EPIPE ? SIGPIPE : SIGXFSZ, task.group.pid, task.cred.uid));
}
