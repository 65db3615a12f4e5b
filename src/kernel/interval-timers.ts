/**
 * Interval timers of a process: setitimer(2), alarm(2) (Linux: kernel/time/itimer.c, posix-cpu-timers.c).
 *
 * ITIMER_REAL runs on the machine's timer queue. ITIMER_VIRTUAL and ITIMER_PROF count the CPU time of the process's host threads
 * (cpu-limits.ts), looked at when the earliest of them could have run out.
 */
import { SIGALRM } from '../abi/signal.js';
import type { Machine } from './machine.js';
import { sendToGroup } from './signals/send.js';
import { kernelInfo } from './signals/signal-info.js';
import type { ThreadGroup } from './thread-group.js';

/** Value and interval in nanoseconds; value 0: not armed. */
export interface TimerSetting {
  valueNs: number;
  intervalNs: number;
}

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
  if (!group.realTimer.armed) return { valueNs: 0, intervalNs: group.realIntervalNs };
  // An armed timer never reads as zero.
  const valueNs = Math.max(1000, group.realTimer.deadlineNs - machine.clock.monotonicNs());
  return { valueNs, intervalNs: group.realIntervalNs };
}

/** Sets ITIMER_REAL and returns what was there. */
export function setRealTimer(machine: Machine, group: ThreadGroup, setting: TimerSetting): TimerSetting {
  const old = getRealTimer(machine, group);
  group.realIntervalNs = setting.intervalNs;
  if (setting.valueNs > 0) machine.timers.arm(group.realTimer, machine.clock.monotonicNs() + setting.valueNs);
  else machine.timers.cancel(group.realTimer);
  return old;
}
