/** The machine: root of all kernel state, in plain data (what a snapshot will have to keep). */
import type { Pid } from '../base/brands.js';
import type { Clock } from '../base/clock.js';
import type { PhysMem } from '../mm/phys-mem.js';
import type { Platform } from '../platform/platform.js';
import type { Mount } from '../vfs/mount.js';
import type { ProcessGroup } from './job-control.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { TimerQueue } from './timers.js';

export interface MachineConfig {
  hostname: string;
  /** Limits of the whole machine. */
  maxProcesses: number;
  memoryBytes: number;
}

export class Machine {
  /** The task whose trap is being served or whose system call runs (Linux: current). */
  current!: Task;
  readonly tasks = new Map<Pid, Task>();
  readonly groups = new Map<Pid, ThreadGroup>();
  readonly processGroups = new Map<Pid, ProcessGroup>();
  readonly timers = new TimerQueue();
  /** Processes whose parent is gone become its children. */
  init: ThreadGroup | undefined;
  hostname: string;
  domainname = '(none)';
  readonly bootNs: number;

  constructor(
    readonly config: MachineConfig,
    readonly clock: Clock,
    readonly platform: Platform,
    readonly physmem: PhysMem,
    readonly rootMount: Mount,
  ) {
    this.hostname = config.hostname;
    this.bootNs = clock.monotonicNs();
  }

  /** Cryptographic randomness: the one door by which it enters the machine. */
  randomBytes(target: Uint8Array): void {
    for (let done = 0; done < target.length; done += 65536) {
      crypto.getRandomValues(target.subarray(done, Math.min(done + 65536, target.length)));
    }
  }
}
