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

const NS_PER_TICK = 1e7;

/** State letter and CPU time of a thread (proc_pid_stat(5)), in ticks where the host has no schedstat; 'X' when there is none. */
export function readThreadProgress(pid: HostPid, tid: HostPid): { state: string; ranNs: number } {
  const folder = `/proc/${pid}/task/${tid}`;
  const stat = readOr(`${folder}/stat`, '');
  if (stat === '') return { state: 'X', ranNs: 0 };
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const exactNs = Number(readOr(`${folder}/schedstat`, '0').split(' ')[0]);
  return { state: fields[0]!, ranNs: exactNs || (Number(fields[11]) + Number(fields[12])) * NS_PER_TICK };
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise;
  }
}
