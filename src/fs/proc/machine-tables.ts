/**
 * Tables of /proc that tell of hardware and of parts of a kernel that this machine does not have (proc(5); Linux: mm/vmstat.c,
 * kernel/dma.c, block/genhd.c, ...): empty, with the heads that programs expect.
 */
import type { ByteString } from '../../base/brands.js';
import type { Machine } from '../../kernel/machine.js';
import { keysText, keyUsersText } from './key-files.js';
import { fileLocksText } from './locks-text.js';
import type { TextSource } from './nodes.js';
import type { TextTree } from '../sys/text-tree.js';
import { memoryKb } from './system-files.js';

const PAGE_KB = 4;

const DEVICES =
  'Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 pts\n\nBlock devices:\n  7 loop\n';

const SOFTIRQS = ['HI', 'TIMER', 'NET_TX', 'NET_RX', 'BLOCK', 'IRQ_POLL', 'TASKLET', 'SCHED', 'HRTIMER', 'RCU'];

const CRYPTO = `name         : sha256\ndriver       : sha256-generic\nmodule       : kernel\npriority     : 100\nrefcnt       : 1\nselftest     : passed
internal     : no\ntype         : shash\nblocksize    : 64\ndigestsize   : 32\n\n`;

const SLABINFO =
  'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> ' +
  '<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n';

const NO_PRESSURE = 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0';

const TTY_DRIVERS =
  '/dev/tty             /dev/tty        5       0 system:/dev/tty\n/dev/console         /dev/console    5       1 system:console\n' +
  '/dev/ptmx            /dev/ptmx       5       2 system\npty_slave            /dev/pts      136 0-1048575 pty:slave\n' +
  'pty_master           /dev/ptm      128 0-1048575 pty:master';

/** Name in /proc to what the directory holds. */
export const MACHINE_DIRECTORIES: Readonly<Record<ByteString, TextTree>> = {
  bus: {},
  driver: {},
  fs: {},
  irq: {},
  pressure: { cpu: NO_PRESSURE, io: NO_PRESSURE, memory: NO_PRESSURE },
  tty: { drivers: TTY_DRIVERS, ldiscs: 'n_tty       0' },
};

function cpuColumns(machine: Machine, width: number): string {
  return Array.from({ length: machine.cpuCount }, (_, cpu) => `CPU${cpu}`.padEnd(width)).join('');
}

function vmstatText(machine: Machine): ByteString {
  const { total, used, cached, shared } = memoryKb(machine);
  const pages = (kb: number): number => Math.floor(kb / PAGE_KB);
  const counters: readonly (readonly [string, number])[] = [
    ['nr_free_pages', pages(total - used)],
    ['nr_zone_inactive_anon', 0],
    ['nr_zone_active_anon', pages(used - cached)],
    ['nr_zone_inactive_file', pages(cached)],
    ['nr_zone_active_file', 0],
    ['nr_inactive_anon', 0],
    ['nr_active_anon', pages(used - cached)],
    ['nr_inactive_file', pages(cached)],
    ['nr_active_file', 0],
    ['nr_unevictable', 0],
    ['nr_mlock', 0],
    ['nr_anon_pages', pages(used - cached - shared)],
    ['nr_mapped', pages(cached)],
    ['nr_file_pages', pages(cached + shared)],
    ['nr_dirty', 0],
    ['nr_writeback', 0],
    ['nr_shmem', pages(shared)],
    ['nr_page_table_pages', 0],
    ['pgpgin', 0],
    ['pgpgout', 0],
    ['pswpin', 0],
    ['pswpout', 0],
    ['pgalloc_normal', pages(used)],
    ['pgfree', 0],
    ['pgfault', 0],
    ['pgmajfault', 0],
    ['oom_kill', machine.memoryLimit.kills],
  ];
  return counters.map(([name, value]) => `${name} ${value}\n`).join('');
}

function zoneinfoText(machine: Machine): ByteString {
  const { total, used } = memoryKb(machine);
  const pages = Math.floor(total / PAGE_KB);
  const free = Math.floor((total - used) / PAGE_KB);
  return (
    `Node 0, zone   Normal\n  pages free     ${free}\n        boost    0\n        min      ${Math.floor(pages / 256)}\n` +
    `        low      ${Math.floor(pages / 200)}\n        high     ${Math.floor(pages / 160)}\n        spanned  ${pages}\n` +
    `        present  ${pages}\n        managed  ${pages}\n        cma      0\n        protection: (0, 0)\n  start_pfn:           0\n`
  );
}

/** Free memory as blocks of the largest order. */
function buddyinfoText(machine: Machine): ByteString {
  const { total, used } = memoryKb(machine);
  const orders = new Array<number>(10).fill(0);
  const largest = Math.floor((total - used) / PAGE_KB / 1024);
  return `Node 0, zone   Normal ${[...orders, largest].map((count) => String(count).padStart(6)).join(' ')} \n`;
}

function softirqsText(machine: Machine): ByteString {
  const row = (name: string): string => `${name.padStart(12)}:${'          0'.repeat(machine.cpuCount)}\n`;
  return `                    ${cpuColumns(machine, 11)}\n${SOFTIRQS.map(row).join('')}`;
}

function schedstatText(machine: Machine): ByteString {
  let text = `version 15\ntimestamp ${Math.floor((machine.clock.monotonicNs() - machine.bootNs) / 1e6)}\n`;
  for (let cpu = 0; cpu < machine.cpuCount; cpu++) text += `cpu${cpu} 0 0 0 0 0 0 0 0 0\n`;
  return text;
}

/** Name in /proc to text. */
export function machineTables(machine: Machine): [ByteString, TextSource][] {
  const nothing = (): ByteString => '';
  return [
    ['buddyinfo', () => buddyinfoText(machine)],
    [
      'cgroups',
      () => '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t1\t1\ncpu\t0\t1\t1\nio\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n',
    ],
    ['consoles', () => 'tty0                 -WU (E     )    4:1\n'],
    ['crypto', () => CRYPTO],
    ['devices', () => DEVICES],
    ['diskstats', nothing],
    ['dma', () => ' 4: cascade\n'],
    ['execdomains', () => '0-0\tLinux           \t[kernel]\n'],
    ['fb', nothing],
    [
      'interrupts',
      () => `           ${cpuColumns(machine, 11)}\nLOC: ${'          0'.repeat(machine.cpuCount)}   Local timer interrupts\n`,
    ],
    ['iomem', nothing],
    ['ioports', nothing],
    ['kallsyms', nothing],
    ['key-users', () => keyUsersText(machine)],
    ['keys', () => keysText(machine)],
    ['locks', () => fileLocksText(machine, machine.current.group.pidNs)],
    ['misc', nothing],
    ['modules', nothing],
    ['partitions', () => 'major minor  #blocks  name\n\n'],
    ['schedstat', () => schedstatText(machine)],
    ['slabinfo', () => SLABINFO],
    ['softirqs', () => softirqsText(machine)],
    ['swaps', () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'],
    ['vmallocinfo', nothing],
    ['vmstat', () => vmstatText(machine)],
    ['zoneinfo', () => zoneinfoText(machine)],
  ];
}
