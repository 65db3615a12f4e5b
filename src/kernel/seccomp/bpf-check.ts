/**
 * What a classic BPF program must be to serve as a filter (Linux: net/core/filter.c, bpf_check_classic; kernel/seccomp.c,
 * seccomp_check_filter): known instructions, jumps forward and inside, no word of memory read before it was written on every
 * path, a return at the end. A program that passes ends after at most as many steps as it has instructions.
 */
import { BPF_MAXINSNS, BPF_MEMWORDS } from '../../abi/seccomp.js';

/** A checked program, one element per instruction. */
export interface BpfCode {
  readonly code: Uint16Array;
  readonly jt: Uint8Array;
  readonly jf: Uint8Array;
  readonly k: Uint32Array;
}

// Instruction codes that seccomp allows (Linux: include/uapi/linux/bpf_common.h): class, size or operation, source.
export const LD_W_ABS = 0x20;
export const LD_W_LEN = 0x80;
export const LDX_W_LEN = 0x81;
export const LD_IMM = 0x00;
export const LDX_IMM = 0x01;
export const LD_MEM = 0x60;
export const LDX_MEM = 0x61;
export const ST = 0x02;
export const STX = 0x03;
export const RET_K = 0x06;
export const RET_A = 0x16;
export const TAX = 0x07;
export const TXA = 0x87;
export const JA = 0x05;
export const ADD_K = 0x04;
export const ADD_X = 0x0c;
export const SUB_K = 0x14;
export const SUB_X = 0x1c;
export const MUL_K = 0x24;
export const MUL_X = 0x2c;
export const DIV_K = 0x34;
export const DIV_X = 0x3c;
export const OR_K = 0x44;
export const OR_X = 0x4c;
export const AND_K = 0x54;
export const AND_X = 0x5c;
export const LSH_K = 0x64;
export const LSH_X = 0x6c;
export const RSH_K = 0x74;
export const RSH_X = 0x7c;
export const NEG = 0x84;
export const XOR_K = 0xa4;
export const XOR_X = 0xac;
export const JEQ_K = 0x15;
export const JEQ_X = 0x1d;
export const JGT_K = 0x25;
export const JGT_X = 0x2d;
export const JGE_K = 0x35;
export const JGE_X = 0x3d;
export const JSET_K = 0x45;
export const JSET_X = 0x4d;

const CONDITIONAL = new Set([JEQ_K, JEQ_X, JGT_K, JGT_X, JGE_K, JGE_X, JSET_K, JSET_X]);
const ALLOWED = new Set([
  ...[LD_W_ABS, LD_W_LEN, LDX_W_LEN, LD_IMM, LDX_IMM, LD_MEM, LDX_MEM, ST, STX, RET_K, RET_A, TAX, TXA, JA],
  ...[ADD_K, ADD_X, SUB_K, SUB_X, MUL_K, MUL_X, DIV_K, DIV_X, OR_K, OR_X, AND_K, AND_X, LSH_K, LSH_X, RSH_K, RSH_X, NEG, XOR_K, XOR_X],
  ...CONDITIONAL,
]);
const SECCOMP_DATA_SIZE = 64;

/** True when the program may be used. */
export function checkProgram(program: BpfCode): boolean {
  const length = program.code.length;
  if (length === 0 || length > BPF_MAXINSNS) return false;
  for (let pc = 0; pc < length; pc++) if (!isValid(program, pc, length)) return false;
  const last = program.code[length - 1]!;
  return (last === RET_K || last === RET_A) && readsWhatWasStored(program);
}

function isValid({ code, jt, jf, k }: BpfCode, pc: number, length: number): boolean {
  const operation = code[pc]!;
  const constant = k[pc]!;
  if (!ALLOWED.has(operation)) return false;
  if (CONDITIONAL.has(operation)) return pc + jt[pc]! + 1 < length && pc + jf[pc]! + 1 < length;
  switch (operation) {
    case LD_W_ABS:
      return constant < SECCOMP_DATA_SIZE && constant % 4 === 0;
    case DIV_K:
      return constant !== 0;
    case LSH_K:
    case RSH_K:
      return constant < 32;
    case LD_MEM:
    case LDX_MEM:
    case ST:
    case STX:
      return constant < BPF_MEMWORDS;
    case JA:
      return constant < length - pc - 1;
    default:
      return true;
  }
}

/** Jumps only go forward, so one pass knows for each instruction which words every path to it has stored. */
function readsWhatWasStored({ code, jt, jf, k }: BpfCode): boolean {
  const length = code.length;
  const stored = new Uint16Array(length).fill(0xffff);
  let current = 0;
  for (let pc = 0; pc < length; pc++) {
    current &= stored[pc]!;
    const operation = code[pc]!;
    const constant = k[pc]!;
    if (operation === ST || operation === STX) {
      current |= 1 << constant;
    } else if (operation === LD_MEM || operation === LDX_MEM) {
      if ((current & (1 << constant)) === 0) return false;
    } else if (operation === JA) {
      stored[pc + 1 + constant]! &= current;
      current = 0xffff;
    } else if (CONDITIONAL.has(operation)) {
      stored[pc + 1 + jt[pc]!]! &= current;
      stored[pc + 1 + jf[pc]!]! &= current;
      current = 0xffff;
    }
  }
  return true;
}
