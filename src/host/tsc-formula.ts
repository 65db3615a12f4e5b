/**
 * The page of clock parameters and the machine code that computes time from it. The kernel's clock and the guest's vDSO run
 * the same code on two such pages, which differ only in where time begins.
 *
 *    0  u32  sequence: odd while the kernel writes (a seqlock)
 *    4  u32  mode: MODE_* bits
 *    8  u64  tscBase
 *   16  u64  monoBase, nanoseconds
 *   24  u64  mult: nanoseconds per tick, 32.32 fixed point
 *   32  i64  wallSec    wall-clock time at monotonic 0
 *   40  u64  wallNsec
 */
import type { Assembler } from '../asm/assembler.js';
import { ecx, mem, r10, r11, r8, r9d, rax, rcx, rdx } from '../asm/operands.js';

export const PARAMETERS_SIZE = 48;
export const SEQUENCE = 0;
export const MODE = 4;
export const TSC_BASE = 8;
export const MONO_BASE = 16;
export const MULT = 24;
export const WALL_SEC = 32;
export const WALL_NSEC = 40;

/** The parameters are valid: compute. Otherwise make a system call. */
export const MODE_TSC = 1;
/** The CPU number in TSC_AUX may be told to guests. */
export const MODE_GETCPU = 2;

export interface ClockParameters {
  readonly tscBase: bigint;
  readonly monoBase: bigint;
  readonly mult: bigint;
  readonly wallSec: number;
  readonly wallNsec: number;
}

/** Stores parameters (without sequence and mode) for a clock that began `beganNs` nanoseconds after the parameters' epoch. */
export function writeParameters(view: DataView, parameters: ClockParameters, beganNs: bigint): void {
  const { tscBase, monoBase, mult, wallSec, wallNsec } = parameters;
  const wall = BigInt(wallSec) * 1_000_000_000n + BigInt(wallNsec) + beganNs;
  view.setBigUint64(TSC_BASE, tscBase, true);
  view.setBigInt64(MONO_BASE, monoBase - beganNs, true);
  view.setBigUint64(MULT, mult, true);
  view.setBigInt64(WALL_SEC, wall / 1_000_000_000n, true);
  view.setBigUint64(WALL_NSEC, wall % 1_000_000_000n, true);
}

/**
 * Monotonic nanoseconds from the page at r8 into rax; r10 = wallNsec, r11 = wallSec of the same moment. Changes rcx, rdx, r9.
 * `name` makes the labels unique.
 */
export function emitMonotonic(a: Assembler, name: string): void {
  const again = `${name}.again`;
  a.label(again);
  a.mov(r9d, mem(r8, SEQUENCE)); // sequence before; x86 keeps loads in order
  a.lfence(); // rdtsc must not run ahead of that load, nor of what the caller did
  a.rdtsc();
  a.shl(rdx, 32).or(rax, rdx);
  a.sub(rax, mem(r8, TSC_BASE));
  a.j('ae', `${name}.ahead`);
  a.xor(rax, rax); // this CPU's counter is a little behind the one that set tscBase
  a.label(`${name}.ahead`);
  a.mov(rcx, mem(r8, MULT));
  a.mul(rcx); // rdx:rax = ticks * mult
  a.shr(rax, 32);
  a.shl(rdx, 32);
  a.or(rax, rdx);
  a.add(rax, mem(r8, MONO_BASE));
  a.mov(r10, mem(r8, WALL_NSEC));
  a.mov(r11, mem(r8, WALL_SEC));
  a.mov(ecx, mem(r8, SEQUENCE));
  a.cmp(ecx, r9d); // written meanwhile?
  a.j('ne', again);
  a.and(ecx, 1); // or being written
  a.j('ne', again);
}
