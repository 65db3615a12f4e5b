/**
 * The clocks that a guest reads (Linux: kernel/time/timekeeping.c, posix-timers.c). CLOCK_MONOTONIC and CLOCK_BOOTTIME begin with
 * the machine, so that they tell nothing of the host; wall-clock time is the host's. Inside the kernel all deadlines are host
 * CLOCK_MONOTONIC nanoseconds; this file translates.
 */
import type { Errno } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { EINVAL } from '../abi/errno.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
} from '../abi/time.js';
import type { Machine } from './machine.js';
import { currentOffsetNs } from './time-namespace.js';

const NS_PER_SEC = 1e9;
/** What clock_getres(2) says of the coarse clocks: a tick of 250 Hz. They are as fine as the others here. */
export const COARSE_RESOLUTION_NS = 4_000_000;
/** Timeouts beyond 292 years are for ever (Linux: KTIME_SEC_MAX). */
const MAX_SECONDS = 9223372036;

/** True for clocks that jump when somebody sets the time. */
export function isWallClock(clock: number): boolean {
  return clock === CLOCK_REALTIME || clock === CLOCK_REALTIME_COARSE || clock === CLOCK_REALTIME_ALARM || clock === CLOCK_TAI;
}

/** True for clocks that count from the start of the machine. */
function isMonotonic(clock: number): boolean {
  switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return true;
    default:
      return false;
  }
}

/** Nanoseconds since the machine started. */
export function uptimeNs(machine: Machine): number {
  return machine.clock.monotonicNs() - machine.bootNs;
}

/** Fills `out` from nanoseconds (exact below 2^53). */
export function toTimespec(ns: number, out: Timespec = { sec: 0, nsec: 0 }): Timespec {
  out.sec = Math.floor(ns / NS_PER_SEC);
  out.nsec = Math.floor(ns - out.sec * NS_PER_SEC);
  return out;
}

/** Reads a wall clock or a monotonic one, as the current task has it; false for any other clock id. */
export function readClock(machine: Machine, clock: number, out: Timespec): boolean {
  if (isWallClock(clock)) {
    machine.clock.realtime(out);
    return true;
  }
  if (!isMonotonic(clock)) return false;
  toTimespec(uptimeNs(machine) + currentOffsetNs(machine, clock), out);
  return true;
}

/** Nanoseconds of a relative time; EINVAL for a bad one. Very long ones are Infinity. */
export function durationNs(sec: number, nsec: number): number | Errno {
  if (sec < 0 || nsec < 0 || nsec >= NS_PER_SEC) return EINVAL;
  return sec >= MAX_SECONDS ? Infinity : sec * NS_PER_SEC + nsec;
}

/** The kernel's deadline for an absolute time of the current task's `clock`; EINVAL for a bad time. A past one is a deadline in the past. */
export function absoluteDeadline(machine: Machine, clock: number, sec: number, nsec: number): number | Errno {
  const duration = durationNs(sec, nsec);
  if (duration < 0 || duration === Infinity) return duration;
  if (!isWallClock(clock)) return Math.max(0, machine.bootNs + duration - currentOffsetNs(machine, clock));
  const now = machine.clock.realtime(scratch);
  const left = (sec - now.sec) * NS_PER_SEC + (nsec - now.nsec);
  return Math.max(0, machine.clock.monotonicNs() + left);
}

const scratch: Timespec = { sec: 0, nsec: 0 };
