/**
 * eventfd(2) (Linux: fs/eventfd.c): a 64-bit counter that is read to zero (or by one, EFD_SEMAPHORE) and written to add.
 * Kept as two 32-bit halves: all 64 bits are data, and BigInt would allocate on the way of every wake-up of an event loop.
 */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EFAULT, EINVAL } from '../abi/errno.js';
import { POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Inode } from '../vfs/inode.js';
import { OpenFile } from '../vfs/open-file.js';

const MAX = 0xffffffff;
const TWO_32 = 4294967296;

const scratch = new Uint8Array(8);
const words = new Uint32Array(scratch.buffer);

export class EventFile extends OpenFile {
  private readonly waiters = new WaitQueue();
  private high = 0;

  constructor(
    inode: Inode,
    flags: number,
    private low: number,
    private readonly isSemaphore: boolean,
  ) {
    super(inode, flags);
  }

  override get seekable(): boolean {
    return false;
  }
  override get writesAll(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  override read(io: IoVec): number | Errno {
    if (io.remaining < 8) return EINVAL;
    if (this.low === 0 && this.high === 0) return EAGAIN;
    words[0] = this.isSemaphore ? 1 : this.low;
    words[1] = this.isSemaphore ? 0 : this.high;
    const moved = io.put(scratch, 0, 8);
    if (this.isSemaphore) this.decrement();
    else this.low = this.high = 0;
    this.waiters.wake(POLLOUT | POLLWRNORM);
    return moved === 8 ? 8 : EFAULT; // what could not be stored is lost, as on Linux
  }

  override write(io: IoVec): number | Errno {
    if (io.remaining < 8) return EINVAL;
    const span = io.next(8, false);
    if (isErr(span)) return span;
    // The counter is looked at before the cursor moves, so that a write that must wait can be repeated.
    if (span === 8) for (let i = 0; i < 8; i++) scratch[i] = io.spanBytes[io.spanOffset + i]!;
    else if (isErr(io.take(scratch, 0, 8))) return EFAULT;
    if (words[0] === MAX && words[1] === MAX) return EINVAL;
    if (!this.add(words[0]!, words[1]!)) return EAGAIN;
    if (span === 8) io.advance(8);
    this.waiters.wake(POLLIN | POLLRDNORM);
    return 8;
  }

  /** The kernel adds one, up to 2^64 - 1, which a write cannot reach: it shows as an overflow (Linux: eventfd_signal). */
  signal(): void {
    if (!this.add(1, 0)) this.low = this.high = MAX;
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  override poll(): number {
    if (this.low === MAX && this.high === MAX) return POLLIN | POLLRDNORM | POLLERR;
    let events = 0;
    if (this.low !== 0 || this.high !== 0) events |= POLLIN | POLLRDNORM;
    if (this.high < MAX || this.low < MAX - 1) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  override fdinfo(): string {
    const digits = this.high === 0 ? this.low.toString(16) : this.high.toString(16) + this.low.toString(16).padStart(8, '0');
    return `eventfd-count: ${digits.padStart(16)}\n`;
  }

  /** False: the sum would pass 2^64 - 2. */
  private add(low: number, high: number): boolean {
    const lowSum = this.low + low;
    const carry = lowSum >= TWO_32 ? 1 : 0;
    const newLow = lowSum - carry * TWO_32;
    const newHigh = this.high + high + carry;
    if (newHigh > MAX || (newHigh === MAX && newLow === MAX)) return false;
    this.low = newLow;
    this.high = newHigh;
    return true;
  }

  private decrement(): void {
    if (this.low === 0) {
      this.high--;
      this.low = MAX;
    } else {
      this.low--;
    }
  }
}
