/** Runs a checked classic BPF program over a struct seccomp_data (Linux: kernel/bpf/core.c by way of bpf_convert_filter). */
import * as bpf from './bpf-check.js';
import type { BpfCode } from './bpf-check.js';

const DATA_LENGTH = 64;
const memory = new Uint32Array(16);

/** `data`: 16 words. The value of the return instruction. */
export function runProgram(program: BpfCode, data: Uint32Array): number {
  const { code, jt, jf, k } = program;
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const operation = code[pc]!;
    const constant = k[pc]!;
    switch (operation) {
      case bpf.LD_W_ABS:
        a = data[constant >> 2]!;
        break;
      case bpf.RET_K:
        return constant;
      case bpf.RET_A:
        return a;
      case bpf.JEQ_K:
        pc += a === constant ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JGT_K:
        pc += a > constant ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JGE_K:
        pc += a >= constant ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JSET_K:
        pc += (a & constant) !== 0 ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JA:
        pc += constant;
        break;
      case bpf.JEQ_X:
        pc += a === x ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JGT_X:
        pc += a > x ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JGE_X:
        pc += a >= x ? jt[pc]! : jf[pc]!;
        break;
      case bpf.JSET_X:
        pc += (a & x) !== 0 ? jt[pc]! : jf[pc]!;
        break;
      case bpf.LD_IMM:
        a = constant;
        break;
      case bpf.LDX_IMM:
        x = constant;
        break;
      case bpf.LD_W_LEN:
        a = DATA_LENGTH;
        break;
      case bpf.LDX_W_LEN:
        x = DATA_LENGTH;
        break;
      case bpf.LD_MEM:
        a = memory[constant]!;
        break;
      case bpf.LDX_MEM:
        x = memory[constant]!;
        break;
      case bpf.ST:
        memory[constant] = a;
        break;
      case bpf.STX:
        memory[constant] = x;
        break;
      case bpf.TAX:
        x = a;
        break;
      case bpf.TXA:
        a = x;
        break;
      case bpf.DIV_X:
        if (x === 0) return 0;
        a = Math.floor(a / x);
        break;
      default:
        a = compute(operation, a, (operation & 8) !== 0 ? x : constant);
    }
  }
}

/** The ALU instructions; all of 32 bits, unsigned. */
function compute(operation: number, a: number, b: number): number {
  switch (operation & ~8) {
    case bpf.ADD_K:
      return (a + b) >>> 0;
    case bpf.SUB_K:
      return (a - b) >>> 0;
    case bpf.MUL_K:
      return Math.imul(a, b) >>> 0;
    case bpf.DIV_K:
      return Math.floor(a / b);
    case bpf.OR_K:
      return (a | b) >>> 0;
    case bpf.AND_K:
      return (a & b) >>> 0;
    case bpf.LSH_K:
      return (a << (b & 31)) >>> 0;
    case bpf.RSH_K:
      return a >>> (b & 31);
    case bpf.XOR_K:
      return (a ^ b) >>> 0;
    default:
      return -a >>> 0; // NEG
  }
}
