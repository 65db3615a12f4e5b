/**
 * POSIX timers of a process: timer_create(2) and kin (Linux: kernel/time/posix-timers.c). A periodic timer is armed again when
 * its signal is taken, and counts as overruns the periods that passed meanwhile.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { EAGAIN } from '../abi/errno.js';
import { SIGEV_NONE, SIGEV_THREAD_ID } from '../abi/signal.js';
import { RLIMIT_SIGPENDING } from '../abi/resource.js';
import type { CpuClock } from './cpu-clock.js';
import { CpuTimer, cpuTimersOf } from './cpu-timers.js';
import { absoluteDeadline, isWallClock } from './guest-clock.js';
import type { TimerSetting } from './interval-timers.js';
import type { Machine } from './machine.js';
import { sendToGroup, sendToTask } from './signals/send.js';
import { timerInfo, type SignalInfo } from './signals/signal-info.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import type { WallTimer } from './timekeeping.js';
import { Timer } from './timers.js';

const OVERRUN_MAX = 0x7fffffff;

/** How a timer tells: sigevent without its pointers. */
export interface TimerEvent {
  /** SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID. */
  readonly notify: number;
  readonly signal: number;
  readonly value: bigint;
  /** The thread of SIGEV_THREAD_ID. */
  readonly target: Task | undefined;
}

export class PosixTimer implements WallTimer {
  /** Overruns of the last signal that was taken. */
  overrun = 0;
  private intervalNs = 0;
  private deadlineNs = Infinity;
  private deleted = false;
  /** The wall-clock time that it is armed for. */
  private wallTime: Timespec | undefined = undefined;
  private queued: SignalInfo | undefined = undefined;
  private readonly timer: Timer | undefined;
  private readonly cpuTimer: CpuTimer | undefined;

  constructor(
    readonly id: number,
    private readonly machine: Machine,
    private readonly group: ThreadGroup,
    /** Wall or monotonic clock id; ignored with `cpuClock`. */
    private readonly clock: number,
    private readonly cpuClock: CpuClock | undefined,
    private readonly event: TimerEvent,
  ) {
    if (cpuClock) this.cpuTimer = new CpuTimer(cpuClock, () => this.expire());
    else this.timer = new Timer(() => this.expire());
  }

  /** Its lines of /proc/PID/timers. */
  describe(): string {
    const { notify, signal, value, target } = this.event;
    const kind = notify === SIGEV_NONE ? 'none' : 'signal';
    const whom = notify === SIGEV_THREAD_ID ? `tid.${target?.tid ?? 0}` : `pid.${this.group.pid}`;
    return `ID: ${this.id}\nsignal: ${signal}/${value.toString(16).padStart(16, '0')}\nnotify: ${kind}/${whom}\nClockID: ${this.clock}\n`;
  }

  /** In the unit of `deadlineNs`: CPU time, or the host's monotonic time. */
  private now(): number {
    return this.cpuClock ? this.cpuClock() : this.machine.clock.monotonicNs();
  }

  /** The clock was set: the same time of it comes sooner or later now. */
  onClockSet(): void {
    if (!this.wallTime || this.deadlineNs === Infinity) return;
    const deadlineNs = absoluteDeadline(this.machine, this.clock, this.wallTime.sec, this.wallTime.nsec);
    if (!isErr(deadlineNs)) this.arm(deadlineNs);
  }

  private followWallClock(time: Timespec | undefined): void {
    const { timers } = this.machine.timekeeping;
    this.wallTime = time;
    if (time) timers.add(this);
    else timers.delete(this);
  }

  private arm(deadlineNs: number): void {
    this.deadlineNs = deadlineNs;
    if (this.cpuTimer) cpuTimersOf(this.machine, this.group).set(this.cpuTimer, deadlineNs);
    else if (deadlineNs === Infinity) this.machine.timers.cancel(this.timer!);
    else this.machine.timers.arm(this.timer!, deadlineNs);
  }

  get(): TimerSetting {
    if (this.deadlineNs === Infinity) return { valueNs: 0, intervalNs: this.intervalNs };
    let left = this.deadlineNs - this.now();
    if (left <= 0 && this.intervalNs > 0) left = this.intervalNs - (-left % this.intervalNs);
    if (left <= 0) return { valueNs: this.event.notify === SIGEV_NONE ? 0 : 1, intervalNs: this.intervalNs };
    return { valueNs: left, intervalNs: this.intervalNs };
  }

  /** value 0 disarms. `absolute`: sec and nsec are a time of the clock. */
  set(sec: number, nsec: number, intervalNs: number, absolute: boolean): TimerSetting | Errno {
    const old = this.get();
    const duration = sec * 1e9 + nsec;
    let deadline = this.cpuClock && absolute ? duration : this.now() + duration;
    if (absolute && !this.cpuClock) {
      const absoluteNs = absoluteDeadline(this.machine, this.clock, sec, nsec);
      if (isErr(absoluteNs)) return absoluteNs;
      deadline = absoluteNs;
    }
    this.followWallClock(absolute && duration > 0 && !this.cpuClock && isWallClock(this.clock) ? { sec, nsec } : undefined);
    this.intervalNs = intervalNs;
    this.queued = undefined;
    this.overrun = 0;
    this.arm(duration === 0 ? Infinity : deadline);
    return old;
  }

  delete(): void {
    this.deleted = true;
    this.followWallClock(undefined);
    this.arm(Infinity);
  }

  private expire(): void {
    this.followWallClock(undefined);
    const { event, group } = this;
    if (event.notify === SIGEV_NONE) {
      this.forward();
      return;
    }
    const info = timerInfo(event.signal, this.id, event.value, (taken) => this.onTaken(taken));
    this.queued = info;
    if (this.intervalNs === 0) this.deadlineNs = Infinity;
    if (event.target) sendToTask(event.target, info);
    else sendToGroup(group, info);
    const { pending } = event.target ? event.target.signals : group.signals;
    // An ignored signal is never taken: the period goes on by itself.
    if (this.queued === info && !pending.holds(info)) this.forward();
  }

  /** The signal leaves its queue: how many periods did it miss? */
  private onTaken(info: SignalInfo): void {
    if (this.deleted || this.queued !== info) return;
    this.queued = undefined;
    this.overrun = this.forward();
    info.overrun = this.overrun;
  }

  /** Sets off the next period, the first that is not over. Returns how many were skipped. */
  private forward(): number {
    if (this.intervalNs === 0) return 0;
    if (this.deadlineNs === Infinity) return 0;
    const late = Math.max(0, this.now() - this.deadlineNs);
    const skipped = Math.floor(late / this.intervalNs);
    this.arm(this.deadlineNs + (skipped + 1) * this.intervalNs);
    return Math.min(skipped, OVERRUN_MAX);
  }
}

/** A new timer of `task`'s process, disarmed; EAGAIN beyond the limit of queued signals. */
export function createTimer(
  task: Task,
  clock: number,
  cpuClock: CpuClock | undefined,
  makeEvent: (id: number) => TimerEvent,
): PosixTimer | Errno {
  const { group, machine } = task;
  if (group.posixTimers.size >= group.limits.soft[RLIMIT_SIGPENDING]!) return EAGAIN;
  const id = group.nextTimerId++;
  const timer = new PosixTimer(id, machine, group, clock, cpuClock, makeEvent(id));
  group.posixTimers.set(id, timer);
  return timer;
}

/** execve and the end of a process: its POSIX timers are gone. */
export function deleteTimers(group: ThreadGroup): void {
  for (const timer of group.posixTimers.values()) timer.delete();
  group.posixTimers.clear();
}

/** The end of a process: nothing of it runs on any more. */
export function stopAllTimers(machine: Machine, group: ThreadGroup): void {
  machine.timers.cancel(group.realTimer);
  deleteTimers(group);
  group.cpuTimers?.stop();
}
