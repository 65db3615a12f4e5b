/**
 * Whether a host thread that the kernel waits for will still come. It has a few instructions of the stub to execute; a guest can end
 * it, have it do something else, or leave it no CPU. Only for the CPU is it waited: a thread that has ended, sleeps or has had more
 * CPU time than its task can take is given up, so that no guest holds up the others.
 */
import type { HostPid } from '../../base/brands.js';
import { readThreadProgress } from '../../host/proc.js';

/** Looks in a row that found it asleep or stopped; a thread that was woken is neither. */
const MOST_IDLE = 20;
/** Time between two looks. */
export const LOOK_AGAIN_NS = 1e6;

/** Of this kernel thread, for its counters. */
export const overdueCounts = { looks: 0, givenUp: 0 };

export class Overdue {
  private ranAtFirstNs = -1;
  private idle = 0;

  constructor(
    private readonly leader: HostPid,
    private readonly tid: HostPid,
    /** CPU time from the first look on, much more than an honest thread needs. */
    private readonly mostRunNs: number,
  ) {}

  /** A look: true when it will not come any more, unless it has come just now. */
  isHopeless(): boolean {
    overdueCounts.looks++;
    const hopeless = this.look();
    if (hopeless) overdueCounts.givenUp++;
    return hopeless;
  }

  private look(): boolean {
    const { state, ranNs } = readThreadProgress(this.leader, this.tid);
    if (state === 'X' || state === 'Z') return true;
    // A tracer's stops ('t', somebody watches with strace) pass.
    this.idle = state === 'S' || state === 'T' ? this.idle + 1 : 0;
    if (this.ranAtFirstNs < 0) this.ranAtFirstNs = ranNs;
    return this.idle > MOST_IDLE || ranNs - this.ranAtFirstNs > this.mostRunNs;
  }
}
