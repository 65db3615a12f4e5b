/**
 * Where the kernel thread waits: it watches the turns of all running guest threads, spinning as long as that has been worth it,
 * and then sleeps on the doorbell, whose page all stub processes can read: a guest thread that has trapped looks there whether it
 * must wake the kernel. Rings by other threads of this process change the word that the kernel sleeps on.
 */
import type { PhysAddr } from '../../base/brands.js';
import { addressOf } from '../../host/libc.js';
import { futexWait, SPIN_MISS, watchWords } from '../../host/futex.js';
import { HostClock } from '../../base/clock.js';
import { rdtsc } from '../../host/cpu.js';
import type { FrameStore } from '../frames.js';
import { BELL_RUNG, BELL_SLEEPING, BELL_SPIN } from './layout.js';
import type { Placement } from './placement.js';
import type { SeccompThread } from './seccomp-thread.js';
import { SharedWords } from './words.js';

/** The longest time that either side spins: about what it costs to wake a thread on another CPU of a virtual machine. */
const SPIN_US = 50;
/** A guest thread that had to be woken needs longer to trap. */
const WOKEN_SPINS = 2;
/** Short enough for nobody to notice, long enough for the limit of a spin. */
const CALIBRATION_NS = 200e3;

export class TurnWatch {
  readonly running: SeccompThread[] = [];
  private readonly bell: SharedWords;
  /** Host addresses of the running threads' turns, in their order. */
  private addresses = new Uint32Array(256);
  private addressesAt = addressOf(new Uint8Array(this.addresses.buffer));
  private seen = 0;
  private guestSpin = -1;
  private readonly ticksPerUs = ticksPerMicrosecond();
  /** Running threads that may have the kernel's CPU. */
  private wideRunning = 0;
  /** A guest thread had to be woken since the last wait. */
  woke = false;
  sleeps = 0;
  spinHits = 0;

  constructor(
    frames: FrameStore,
    frame: PhysAddr,
    private readonly placement: Placement,
  ) {
    this.bell = new SharedWords(frames, frame, 4096);
    this.bell.store(BELL_SLEEPING, 0);
    this.adapt();
  }

  /** How long both sides spin, in ticks of the time-stamp counter; 0: nobody does. */
  get spinTicks(): number {
    return this.guestSpin;
  }

  get doorbellAddress(): number {
    return this.bell.addressAt(BELL_RUNG);
  }

  add(thread: SeccompThread): void {
    this.placement.onResume(thread, this.running.length === 0);
    if (thread.place.wide) this.wideRunning++;
    const index = this.running.push(thread) - 1;
    if (index * 2 === this.addresses.length) this.grow();
    this.put(index, thread);
    this.adapt();
  }

  /** The last takes its place, so the order is no queue; everybody in the list has trapped at most once. */
  remove(thread: SeccompThread): void {
    const index = this.running.indexOf(thread);
    if (index < 0) return;
    if (thread.place.wide) this.wideRunning--;
    const last = this.running.pop()!;
    if (last !== thread) {
      this.running[index] = last;
      this.put(index, last);
    }
    this.adapt();
  }

  private put(index: number, thread: SeccompThread): void {
    this.addresses[index * 2] = thread.turnLow;
    this.addresses[index * 2 + 1] = thread.turnHigh;
  }

  private grow(): void {
    const grown = new Uint32Array(this.addresses.length * 2);
    grown.set(this.addresses);
    this.addresses = grown;
    this.addressesAt = addressOf(new Uint8Array(grown.buffer));
  }

  /** With the kernel's CPU to itself it may spin; where a guest computes that may use it too, that takes time from the guest. */
  adapt(): void {
    const { enabled, together } = this.placement;
    const spin = enabled && !together && this.wideRunning === 0 ? SPIN_US * this.ticksPerUs : 0;
    if (spin === this.guestSpin) return;
    this.guestSpin = spin;
    this.bell.store(BELL_SPIN, spin);
  }

  /** A running thread that has handed over its turn. */
  find(): SeccompThread | undefined {
    const { running } = this;
    for (let i = 0; i < running.length; i++) if (running[i]!.hasTrapped) return running[i];
    return undefined;
  }

  /** True when somebody rang since the last time. */
  takeRing(): boolean {
    const rung = this.bell.load(BELL_RUNG);
    if (rung === this.seen) return false;
    this.seen = rung;
    return true;
  }

  /** Returns when there may be something to find, or after `deadlineNs`. */
  wait(deadlineNs: number): void {
    const { running } = this;
    if (running.length > 0 && this.guestSpin > 0) {
      if (this.spinOnce()) return;
    }
    this.woke = false;
    this.bell.store(BELL_SLEEPING, 1);
    if (this.watch(0) === SPIN_MISS) {
      this.sleeps++;
      this.placement.beforeSleep(running);
      futexWait(this.bell.addressAt(BELL_RUNG), this.seen, deadlineNs);
      const widened = this.placement.afterSleep(running);
      if (widened > 0) {
        this.wideRunning += widened;
        this.adapt();
      }
    }
    this.bell.store(BELL_SLEEPING, 0);
  }

  private spinOnce(): boolean {
    const ticks = this.woke ? this.guestSpin * WOKEN_SPINS : this.guestSpin;
    this.woke = false;
    if (this.watch(ticks) === SPIN_MISS) return false;
    this.spinHits++;
    return true;
  }

  private watch(ticks: number): number {
    return watchWords(this.addressesAt, this.running.length, this.bell.addressAt(BELL_RUNG), this.seen, ticks);
  }
}

/** Of the time-stamp counter. */
function ticksPerMicrosecond(): number {
  const clock = new HostClock();
  rdtsc(); // the first call takes long
  const beganNs = clock.monotonicNs();
  const began = rdtsc();
  let now = beganNs;
  while (now < beganNs + CALIBRATION_NS) now = clock.monotonicNs();
  return Math.max(1, Math.round(((rdtsc() - began) * 1000) / (now - beganNs)));
}
