/** Process ids (Linux: kernel/pid.c): counted up, wrapped at pid_max, never one that a task, group or session still uses. */
import type { Pid } from '../base/brands.js';
import type { Machine } from './machine.js';

export const PID_MAX = 4194304;
/** After a wrap ids begin here, as on Linux: low ones belong to services. */
const RESERVED_PIDS = 300;

/** The first id behind `last` that is not taken. */
export function nextFreePid(last: Pid, isTaken: (pid: Pid) => boolean, max = PID_MAX): Pid {
  let pid = last;
  do pid = pid + 1 < max ? pid + 1 : RESERVED_PIDS;
  while (isTaken(pid));
  return pid;
}

export class PidAllocator {
  private last = 0;

  next(machine: Machine): Pid {
    const isTaken = (pid: Pid): boolean => machine.tasks.has(pid) || machine.groups.has(pid) || machine.processGroups.has(pid);
    this.last = nextFreePid(this.last, isTaken, machine.sysctl.pidMax);
    return this.last;
  }

  /** The id given last, for /proc/loadavg. */
  get lastPid(): Pid {
    return this.last;
  }
}
