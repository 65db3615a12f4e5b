/** Resource limits of a process (Linux: struct rlimit, getrlimit(2)). */
import {
  RLIMIT_CORE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RTPRIO,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from '../abi/resource.js';

export const RLIM_INFINITY = Infinity;

export class ResourceLimits {
  /** Indexed by RLIMIT_*; Infinity for RLIM_INFINITY. */
  readonly soft: number[] = new Array<number>(16).fill(RLIM_INFINITY);
  readonly hard: number[] = new Array<number>(16).fill(RLIM_INFINITY);

  set(resource: number, soft: number, hard: number): void {
    this.soft[resource] = soft;
    this.hard[resource] = hard;
  }

  copy(): ResourceLimits {
    const limits = new ResourceLimits();
    for (let i = 0; i < 16; i++) limits.set(i, this.soft[i]!, this.hard[i]!);
    return limits;
  }

  /** Those of a freshly booted Linux with 4 GiB of memory and `processes` as its limit of processes. */
  static defaults(processes: number): ResourceLimits {
    const limits = new ResourceLimits();
    limits.set(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
    limits.set(RLIMIT_CORE, 0, RLIM_INFINITY);
    limits.set(RLIMIT_NPROC, processes, processes);
    limits.set(RLIMIT_NOFILE, 1024, 1048576);
    limits.set(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
    limits.set(RLIMIT_SIGPENDING, 15661, 15661);
    limits.set(RLIMIT_MSGQUEUE, 819200, 819200);
    limits.set(RLIMIT_NICE, 0, 0);
    limits.set(RLIMIT_RTPRIO, 0, 0);
    return limits;
  }
}
