/**
 * Which CPU guest threads run on. A trap is two switches between guest thread and kernel thread: 8 us when both share a CPU,
 * 40-50 when each wakes the other on a CPU of its own (measured on a two-CPU virtual machine). So the kernel thread stays on
 * one CPU, and guests beside it, unless they compute: a thread that runs long between traps while others want to run as well
 * goes to the other CPUs, where its few traps may be dear.
 *
 * Somebody else may want the kernel thread's CPU: when it is kept waiting too much, all that is near moves on to the next one.
 * Only the kernel thread and stubs are ever bound, never the rest of Node. Off on a one-CPU host.
 */
import { isErr, type HostPid } from '../../base/brands.js';
import { CPU_SET_BYTES, getAffinity, schedGetcpu, setAffinity, setSlice } from '../../host/process.js';
import { countBits, runDelayNs, SLICE_NS } from '../cpu-share.js';
import type { PtraceThread } from './ptrace-thread.js';

/** A thread that runs this long between traps computes; one that runs less talks to the kernel. */
const COMPUTING_MS = 0.15;
/** Weight of the latest run in the average. */
const ALPHA = 0.25;

/** How often to look whether the CPU is contended, on average: two kernels that look at the same times would dodge in step. */
const LOOK_MS = 200;
/** Share of its time that the kernel thread may be kept waiting for its CPU. */
const CONTENDED = 0.25;

/** What Placement keeps of a thread. */
export interface Place {
  /** The CPUs that the host has been told. */
  mask: Uint8Array | undefined;
  /** When it was resumed (performance.now). */
  since: number;
  /** Average time between resume and trap. */
  averageRunMs: number;
}

export function newPlace(): Place {
  return { mask: undefined, since: 0, averageRunMs: 0 };
}

export class Placement {
  /** Host calls that moved a thread. */
  moves = 0;
  /** Time of the latest trap or wake-up (performance.now): the one clock reading per trap. */
  now = 0;
  private readonly running = new Set<PtraceThread>();
  private readonly all = new Uint8Array(CPU_SET_BYTES);
  /** The kernel thread's CPU. */
  private readonly near = new Uint8Array(CPU_SET_BYTES);
  /** All others. */
  private readonly away = new Uint8Array(CPU_SET_BYTES);
  private readonly cpus: number;
  private cpu = 0;
  private lookAt = 0;
  private lookedAt = 0;
  private waitedNs = 0;
  private readonly enabled: boolean;

  /** To be made on the kernel thread, before it starts a stub: they inherit its CPU. */
  constructor() {
    this.cpus = isErr(getAffinity(0, this.all)) ? 1 : countBits(this.all);
    this.enabled = this.cpus > 1;
    setSlice(SLICE_NS);
    if (!this.enabled) return;
    this.settle(schedGetcpu());
    this.waitedNs = runDelayNs();
    this.lookedAt = performance.now();
    this.lookAt = this.lookedAt + LOOK_MS;
  }

  /** Makes a CPU the kernel thread's. */
  private settle(cpu: number): void {
    this.cpu = cpu;
    this.near.fill(0);
    this.near[cpu >> 3]! |= 1 << (cpu & 7);
    this.away.set(this.all.map((byte, index) => byte & ~this.near[index]!));
    setAffinity(0, this.near);
  }

  /** Notes the time of a trap or wake-up. True when it is time for `look`. */
  tick(): boolean {
    this.now = performance.now();
    return this.now >= this.lookAt;
  }

  /** Moves to another CPU if this one is contended; `threads`: all that may be bound. */
  look(threads: Iterable<PtraceThread>): void {
    const waitedNs = runDelayNs();
    const share = (waitedNs - this.waitedNs) / 1e6 / (this.now - this.lookedAt);
    this.waitedNs = waitedNs;
    this.lookedAt = this.now;
    this.lookAt = this.now + LOOK_MS * (0.5 + Math.random());
    if (!this.enabled || share < CONTENDED) return;
    if (Math.random() < 0.5) return; // whoever is in the way may be about to go
    this.settle(this.nextCpu());
    for (const thread of threads) {
      const { mask } = thread.place;
      if (mask === this.near || mask === this.away) this.bind(thread.tid, mask);
    }
  }

  private nextCpu(): number {
    let cpu = this.cpu;
    do cpu = (cpu + 1) % (CPU_SET_BYTES * 8);
    while ((this.all[cpu >> 3]! & (1 << (cpu & 7))) === 0);
    return cpu;
  }

  /** The first stub's place: it inherited the kernel thread's CPU. */
  adopt(zygote: PtraceThread): void {
    if (this.enabled) zygote.place.mask = this.near;
  }

  onResume(thread: PtraceThread): void {
    if (!this.enabled) return;
    if (this.running.size === 0) this.put(thread, this.near);
    else this.share(thread, this.now);
    thread.place.since = this.now;
    this.running.add(thread);
  }

  onStop(thread: PtraceThread): void {
    if (!this.running.delete(thread)) return;
    const place = thread.place;
    place.averageRunMs += (this.now - place.since - place.averageRunMs) * ALPHA;
  }

  /** Others run: computing ones, this one or those, make room for the kernel thread and whoever talks to it. */
  private share(thread: PtraceThread, now: number): void {
    let computing = thread.place.averageRunMs > COMPUTING_MS ? 1 : 0;
    for (const other of this.running) if (now - other.place.since > COMPUTING_MS) computing++;
    const room = computing < this.cpus ? this.away : this.all;
    for (const other of this.running) {
      if (other.place.mask === this.near && now - other.place.since > COMPUTING_MS) this.put(other, room);
    }
    if (thread.place.averageRunMs <= COMPUTING_MS) this.put(thread, this.near);
    else if (thread.place.mask === this.near || room === this.all) this.put(thread, room);
  }

  private put(thread: PtraceThread, mask: Uint8Array): void {
    if (thread.place.mask === mask) return;
    thread.place.mask = mask;
    this.bind(thread.tid, mask);
  }

  private bind(tid: HostPid, mask: Uint8Array): void {
    this.moves++;
    setAffinity(tid, mask);
  }

  /** Gives the kernel thread all its CPUs back. */
  stop(): void {
    setSlice(0);
    if (this.enabled) setAffinity(0, this.all);
  }
}
