/**
 * timerfd (Linux: fs/timerfd.c; timerfd_create(2)). A periodic timer rings once and then counts: the periods that passed are
 * worked out when somebody reads or asks, so an unread timer costs nothing. Left out: TFD_IOC_SET_TICKS.
 */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import type { Timespec } from '../base/clock.js';
import { EAGAIN, ECANCELED, EFAULT, EINVAL } from '../abi/errno.js';
import { POLLIN, POLLRDNORM } from '../abi/poll.js';
import { absoluteDeadline, durationNs, isWallClock } from '../kernel/guest-clock.js';
import type { Machine } from '../kernel/machine.js';
import type { WallTimer } from '../kernel/timekeeping.js';
import { Timer } from '../kernel/timers.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Inode } from '../vfs/inode.js';
import { OpenFile } from '../vfs/open-file.js';

const scratch = new Uint8Array(8);
const view = new DataView(scratch.buffer);

/** struct itimerspec in nanoseconds; value 0: not armed. */
export interface TimerState {
  valueNs: number;
  intervalNs: number;
}

export class TimerFile extends OpenFile implements WallTimer {
  private readonly waiters = new WaitQueue();
  private readonly timer: Timer;
  private intervalNs = 0;
  /** Host CLOCK_MONOTONIC of the last or coming expiration. */
  private deadlineNs = Infinity;
  /** Expirations that nobody has read. */
  private ticks = 0;
  /** It has rung; the periods since then are still to be counted. */
  private hasRung = false;
  /** The wall-clock time that it is armed for. */
  private wallTime: Timespec | undefined = undefined;
  /** TFD_TIMER_CANCEL_ON_SET, and whether the clock was set since. */
  private cancelOnSet = false;
  private cancelled = false;

  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
    readonly clock: number,
  ) {
    super(inode, flags);
    this.timer = new Timer(() => this.ring());
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  /** Arms the timer for an absolute or relative time; a value of 0 disarms it. EINVAL. */
  set(isAbsolute: boolean, sec: number, nsec: number, intervalNs: number, cancelOnSet = false): 0 | Errno {
    const duration = durationNs(sec, nsec);
    if (isErr(duration)) return duration;
    const deadline = isAbsolute ? absoluteDeadline(this.machine, this.clock, sec, nsec) : this.machine.clock.monotonicNs() + duration;
    if (isErr(deadline)) return deadline;
    this.machine.timers.cancel(this.timer);
    const followsWall = isAbsolute && isWallClock(this.clock);
    this.wallTime = followsWall && duration > 0 ? { sec, nsec } : undefined;
    this.cancelOnSet = followsWall && cancelOnSet;
    this.cancelled = false;
    if (this.wallTime || this.cancelOnSet) this.machine.timekeeping.timers.add(this);
    else this.machine.timekeeping.timers.delete(this);
    this.ticks = 0;
    this.hasRung = false;
    this.intervalNs = intervalNs;
    this.deadlineNs = duration === 0 ? Infinity : deadline;
    if (this.deadlineNs !== Infinity) this.machine.timers.arm(this.timer, deadline);
    return 0;
  }

  /** Time until the next expiration, and the interval. */
  get(): TimerState {
    this.countPeriods();
    const isArmed = this.timer.armed;
    const leftNs = isArmed ? Math.max(1, this.deadlineNs - this.machine.clock.monotonicNs()) : 0;
    return { valueNs: leftNs, intervalNs: this.intervalNs };
  }

  override read(io: IoVec): number | Errno {
    if (io.remaining < 8) return EINVAL;
    if (this.cancelled) {
      this.cancelled = false;
      return ECANCELED;
    }
    if (this.ticks === 0) return EAGAIN;
    this.countPeriods();
    view.setUint32(0, this.ticks % 4294967296, true);
    view.setUint32(4, Math.floor(this.ticks / 4294967296), true);
    const moved = io.put(scratch, 0, 8);
    this.ticks = 0;
    return isErr(moved) || moved < 8 ? EFAULT : 8;
  }

  override poll(): number {
    return this.ticks > 0 || this.cancelled ? POLLIN | POLLRDNORM : 0;
  }

  /** The clock was set: the same time of it comes sooner or later now. */
  onClockSet(): void {
    if (this.wallTime && this.timer.armed) {
      const deadlineNs = absoluteDeadline(this.machine, this.clock, this.wallTime.sec, this.wallTime.nsec);
      if (!isErr(deadlineNs)) this.machine.timers.arm(this.timer, (this.deadlineNs = deadlineNs));
    }
    if (!this.cancelOnSet) return;
    this.cancelled = true;
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  override release(): void {
    this.machine.timekeeping.timers.delete(this);
    this.machine.timers.cancel(this.timer);
  }

  override fdinfo(): string {
    const { valueNs, intervalNs } = this.get();
    const time = (ns: number) => `(${Math.floor(ns / 1e9)}, ${Math.floor(ns % 1e9)})`;
    return `clockid: ${this.clock}\nticks: ${this.ticks}\nsettime flags: 00\nit_value: ${time(valueNs)}\nit_interval: ${time(intervalNs)}\n`;
  }

  private ring(): void {
    this.ticks++;
    this.hasRung = true;
    this.wallTime = undefined;
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  /** Adds the periods since the timer rang, and arms it for the next one. */
  private countPeriods(): void {
    if (!this.hasRung || this.intervalNs === 0) return;
    this.hasRung = false;
    const late = this.machine.clock.monotonicNs() - this.deadlineNs;
    const periods = Math.max(0, Math.floor(late / this.intervalNs));
    this.ticks += periods;
    this.deadlineNs += (periods + 1) * this.intervalNs;
    if (this.deadlineNs !== Infinity) this.machine.timers.arm(this.timer, this.deadlineNs);
  }
}
