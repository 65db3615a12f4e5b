/**
 * Timers that run on CPU time: ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU, POSIX timers on CPU clocks (Linux:
 * kernel/time/posix-cpu-timers.c).
 *
 * Linux looks at every tick. Here a timer of the machine goes off when the earliest of them could have run out - no sooner than
 * the CPU time that is left divided by the number of threads - and looks. While a process does not run, it looks less often,
 * so a timer may be up to IDLE_INTERVAL_NS late after a pause.
 */
import { RLIMIT_CPU } from '../abi/resource.js';
import { SIGKILL, SIGXCPU } from '../abi/signal.js';
import { groupCpuNs, type CpuClock } from './cpu-clock.js';
import { noteLimit } from './limits-reached.js';
import type { Machine } from './machine.js';
import { sendToGroup } from './signals/send.js';
import { kernelInfo } from './signals/signal-info.js';
import type { ThreadGroup } from './thread-group.js';
import { Timer } from './timers.js';

/** No finer than a tick of Linux. */
const SHORTEST_INTERVAL_NS = 1e6;
const IDLE_INTERVAL_NS = 100e6;
const NS_PER_SEC = 1e9;

export class CpuTimer {
  /** CPU time at which it runs out. */
  expiresNs = Infinity;

  constructor(
    readonly clock: CpuClock,
    /** It ran out: `expiresNs` is to be set again, or it stays out. */
    readonly onExpire: () => void,
  ) {}
}

/** The CPU timers of a process. */
export class CpuTimers {
  private readonly timers = new Set<CpuTimer>();
  private readonly timer = new Timer(() => this.look());
  private lastTotalNs = -1;
  private idleIntervalNs = SHORTEST_INTERVAL_NS;

  constructor(
    private readonly machine: Machine,
    private readonly group: ThreadGroup,
  ) {}

  /** Sets when a timer runs out, in CPU time; Infinity: never. */
  set(timer: CpuTimer, expiresNs: number): void {
    timer.expiresNs = expiresNs;
    if (expiresNs === Infinity) this.timers.delete(timer);
    else this.timers.add(timer);
    this.arm(SHORTEST_INTERVAL_NS);
  }

  stop(): void {
    this.timers.clear();
    this.machine.timers.cancel(this.timer);
  }

  private look(): void {
    for (const timer of [...this.timers]) {
      if (timer.clock() < timer.expiresNs) continue;
      timer.expiresNs = Infinity;
      timer.onExpire();
      if (timer.expiresNs === Infinity) this.timers.delete(timer);
    }
    const total = groupCpuNs(this.group);
    const idle = total - this.lastTotalNs < SHORTEST_INTERVAL_NS / 2;
    this.idleIntervalNs = idle ? Math.min(this.idleIntervalNs * 2, IDLE_INTERVAL_NS) : SHORTEST_INTERVAL_NS;
    this.lastTotalNs = total;
    this.arm(this.idleIntervalNs);
  }

  private arm(atLeastNs: number): void {
    const { timers } = this.machine;
    if (this.timers.size === 0) {
      timers.cancel(this.timer);
      return;
    }
    let left = Infinity;
    for (const timer of this.timers) left = Math.min(left, timer.expiresNs - timer.clock());
    const threads = Math.max(1, this.group.tasks.size);
    timers.arm(this.timer, this.machine.clock.monotonicNs() + Math.max(left / threads, atLeastNs));
  }
}

export function cpuTimersOf(machine: Machine, group: ThreadGroup): CpuTimers {
  group.cpuTimers ??= new CpuTimers(machine, group);
  return group.cpuTimers;
}

/** RLIMIT_CPU was set: SIGXCPU at the soft limit and each second from then on, SIGKILL at the hard one. */
export function watchCpuLimit(machine: Machine, group: ThreadGroup): void {
  const soft = group.limits.soft[RLIMIT_CPU]!;
  if (soft === Infinity && !group.cpuLimit) return;
  const timers = cpuTimersOf(machine, group);
  group.cpuLimit ??= new CpuTimer(
    () => groupCpuNs(group),
    () => enforceLimit(machine, group),
  );
  timers.set(group.cpuLimit, Math.max(soft, 1) * NS_PER_SEC);
}

function enforceLimit(machine: Machine, group: ThreadGroup): void {
  noteLimit(group, 'cpu');
  const used = groupCpuNs(group);
  const hard = group.limits.hard[RLIMIT_CPU]! * NS_PER_SEC;
  sendToGroup(group, kernelInfo(used >= hard ? SIGKILL : SIGXCPU));
  if (used < hard) cpuTimersOf(machine, group).set(group.cpuLimit!, Math.min(used + NS_PER_SEC, hard));
}
