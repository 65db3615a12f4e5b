/** Timers that send signals (setitimer(2), alarm(2), timer_create(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, EOPNOTSUPP } from '../abi/errno.js';
import { SIGALRM, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID } from '../abi/signal.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  ITIMER_PROF,
  ITIMER_REAL,
  ITIMER_VIRTUAL,
  TIMER_ABSTIME,
} from '../abi/time.js';
import { ITIMERSPEC, ITIMERVAL, type ItimerspecStruct } from '../abi/time-struct.js';
import { SIGEVENT } from '../abi/timer-struct.js';
import { cpuClock, type CpuClock } from '../kernel/cpu-clock.js';
import { durationNs } from '../kernel/guest-clock.js';
import { cpuIntervalTimer, getRealTimer, setRealTimer, type TimerSetting } from '../kernel/interval-timers.js';
import { createTimer, type PosixTimer, type TimerEvent } from '../kernel/posix-timers.js';
import { SIGNAL_MAX } from '../kernel/signals/sig-set.js';
import { address, flags, int, oneOf, partial, ptr, syscall, uint } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';

const ITIMERS = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
const TIMER_CLOCKS = {
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  CLOCK_BOOTTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_TAI,
};
/** Longer alarms do not fit an unsigned int of seconds anyway. */
const LONGEST_NS = 2 ** 52;

export const alarm = syscall('alarm', [uint], (task, seconds) => {
  const old = setRealTimer(task.machine, task.group, { valueNs: seconds * 1e9, intervalNs: 0 });
  // Rounded to the nearest second, but never to 0 while something is left.
  return old.valueNs === 0 ? 0 : Math.max(1, Math.round(old.valueNs / 1e9));
});

function storeItimer(task: Task, at: number, { valueNs, intervalNs }: TimerSetting): 0 | Errno {
  return task.mm.writeStruct(at, ITIMERVAL, {
    intervalSec: Math.floor(intervalNs / 1e9),
    intervalUsec: Math.floor((intervalNs % 1e9) / 1e3),
    valueSec: Math.floor(valueNs / 1e9),
    valueUsec: Math.floor((valueNs % 1e9) / 1e3),
  });
}

export const getitimer = syscall('getitimer', [oneOf(ITIMERS), ptr(ITIMERVAL, true)], (task, which, at) => {
  const { machine, group } = task;
  if (which === ITIMER_REAL) return storeItimer(task, at, getRealTimer(machine, group));
  if (which !== ITIMER_VIRTUAL && which !== ITIMER_PROF) return EINVAL;
  return storeItimer(task, at, cpuIntervalTimer(machine, group, which).get());
});

function timevalNs(sec: number, usec: number): number | Errno {
  if (sec < 0 || usec < 0 || usec >= 1e6) return EINVAL;
  return Math.min(sec * 1e9 + usec * 1e3, LONGEST_NS);
}

export const setitimer = syscall(
  'setitimer',
  [oneOf(ITIMERS), ptr(ITIMERVAL), ptr(ITIMERVAL, true)],
  (task, which, newAt, oldAt) => {
    const { machine, group } = task;
    let setting: TimerSetting = { valueNs: 0, intervalNs: 0 };
    if (newAt !== 0) {
      const given = task.mm.readStruct(newAt, ITIMERVAL);
      if (isErr(given)) return given;
      const valueNs = timevalNs(given.valueSec, given.valueUsec);
      if (isErr(valueNs)) return valueNs;
      const intervalNs = timevalNs(given.intervalSec, given.intervalUsec);
      if (isErr(intervalNs)) return intervalNs;
      setting = { valueNs, intervalNs };
    }
    if (which !== ITIMER_REAL && which !== ITIMER_VIRTUAL && which !== ITIMER_PROF) return EINVAL;
    const old = which === ITIMER_REAL ? setRealTimer(machine, group, setting) : cpuIntervalTimer(machine, group, which).set(setting);
    return oldAt === 0 ? 0 : storeItimer(task, oldAt, old);
  },
  partial('ITIMER_VIRTUAL counts what ITIMER_PROF counts: all CPU time of the process, to a millisecond'),
);

/** The clock of a new timer: EINVAL for none, EOPNOTSUPP for those that cannot have timers. */
function timerClock(task: Task, clock: number): CpuClock | undefined | Errno {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return undefined;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
      return EOPNOTSUPP;
    default:
      return cpuClock(task, clock);
  }
}

/** What the sigevent at `at` means; without one SIGALRM with the timer's id. */
function readEvent(task: Task, at: number): ((id: number) => TimerEvent) | Errno {
  if (at === 0) return (id) => ({ notify: SIGEV_SIGNAL, signal: SIGALRM, value: BigInt(id), target: undefined });
  const event = task.mm.readStruct(at, SIGEVENT);
  if (isErr(event)) return event;
  const { notify, signo, value } = event;
  if (notify !== SIGEV_NONE && (signo < 1 || signo > SIGNAL_MAX)) return EINVAL;
  let target: Task | undefined;
  if (notify === (SIGEV_SIGNAL | SIGEV_THREAD_ID)) {
    target = taskByPid(task, event.tid);
    if (!target || target.group !== task.group) return EINVAL;
  } else if (notify !== SIGEV_SIGNAL && notify !== SIGEV_NONE && notify !== SIGEV_THREAD) {
    return EINVAL;
  }
  return () => ({ notify, signal: signo, value, target });
}

export const timerCreate = syscall('timer_create', [oneOf(TIMER_CLOCKS), ptr(SIGEVENT), address], (task, clock, eventAt, idAt) => {
  const cpu = timerClock(task, clock);
  if (isErr(cpu)) return cpu;
  const makeEvent = readEvent(task, eventAt);
  if (isErr(makeEvent)) return makeEvent;
  const timer = createTimer(task, clock, cpu as CpuClock | undefined, makeEvent as (id: number) => TimerEvent);
  if (isErr(timer)) return timer;
  const { id } = timer as PosixTimer;
  const stored = task.mm.writeU32(idAt, id);
  if (isErr(stored)) task.group.posixTimers.delete(id);
  return stored;
});

export const timerSettime = syscall(
  'timer_settime',
  [int, flags({ TIMER_ABSTIME }), ptr(ITIMERSPEC), ptr(ITIMERSPEC, true)],
  (task, id, options, newAt, oldAt) => {
    if (newAt === 0) return EINVAL;
    const given = task.mm.readStruct(newAt, ITIMERSPEC);
    if (isErr(given)) return given;
    if (isErr(durationNs(given.valueSec, given.valueNsec))) return EINVAL;
    const intervalNs = durationNs(given.intervalSec, given.intervalNsec);
    if (isErr(intervalNs)) return EINVAL;
    const timer = task.group.posixTimers.get(id);
    if (!timer) return EINVAL;
    const old = timer.set(given.valueSec, given.valueNsec, Math.min(intervalNs, LONGEST_NS), (options & TIMER_ABSTIME) !== 0);
    if (isErr(old)) return old;
    return oldAt === 0 ? 0 : task.mm.writeStruct(oldAt, ITIMERSPEC, toItimerspec(old as TimerSetting));
  },
);

function toItimerspec({ valueNs, intervalNs }: TimerSetting): ItimerspecStruct {
  return {
    intervalSec: Math.floor(intervalNs / 1e9),
    intervalNsec: Math.floor(intervalNs % 1e9),
    valueSec: Math.floor(valueNs / 1e9),
    valueNsec: Math.floor(valueNs % 1e9),
  };
}

export const timerGettime = syscall('timer_gettime', [int, ptr(ITIMERSPEC, true)], (task, id, at) => {
  const timer = task.group.posixTimers.get(id);
  return timer ? task.mm.writeStruct(at, ITIMERSPEC, toItimerspec(timer.get())) : EINVAL;
});

export const timerGetoverrun = syscall('timer_getoverrun', [int], (task, id) => task.group.posixTimers.get(id)?.overrun ?? EINVAL);

export const timerDelete = syscall('timer_delete', [int], (task, id) => {
  const timer = task.group.posixTimers.get(id);
  if (!timer) return EINVAL;
  timer.delete();
  task.group.posixTimers.delete(id);
  return 0;
});
