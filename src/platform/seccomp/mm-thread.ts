/**
 * The mm thread of a stub process as the kernel sees it: orders through the request page, one at a time, answered before the
 * kernel goes on. No guest can forge an answer: see stub-code.ts.
 */
import type { Errno, HostPid, PhysAddr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { ESRCH } from '../../abi/errno.js';
import { futexWait, futexWake } from '../../host/futex.js';
import type { FrameStore } from '../frames.js';
import { RequestPage } from '../stub/request-page.js';
import {
  ORDER_COUNT,
  ORDER_DONE,
  ORDER_DONE_AT,
  ORDER_FD,
  ORDER_GO,
  ORDER_KIND,
  ORDER_PARENT,
  ORDER_RESULT,
  ORDER_SLEEPING,
} from './layout.js';
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

  /** Gives an order and waits for its answer. `leader`: the mm thread; `isGone`: its process has ended. */
  order(kind: number, count: number, leader: HostPid, isGone: () => boolean): number | Errno {
    this.writeOrder(kind, count);
    this.sequence = (this.sequence + 1) & 0x7fffffff;
    const { page } = this;
    page.store(ORDER_SLEEPING, 1);
    page.store(ORDER_GO, this.sequence);
    futexWake(page.addressAt(ORDER_GO));
    return this.answer(leader, isGone);
  }

  /** Waits for the answer to the last order: a result or an errno; ESRCH when none will come. */
  private answer(leader: HostPid, isGone: () => boolean): number | Errno {
    const { page } = this;
    page.store(ORDER_SLEEPING, 1);
    const began = clock.monotonicNs();
    let now = began;
    let napNs = LOOK_NS;
    let overdue: Overdue | undefined;
    for (let done = page.load(ORDER_DONE); done !== this.sequence; done = page.load(ORDER_DONE)) {
      // Processes that end under an order are rare: nothing is asked before the first wait was in vain.
      if (now > began + LOOK_NS) {
        overdue ??= new Overdue(leader, leader, Infinity);
        const isLost = now > began + PATIENCE_NS || isGone() || overdue.isHopeless();
        if (isLost && page.load(ORDER_DONE) !== this.sequence) return ESRCH;
        napNs = Math.min(napNs * 2, LONGEST_LOOK_NS);
      }
      futexWait(page.addressAt(ORDER_DONE), done, now + napNs);
      now = clock.monotonicNs();
    }
    page.store(ORDER_SLEEPING, 0);
    return page.load(ORDER_RESULT);
  }

  private writeOrder(kind: number, count: number): void {
    this.page.store(ORDER_KIND, kind);
    this.page.store(ORDER_COUNT, count);
    this.page.store(ORDER_RESULT, 0);
  }
}
