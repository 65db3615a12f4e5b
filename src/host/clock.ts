/**
 * Time by the time-stamp counter, by the same formula that the guest's vDSO uses (Linux: kernel/time/timekeeping.c,
 * vdso_data), so that a guest that mixes vDSO and system calls never sees time go backwards:
 *
 *   monotonic = monoBase + ((tsc - tscBase) * mult >> 32)
 *
 * The parameters follow the host's clocks: `update` compares, keeps the time continuous and turns the rate. Where the counter
 * is no clock (not invariant, or the host itself does not trust it) every reading asks the host, and the vDSO makes real calls.
 */
import { readFileSync } from 'node:fs';
import { Assembler } from '../asm/assembler.js';
import { r8, rdi } from '../asm/operands.js';
import type { Clock, Timespec } from '../base/clock.js';
import { cpuid, rdtscBig } from './cpu.js';
import { addressOf, bind, machineFunction, type HostFunction } from './libc.js';
import { loadMachineCode } from './machine-code.js';
import { emitMonotonic, PARAMETERS_SIZE, writeParameters, type ClockParameters } from './tsc-formula.js';

const clockGettime = bind('clock_gettime', 'int', ['int', 'void*']);
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const NS_PER_SEC = 1_000_000_000n;

const timeBytes = new Uint8Array(64);
const timeView = new DataView(timeBytes.buffer);

/** A reading of a host clock, in nanoseconds. */
function hostNs(clock: number): bigint {
  clockGettime(clock, timeBytes);
  return timeView.getBigInt64(0, true) * 1_000_000_000n + timeView.getBigInt64(8, true);
}

/** Where the counter may serve as a clock: invariant, and trusted by the host's own clocksource. */
export function tscIsClock(): boolean {
  const INVARIANT_TSC = 1 << 8;
  if (cpuid(0x80000000).eax < 0x80000007 || (cpuid(0x80000007).edx & INVARIANT_TSC) === 0) return false;
  try {
    const source = readFileSync('/sys/devices/system/clocksource/clocksource0/current_clocksource', 'latin1').trim();
    return source === 'tsc' || source === 'kvm-clock';
  } catch {
    return false;
  }
}

interface Sample {
  tsc: bigint;
  mono: bigint;
}

/** Counter and host clock at the same moment, as well as it can be told (about 50 ns). */
function takeSample(): Sample {
  let best: Sample = { tsc: 0n, mono: 0n };
  let narrowest = 1n << 62n;
  for (let i = 0; i < 8; i++) {
    const before = rdtscBig();
    const mono = hostNs(CLOCK_MONOTONIC);
    const after = rdtscBig();
    if (after - before >= narrowest) continue;
    narrowest = after - before;
    best = { tsc: before + (after - before) / 2n, mono };
  }
  return best;
}

/** Host CLOCK_REALTIME minus CLOCK_MONOTONIC. */
function wallOffsetNs(): bigint {
  let best = 0n;
  let narrowest = 1n << 62n;
  for (let i = 0; i < 4; i++) {
    const before = hostNs(CLOCK_MONOTONIC);
    const real = hostNs(CLOCK_REALTIME);
    const after = hostNs(CLOCK_MONOTONIC);
    if (after - before >= narrowest) continue;
    narrowest = after - before;
    best = real - (before + after) / 2n;
  }
  return best;
}

/** A first rate is taken over at least this long; until then the host is asked. */
const FIRST_BASELINE_NS = 10_000_000n;
const LONGEST_INTERVAL_NS = 8e9;
/** The rate is taken over at least this long once the clock has run for a while. */
const BASELINE_NS = 16_000_000_000n;
/** The wall clock was set when its distance changed by more; less is jitter of the measurement. */
const WALL_STEP_NS = 20_000n;
/** Further behind than this (a suspended host): time jumps forward. Ahead: it only slows down. */
const JUMP_NS = 5_000_000n;

export class TscClock implements Clock {
  /** Undefined while (or where) the counter is not used. */
  parameters: ClockParameters | undefined = undefined;
  /** Host nanoseconds that `parameters.monoBase` counts from. */
  readonly epochNs: bigint;
  private readonly listeners = new Set<(parameters: ClockParameters) => void>();
  private readonly usable: boolean;
  private anchor: Sample;
  private intervalNs = 20e6;
  private nextUpdateNs: number;
  private readonly page = new Uint8Array(PARAMETERS_SIZE + 64);
  private readonly pageAddress: number;
  private readonly read: HostFunction;
  private readonly epochNumber: number;
  private wallNs: bigint;
  /** What somebody set the clock to, less what the host's showed. */
  private shiftNs = 0n;

  constructor(usable = tscIsClock()) {
    this.usable = usable;
    this.anchor = takeSample();
    this.epochNs = this.anchor.mono;
    this.epochNumber = Number(this.epochNs);
    this.wallNs = wallOffsetNs();
    this.nextUpdateNs = this.epochNumber + Number(FIRST_BASELINE_NS);
    this.pageAddress = addressOf(this.page);
    this.read = monotonicFunction();
  }

  monotonicNs(): number {
    const now = this.parameters ? this.epochNumber + Number(this.read(this.pageAddress)) : Number(hostNs(CLOCK_MONOTONIC));
    if (now >= this.nextUpdateNs && this.usable) this.update();
    return now;
  }

  realtime(out: Timespec = { sec: 0, nsec: 0 }): Timespec {
    if (!this.parameters) {
      const ns = hostNs(CLOCK_REALTIME) + this.shiftNs;
      out.sec = Number(ns / NS_PER_SEC);
      out.nsec = Number(ns % NS_PER_SEC);
      return out;
    }
    const { wallSec, wallNsec } = this.parameters;
    const ns = Number(this.read(this.pageAddress)) + wallNsec;
    const sec = Math.floor(ns / 1e9);
    out.sec = wallSec + sec;
    out.nsec = ns - sec * 1e9;
    return out;
  }

  setRealtime(sec: number, nsec: number): void {
    const now = this.realtime();
    this.shiftNs += BigInt(sec - now.sec) * NS_PER_SEC + BigInt(Math.round(nsec - now.nsec));
    if (!this.parameters) return;
    this.parameters = { ...this.parameters, ...this.wall() };
    this.tell(this.parameters);
  }

  /** Wall-clock time at monotonic 0. */
  private wall(): { wallSec: number; wallNsec: number } {
    const wall = this.wallNs + this.shiftNs + this.epochNs;
    const nsec = ((wall % NS_PER_SEC) + NS_PER_SEC) % NS_PER_SEC;
    return { wallSec: Number((wall - nsec) / NS_PER_SEC), wallNsec: Number(nsec) };
  }

  private tell(parameters: ClockParameters): void {
    writeParameters(new DataView(this.page.buffer), parameters, 0n);
    for (const listener of this.listeners) listener(parameters);
  }

  /** Tells `listener` of new parameters, now (when there are any) and at each change. Returns how to stop that. */
  subscribe(listener: (parameters: ClockParameters) => void): () => void {
    this.listeners.add(listener);
    if (this.parameters) listener(this.parameters);
    return () => void this.listeners.delete(listener);
  }

  /** Compares with the host and turns the rate, so that the difference is gone by the next update. */
  update(): void {
    const now = takeSample();
    const elapsed = now.mono - this.anchor.mono;
    if (elapsed < FIRST_BASELINE_NS) return;
    const rate = Number(elapsed) / Number(now.tsc - this.anchor.tsc);
    const hostMono = now.mono - this.epochNs;
    const predicted = this.parameters ? this.predict(this.parameters, now.tsc) : hostMono;
    const behind = hostMono - predicted;
    const jumps = behind > JUMP_NS;
    if (this.parameters) this.intervalNs = Math.min(this.intervalNs * 2, LONGEST_INTERVAL_NS);
    // At most 5 percent faster or slower while a difference is made up.
    const correction = jumps ? 0 : Math.max(-0.05, Math.min(0.05, Number(behind) / this.intervalNs));
    this.updateWall();
    this.parameters = {
      tscBase: now.tsc,
      monoBase: jumps ? hostMono : predicted,
      mult: BigInt(Math.round(rate * (1 + correction) * 2 ** 32)),
      ...this.wall(),
    };
    this.nextUpdateNs = Number(this.epochNs + this.parameters.monoBase) + this.intervalNs;
    if (elapsed > 2n * BASELINE_NS) this.anchor = now;
    this.tell(this.parameters);
  }

  private predict({ tscBase, monoBase, mult }: ClockParameters, tsc: bigint): bigint {
    return monoBase + (((tsc - tscBase) * mult) >> 32n);
  }

  private updateWall(): void {
    const wall = wallOffsetNs();
    const change = wall - this.wallNs;
    if (change > WALL_STEP_NS || change < -WALL_STEP_NS) this.wallNs = wall;
  }
}

let loadedMonotonic: HostFunction | undefined;

/** int64 monotonic(const parameters *) */
function monotonicFunction(): HostFunction {
  if (loadedMonotonic) return loadedMonotonic;
  const a = new Assembler();
  a.mov(r8, rdi);
  emitMonotonic(a, 'kernel');
  a.ret();
  loadedMonotonic = machineFunction(loadMachineCode(a.assemble()), 1);
  return loadedMonotonic;
}
