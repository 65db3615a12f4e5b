/**
 * Which CPU everybody runs on. A hand-over is quick when kernel and guest spin for each other on two CPUs (0.5 us), and slow when a
 * CPU has to be woken for it (20 us on a virtual machine, 10 of them for who wakes). So the kernel thread keeps a CPU and stub
 * processes stay away from it: who traps finds the kernel awake, who is woken by the kernel queues up behind another guest thread
 * without an interrupt, and mm threads are woken by guest threads (a local switch, and no other CPU has their memory in its TLB).
 *
 * Guests that compute may have the kernel's CPU as well, once the kernel was seen to leave it idle while more of them ran than there
 * are other CPUs; as long as one of those runs nobody spins.
 *
 * Where somebody else wants the CPUs, who spins uses up the share that the host gives to us: then all stay together on one CPU and
 * nobody spins, until a later look finds it quiet. Off on a one-CPU host. Only the kernel thread and stubs are ever bound.
 */
import { isErr, type HostPid } from '../../base/brands.js';
import { CPU_SET_BYTES, getAffinity, schedGetcpu, setAffinity, setSlice } from '../../host/process.js';
import { countBits, runDelayNs, SLICE_NS } from '../cpu-share.js';

/** A sleep of the kernel that tells of computing guests, and how long in all a guest must compute through such before it may go anywhere. */
const LONG_SLEEP_MS = 0.15;
const COMPUTING_MS = 1;
/** Weight that is left of that with each trap. */
const TRAP_DECAY = 0.9;
/** Times that a thread which may go anywhere must be resumed alone before it is bound again. */
const CALM_RESUMES = 32;
/** How often to look whether the CPU is contended, on average: two kernels that look at the same times would dodge in step. */
const LOOK_MS = 100;
/** Share of its time that the kernel thread may be kept waiting for its CPU. */
const CONTENDED = 0.4;
/** How long to stay together on one CPU at first, and at most, before trying again. */
const TOGETHER_MS = 100;
const LONGEST_TOGETHER_MS = 8000;

/** What is kept of a guest thread. */
export interface Place {
  /** May run on the kernel's CPU too. */
  wide: boolean;
  computedMs: number;
  calm: number;
}

export function newPlace(): Place {
  return { wide: false, computedMs: 0, calm: 0 };
}

interface Placed {
  readonly tid: HostPid;
  readonly place: Place;
  readonly hasTrapped: boolean;
}

export class Placement {
  /** Host calls that moved a thread. */
  moves = 0;
  readonly enabled: boolean;
  /** Kernel and guests share a CPU, others want the rest. */
  together = false;
  private togetherMs = TOGETHER_MS;
  /** CPUs beside the kernel's. */
  readonly others: number;
  private readonly all = new Uint8Array(CPU_SET_BYTES);
  private readonly near = new Uint8Array(CPU_SET_BYTES);
  private readonly away = new Uint8Array(CPU_SET_BYTES);
  private cpu = 0;
  private sleptAt = 0;
  private lookAt = 0;
  private lookedAt = 0;
  private waitedNs = 0;

  /** To be made on the kernel thread, before it starts a stub: they inherit its CPU. */
  constructor() {
    this.others = isErr(getAffinity(0, this.all)) ? 0 : countBits(this.all) - 1;
    this.enabled = this.others > 0;
    setSlice(SLICE_NS);
    if (!this.enabled) return;
    this.settle(schedGetcpu());
    this.noteLook(performance.now(), runDelayNs());
  }

  /** Makes a CPU the kernel thread's. */
  private settle(cpu: number): void {
    this.cpu = cpu;
    this.near.fill(0);
    this.near[cpu >> 3]! |= 1 << (cpu & 7);
    for (let i = 0; i < CPU_SET_BYTES; i++) this.away[i] = this.all[i]! & ~this.near[i]!;
    setAffinity(0, this.near);
  }

  /** The first stub process, which has inherited the kernel's CPU: all others inherit from it. */
  addStub(leader: HostPid): void {
    if (this.enabled) this.bind(leader, this.away);
  }

  /** A guest thread goes on. */
  onResume({ tid, place }: Placed, alone: boolean): void {
    place.computedMs *= TRAP_DECAY;
    if (!place.wide || !alone || ++place.calm < CALM_RESUMES) return;
    place.wide = false;
    this.bind(tid, this.together ? this.near : this.away);
  }

  /** Before the kernel sleeps. */
  beforeSleep(running: readonly Placed[]): void {
    if (this.enabled && running.length > (this.together ? 0 : this.others)) this.sleptAt = performance.now();
  }

  /** After it; `running`: those who ran meanwhile. How many of them may go anywhere from now on. */
  afterSleep(running: readonly Placed[]): number {
    if (this.sleptAt === 0) return 0;
    const sleptMs = performance.now() - this.sleptAt;
    this.sleptAt = 0;
    if (sleptMs < LONG_SLEEP_MS) return 0;
    let widened = 0;
    for (const thread of running) {
      const { place } = thread;
      if (place.wide || thread.hasTrapped) continue;
      place.computedMs += sleptMs;
      if (place.computedMs < COMPUTING_MS) continue;
      place.wide = true;
      place.calm = 0;
      place.computedMs = 0;
      this.bind(thread.tid, this.all);
      widened++;
    }
    return widened;
  }

  /** From time to time: is the CPU contended? `leaders`: mm threads; `guests`: the others. True when everybody was moved. */
  look(leaders: Iterable<HostPid>, guests: () => Iterable<Placed>): boolean {
    const now = performance.now();
    if (!this.enabled || now < this.lookAt) return false;
    const waitedNs = runDelayNs();
    const share = (waitedNs - this.waitedNs) / 1e6 / (now - this.lookedAt);
    this.noteLook(now, waitedNs);
    if (this.together) {
      this.together = false;
    } else if (share < CONTENDED) {
      this.togetherMs = TOGETHER_MS;
      return false;
    } else {
      this.together = true;
      this.lookAt = now + this.togetherMs * (0.5 + Math.random());
      this.togetherMs = Math.min(this.togetherMs * 2, LONGEST_TOGETHER_MS);
      this.settle(this.nextCpu());
    }
    const mask = this.together ? this.near : this.away;
    for (const leader of leaders) this.bind(leader, mask);
    for (const { tid, place } of guests()) if (!place.wide) this.bind(tid, mask);
    return true;
  }

  private noteLook(now: number, waitedNs: number): void {
    this.lookedAt = now;
    this.waitedNs = waitedNs;
    this.lookAt = now + LOOK_MS * (0.5 + Math.random());
  }

  private nextCpu(): number {
    let cpu = this.cpu;
    do cpu = (cpu + 1) % (CPU_SET_BYTES * 8);
    while ((this.all[cpu >> 3]! & (1 << (cpu & 7))) === 0);
    return cpu;
  }

  private bind(tid: HostPid, cpus: Uint8Array): void {
    this.moves++;
    setAffinity(tid, cpus);
  }

  /** Gives the kernel thread all its CPUs back. */
  stop(): void {
    setSlice(0);
    if (this.enabled) setAffinity(0, this.all);
  }
}
