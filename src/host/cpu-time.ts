/** CPU time that the host has given to other processes and threads (clock_getcpuclockid(3), /proc/PID/task/TID/schedstat). */
import { closeSync, openSync, readSync } from 'node:fs';
import { isErr, type HostPid } from '../base/brands.js';
import { bind } from './libc.js';

const clockGettime = bind('clock_gettime', 'int', ['int', 'void*']);
/** User and system time, user time: both counted in ticks; and both, exactly (Linux: include/linux/posix-timers_types.h). */
const CPUCLOCK_PROF = 0;
const CPUCLOCK_VIRT = 1;
const CPUCLOCK_SCHED = 2;
const buffer = new Uint8Array(128);
const view = new DataView(buffer.buffer);

/** Nanoseconds of CPU time of all threads of a process, ended ones included; 0 when it is gone. */
export function processCpuNs(pid: HostPid): number {
  return readClock(pid, CPUCLOCK_SCHED);
}

/** The part, 0 to 1, of a process' CPU time that it spent in its own code; 1 while the host has counted none. */
export function processUserShare(pid: HostPid): number {
  const both = readClock(pid, CPUCLOCK_PROF);
  return both > 0 ? Math.min(1, readClock(pid, CPUCLOCK_VIRT) / both) : 1;
}

function readClock(pid: HostPid, kind: number): number {
  if (isErr(clockGettime((~pid << 3) | kind | 0, buffer))) return 0;
  return Number(view.getBigInt64(0, true)) * 1e9 + Number(view.getBigInt64(8, true));
}

/** Nanoseconds of CPU time of one thread, as of its last switch or tick; 0 when it is gone or the host does not tell. */
export function threadCpuNs(pid: HostPid, tid: HostPid): number {
  if (tid === 0) return 0; // not there yet; 0 would be the calling thread
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/task/${tid}/schedstat`, 'r');
  } catch {
    return 0;
  }
  try {
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return Number.parseInt(Buffer.from(buffer.subarray(0, length)).toString('latin1'), 10) || 0;
  } catch {
    return 0;
  } finally {
    closeSync(fd);
  }
}
