/** Reading clocks and sleeping by them (clock_gettime(2), nanosleep(2), gettimeofday(2), times(2)). */
import { sleepOnAny, type Blocking } from '../base/blocking.js';
import { isErr, type Errno, type UserPtr } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { EOPNOTSUPP, ERESTARTNOHAND, ERESTART_RESTARTBLOCK, ETIMEDOUT } from '../abi/errno.js';
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
  TIMER_ABSTIME,
} from '../abi/time.js';
import { TIMESPEC, TIMEVAL, type TimespecStruct } from '../abi/time-struct.js';
import { TMS } from '../abi/timer-struct.js';
import { cpuClock, groupCpuTimes } from '../kernel/cpu-clock.js';
import { CpuTimer, cpuTimersOf } from '../kernel/cpu-timers.js';
import { isWallClock, absoluteDeadline, COARSE_RESOLUTION_NS, durationNs, readClock, toTimespec, uptimeNs } from '../kernel/guest-clock.js';
import { address, flags, oneOf, ptr, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { WaitQueue } from '../base/wait-queue.js';

const CLOCKS = {
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME_COARSE,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_BOOTTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_TAI,
};
const NS_PER_TICK = 1e7;
const scratch: Timespec = { sec: 0, nsec: 0 };

export const clockGettime = syscall('clock_gettime', [oneOf(CLOCKS), ptr(TIMESPEC, true)], (task, clock, at) => {
  if (!readClock(task.machine, clock, scratch)) {
    const read = cpuClock(task, clock);
    if (isErr(read)) return read;
    toTimespec((read as () => number)(), scratch);
  }
  return task.mm.writeStruct(at, TIMESPEC, scratch);
});

export const clockGetres = syscall('clock_getres', [oneOf(CLOCKS), ptr(TIMESPEC, true)], (task, clock, at) => {
  if (!readClock(task.machine, clock, scratch)) {
    const read = cpuClock(task, clock);
    if (isErr(read)) return read;
  }
  if (at === 0) return 0;
  const isCoarse = clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE;
  return task.mm.writeStruct(at, TIMESPEC, { sec: 0, nsec: isCoarse ? COARSE_RESOLUTION_NS : 1 });
});

export const gettimeofday = syscall('gettimeofday', [ptr(TIMEVAL, true), address], (task, at, zone) => {
  if (at !== 0) {
    const { sec, nsec } = task.machine.clock.realtime(scratch);
    const stored = task.mm.writeStruct(at, TIMEVAL, { sec, usec: Math.floor(nsec / 1000) });
    if (isErr(stored)) return stored;
  }
  return zone === 0 ? 0 : task.mm.writeU64(zone, 0);
});

export const time = syscall('time', [address], (task, at) => {
  const { sec } = task.machine.clock.realtime(scratch);
  const stored = at === 0 ? 0 : task.mm.writeU64(at, sec);
  return isErr(stored) ? stored : sec;
});

export const times = syscall('times', [ptr(TMS, true)], (task, at) => {
  const { group, machine } = task;
  const ticks = Math.floor(uptimeNs(machine) / NS_PER_TICK);
  if (at === 0) return ticks;
  const { userNs, systemNs } = groupCpuTimes(group);
  const of = (ns: number): number => Math.floor(ns / NS_PER_TICK);
  const stored = task.mm.writeStruct(at, TMS, {
    utime: of(userNs),
    stime: of(systemNs),
    cutime: of(group.childUserNs),
    cstime: of(group.childSystemNs),
  });
  return isErr(stored) ? stored : ticks;
});

/** Sleeps; a signal leaves the time that remains at `remainAt` and a block by which restart_syscall goes on. */
function* sleepUntil(task: Task, deadlineNs: number, remainAt: UserPtr<TimespecStruct>): Blocking<number> {
  const reason = yield* sleepOnAny([], { deadlineNs });
  const left = deadlineNs - task.machine.clock.monotonicNs();
  if (reason === ETIMEDOUT || left <= 0) return 0;
  if (remainAt !== 0) {
    const stored = task.mm.writeStruct(remainAt, TIMESPEC, toTimespec(Math.min(left, Number.MAX_SAFE_INTEGER)));
    if (isErr(stored)) return stored;
  }
  task.signals.restartBlock = (again) => sleepUntil(again, deadlineNs, remainAt);
  return ERESTART_RESTARTBLOCK;
}

function relativeSleep(task: Task, requested: Timespec, remainAt: UserPtr<TimespecStruct>): number | Blocking<number> {
  const duration = durationNs(requested.sec, requested.nsec);
  if (isErr(duration)) return duration;
  return duration === 0 ? 0 : sleepUntil(task, task.machine.clock.monotonicNs() + duration, remainAt);
}

export const nanosleep = syscall('nanosleep', [ptr(TIMESPEC), ptr(TIMESPEC, true)], (task, requestAt, remainAt) => {
  const requested = task.mm.readStruct(requestAt, TIMESPEC);
  return isErr(requested) ? requested : relativeSleep(task, requested, remainAt);
});

export const clockNanosleep = syscall(
  'clock_nanosleep',
  [oneOf(CLOCKS), flags({ TIMER_ABSTIME }), ptr(TIMESPEC), ptr(TIMESPEC, true)],
  (task, clock, options, requestAt, remainAt) => {
    switch (clock) {
      case CLOCK_REALTIME:
      case CLOCK_MONOTONIC:
      case CLOCK_BOOTTIME:
      case CLOCK_TAI:
      case CLOCK_REALTIME_ALARM:
      case CLOCK_BOOTTIME_ALARM:
        break;
      case CLOCK_MONOTONIC_RAW:
      case CLOCK_REALTIME_COARSE:
      case CLOCK_MONOTONIC_COARSE:
      case CLOCK_THREAD_CPUTIME_ID:
        return EOPNOTSUPP;
      default:
        return cpuSleep(task, clock, options, requestAt);
    }
    const requested = task.mm.readStruct(requestAt, TIMESPEC);
    if (isErr(requested)) return requested;
    if ((options & TIMER_ABSTIME) === 0) return relativeSleep(task, requested, remainAt);
    const deadlineNs = absoluteDeadline(task.machine, clock, requested.sec, requested.nsec);
    return isErr(deadlineNs) ? deadlineNs : absoluteSleep(task, clock, requested);
  },
);

function* absoluteSleep(task: Task, clock: number, { sec, nsec }: Timespec): Blocking<number> {
  const { machine } = task;
  const sources = isWallClock(clock) ? [{ queue: machine.timekeeping.queue, mask: -1, exclusive: false }] : [];
  for (;;) {
    const deadlineNs = absoluteDeadline(machine, clock, sec, nsec);
    if (deadlineNs <= machine.clock.monotonicNs()) return 0;
    const reason = yield* sleepOnAny(sources, { deadlineNs });
    if (reason === ETIMEDOUT) return 0;
    if (isErr(reason)) return ERESTARTNOHAND;
  }
}

/** Sleeping by the CPU time of a process: until its other threads have used so much. */
function cpuSleep(task: Task, clock: number, options: number, requestAt: UserPtr<TimespecStruct>): number | Errno | Blocking<number> {
  const read = cpuClock(task, clock);
  if (isErr(read)) return read;
  const requested = task.mm.readStruct(requestAt, TIMESPEC);
  if (isErr(requested)) return requested;
  const duration = durationNs(requested.sec, requested.nsec);
  if (isErr(duration)) return duration;
  const now = (read as () => number)();
  return waitForCpuTime(task, read as () => number, (options & TIMER_ABSTIME) !== 0 ? duration : now + duration);
}

function* waitForCpuTime(task: Task, read: () => number, expiresNs: number): Blocking<number> {
  const queue = new WaitQueue();
  const timers = cpuTimersOf(task.machine, task.group);
  const timer = new CpuTimer(read, () => queue.wake());
  timers.set(timer, expiresNs);
  try {
    while (read() < expiresNs) {
      const reason = yield* sleepOnAny([{ queue, mask: -1, exclusive: false }]);
      if (isErr(reason)) return ERESTARTNOHAND;
    }
    return 0;
  } finally {
    timers.set(timer, Infinity);
  }
}
