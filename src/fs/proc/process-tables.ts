/** Files of /proc/PID that tell about memory, scheduling and timers (proc(5); Linux: fs/proc/base.c, task_mmu.c, kernel/sched/debug.c). */
import type { ByteString, Errno } from '../../base/brands.js';
import { EINVAL } from '../../abi/errno.js';
import { groupCpuNs, taskCpuNs } from '../../kernel/cpu-clock.js';
import { R10, R8, R9, RDI, RDX, RIP, RSI, RSP } from '../../platform/registers.js';
import type { Task } from '../../kernel/task.js';
import { mountsText } from './mount-text.js';
import { memoryKb } from './system-files.js';

function isGone({ state }: Task): boolean {
  return state === 'zombie' || state === 'dead';
}

function smapsText(task: Task): ByteString {
  return isGone(task) ? '' : task.mm.formatSmaps();
}

/** The sums of smaps over all mappings. */
function smapsRollupText(task: Task): ByteString {
  if (isGone(task)) return '';
  const sums = new Map<string, number>();
  let first = '';
  let last = '';
  for (const line of task.mm.formatSmaps().split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) {
      first ||= range[1]!;
      last = range[2]!;
    }
    const field = /^(\w+): +(\d+) kB$/.exec(line);
    if (field && !/^(?:Size|KernelPageSize|MMUPageSize)$/.test(field[1]!))
      sums.set(field[1]!, (sums.get(field[1]!) ?? 0) + Number(field[2]));
  }
  const lines = [...sums].map(([name, kb]) => `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`);
  return `${first}-${last} ---p 00000000 00:00 0                          [rollup]\n${lines.join('')}`;
}

function numaMapsText(task: Task): ByteString {
  if (isGone(task)) return '';
  return task.mm
    .formatMaps()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const path = line.slice(73).trim();
      const place = path === '' ? ' anon=0' : path === '[heap]' ? ' heap' : path === '[stack]' ? ' stack' : ` file=${path}`;
      return `${line.slice(0, line.indexOf('-'))} default${place}\n`;
    })
    .join('');
}

function schedText(task: Task): ByteString {
  const { machine, scheduling } = task;
  const row = (name: string, value: number | string): string => `${name.padEnd(45)}:${String(value).padStart(21)}\n`;
  const priority = scheduling.priority > 0 ? 99 - scheduling.priority : 120 + scheduling.nice;
  const head = `${task.name} (${task.tid}, #threads: ${task.group.tasks.size})\n`;
  return (
    head +
    `${'-'.repeat(67)}\n` +
    row('se.exec_start', ((machine.clock.monotonicNs() - machine.bootNs) / 1e6).toFixed(6)) +
    row('se.sum_exec_runtime', (isGone(task) ? 0 : taskCpuNs(task) / 1e6).toFixed(6)) +
    row('nr_switches', 0) +
    row('nr_voluntary_switches', 0) +
    row('nr_involuntary_switches', 0) +
    row('policy', scheduling.policy) +
    row('prio', priority)
  );
}

/** Badness as the out-of-memory killer sees it (Linux: oom_badness, proc_oom_score). */
function oomScoreText(task: Task): ByteString {
  const { oomScoreAdjust } = task.group;
  if (isGone(task) || oomScoreAdjust === -1000) return '0\n';
  const total = memoryKb(task.machine).total / 4;
  const points = (task.mm.residentPages() * 1000) / total + oomScoreAdjust;
  return `${Math.max(0, Math.floor(((1000 + points) * 2) / 3))}\n`;
}

function timersText(task: Task): ByteString {
  return [...task.group.posixTimers.values()].map((timer) => timer.describe()).join('');
}

function childrenText(task: Task): ByteString {
  if (task.group.leader !== task) return '';
  return [...task.group.children].map(({ pid }) => `${pid} `).join('');
}

function mountstatsText(task: Task): ByteString {
  return mountsText(task.fs.root)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [source, target, type] = line.split(' ');
      return `device ${source} mounted on ${target} with fstype ${type}\n`;
    })
    .join('');
}

function schedstatText(task: Task, isThread: boolean): ByteString {
  const ns = isThread && !isGone(task) ? taskCpuNs(task) : groupCpuNs(task.group);
  return `${Math.floor(ns)} 0 0\n`;
}

/** What a thread that waits has called, with its arguments, stack pointer and instruction pointer. */
function syscallText(task: Task): ByteString {
  if (task.state !== 'blocked' || task.syscallNumber < 0) return isGone(task) ? '' : 'running\n';
  const { regs } = task.thread;
  const words = [RDI, RSI, RDX, R10, R8, R9, RSP, RIP].map((register) => `0x${regs.getBig(register).toString(16)}`);
  return `${task.syscallNumber} ${words.join(' ')}\n`;
}

/** Where in Linux a thread that waits in such a call would be. */
function wchanText(task: Task): ByteString {
  if (task.state !== 'blocked') return task.state === 'stopped' ? 'do_signal_stop' : '0';
  const { name } = task.machine.syscalls[task.syscallNumber] ?? {};
  switch (name) {
    case 'wait4':
    case 'waitid':
      return 'do_wait';
    case 'poll':
    case 'ppoll':
    case 'select':
    case 'pselect6':
      return 'do_poll.constprop.0';
    case 'epoll_wait':
    case 'epoll_pwait':
      return 'do_epoll_wait';
    case 'futex':
      return 'futex_wait_queue';
    case 'nanosleep':
    case 'clock_nanosleep':
      return 'hrtimer_nanosleep';
    case 'rt_sigsuspend':
      return 'sigsuspend';
    case 'pause':
      return '__do_sys_pause';
    case 'read':
    case 'readv':
      return 'wait_woken';
    default:
      return `__do_sys_${name ?? 'unknown'}`;
  }
}

export interface ProcessTable {
  readonly name: ByteString;
  readonly permissions: number;
  /** For those only who may inspect the process. */
  readonly guarded: boolean;
  readonly source: (task: Task, isThread: boolean) => ByteString | Errno;
  /** Takes a write; absent: read-only. */
  readonly write?: () => 0 | Errno;
}

export const PROCESS_TABLES: readonly ProcessTable[] = [
  { name: 'smaps', permissions: 0o444, guarded: true, source: smapsText },
  { name: 'smaps_rollup', permissions: 0o444, guarded: true, source: smapsRollupText },
  { name: 'numa_maps', permissions: 0o444, guarded: true, source: numaMapsText },
  { name: 'clear_refs', permissions: 0o200, guarded: true, source: () => EINVAL, write: () => 0 },
  { name: 'sched', permissions: 0o644, guarded: false, source: schedText, write: () => 0 },
  { name: 'schedstat', permissions: 0o444, guarded: false, source: schedstatText },
  { name: 'oom_score', permissions: 0o444, guarded: false, source: oomScoreText },
  { name: 'oom_adj', permissions: 0o644, guarded: false, source: (task) => `${Math.trunc((task.group.oomScoreAdjust * 17) / 1000)}\n` },
  { name: 'syscall', permissions: 0o400, guarded: true, source: syscallText },
  { name: 'wchan', permissions: 0o444, guarded: false, source: wchanText },
  { name: 'timers', permissions: 0o444, guarded: false, source: timersText },
  { name: 'stack', permissions: 0o400, guarded: true, source: () => '' },
  { name: 'children', permissions: 0o444, guarded: false, source: childrenText },
  { name: 'mountstats', permissions: 0o400, guarded: false, source: mountstatsText },
];

/** /proc/PID/attr without a security module: names that cannot be read or written. */
export const ATTR_NAMES: readonly ByteString[] = ['current', 'prev', 'exec', 'fscreate', 'keycreate', 'sockcreate'];
