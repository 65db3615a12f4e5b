/**
 * What a sandbox holds before and after many processes: guest frames, tasks, stub processes on the host, descriptors of Node, and
 * Node's heap. The seed's story of page tables that were not freed at exit, told as a test.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Sandbox } from '../../src/api/sandbox.js';

export interface Holdings {
  frames: number;
  processes: number;
  threads: number;
  descriptors: number;
  /** Processes of the host that descend from this one. */
  stubs: number;
}

/** Every kind of fork, exec and exit that a shell makes, `count` processes in all. */
function workload(count: number): string {
  const each = Math.floor(count / 5);
  return `
    i=0; while [ $i -lt ${each} ]; do /bin/true; (exit 1); echo x | cat >/dev/null; sh -c 'kill -KILL $$' 2>/dev/null; i=$((i+1)); done`;
}

function descendants(): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has just ended.
    }
  }
  const isOurs = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === process.pid) return true;
    return false;
  };
  return [...parents.keys()].filter(isOurs).length;
}

async function holdings(sandbox: Sandbox): Promise<Holdings> {
  const { machine } = await sandbox.statistics();
  return {
    frames: machine.framesInUse,
    processes: machine.processes,
    threads: machine.threads,
    descriptors: readdirSync('/proc/self/fd').length,
    stubs: descendants(),
  };
}

/** Holdings after a first round, which fills caches, and after `count` more processes. */
export async function measureLeaks(count: number): Promise<{ before: Holdings; after: Holdings }> {
  const sandbox = await Sandbox.create({ limits: { cpuSeconds: 3600 } });
  try {
    const round = async (processes: number): Promise<Holdings> => {
      await sandbox.exec('/bin/sh', ['-c', workload(processes)], { check: true, timeoutMs: 600_000 });
      return holdings(sandbox);
    };
    await round(200);
    return { before: await round(200), after: await round(count) };
  } finally {
    await sandbox.close();
  }
}
