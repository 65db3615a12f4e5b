/**
 * Setting and steering the machine's wall clock (Linux: kernel/time/timekeeping.c, kernel/time/ntp.c). The clock is the host's
 * plus a distance that the guest may set; nobody else sees it. What adjtimex(2) sets is kept and reported; only the time itself
 * is changed by it, at once: rates are the host's business.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EINVAL } from '../abi/errno.js';
import * as abi from '../abi/timex.js';
import type { TimexStruct } from '../abi/timex.js';
import type { Machine } from './machine.js';
import { uptimeNs } from './guest-clock.js';

const NS_PER_SEC = 1e9;
/** Linux: TIME_SETTOD_SEC_MAX, 30 years less than a 64-bit count of nanoseconds can hold. */
const LATEST_SEC = 9223372036 - 30 * 365 * 24 * 3600;
/** In microseconds (Linux: NTP_PHASE_LIMIT). */
const PHASE_LIMIT = 16_000_000;
/** 500 ppm, scaled by 2^16 (Linux: MAXFREQ_SCALED). */
const MAX_FREQUENCY = 32_768_000;
const MAX_PHASE_NS = 500_000_000;
const MAX_TIME_CONSTANT = 10;
const MIN_TICK = 9000;
const MAX_TICK = 11000;

/** Armed for a time of the wall clock: armed anew when somebody sets it. */
export interface WallTimer {
  onClockSet(): void;
}

export class Timekeeping {
  /** Woken when the clock was set. */
  readonly queue = new WaitQueue();
  readonly timers = new Set<WallTimer>();
  private offset = 0;
  private frequency = 0;
  private maxError = PHASE_LIMIT;
  private estimatedError = PHASE_LIMIT;
  private status = abi.STA_UNSYNC;
  private constant = 2;
  private tick = 10000;
  private tai = 0;

  /** Sets the wall clock; EINVAL for a time that it cannot show (Linux: do_settimeofday64). */
  set(machine: Machine, sec: number, nsec: number): 0 | Errno {
    if (!isSettable(sec, nsec)) return EINVAL;
    if (sec * NS_PER_SEC + nsec < uptimeNs(machine)) return EINVAL;
    machine.clock.setRealtime(sec, nsec);
    for (const timer of [...this.timers]) timer.onClockSet();
    this.queue.wake();
    return 0;
  }

  /** Applies what `wanted.modes` says and answers the new state in place of it; the result is TIME_*. */
  adjust(machine: Machine, wanted: TimexStruct): number | Errno {
    const invalid = validate(wanted);
    if (invalid !== 0) return invalid;
    if ((wanted.modes & abi.ADJ_ADJTIME) !== 0) {
      if ((wanted.modes & abi.ADJ_OFFSET_READONLY) === 0) this.shift(machine, wanted.offset * 1000);
    } else {
      const applied = this.apply(machine, wanted);
      if (isErr(applied)) return applied;
    }
    this.report(machine, wanted);
    // What was left of an adjtime(3): it is done at once here.
    if ((wanted.modes & abi.ADJ_ADJTIME) !== 0) wanted.offset = 0;
    return (this.status & (abi.STA_UNSYNC | abi.STA_CLOCKERR)) !== 0 ? abi.TIME_ERROR : abi.TIME_OK;
  }

  private apply(machine: Machine, wanted: TimexStruct): 0 | Errno {
    const { modes } = wanted;
    if ((modes & abi.ADJ_SETOFFSET) !== 0) {
      const unit = (modes & abi.ADJ_NANO) !== 0 ? 1 : 1000;
      const shifted = this.shift(machine, wanted.timeSec * NS_PER_SEC + wanted.timeUsec * unit);
      if (isErr(shifted)) return shifted;
    }
    if ((modes & abi.ADJ_STATUS) !== 0) this.status = (this.status & abi.STA_RONLY) | (wanted.status & ~abi.STA_RONLY);
    if ((modes & abi.ADJ_NANO) !== 0) this.status |= abi.STA_NANO;
    if ((modes & abi.ADJ_MICRO) !== 0) this.status &= ~abi.STA_NANO;
    if ((modes & abi.ADJ_FREQUENCY) !== 0) this.frequency = clamp(wanted.freq, -MAX_FREQUENCY, MAX_FREQUENCY);
    if ((modes & abi.ADJ_MAXERROR) !== 0) this.maxError = clamp(wanted.maxerror, 0, PHASE_LIMIT);
    if ((modes & abi.ADJ_ESTERROR) !== 0) this.estimatedError = clamp(wanted.esterror, 0, PHASE_LIMIT);
    if ((modes & abi.ADJ_TIMECONST) !== 0) {
      const shift = (this.status & abi.STA_NANO) !== 0 ? 0 : 4;
      this.constant = clamp(wanted.constant + shift, 0, MAX_TIME_CONSTANT);
    }
    if ((modes & abi.ADJ_TAI) !== 0 && wanted.constant >= 0) this.tai = Math.min(wanted.constant, 2 ** 31 - 1);
    if ((modes & abi.ADJ_OFFSET) !== 0 && (this.status & abi.STA_PLL) !== 0) {
      const unit = (this.status & abi.STA_NANO) !== 0 ? 1 : 1000;
      this.offset = clamp(wanted.offset * unit, -MAX_PHASE_NS, MAX_PHASE_NS);
    }
    if ((modes & abi.ADJ_TICK) !== 0) this.tick = wanted.tick;
    return 0;
  }

  private shift(machine: Machine, byNs: number): 0 | Errno {
    const now = machine.clock.realtime();
    const nsec = now.nsec + (byNs % NS_PER_SEC);
    const carry = Math.floor(nsec / NS_PER_SEC);
    return this.set(machine, now.sec + Math.trunc(byNs / NS_PER_SEC) + carry, nsec - carry * NS_PER_SEC);
  }

  private report(machine: Machine, out: TimexStruct): void {
    const isNano = (this.status & abi.STA_NANO) !== 0;
    const { sec, nsec }: Timespec = machine.clock.realtime();
    out.offset = isNano ? this.offset : Math.trunc(this.offset / 1000);
    out.freq = this.frequency;
    out.maxerror = this.maxError;
    out.esterror = this.estimatedError;
    out.status = this.status;
    out.constant = this.constant;
    out.precision = 1;
    out.tolerance = MAX_FREQUENCY;
    out.timeSec = sec;
    out.timeUsec = isNano ? nsec : Math.floor(nsec / 1000);
    out.tick = this.tick;
    out.tai = this.tai;
    out.ppsfreq = out.jitter = out.shift = out.stabil = out.jitcnt = out.calcnt = out.errcnt = out.stbcnt = 0;
  }
}

function isSettable(sec: number, nsec: number): boolean {
  return sec >= 0 && sec < LATEST_SEC && nsec >= 0 && nsec < NS_PER_SEC;
}

/** Linux: timekeeping_validate_timex; who may do it is the caller's business. */
function validate({ modes, tick, timeUsec }: TimexStruct): 0 | Errno {
  if ((modes & abi.ADJ_ADJTIME) !== 0) return (modes & abi.ADJ_OFFSET) === 0 ? EINVAL : 0;
  if ((modes & abi.ADJ_TICK) !== 0 && (tick < MIN_TICK || tick > MAX_TICK)) return EINVAL;
  if ((modes & abi.ADJ_SETOFFSET) === 0) return 0;
  return timeUsec < 0 || timeUsec >= ((modes & abi.ADJ_NANO) !== 0 ? NS_PER_SEC : 1e6) ? EINVAL : 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
