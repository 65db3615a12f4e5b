/** Process ids (Linux: kernel/pid.c): counted up, wrapped at pid_max, never one that a task, group or session still uses. */
import type { Pid } from '../base/brands.js';
import type { Machine } from './machine.js';

export const PID_MAX = 4194304;
/** After a wrap ids begin here, as on Linux: low ones belong to services. */
const RESERVED_PIDS = 300;

export class PidAllocator {
  private last = 0;

  next(machine: Machine): Pid {
    do {
      this.last = this.last + 1 < machine.sysctl.pidMax ? this.last + 1 : RESERVED_PIDS;
    } while (machine.tasks.has(this.last) || machine.groups.has(this.last) || machine.processGroups.has(this.last));
    return this.last;
  }

  /** The id given last, for /proc/loadavg. */
  get lastPid(): Pid {
    return this.last;
  }
}
