/** An open /dev/kmsg (Linux: Documentation/ABI/testing/dev-kmsg): one record for each read, one for each write. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { bytesOf, byteString } from '../../base/bytes.js';
import type { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EINVAL, EPIPE, ESPIPE } from '../../abi/errno.js';
import { SEEK_DATA, SEEK_END, SEEK_SET } from '../../abi/fs.js';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../abi/poll.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile } from '../../vfs/open-file.js';
import type { KernelLog, LogRecord } from './kernel-log.js';

/** User facility, level 4: what is written without a '<N>' in front. */
const DEFAULT_PRIORITY = 12;
const MAX_WRITE = 1024;

export class KernelLogFile extends OpenFile {
  private sequence: number;

  constructor(
    inode: Inode,
    flags: number,
    private readonly log: KernelLog,
  ) {
    super(inode, flags);
    this.sequence = log.first;
  }

  override get seekable(): boolean {
    return false;
  }
  override get writesAll(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.log.queue;
  }

  override poll(): number {
    const readable = this.sequence < this.log.end ? POLLIN | POLLRDNORM : 0;
    return readable | POLLOUT | POLLWRNORM;
  }

  override read(io: IoVec): number | Errno {
    const { log } = this;
    if (this.sequence < log.first) {
      this.sequence = log.first;
      return EPIPE;
    }
    const record = log.record(this.sequence);
    if (!record) return EAGAIN;
    const bytes = bytesOf(format(record));
    if (bytes.length > io.remaining) return EINVAL;
    const moved = io.put(bytes);
    if (!isErr(moved)) this.sequence++;
    return moved;
  }

  override write(io: IoVec): number | Errno {
    const length = io.remaining;
    if (length > MAX_WRITE) return EINVAL;
    const bytes = new Uint8Array(length);
    const taken = io.take(bytes);
    if (isErr(taken)) return taken;
    const text = byteString(bytes, 0, taken).replace(/\n$/, '');
    const prefix = /^<(\d{1,10})>/.exec(text);
    // The kernel's own facility (0) is not for users.
    const priority = prefix ? Number(prefix[1]) % 2048 : DEFAULT_PRIORITY;
    this.log.add(priority < 8 ? priority + 8 : priority, prefix ? text.slice(prefix[0].length) : text);
    return length;
  }

  override seek(offset: number, whence: number): number | Errno {
    if (offset !== 0) return ESPIPE;
    switch (whence) {
      case SEEK_SET:
      case SEEK_DATA:
        this.sequence = this.log.first;
        return 0;
      case SEEK_END:
        this.sequence = this.log.end;
        return 0;
      default:
        return EINVAL;
    }
  }
}

/** Bytes that are no text are shown as \xHH. */
function format({ priority, sequence, timeUs, text }: LogRecord): ByteString {
  const shown = text.replace(/[^ -~]|\\/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `${priority},${sequence},${timeUs},-;${shown}\n`;
}
