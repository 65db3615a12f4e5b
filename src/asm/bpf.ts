/**
 * seccomp filters: classic BPF programs (Linux: include/uapi/linux/bpf_common.h, seccomp.h; Documentation/networking/filter.rst).
 *
 *   new BpfProgram().load(SECCOMP_DATA_NR).jeq(NR.futex, 'ok').ret(SECCOMP_RET_TRAP).label('ok').ret(SECCOMP_RET_ALLOW).assemble()
 *
 * The machine has one accumulator; jumps go forward only, conditional ones at most 255 instructions. 64-bit values of
 * seccomp_data are compared in two halves: see `jne64`.
 */
import { assert, KernelBug } from '../base/assert.js';

// struct seccomp_data.
export const SECCOMP_DATA_NR = 0;
export const SECCOMP_DATA_ARCH = 4;
export const SECCOMP_DATA_INSTRUCTION_POINTER = 8;
export const SECCOMP_DATA_ARGS = 16;
export const SECCOMP_DATA_SIZE = 64;

export const AUDIT_ARCH_X86_64 = 0xc000003e;

export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
export const SECCOMP_RET_TRAP = 0x00030000;
export const SECCOMP_RET_ERRNO = 0x00050000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const RETURN = 0x06; // BPF_RET | BPF_K
const CONDITIONS = { jeq: 0x15, jgt: 0x25, jge: 0x35, jset: 0x45 } as const;

/** The kernel's limit, BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;
const HIGH = 4294967296;

interface Instruction {
  readonly code: number;
  readonly k: number;
  /** Labels; undefined: the next instruction. */
  readonly whenTrue?: string | undefined;
  readonly whenFalse?: string | undefined;
}

export class BpfProgram {
  private readonly instructions: Instruction[] = [];
  private readonly labels = new Map<string, number>();
  private unnamed = 0;

  /** Accumulator = 32-bit word of seccomp_data. */
  load(offset: number): this {
    assert(offset % 4 === 0 && offset >= 0 && offset < SECCOMP_DATA_SIZE, 'offset within seccomp_data');
    return this.add({ code: LOAD_WORD, k: offset });
  }

  and(mask: number): this {
    return this.add({ code: AND, k: mask });
  }

  /** If accumulator == value go to `whenTrue`, else to `whenFalse`; without a label: on to the next instruction. */
  jeq(value: number, whenTrue?: string, whenFalse?: string): this {
    return this.add({ code: CONDITIONS.jeq, k: value, whenTrue, whenFalse });
  }
  /** Unsigned >. */
  jgt(value: number, whenTrue?: string, whenFalse?: string): this {
    return this.add({ code: CONDITIONS.jgt, k: value, whenTrue, whenFalse });
  }
  /** Unsigned >=. */
  jge(value: number, whenTrue?: string, whenFalse?: string): this {
    return this.add({ code: CONDITIONS.jge, k: value, whenTrue, whenFalse });
  }
  /** Any of the bits set. */
  jset(mask: number, whenTrue?: string, whenFalse?: string): this {
    return this.add({ code: CONDITIONS.jset, k: mask, whenTrue, whenFalse });
  }

  jmp(label: string): this {
    return this.add({ code: JUMP, k: 0, whenTrue: label });
  }

  ret(action: number): this {
    return this.add({ code: RETURN, k: action });
  }

  /** Goes to `label` unless the 64-bit field at `offset` is `value`. */
  jne64(offset: number, value: number, label: string): this {
    this.load(offset + 4).jeq(Math.floor(value / HIGH), undefined, label);
    return this.load(offset).jeq(value % HIGH, undefined, label);
  }

  /** Goes to `label` unless the 64-bit field at `offset` is in [low, high]. */
  outside64(offset: number, low: number, high: number, label: string): this {
    const [belowHigh, inside] = [`.${this.unnamed++}`, `.${this.unnamed++}`];
    const [lowTop, highTop] = [Math.floor(low / HIGH), Math.floor(high / HIGH)];
    this.load(offset + 4)
      .jge(lowTop, undefined, label)
      .jgt(highTop, label);
    this.jgt(lowTop, belowHigh); // above the lower bound by its top half alone
    this.load(offset)
      .jge(low % HIGH, undefined, label)
      .load(offset + 4);
    this.label(belowHigh).jeq(highTop, undefined, inside);
    this.load(offset).jgt(high % HIGH, label);
    return this.label(inside);
  }

  label(name: string): this {
    assert(!this.labels.has(name), `label ${name} defined twice`);
    this.labels.set(name, this.instructions.length);
    return this;
  }

  /** The struct sock_filter array. */
  assemble(): Uint8Array {
    assert(this.instructions.length <= MAX_INSTRUCTIONS, 'filter too long');
    const out = new Uint8Array(this.instructions.length * 8);
    const view = new DataView(out.buffer);
    for (const [index, { code, k, whenTrue, whenFalse }] of this.instructions.entries()) {
      const jump = code === JUMP;
      view.setUint16(index * 8, code, true);
      view.setUint8(index * 8 + 2, jump ? 0 : this.distance(index, whenTrue, 255));
      view.setUint8(index * 8 + 3, this.distance(index, whenFalse, 255));
      view.setUint32(index * 8 + 4, jump ? this.distance(index, whenTrue, MAX_INSTRUCTIONS) : k, true);
    }
    return out;
  }

  private distance(from: number, label: string | undefined, limit: number): number {
    if (label === undefined) return 0;
    const target = this.labels.get(label);
    if (target === undefined) throw new KernelBug(`label ${label} is not defined`);
    const distance = target - from - 1;
    assert(distance >= 0 && distance <= limit && target < this.instructions.length, `label ${label} cannot be reached`);
    return distance;
  }

  private add(instruction: Instruction): this {
    this.instructions.push(instruction);
    return this;
  }
}
