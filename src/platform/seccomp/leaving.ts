/**
 * Guest threads that have been told to end, which takes a few instructions of the stub: nobody waits for that. One that does something
 * else instead (overdue.ts) takes its process along.
 */
import { HostClock } from '../../base/clock.js';
import type { HostPid } from '../../base/brands.js';
import { tgkill } from '../../host/process.js';
import { LOOK_AGAIN_NS, Overdue } from './overdue.js';

/** CPU time that an end may take: some ten microseconds. */
const MOST_RUN_NS = 5e6;
/** When the first look at what it does is due. */
const SUSPECT_AFTER_NS = 5e6;
/** With more of them the next waits: they count as threads of the host's user. */
const MOST = 64;
const NAP_MS = 0.1;
const napWord = new Int32Array(new SharedArrayBuffer(4));

interface LeavingSpace {
  readonly leader: HostPid;
  readonly isGone: boolean;
  quiesce(): void;
  kill(): void;
}

interface Leaver<Space> {
  readonly space: Space;
  readonly slot: number;
  readonly tid: HostPid;
}

interface Watched {
  readonly overdue: Overdue;
  lookAtNs: number;
}

const clock = new HostClock();

export class Leaving<Space extends LeavingSpace> {
  private readonly threads = new Map<Leaver<Space>, Watched>();

  /** `onEnd`: the thread is no more, and its STUB_DATA free. */
  constructor(private readonly onEnd: (thread: Leaver<Space>) => void) {}

  get some(): boolean {
    return this.threads.size > 0;
  }

  /** True when some of its threads are not known to have ended. */
  hasOf(space: Space): boolean {
    if (!this.some) return false;
    this.look();
    for (const thread of this.threads.keys()) if (thread.space === space) return true;
    return false;
  }

  add(thread: Leaver<Space>): void {
    const overdue = new Overdue(thread.space.leader, thread.tid, MOST_RUN_NS);
    this.threads.set(thread, { overdue, lookAtNs: clock.monotonicNs() + SUSPECT_AFTER_NS });
    for (; this.threads.size > MOST; this.look()) Atomics.wait(napWord, 0, 0, NAP_MS);
  }

  /** Looks after those who have ended by now, and those who should have. */
  look(): void {
    for (const [thread, watched] of this.threads) {
      const { space, tid } = thread;
      if (space.isGone) this.threads.delete(thread);
      else if (tgkill(space.leader, tid, 0) !== 0) {
        this.threads.delete(thread);
        this.onEnd(thread);
      } else if (clock.monotonicNs() > watched.lookAtNs) {
        watched.lookAtNs = clock.monotonicNs() + LOOK_AGAIN_NS;
        space.quiesce();
        if (watched.overdue.isHopeless() && tgkill(space.leader, tid, 0) === 0) space.kill();
      }
    }
  }
}
