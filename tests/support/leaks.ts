/**
 * What a sandbox holds before and after many processes: guest frames, tasks, stub processes on the host, descriptors of Node, and
 * Node's heap. The seed's story of page tables that were not freed at exit, told as a test.
 */
import assert from 'node:assert/strict';
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

/** A first round fills caches; after `count` more processes the sandbox holds what it held before, and Node no more descriptors. */
export async function assertNoLeaks(count: number): Promise<void> {
  const sandbox = await Sandbox.create({ limits: { cpuSeconds: 3600 } });
  try {
    const round = async (processes: number): Promise<Holdings> => {
      await sandbox.exec('/bin/sh', ['-c', workload(processes)], { check: true, timeoutMs: 600_000 });
      return holdings(sandbox);
    };
    await round(200);
    const before = await round(200);
    const after = await round(count);
    // Node opens and closes descriptors of its own as it likes: only growth by what a process could leave behind is a leak.
    assert.ok(after.descriptors <= before.descriptors + 2, `${before.descriptors} descriptors became ${after.descriptors}`);
    assert.deepEqual({ ...after, descriptors: 0 }, { ...before, descriptors: 0 });
  } finally {
    await sandbox.close();
  }
}
