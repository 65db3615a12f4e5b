/**
 * Waiting for one guest thread that has been told to trap once more: it executes a few instructions of the stub until then. See
 * overdue.ts for those that do something else.
 */
import type { HostPid, PhysAddr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { futexWait } from '../../host/futex.js';
import type { FrameStore } from '../frames.js';
import { BELL_RUNG, BELL_SLEEPING } from './layout.js';
import { LOOK_AGAIN_NS, Overdue } from './overdue.js';
import { SharedWords } from './words.js';

/** Looks before the kernel sleeps: some ten microseconds. */
const LOOKS = 500;
/** From when on the thread is kicked and looked at, in case that it does something else; and when it is given up in any case. */
const SUSPECT_AFTER_NS = 5e6;
const PATIENCE_NS = 10e9;
/** CPU time for those instructions: some microseconds, and whatever interrupts and faults add. */
const MOST_RUN_NS = 5e6;

/** The thread that is waited for. */
export interface Awaited {
  readonly leader: HostPid;
  readonly tid: HostPid;
  /** It has trapped. */
  isThere(): boolean;
  /** Its process has ended. */
  isGone(): boolean;
  kick(): void;
}

export class FrameWait {
  private readonly bell: SharedWords;
  private readonly clock = new HostClock();

  constructor(frames: FrameStore, doorbell: PhysAddr) {
    this.bell = new SharedWords(frames, doorbell, 4096);
  }

  /** True once it has trapped; false when it never will. */
  until(thread: Awaited): boolean {
    for (let look = 0; look < LOOKS; look++) if (thread.isThere()) return true;
    const { bell } = this;
    bell.store(BELL_SLEEPING, 1);
    const there = this.sleepUntil(thread);
    bell.store(BELL_SLEEPING, 0);
    return there;
  }

  private sleepUntil(thread: Awaited): boolean {
    const { bell } = this;
    const began = this.clock.monotonicNs();
    const overdue = new Overdue(thread.leader, thread.tid, MOST_RUN_NS);
    for (let now = began; now < began + PATIENCE_NS; now = this.clock.monotonicNs()) {
      if (thread.isThere()) return true;
      if (thread.isGone()) return false;
      futexWait(bell.addressAt(BELL_RUNG), bell.load(BELL_RUNG), now + LOOK_AGAIN_NS);
      if (now < began + SUSPECT_AFTER_NS || thread.isThere()) continue;
      thread.kick();
      if (overdue.isHopeless()) return thread.isThere();
    }
    return false;
  }
}
