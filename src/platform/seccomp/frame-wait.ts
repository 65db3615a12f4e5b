/** Waiting for one guest thread that has been told to trap once more: it executes a few instructions of the stub until then. */
import type { PhysAddr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { futexWait } from '../../host/futex.js';
import type { FrameStore } from '../frames.js';
import { BELL_RUNG, BELL_SLEEPING } from './layout.js';
import { SharedWords } from './words.js';

/** Looks before the kernel sleeps: some ten microseconds. */
const LOOKS = 500;
const NAP_NS = 1e6;
/** From when on the thread is kicked, in case that it does something else; and when it is given up. */
const KICK_AFTER_NS = 20e6;
const PATIENCE_NS = 1e9;

export class FrameWait {
  private readonly bell: SharedWords;
  private readonly clock = new HostClock();

  constructor(frames: FrameStore, doorbell: PhysAddr) {
    this.bell = new SharedWords(frames, doorbell, 4096);
  }

  /** True once `isThere`; false when it takes too long or `isGone`. `kick` is called when it takes long. */
  until(isThere: () => boolean, isGone: () => boolean, kick: () => void): boolean {
    for (let look = 0; look < LOOKS; look++) if (isThere()) return true;
    const { bell } = this;
    const began = this.clock.monotonicNs();
    bell.store(BELL_SLEEPING, 1);
    let there = isThere();
    for (let now = began; !there && now < began + PATIENCE_NS && !isGone(); now = this.clock.monotonicNs()) {
      if (now > began + KICK_AFTER_NS) kick();
      futexWait(bell.addressAt(BELL_RUNG), bell.load(BELL_RUNG), now + NAP_NS);
      there = isThere();
    }
    bell.store(BELL_SLEEPING, 0);
    return there;
  }
}
