/** What the host's procfs tells of a process. */
import { readFileSync } from 'node:fs';
import type { HostPid } from '../base/brands.js';

export interface HostMapping {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** /proc/PID/maps; empty when it cannot be read. */
export function mappingsOf(pid: HostPid): HostMapping[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return [];
  }
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [range, , , , , name] = line.split(/ +/);
    const [start, end] = range!.split('-');
    return { start: Number.parseInt(start!, 16), end: Number.parseInt(end!, 16), name: name ?? '' };
  });
}

/** State letter and CPU time in clock ticks of a thread (proc_pid_stat(5)); 'X' when there is none. */
export function readThreadStat(pid: HostPid, tid: HostPid): { state: string; ticks: number } {
  try {
    const text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return { state: 'X', ticks: 0 };
  }
}
