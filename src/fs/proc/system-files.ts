/** Files of /proc about the whole machine (proc(5); Linux: fs/proc/{meminfo,cpuinfo,stat,uptime,loadavg,version}.c). */
import type { ByteString } from '../../base/brands.js';
import { hostCpuInfo } from '../../host/machine-facts.js';
import { machineCpuTimes } from '../../kernel/cpu-clock.js';
import { fileSystemTypes } from '../../kernel/file-system-types.js';
import { CLOCK_BOOTTIME } from '../../abi/time.js';
import { currentOffsetNs } from '../../kernel/time-namespace.js';
import type { Machine } from '../../kernel/machine.js';
import { PageCache } from '../../mm/page-cache.js';

const PAGE_KB = 4;

function kbLine(name: string, kb: number): string {
  return `${(name + ':').padEnd(16)}${String(Math.floor(kb)).padStart(8)} kB\n`;
}

export function meminfoText(machine: Machine): ByteString {
  const { total, used, cached, shared } = memoryKb(machine);
  const anonymous = used - cached - shared;
  const zero = (...names: string[]): string => names.map((name) => kbLine(name, 0)).join('');
  return (
    kbLine('MemTotal', total) +
    kbLine('MemFree', total - used) +
    kbLine('MemAvailable', total - used + cached) +
    zero('Buffers') +
    kbLine('Cached', cached + shared) +
    zero('SwapCached') +
    kbLine('Active', anonymous + shared) +
    kbLine('Inactive', cached) +
    kbLine('Active(anon)', anonymous + shared) +
    zero('Inactive(anon)', 'Active(file)') +
    kbLine('Inactive(file)', cached) +
    zero('Unevictable', 'Mlocked', 'SwapTotal', 'SwapFree', 'Zswap', 'Zswapped', 'Dirty', 'Writeback') +
    kbLine('AnonPages', anonymous) +
    kbLine('Mapped', cached) +
    kbLine('Shmem', shared) +
    zero('KReclaimable', 'Slab', 'SReclaimable', 'SUnreclaim', 'KernelStack', 'PageTables', 'SecPageTables') +
    zero('NFS_Unstable', 'Bounce', 'WritebackTmp') +
    kbLine('CommitLimit', total / 2) +
    kbLine('Committed_AS', used) +
    kbLine('VmallocTotal', 34359738367) +
    zero('VmallocUsed', 'VmallocChunk', 'Percpu', 'HardwareCorrupted', 'AnonHugePages', 'ShmemHugePages', 'ShmemPmdMapped') +
    zero('FileHugePages', 'FilePmdMapped', 'CmaTotal', 'CmaFree') +
    'HugePages_Total:       0\nHugePages_Free:        0\n' +
    'HugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\n' +
    zero('Hugetlb') +
    kbLine('DirectMap4k', total)
  );
}

/** What host memory is used for. `cached`: contents of files that could be read again; `shared`: files in memory. */
export function memoryKb({ config, physmem, disk }: Machine): { total: number; used: number; cached: number; shared: number } {
  const total = config.memoryBytes / 1024;
  const used = Math.min(total, physmem.hostBytesUsed() / 1024);
  let pages = 0;
  for (const reclaimer of physmem.reclaimers) if (reclaimer instanceof PageCache) pages += reclaimer.residentPages;
  const cached = Math.min(used, pages * PAGE_KB);
  return { total, used, cached, shared: Math.min(used - cached, disk.usedPages * PAGE_KB) };
}

/** Features that guests may not use. */
const REFUSED_FLAGS = /^(?:amx_\w+|pku|ospke|shstk|ibt|user_shstk|vmx|svm|rdt_a|cqm\w*|arch_lbr|hypervisor)$/;

/** The host's CPUs, for guest code runs on them; without what is refused, and as many as the machine has. */
export function cpuinfoText(machine: Machine): ByteString {
  const host = hostCpuInfo();
  let text = '';
  for (let cpu = 0; cpu < machine.cpuCount; cpu++) {
    const lines = (host[cpu % Math.max(1, host.length)] ?? ['vendor_id\t: unknown', 'flags\t\t: ']).map((line) =>
      cpuLine(line, cpu, machine.cpuCount),
    );
    text += `processor\t: ${cpu}\n${lines.join('\n')}\n\n`;
  }
  return text;
}

function cpuLine(line: string, cpu: number, count: number): string {
  const [name] = line.split('\t', 1) as [string];
  const head = line.slice(0, line.indexOf(':') + 1);
  switch (name) {
    case 'flags':
      return `${head} ${line
        .slice(head.length)
        .split(' ')
        .filter((flag) => flag !== '' && !REFUSED_FLAGS.test(flag))
        .join(' ')}`;
    case 'physical id':
      return `${head} 0`;
    case 'siblings':
    case 'cpu cores':
      return `${head} ${count}`;
    case 'core id':
    case 'apicid':
    case 'initial apicid':
      return `${head} ${cpu}`;
    default:
      return line;
  }
}

function uptimeSeconds(machine: Machine): number {
  return (machine.clock.monotonicNs() - machine.bootNs) / 1e9;
}

/** As the time namespace of the one who asks has it. */
function shownUptimeSeconds(machine: Machine): number {
  return uptimeSeconds(machine) + currentOffsetNs(machine, CLOCK_BOOTTIME) / 1e9;
}

/** Times of the whole machine in seconds since it was booted. */
function cpuSeconds(machine: Machine): { user: number; system: number; idle: number } {
  const { userNs, systemNs } = machineCpuTimes(machine);
  const idle = Math.max(0, uptimeSeconds(machine) * machine.cpuCount - (userNs + systemNs) / 1e9);
  return { user: userNs / 1e9, system: systemNs / 1e9, idle };
}

export function uptimeText(machine: Machine): ByteString {
  return `${shownUptimeSeconds(machine).toFixed(2)} ${cpuSeconds(machine).idle.toFixed(2)}\n`;
}

function running(machine: Machine): number {
  let count = 0;
  for (const task of machine.tasks.values()) if (task.state === 'running') count++;
  return count;
}

const LOAD_SECONDS = [60, 300, 900];
const loads = new WeakMap<Machine, { averages: number[]; atNs: number }>();

/** Linux counts every five seconds; here the averages move when somebody looks, towards the share of CPU time used since then. */
function loadAverages(machine: Machine): readonly number[] {
  const nowNs = machine.clock.monotonicNs();
  let load = loads.get(machine);
  if (!load) loads.set(machine, (load = { averages: [0, 0, 0], atNs: machine.bootNs }));
  const seconds = (nowNs - load.atNs) / 1e9;
  if (seconds < 1) return load.averages;
  const active = running(machine);
  load.atNs = nowNs;
  load.averages = load.averages.map((average, i) => active + (average - active) * Math.exp(-seconds / LOAD_SECONDS[i]!));
  return load.averages;
}

export function loadavgText(machine: Machine): ByteString {
  const averages = loadAverages(machine).map((load) => load.toFixed(2));
  return `${averages.join(' ')} ${running(machine)}/${machine.tasks.size} ${machine.pids.lastPid}\n`;
}

export function statText(machine: Machine): ByteString {
  const { user, system, idle } = cpuSeconds(machine);
  const ticks = (seconds: number): number => Math.floor(seconds * 100);
  const line = (name: string, share: number): string =>
    `${name} ${ticks(user * share)} 0 ${ticks(system * share)} ${ticks(idle * share)} 0 0 0 0 0 0\n`;
  let text = line('cpu ', 1);
  for (let i = 0; i < machine.cpuCount; i++) text += line(`cpu${i}`, 1 / machine.cpuCount);
  const boot = Math.floor(machine.clock.realtime().sec - shownUptimeSeconds(machine));
  let blocked = 0;
  for (const task of machine.tasks.values()) if (task.state === 'blocked' && !task.sleeper.interruptible) blocked++;
  return `${text}intr 0\nctxt ${machine.waits}\nbtime ${boot}\nprocesses ${machine.pids.lastPid}\nprocs_running ${running(machine)}\nprocs_blocked ${blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

export function filesystemsText(): ByteString {
  const names = new Set([
    'sysfs',
    'tmpfs',
    'bdev',
    'proc',
    'cgroup2',
    'devtmpfs',
    'sockfs',
    'pipefs',
    'ramfs',
    'devpts',
    'mqueue',
    ...fileSystemTypes(),
    'overlay',
  ]);
  return [...names].map((name) => `nodev\t${name}\n`).join('') + '\terofs\n';
}
