/**
 * The mm thread of a stub process as the kernel sees it: orders through the request page, one at a time. No guest can forge an
 * answer: see stub-code.ts.
 *
 * Who wakes the mm thread is another matter. A guest thread that is about to spin or to go on does it best, since it is on the same
 * CPU, where nothing but a switch is needed; the kernel does it where there is none, or where it does not come.
 */
import type { Errno, HostPid, PhysAddr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { ESRCH } from '../../abi/errno.js';
import { futexWait, futexWake, watchWords } from '../../host/futex.js';
import type { FrameStore } from '../frames.js';
import { RequestPage } from '../stub/request-page.js';
import { ORDER_COUNT, ORDER_DONE, ORDER_DONE_AT, ORDER_FD, ORDER_GO, ORDER_KIND, ORDER_PARENT, ORDER_RESULT } from './layout.js';
import { Overdue } from './overdue.js';
import { SharedWords } from './words.js';

/** The first time that the kernel waits before it looks what has become of the process, and the longest; and how long it waits in all. */
const LOOK_NS = 2e6;
const LONGEST_LOOK_NS = 10e6;
const PATIENCE_NS = 10e9;
const clock = new HostClock();

export class MmThread {
  readonly queue: RequestPage;
  private readonly page: SharedWords;
  private sequence = 0;
  /** An order has been given whose answer has not been taken: the page is the mm thread's. */
  isBusy = false;

  constructor(
    frames: FrameStore,
    readonly frame: PhysAddr,
  ) {
    this.queue = new RequestPage(frames, frame, frames.fd);
    this.page = new SharedWords(frames, frame, 4096);
    this.page.store64(ORDER_FD, frames.fd);
    this.page.store64(ORDER_DONE_AT, frame + ORDER_DONE);
    this.page.store(ORDER_PARENT, process.pid);
  }

  /** Writes an order to run what is queued. Somebody has to wake the mm thread. */
  order(kind: number, count: number): void {
    const { page } = this;
    page.store(ORDER_KIND, kind);
    page.store(ORDER_COUNT, count);
    page.store(ORDER_RESULT, 0);
    this.queue.reset();
    this.sequence = (this.sequence + 1) & 0x7fffffff;
    this.isBusy = true;
    page.store(ORDER_GO, this.sequence);
  }

  wake(): void {
    futexWake(this.page.addressAt(ORDER_GO));
  }

  get isDone(): boolean {
    return this.page.load(ORDER_DONE) === this.sequence;
  }

  /** Of the order that is done: 0, an id or an errno. */
  takeAnswer(): number | Errno {
    this.isBusy = false;
    return this.page.load(ORDER_RESULT);
  }

  /**
   * Waits for the end of an order: spins for `ticks` of the time-stamp counter, then sleeps. `isDriven`: a guest thread has been told
   * to wake the mm thread; when nothing comes of it the kernel does. ESRCH when no answer will come. `leader`: the mm thread; `isGone`:
   * its process has ended.
   */
  await(ticks: number, isDriven: boolean, leader: HostPid, isGone: () => boolean): 0 | Errno {
    if (!isDriven) this.wake();
    const { page } = this;
    const word = page.addressAt(ORDER_DONE);
    if (ticks > 0 && !this.isDone) watchWords(0, 0, word, page.load(ORDER_DONE), ticks);
    if (this.isDone) return 0;
    if (isDriven) this.wake();
    const began = clock.monotonicNs();
    let now = began;
    let napNs = LOOK_NS;
    let overdue: Overdue | undefined;
    for (let done = page.load(ORDER_DONE); done !== this.sequence; done = page.load(ORDER_DONE)) {
      // Processes that end under an order are rare: nothing is asked before the first wait was in vain.
      if (now > began + LOOK_NS) {
        overdue ??= new Overdue(leader, leader, Infinity);
        if ((now > began + PATIENCE_NS || isGone() || overdue.isHopeless()) && !this.isDone) return ESRCH;
        napNs = Math.min(napNs * 2, LONGEST_LOOK_NS);
      }
      futexWait(word, done, now + napNs);
      now = clock.monotonicNs();
    }
    return 0;
  }
}
