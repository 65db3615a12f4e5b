/**
 * /sys/devices/system: CPUs, their topology and caches, and the one memory node (Documentation/ABI/stable/sysfs-devices-system-cpu;
 * Linux: drivers/base/{cpu,topology,cacheinfo,node}.c). Each CPU is a core of its own in one package.
 */
import { hostCaches, type CacheFacts } from '../../host/machine-facts.js';
import type { Machine } from '../../kernel/machine.js';
import { memoryKb } from '../proc/system-files.js';
import type { TextTree } from './text-tree.js';

/** '0-3', or '0'. */
export function cpuListOf(count: number): string {
  return count === 1 ? '0' : `0-${count - 1}`;
}

/** CPUs [first, end) as a mask: hexadecimal words of 32 bits, high ones first, as many as `count` CPUs take. */
function maskOf(first: number, end: number, count: number): string {
  const words: string[] = [];
  for (let base = 0; base < count; base += 32) {
    let word = 0;
    for (let cpu = Math.max(first, base); cpu < Math.min(end, base + 32); cpu++) word += 2 ** (cpu - base);
    words.unshift(word.toString(16).padStart(count > 32 ? 8 : 1, '0'));
  }
  return words.join(',');
}

function topology(cpu: number, count: number): TextTree {
  const own = { mask: maskOf(cpu, cpu + 1, count), list: String(cpu) };
  const all = { mask: maskOf(0, count, count), list: cpuListOf(count) };
  return {
    core_cpus: own.mask,
    core_cpus_list: own.list,
    core_id: cpu,
    core_siblings: all.mask,
    core_siblings_list: all.list,
    die_cpus: all.mask,
    die_cpus_list: all.list,
    die_id: 0,
    package_cpus: all.mask,
    package_cpus_list: all.list,
    physical_package_id: 0,
    thread_siblings: own.mask,
    thread_siblings_list: own.list,
  };
}

/** Levels up to the second belong to one CPU, others to all. */
function cache(facts: CacheFacts, cpu: number, count: number): TextTree {
  const isShared = Number(facts.get('level')) > 2;
  return {
    ...Object.fromEntries(facts),
    id: isShared ? 0 : cpu,
    shared_cpu_map: isShared ? maskOf(0, count, count) : maskOf(cpu, cpu + 1, count),
    shared_cpu_list: isShared ? cpuListOf(count) : String(cpu),
  };
}

function cpuDirectory(cpu: number, count: number): TextTree {
  const caches = hostCaches().map((facts, index) => [`index${index}`, cache(facts, cpu, count)] as const);
  return {
    ...(cpu > 0 ? { online: 1 } : {}),
    topology: topology(cpu, count),
    cache: Object.fromEntries(caches),
    uevent: 'DRIVER=processor',
  };
}

function nodeDirectory(machine: Machine): TextTree {
  const meminfo = (): string => {
    const { total, used, cached, shared } = memoryKb(machine);
    const line = (name: string, kb: number): string => `Node 0 ${`${name}:`.padEnd(15)} ${String(Math.floor(kb)).padStart(8)} kB\n`;
    return (
      line('MemTotal', total) +
      line('MemFree', total - used) +
      line('MemUsed', used) +
      line('FilePages', cached + shared) +
      line('Shmem', shared)
    );
  };
  return {
    cpulist: cpuListOf(machine.cpuCount),
    cpumap: maskOf(0, machine.cpuCount, machine.cpuCount),
    distance: 10,
    meminfo,
    numastat: 'numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0',
    vmstat: () => `nr_free_pages ${Math.floor((memoryKb(machine).total - memoryKb(machine).used) / 4)}\n`,
    hugepages: { 'hugepages-2048kB': { nr_hugepages: 0, free_hugepages: 0, surplus_hugepages: 0 } },
  };
}

export function systemDevices(machine: Machine): TextTree {
  const { cpuCount } = machine;
  const all = cpuListOf(cpuCount);
  const cpus = Array.from({ length: cpuCount }, (_, cpu) => [`cpu${cpu}`, cpuDirectory(cpu, cpuCount)] as const);
  return {
    cpu: {
      ...Object.fromEntries(cpus),
      isolated: '',
      kernel_max: 8191,
      modalias: 'cpu:type:x86,ven0000fam0006mod0000:feature:',
      offline: '',
      online: all,
      possible: all,
      present: all,
      smt: { active: 0, control: 'notsupported' },
    },
    node: { node0: nodeDirectory(machine), has_cpu: 0, has_memory: 0, has_normal_memory: 0, online: 0, possible: 0 },
    clocksource: { clocksource0: { available_clocksource: 'tsc', current_clocksource: 'tsc' } },
    memory: { block_size_bytes: '8000000' },
  };
}
