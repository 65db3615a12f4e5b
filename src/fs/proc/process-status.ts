/** Text of /proc/PID/{stat,statm,status,limits,io,...} (proc(5); Linux: fs/proc/array.c). */
import type { ByteString } from '../../base/brands.js';
import { CLOCK_BOOTTIME } from '../../abi/time.js';
import { groupCpuTimes, taskCpuTimes } from '../../kernel/cpu-clock.js';
import { terminalOf } from '../../kernel/job-control.js';
import { INITIAL_PID_NAMESPACE, pidIn, type PidNamespace } from '../../kernel/pid-namespace.js';
import { currentOffsetNs } from '../../kernel/time-namespace.js';
import { shownGid, shownUid } from '../../vfs/user-namespace.js';
import type { Task } from '../../kernel/task.js';
import type { ThreadGroup } from '../../kernel/thread-group.js';

const TICKS_PER_SECOND = 100;
const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;
const PAGE_KB = 4;

interface StateName {
  readonly letter: string;
  readonly text: string;
}

function stateOf(task: Task): StateName {
  if (task.trace?.stop) return { letter: 't', text: 'tracing stop' };
  switch (task.state) {
    case 'running':
      return { letter: 'R', text: 'running' };
    case 'blocked':
      return task.sleeper.interruptible ? { letter: 'S', text: 'sleeping' } : { letter: 'D', text: 'disk sleep' };
    case 'stopped':
      return { letter: 'T', text: 'stopped' };
    case 'zombie':
      return { letter: 'Z', text: 'zombie' };
    case 'dead':
      return { letter: 'X', text: 'dead' };
  }
}

/** True when the process has no memory any more. */
function isGone(task: Task): boolean {
  return task.state === 'zombie' || task.state === 'dead';
}

function ticks(ns: number): number {
  return Math.floor(ns / NS_PER_TICK);
}

/** A limit as stat prints it; 2^64 - 1 for none. */
function limitText(value: number): string {
  return Number.isFinite(value) ? String(value) : '18446744073709551615';
}

/** /proc/PID/stat, 52 fields; of a thread: its own times. */
export function statText(task: Task, viewer: PidNamespace = INITIAL_PID_NAMESPACE, isThread = false): ByteString {
  const { group, mm, machine } = task;
  const { processGroup: pgrp } = group;
  const terminal = terminalOf(group);
  const memory = isGone(task) ? undefined : mm.statistics();
  const own = task.signals;
  const { scheduling } = task;
  const { userNs, systemNs } = isThread ? taskCpuTimes(task) : groupCpuTimes(group);
  const fields: (number | string)[] = [
    pidIn(viewer, task.tid),
    `(${task.name})`,
    stateOf(task).letter,
    pidIn(viewer, group.parentPid),
    pidIn(viewer, pgrp.id),
    pidIn(viewer, pgrp.session.id),
    terminal?.device ?? 0,
    terminal?.foreground ? pidIn(viewer, terminal.foreground.id) : -1,
    0x400000,
    group.counts.faults,
    group.childCounts.faults,
    0,
    0,
    ticks(userNs),
    ticks(systemNs),
    ticks(group.childUserNs),
    ticks(group.childSystemNs),
    scheduling.priority > 0 ? -1 - scheduling.priority : 20 + scheduling.nice,
    scheduling.nice,
    group.tasks.size,
    0,
    ticks(group.startNs - machine.bootNs + currentOffsetNs(machine, CLOCK_BOOTTIME)),
    (memory?.size ?? 0) * 4096,
    memory?.resident ?? 0,
    limitText(Infinity),
    mm.startCode,
    mm.endCode,
    mm.startStack,
    0,
    0,
    own.pending.low >>> 0,
    own.mask.low >>> 0,
    group.signals.ignoredSet().low >>> 0,
    group.signals.caughtSet().low >>> 0,
    0,
    0,
    0,
    group.exitSignal,
    0,
    scheduling.priority,
    scheduling.policy,
    0,
    0,
    0,
    mm.startData,
    mm.endData,
    mm.startBrk,
    mm.argStart,
    mm.argEnd,
    mm.envStart,
    mm.envEnd,
    group.exitStatus ?? 0,
  ];
  return fields.join(' ') + '\n';
}

export function statmText(task: Task): ByteString {
  if (isGone(task)) return '0 0 0 0 0 0 0\n';
  const { size, resident, shared, text, data, stack } = task.mm.statistics();
  return `${size} ${resident} ${shared} ${text} 0 ${data + stack} 0\n`;
}

function hexSet(low: number, high: number): string {
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
}

function capabilities(set: number): string {
  return set.toString(16).padStart(16, '0');
}

function kb(pages: number): string {
  return String(pages * PAGE_KB).padStart(8) + ' kB';
}

/** /proc/PID/status. */
export function statusText(task: Task, viewer: PidNamespace = INITIAL_PID_NAMESPACE): ByteString {
  const { group, cred, signals } = task;
  const state = stateOf(task);
  const reader = (task.machine.current ?? task).cred.userNs;
  const shared = group.signals;
  const lines = [
    `Name:\t${task.name.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
    `Umask:\t${task.fs.umask.toString(8).padStart(4, '0')}`,
    `State:\t${state.letter} (${state.text})`,
    `Tgid:\t${pidIn(viewer, group.pid)}`,
    'Ngid:\t0',
    `Pid:\t${pidIn(viewer, task.tid)}`,
    `PPid:\t${pidIn(viewer, group.parentPid)}`,
    `TracerPid:\t${pidIn(viewer, task.trace?.tracer.group.pid ?? 0)}`,
    `Uid:\t${[cred.uid, cred.euid, cred.suid, cred.fsuid].map((id) => shownUid(reader, id)).join('\t')}`,
    `Gid:\t${[cred.gid, cred.egid, cred.sgid, cred.fsgid].map((id) => shownGid(reader, id)).join('\t')}`,
    `FDSize:\t${Math.max(64, 2 ** Math.ceil(Math.log2(Math.max(1, task.files.capacity))))}`,
    `Groups:\t${cred.groups.map((gid) => `${shownGid(reader, gid)} `).join('')}`,
    `NStgid:\t${idsIn(task, viewer, group.pid)}`,
    `NSpid:\t${idsIn(task, viewer, task.tid)}`,
    `NSpgid:\t${idsIn(task, viewer, group.processGroup.id)}`,
    `NSsid:\t${idsIn(task, viewer, group.processGroup.session.id)}`,
    ...memoryLines(task),
    `Threads:\t${group.tasks.size}`,
    `SigQ:\t0/${group.limits.soft[11]}`,
    `SigPnd:\t${hexSet(signals.pending.low, signals.pending.high)}`,
    `ShdPnd:\t${hexSet(shared.pending.low, shared.pending.high)}`,
    `SigBlk:\t${hexSet(signals.mask.low, signals.mask.high)}`,
    `SigIgn:\t${hexSet(shared.ignoredSet().low, shared.ignoredSet().high)}`,
    `SigCgt:\t${hexSet(shared.caughtSet().low, shared.caughtSet().high)}`,
    `CapInh:\t${capabilities(cred.inheritable)}`,
    `CapPrm:\t${capabilities(cred.permitted)}`,
    `CapEff:\t${capabilities(cred.effective)}`,
    `CapBnd:\t${capabilities(cred.bounding)}`,
    `CapAmb:\t${capabilities(cred.ambient)}`,
    `NoNewPrivs:\t${task.noNewPrivs ? 1 : 0}`,
    `Seccomp:\t${task.seccompMode}`,
    `Seccomp_filters:\t${task.seccompFilter?.count ?? 0}`,
    'Speculation_Store_Bypass:\tthread vulnerable',
    `Cpus_allowed:\t${cpuMask(task)}`,
    `Cpus_allowed_list:\t${cpuList(task)}`,
    'Mems_allowed:\t1',
    'Mems_allowed_list:\t0',
    `voluntary_ctxt_switches:\t${group.counts.waits}`,
    'nonvoluntary_ctxt_switches:\t0',
  ];
  return lines.join('\n') + '\n';
}

/** Its ids from the viewer's namespace down to its own. */
function idsIn(task: Task, viewer: PidNamespace, pid: number): string {
  const ids: number[] = [];
  for (let ns: PidNamespace | null = task.group.pidNs; ns && ns.level >= viewer.level; ns = ns.parent) ids.unshift(pidIn(ns, pid));
  return ids.join('\t');
}

function memoryLines(task: Task): string[] {
  if (isGone(task)) return [];
  const { size, resident, shared, text, data, stack, peak } = task.mm.statistics();
  return [
    `VmPeak:\t${kb(Math.max(size, peak))}`,
    `VmSize:\t${kb(size)}`,
    `VmLck:\t${kb(task.mm.lockedPages())}`,
    `VmPin:\t${kb(0)}`,
    `VmHWM:\t${kb(Math.max(task.group.maxRssPages, resident))}`,
    `VmRSS:\t${kb(resident)}`,
    `RssAnon:\t${kb(resident - shared)}`,
    `RssFile:\t${kb(shared)}`,
    `RssShmem:\t${kb(0)}`,
    `VmData:\t${kb(data)}`,
    `VmStk:\t${kb(stack)}`,
    `VmExe:\t${kb(text)}`,
    `VmLib:\t${kb(0)}`,
    `VmPTE:\t${kb(Math.ceil(size / 512))}`,
    `VmSwap:\t${kb(0)}`,
    'HugetlbPages:\t       0 kB',
    'CoreDumping:\t0',
    'THP_enabled:\t0',
  ];
}

function cpuMask(task: Task): string {
  return (2 ** Math.min(task.machine.cpuCount, 32) - 1).toString(16);
}

function cpuList(task: Task): string {
  const { cpuCount } = task.machine;
  return cpuCount === 1 ? '0' : `0-${cpuCount - 1}`;
}

const LIMIT_ROWS: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
];

/** /proc/PID/limits. */
export function limitsText(group: ThreadGroup): ByteString {
  const show = (value: number): string => (Number.isFinite(value) ? String(value) : 'unlimited');
  let text = `${'Limit'.padEnd(26)}${'Soft Limit'.padEnd(21)}${'Hard Limit'.padEnd(21)}${'Units'.padEnd(10)}\n`;
  LIMIT_ROWS.forEach(([name, unit], resource) => {
    text += `${name.padEnd(26)}${show(group.limits.soft[resource]!).padEnd(21)}${show(group.limits.hard[resource]!).padEnd(21)}${unit.padEnd(10)}\n`;
  });
  return text;
}
