/**
 * Time namespaces (Linux: kernel/time/namespace.c; time_namespaces(7)): CLOCK_MONOTONIC and CLOCK_BOOTTIME, and their kin, are shifted
 * for those who are in one. A process enters what it made when it forks or executes a program, and the offsets stand from then on.
 *
 * In Linux the vDSO finds the offsets in a page of its own. Here the page of clock parameters is exchanged for one that sends the vDSO
 * to the system call: slower, and nothing has to be kept in step.
 */
import { isErr, type Errno } from '../base/brands.js';
import { CAP_SYS_TIME } from '../abi/capability.js';
import { EACCES, EINVAL, EPERM, ERANGE } from '../abi/errno.js';
import { CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW } from '../abi/time.js';
import { capableIn } from '../vfs/credentials.js';
import { Namespace } from '../vfs/namespace.js';
import type { UserNamespace } from '../vfs/user-namespace.js';
import type { Machine } from './machine.js';
import { switchNamespaces } from './nsproxy.js';
import type { Task } from './task.js';

const NS_PER_SEC = 1e9;
/** Half of what the kernel can count, so that clocks never overflow (Linux: KTIME_SEC_MAX / 2). */
const MAX_SECONDS = 4611686018;
const NAMES: Readonly<Record<string, 'monotonic' | 'boottime'>> = {
  monotonic: 'monotonic',
  boottime: 'boottime',
  [CLOCK_MONOTONIC]: 'monotonic',
  [CLOCK_BOOTTIME]: 'boottime',
};

export class TimeNamespace extends Namespace {
  readonly kind = 'time';
  /** In nanoseconds, exact below 2^53. */
  readonly offsets = { monotonic: 0, boottime: 0 };
  /** Somebody is in it: its offsets stay. */
  frozen: boolean;

  constructor(owner: UserNamespace, isFirst: boolean, like?: TimeNamespace) {
    super('time', owner, isFirst);
    this.frozen = isFirst;
    if (like) Object.assign(this.offsets, like.offsets);
  }

  get isShifted(): boolean {
    return this.offsets.monotonic !== 0 || this.offsets.boottime !== 0;
  }

  /** What is added to a clock of the machine; 0 for clocks that no namespace shifts. */
  offsetOf(clock: number): number {
    switch (clock) {
      case CLOCK_MONOTONIC:
      case CLOCK_MONOTONIC_RAW:
      case CLOCK_MONOTONIC_COARSE:
        return this.offsets.monotonic;
      case CLOCK_BOOTTIME:
      case CLOCK_BOOTTIME_ALARM:
        return this.offsets.boottime;
      default:
        return 0;
    }
  }
}

/** What the current task has to be told besides a clock's own value. */
export function currentOffsetNs({ current }: Machine, clock: number): number {
  return current.nsproxy.time.offsetOf(clock);
}

/** fork and execve: into the namespace that was made for children. */
export function enterTimeForChildren(task: Task): void {
  const { time, timeForChildren } = task.nsproxy;
  if (time === timeForChildren) return;
  switchNamespaces(task, task.nsproxy.with({ time: timeForChildren }));
  settleIn(task);
}

/** The task reads the clocks of its time namespace from now on. */
export function settleIn(task: Task): void {
  const { time } = task.nsproxy;
  time.frozen = true;
  if (time.isShifted) task.machine.vdso?.hideClock(task.mm);
}

/** /proc/PID/timens_offsets: of the namespace for children. */
export function timeOffsetsText({ nsproxy: { timeForChildren } }: Task): string {
  const line = (name: 'monotonic' | 'boottime'): string => {
    const ns = timeForChildren.offsets[name];
    const sec = Math.floor(ns / NS_PER_SEC);
    return `${name.padEnd(10)} ${String(sec).padStart(10)} ${String(ns - sec * NS_PER_SEC).padStart(9)}\n`;
  };
  return line('monotonic') + line('boottime');
}

/** A write there: "CLOCK SECONDS NANOSECONDS" on each line. All are set, or none. */
export function setTimeOffsets(writer: Task, { nsproxy: { timeForChildren } }: Task, text: string): 0 | Errno {
  const changes = new Map<'monotonic' | 'boottime', number>();
  for (const line of text.split('\0')[0]!.replace(/\n$/, '').split('\n')) {
    const change = parseOffset(writer.machine, line);
    if (isErr(change)) return change;
    changes.set(change[0], change[1]);
  }
  if (!capableIn(writer.cred, timeForChildren.owner!, CAP_SYS_TIME)) return EPERM;
  if (timeForChildren.frozen) return EACCES;
  for (const [name, ns] of changes) timeForChildren.offsets[name] = ns;
  return 0;
}

function parseOffset({ clock, bootNs }: Machine, line: string): ['monotonic' | 'boottime', number] | Errno {
  const match = /^\s*(\w{1,10})\s+(-?\d{1,19})\s+(\d{1,10})\s*$/.exec(line);
  const name = match ? NAMES[match[1]!] : undefined;
  if (!match || name === undefined) return EINVAL;
  const [sec, nsec] = [Number(match[2]), Number(match[3])];
  if (nsec >= NS_PER_SEC) return EINVAL;
  const offset = sec * NS_PER_SEC + nsec;
  const shifted = clock.monotonicNs() - bootNs + offset;
  return shifted < 0 || shifted > MAX_SECONDS * NS_PER_SEC ? ERANGE : [name, offset];
}
