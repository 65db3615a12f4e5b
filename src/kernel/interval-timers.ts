/**
 * Interval timers of a process: setitimer(2), alarm(2) (Linux: kernel/time/itimer.c). ITIMER_REAL runs on the machine's timer
 * queue, ITIMER_VIRTUAL and ITIMER_PROF on CPU time (cpu-timers.ts, which says how exact they are).
 */
import { ITIMER_PROF } from '../abi/time.js';
import { SIGALRM, SIGPROF, SIGVTALRM } from '../abi/signal.js';
import { groupCpuNs } from './cpu-clock.js';
import { CpuTimer, cpuTimersOf } from './cpu-timers.js';
import type { Machine } from './machine.js';
import { sendToGroup } from './signals/send.js';
import { kernelInfo } from './signals/signal-info.js';
import type { ThreadGroup } from './thread-group.js';

/** Value and interval in nanoseconds; value 0: not armed. */
export interface TimerSetting {
  valueNs: number;
  intervalNs: number;
}

/** An armed timer never reads as zero: a microsecond is the least that a timeval shows. */
const LEAST_LEFT_NS = 1000;

/** ThreadGroup's `onRealTimer`: SIGALRM, and the next period. */
export function sendRealTimerSignal(group: ThreadGroup): void {
  const machine = machineOf(group);
  sendToGroup(group, kernelInfo(SIGALRM));
  if (group.realIntervalNs > 0 && machine) rearm(machine, group);
}

/** Periods that passed unseen are skipped: SIGALRM does not queue. */
function rearm(machine: Machine, group: ThreadGroup): void {
  const interval = group.realIntervalNs;
  const late = machine.clock.monotonicNs() - group.realTimer.deadlineNs;
  const periods = Math.max(1, Math.floor(late / interval) + 1);
  machine.timers.arm(group.realTimer, group.realTimer.deadlineNs + periods * interval);
}

function machineOf(group: ThreadGroup): Machine | undefined {
  if (group.leader) return group.leader.machine;
  for (const task of group.tasks) return task.machine;
  return undefined;
}

/** What ITIMER_REAL stands at. */
export function getRealTimer(machine: Machine, group: ThreadGroup): TimerSetting {
  const { realTimer, realIntervalNs } = group;
  if (!realTimer.armed) return { valueNs: 0, intervalNs: realIntervalNs };
  return { valueNs: Math.max(LEAST_LEFT_NS, realTimer.deadlineNs - machine.clock.monotonicNs()), intervalNs: realIntervalNs };
}

/** Sets ITIMER_REAL and returns what was there. */
export function setRealTimer(machine: Machine, group: ThreadGroup, setting: TimerSetting): TimerSetting {
  const old = getRealTimer(machine, group);
  group.realIntervalNs = setting.intervalNs;
  if (setting.valueNs > 0) machine.timers.arm(group.realTimer, machine.clock.monotonicNs() + setting.valueNs);
  else machine.timers.cancel(group.realTimer);
  return old;
}

/** ITIMER_VIRTUAL or ITIMER_PROF of a process. */
export class CpuIntervalTimer {
  intervalNs = 0;
  readonly timer: CpuTimer;

  constructor(
    private readonly machine: Machine,
    private readonly group: ThreadGroup,
    private readonly signal: number,
  ) {
    this.timer = new CpuTimer(
      () => groupCpuNs(group),
      () => this.expire(),
    );
  }

  get(): TimerSetting {
    const { expiresNs } = this.timer;
    if (expiresNs === Infinity) return { valueNs: 0, intervalNs: this.intervalNs };
    return { valueNs: Math.max(LEAST_LEFT_NS, expiresNs - groupCpuNs(this.group)), intervalNs: this.intervalNs };
  }

  set({ valueNs, intervalNs }: TimerSetting): TimerSetting {
    const old = this.get();
    this.intervalNs = intervalNs;
    cpuTimersOf(this.machine, this.group).set(this.timer, valueNs > 0 ? groupCpuNs(this.group) + valueNs : Infinity);
    return old;
  }

  private expire(): void {
    sendToGroup(this.group, kernelInfo(this.signal));
    if (this.intervalNs > 0) cpuTimersOf(this.machine, this.group).set(this.timer, groupCpuNs(this.group) + this.intervalNs);
  }
}

/** which: ITIMER_VIRTUAL, ITIMER_PROF. */
export function cpuIntervalTimer(machine: Machine, group: ThreadGroup, which: number): CpuIntervalTimer {
  if (which === ITIMER_PROF) {
    group.profTimer ??= new CpuIntervalTimer(machine, group, SIGPROF);
    return group.profTimer;
  }
  group.virtualTimer ??= new CpuIntervalTimer(machine, group, SIGVTALRM);
  return group.virtualTimer;
}
