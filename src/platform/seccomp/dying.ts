/**
 * Stub processes that have been killed and are about to end: nobody waits for that (it takes two of the host's threads a turn each on
 * a CPU, which on a busy host is long), but their frames are not given to others before.
 */
import { WNOHANG } from '../../abi/wait.js';
import type { HostPid } from '../../base/brands.js';
import { WAIT_OPTIONS, waitFor } from '../stub/child-status.js';

/** More of them are waited for: they count as processes of the host's user, and hold memory. */
const MOST = 16;

interface Mortal {
  readonly leader: HostPid;
  bury(): void;
}

export class Dying {
  private readonly spaces = new Map<HostPid, Mortal>();

  /** `isReaped`: takes note that the platform need not wait for a process any more; true when it has ended already. */
  constructor(private readonly isReaped: (pid: HostPid) => boolean) {}

  get some(): boolean {
    return this.spaces.size > 0;
  }

  /** A space whose process has been killed. `later`: it may end after this. */
  add(space: Mortal, later: boolean): void {
    if (this.isReaped(space.leader)) {
      space.bury();
      return;
    }
    this.spaces.set(space.leader, space);
    if (!later) this.reap(space, 0);
    else if (this.spaces.size > MOST) this.reap(this.oldest(), 0);
  }

  private oldest(): Mortal {
    return this.spaces.values().next().value!;
  }

  private reap(space: Mortal, options: number): boolean {
    if (waitFor(space.leader, WAIT_OPTIONS | options) === 0) return false;
    this.note(space.leader);
    return true;
  }

  /** Looks after those who have ended by now, the oldest first. */
  look(): void {
    while (this.some && this.reap(this.oldest(), WNOHANG));
  }

  /** Waits for all. */
  settle(): void {
    while (this.some) this.reap(this.oldest(), 0);
  }

  /** A process has been waited for. True when it was one of these. */
  note(pid: HostPid): boolean {
    const space = this.spaces.get(pid);
    this.spaces.delete(pid);
    space?.bury();
    return space !== undefined;
  }
}
