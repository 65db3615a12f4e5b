/**
 * The machine as a cgroup of version 2 (Documentation/admin-guide/cgroup-v2.rst), as a program in a container sees its own: the
 * machine's limits and what is used of them. Groups cannot be made, nor limits written.
 */
import type { Machine } from '../../kernel/machine.js';
import { machineCpuTimes } from '../../kernel/cpu-clock.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { memoryKb } from '../proc/system-files.js';
import { cpuListOf } from './cpu-tree.js';
import { textDirectory, type TextTree } from './text-tree.js';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const NO_PRESSURE = 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0';

export class CgroupFs extends FileSystem {
  readonly type = 'cgroup2';
  override readonly readOnly = true;
  readonly root: Inode;

  constructor(machine: Machine) {
    super();
    this.root = textDirectory(this, () => tree(machine));
  }

  statistics(): FileSystemStatistics {
    return { type: CGROUP2_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

function lines(table: Readonly<Record<string, number>>): string {
  return Object.entries(table)
    .map(([name, value]) => `${name} ${Math.floor(value)}\n`)
    .join('');
}

function tree(machine: Machine): TextTree {
  const members = (ids: () => Iterable<number>) => (): string => [...ids()].map((id) => `${id}\n`).join('');
  return {
    'cgroup.controllers': 'cpuset cpu io memory pids',
    'cgroup.events': 'populated 1\nfrozen 0',
    'cgroup.freeze': 0,
    'cgroup.max.depth': 'max',
    'cgroup.max.descendants': 'max',
    'cgroup.procs': members(() => machine.groups.keys()),
    'cgroup.stat': 'nr_descendants 0\nnr_dying_descendants 0',
    'cgroup.subtree_control': '',
    'cgroup.threads': members(() => machine.tasks.keys()),
    'cgroup.type': 'domain',
    ...cpuFiles(machine),
    'io.max': '',
    'io.pressure': NO_PRESSURE,
    'io.stat': '',
    ...memoryFiles(machine),
    'pids.current': () => `${machine.tasks.size}\n`,
    'pids.events': 'max 0',
    'pids.max': machine.config.maxProcesses,
  };
}

function cpuFiles(machine: Machine): TextTree {
  const stat = (): string => {
    const { userNs, systemNs } = machineCpuTimes(machine);
    const usage = { usage_usec: (userNs + systemNs) / 1e3, user_usec: userNs / 1e3, system_usec: systemNs / 1e3 };
    return lines({ ...usage, nr_periods: 0, nr_throttled: 0, throttled_usec: 0, nr_bursts: 0, burst_usec: 0 });
  };
  return {
    'cpu.idle': 0,
    'cpu.max': 'max 100000',
    'cpu.max.burst': 0,
    'cpu.pressure': NO_PRESSURE,
    'cpu.stat': stat,
    'cpu.weight': 100,
    'cpu.weight.nice': 0,
    'cpuset.cpus': '',
    'cpuset.cpus.effective': cpuListOf(machine.cpuCount),
    'cpuset.mems': '',
    'cpuset.mems.effective': 0,
  };
}

function memoryFiles(machine: Machine): TextTree {
  let peak = 0;
  const current = (): number => Math.floor(memoryKb(machine).used) * 1024;
  const stat = (): string => {
    const { used, cached, shared } = memoryKb(machine);
    const kb = {
      anon: used - cached - shared,
      file: cached + shared,
      kernel: 0,
      shmem: shared,
      file_mapped: cached,
      file_dirty: 0,
      swapcached: 0,
    };
    const lists = { inactive_anon: 0, active_anon: used - cached, inactive_file: cached, active_file: 0, unevictable: 0, slab: 0 };
    return lines(Object.fromEntries(Object.entries({ ...kb, ...lists }).map(([name, value]) => [name, value * 1024])));
  };
  const events = (): string => {
    const { kills } = machine.memoryLimit;
    return lines({ low: 0, high: 0, max: kills, oom: kills, oom_kill: kills, oom_group_kill: 0 });
  };
  return {
    'memory.current': () => `${current()}\n`,
    'memory.events': events,
    'memory.high': 'max',
    'memory.low': 0,
    'memory.max': machine.config.memoryBytes,
    'memory.min': 0,
    'memory.oom.group': 0,
    'memory.peak': () => `${(peak = Math.max(peak, current()))}\n`,
    'memory.pressure': NO_PRESSURE,
    'memory.stat': stat,
    'memory.swap.current': 0,
    'memory.swap.max': 0,
  };
}
