/**
 * Scheduling attributes of a thread: policy, priority, nice value, affinity (Linux: kernel/sched/syscalls.c; sched(7)). The host
 * schedules, so they are kept and reported, and change nothing.
 */
import { SCHED_NORMAL } from '../abi/sched.js';

const IOPRIO_DEFAULT = 0;

export class Scheduling {
  policy = SCHED_NORMAL;
  /** 1..99 with SCHED_FIFO and SCHED_RR, else 0. */
  priority = 0;
  /** -20..19. */
  nice = 0;
  resetOnFork = false;
  /** CPUs that the thread may use; undefined: all. One byte has eight of them. */
  affinity: Uint8Array | undefined = undefined;
  ioPriority = IOPRIO_DEFAULT;
  /** Of SCHED_DEADLINE, in nanoseconds. */
  deadline = { runtime: 0, deadline: 0, period: 0 };

  /** What a child gets. */
  copyForClone(): Scheduling {
    const copy = new Scheduling();
    copy.affinity = this.affinity;
    copy.ioPriority = this.ioPriority;
    if (this.resetOnFork) {
      copy.nice = Math.max(0, this.nice);
      return copy;
    }
    copy.policy = this.policy;
    copy.priority = this.priority;
    copy.nice = this.nice;
    return copy;
  }
}

/** Every CPU of the machine, as a cpu_set_t of whole 64-bit words. */
export function allCpus(count: number): Uint8Array {
  const mask = new Uint8Array(Math.ceil(count / 64) * 8);
  for (let cpu = 0; cpu < count; cpu++) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return mask;
}
