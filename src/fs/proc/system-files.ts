/** Files of /proc about the whole machine (proc(5); Linux: fs/proc/{meminfo,cpuinfo,stat,uptime,loadavg,version}.c). */
import { cpus } from 'node:os';
import type { ByteString } from '../../base/brands.js';
import type { Machine } from '../../kernel/machine.js';

const PAGE_KB = 4;

function kbLine(name: string, kb: number): string {
  return `${(name + ':').padEnd(16)}${String(Math.floor(kb)).padStart(8)} kB\n`;
}

export function meminfoText(machine: Machine): ByteString {
  const total = machine.config.memoryBytes / 1024;
  const used = Math.min(total, machine.physmem.framesInUse * PAGE_KB);
  const free = total - used;
  const zero = (name: string): string => kbLine(name, 0);
  return (
    kbLine('MemTotal', total) +
    kbLine('MemFree', free) +
    kbLine('MemAvailable', free) +
    zero('Buffers') +
    zero('Cached') +
    zero('SwapCached') +
    kbLine('Active', used) +
    zero('Inactive') +
    kbLine('Active(anon)', used) +
    zero('Inactive(anon)') +
    zero('Active(file)') +
    zero('Inactive(file)') +
    zero('Unevictable') +
    zero('Mlocked') +
    zero('SwapTotal') +
    zero('SwapFree') +
    zero('Dirty') +
    zero('Writeback') +
    kbLine('AnonPages', used) +
    zero('Mapped') +
    zero('Shmem') +
    zero('KReclaimable') +
    zero('Slab') +
    zero('SReclaimable') +
    zero('SUnreclaim') +
    zero('KernelStack') +
    zero('PageTables') +
    kbLine('CommitLimit', total / 2) +
    kbLine('Committed_AS', used) +
    kbLine('VmallocTotal', 34359738367) +
    zero('VmallocUsed') +
    zero('VmallocChunk') +
    'HugePages_Total:       0\nHugePages_Free:        0\n' +
    'HugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\n'
  );
}

/** Flags that programs look for; the CPU's own are found by CPUID, which the guest executes natively. */
const CPU_FLAGS =
  'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx rdtscp lm constant_tsc ' +
  'nopl nonstop_tsc cpuid pni pclmulqdq ssse3 cx16 sse4_1 sse4_2 popcnt aes xsave avx';

export function cpuinfoText(machine: Machine): ByteString {
  const model = cpus()[0];
  let text = '';
  for (let cpu = 0; cpu < machine.cpuCount; cpu++) {
    text +=
      `processor\t: ${cpu}\nvendor_id\t: ${/amd/i.test(model?.model ?? '') ? 'AuthenticAMD' : 'GenuineIntel'}\ncpu family\t: 6\nmodel\t\t: 0\n` +
      `model name\t: ${model?.model ?? 'x86-64'}\nstepping\t: 0\ncpu MHz\t\t: ${(model?.speed ?? 2000).toFixed(3)}\ncache size\t: 1024 KB\n` +
      `physical id\t: 0\nsiblings\t: ${machine.cpuCount}\ncore id\t\t: ${cpu}\ncpu cores\t: ${machine.cpuCount}\napicid\t\t: ${cpu}\nfpu\t\t: yes\n` +
      `fpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t: ${CPU_FLAGS}\nbogomips\t: ${((model?.speed ?? 2000) * 2).toFixed(2)}\n` +
      `clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\npower management:\n\n`;
  }
  return text;
}

function uptimeSeconds(machine: Machine): number {
  return (machine.clock.monotonicNs() - machine.bootNs) / 1e9;
}

export function uptimeText(machine: Machine): ByteString {
  const seconds = uptimeSeconds(machine);
  return `${seconds.toFixed(2)} ${(seconds * machine.cpuCount).toFixed(2)}\n`;
}

function running(machine: Machine): number {
  let count = 0;
  for (const task of machine.tasks.values()) if (task.state === 'running') count++;
  return count;
}

export function loadavgText(machine: Machine): ByteString {
  return `0.00 0.00 0.00 ${running(machine)}/${machine.tasks.size} ${machine.pids.lastPid}\n`;
}

export function statText(machine: Machine): ByteString {
  const idle = Math.floor(uptimeSeconds(machine) * 100);
  const cpu = (name: string, ticks: number): string => `${name} 0 0 0 ${ticks} 0 0 0 0 0 0\n`;
  let text = cpu('cpu ', idle * machine.cpuCount);
  for (let i = 0; i < machine.cpuCount; i++) text += cpu(`cpu${i}`, idle);
  const boot = Math.floor(machine.clock.realtime().sec - uptimeSeconds(machine));
  let blocked = 0;
  for (const task of machine.tasks.values()) if (task.state === 'blocked' && !task.sleeper.interruptible) blocked++;
  return `${text}intr 0\nctxt 0\nbtime ${boot}\nprocesses ${machine.pids.lastPid}\nprocs_running ${running(machine)}\nprocs_blocked ${blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

export const FILESYSTEMS_TEXT = ['proc', 'tmpfs', 'devtmpfs', 'devpts', 'sysfs', 'overlay', 'pipefs', 'sockfs']
  .map((name) => `nodev\t${name}\n`)
  .join('');

export const DEVICES_TEXT =
  'Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n';

export const VMSTAT_TEXT = 'nr_free_pages 0\npgfault 0\npgmajfault 0\npswpin 0\npswpout 0\npgpgin 0\npgpgout 0\noom_kill 0\n';
