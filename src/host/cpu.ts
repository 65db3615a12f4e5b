/** What the CPU says of itself: cpuid, xgetbv, the time-stamp counter (Intel SDM vol. 1, 13 for the layout of XSAVE images). */
import { Assembler } from '../asm/assembler.js';
import { eax, ecx, edx, mem, r8, rax, rbx, rdi, rdx, rsi } from '../asm/operands.js';
import type { HostAddr } from '../base/brands.js';
import { addressOf, machineFunction, type HostFunction } from './libc.js';
import { loadMachineCode } from './machine-code.js';

interface Primitives {
  cpuid: HostFunction;
  xgetbv: HostFunction;
  rdtsc: HostFunction;
}

let loaded: Primitives | undefined;

function primitives(): Primitives {
  if (loaded) return loaded;
  const a = new Assembler();
  // cpuid(leaf, subleaf, uint32_t out[4])
  a.label('cpuid')
    .push(rbx)
    .mov(r8, rdx)
    .mov(rax, rdi)
    .mov({ ...rax, code: 1 }, rsi)
    .cpuid();
  a.store(mem(r8, 0), eax)
    .store(mem(r8, 4), { ...eax, code: 3 })
    .store(mem(r8, 8), ecx)
    .store(mem(r8, 12), edx);
  a.pop(rbx).ret().align(16);
  a.label('xgetbv').xor(ecx, ecx).xgetbv().shl(rdx, 32).or(rax, rdx).ret().align(16);
  a.label('rdtsc').lfence().rdtsc().shl(rdx, 32).or(rax, rdx).ret();
  const base: HostAddr = loadMachineCode(a.assemble());
  loaded = {
    cpuid: machineFunction(base + a.offsetOf('cpuid'), 3),
    xgetbv: machineFunction(base + a.offsetOf('xgetbv'), 0),
    rdtsc: machineFunction(base + a.offsetOf('rdtsc'), 0),
  };
  return loaded;
}

/** Registers that cpuid answers with. */
export interface CpuidResult {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

const cpuidOut = new Uint32Array(64);

export function cpuid(leaf: number, subleaf = 0): CpuidResult {
  const bytes = new Uint8Array(cpuidOut.buffer);
  primitives().cpuid(leaf, subleaf, addressOf(bytes));
  return { eax: cpuidOut[0]!, ebx: cpuidOut[1]!, ecx: cpuidOut[2]!, edx: cpuidOut[3]! };
}

/** The time-stamp counter. */
export function rdtscBig(): bigint {
  return BigInt((loaded ?? primitives()).rdtsc());
}

/** The time-stamp counter, to within a few ticks: for the length of short times. */
export function rdtsc(): number {
  return (loaded ?? primitives()).rdtsc();
}

/** rdtscp, whose TSC_AUX tells the number of the CPU. */
export function hasRdtscp(): boolean {
  const RDTSCP = 1 << 27;
  return cpuid(0x80000000).eax >= 0x80000001 && (cpuid(0x80000001).edx & RDTSCP) !== 0;
}

export interface Xfeatures {
  readonly low: number;
  readonly high: number;
}

const XFEATURE_XTILE = (1 << 17) | (1 << 18);
const LEAF_XSTATE = 0xd;
const LEGACY_AND_HEADER = 576;

interface XstateLayout extends Xfeatures {
  readonly size: number;
}

let layout: XstateLayout | undefined;

/** The user state components that guests have: all of the CPU's without AMX, which no guest may enable. */
function xstateLayout(): XstateLayout {
  if (layout) return layout;
  const xcr0 = Number(primitives().xgetbv());
  const low = (xcr0 | 0) & ~XFEATURE_XTILE;
  const high = Math.floor(xcr0 / 4294967296);
  let size = LEGACY_AND_HEADER;
  for (let component = 2; component < 32; component++) {
    if (((low >>> component) & 1) === 0) continue;
    const { eax: length, ebx: offset } = cpuid(LEAF_XSTATE, component);
    size = Math.max(size, offset + length);
  }
  layout = { low, high, size };
  return layout;
}

/** XCR0 without AMX: what a signal frame says that its image holds. */
export function supportedXfeatures(): Xfeatures {
  return xstateLayout();
}

/** Bytes of extended state that belong into a signal frame; `available`: what the platform reads. */
export function frameXstateSize(available: number): number {
  return Math.min(available, xstateLayout().size);
}
