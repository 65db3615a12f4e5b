/**
 * x86-64 assembler: machine code as TypeScript calls, one method per instruction, named after the mnemonic in Intel's operand
 * order (destination first). Intel SDM vol. 2 is the reference. Only the forms that the stub, the trampolines, the vDSO and the
 * tests use; every form is compared with a disassembler in assembler.test.ts.
 *
 *   const a = new Assembler();
 *   a.mov(rax, 39).syscall().label('end').jmp('end');
 *   const code = a.assemble();
 *
 * All code is position-independent: labels are reached relative to rip. Jumps take the 32-bit form, so sizes never shift.
 */
import { assert, KernelBug } from '../base/assert.js';
import { fitsInt32, fitsInt8, type Memory, type Register, type RipRelative } from './operands.js';

/** Condition codes of jcc. */
const CONDITIONS = { o: 0, no: 1, b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, s: 8, ns: 9, l: 12, ge: 13, le: 14, g: 15 } as const;
export type Condition = keyof typeof CONDITIONS;

/** /digit of the immediate forms, and bits 3-5 of the register forms. */
const ARITHMETIC = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
type Arithmetic = keyof typeof ARITHMETIC;

interface Fixup {
  readonly at: number;
  readonly label: string;
  /** Bytes between the 32-bit field's end and the end of its instruction. */
  readonly trailing: number;
}

export type Target = Memory | RipRelative;

export class Assembler {
  private code = new Uint8Array(256);
  private size = 0;
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];

  /** Offset of the next byte. */
  get here(): number {
    return this.size;
  }

  /** Names the next byte. */
  label(name: string): this {
    assert(!this.labels.has(name), `label ${name} defined twice`);
    this.labels.set(name, this.size);
    return this;
  }

  /** Offset of a label that has been defined. */
  offsetOf(name: string): number {
    const offset = this.labels.get(name);
    if (offset === undefined) throw new KernelBug(`label ${name} is not defined`);
    return offset;
  }

  /** The finished code, all labels resolved. */
  assemble(): Uint8Array {
    const out = this.code.slice(0, this.size);
    const view = new DataView(out.buffer);
    for (const { at, label, trailing } of this.fixups) view.setInt32(at, this.offsetOf(label) - (at + 4 + trailing), true);
    return out;
  }

  // Data.
  byte(...values: number[]): this {
    for (const value of values) this.emit(value);
    return this;
  }
  data(bytes: Uint8Array): this {
    for (const value of bytes) this.emit(value);
    return this;
  }
  dword(value: number): this {
    return this.imm32(value);
  }
  qword(value: number | bigint): this {
    return this.imm64(BigInt(value));
  }
  /** Fills with `filler` up to a multiple of `alignment`. */
  align(alignment: number, filler = 0xcc): this {
    while (this.size % alignment !== 0) this.emit(filler);
    return this;
  }

  // Moves.
  /** Register from register, immediate or memory. A 64-bit immediate takes the shortest form that gives the same value. */
  mov(to: Register, from: Register | number | bigint | Target): this {
    if (typeof from === 'number' || typeof from === 'bigint') return this.movImmediate(to, BigInt(from));
    if (from.kind === 'register') return this.op(to.size, [0x89], from.code, to);
    return this.op(to.size, [0x8b], to.code, from);
  }
  /** Memory from a register. */
  store(to: Target, from: Register): this {
    return this.op(from.size, [0x89], from.code, to);
  }
  /** Memory from a sign-extended 32-bit immediate. */
  storeImmediate(to: Target, value: number, size: 32 | 64 = 64): this {
    return this.op(size, [0xc7], 0, to, 4).imm32(value);
  }
  /** A byte from memory, zero-extended. */
  movzxByte(to: Register, from: Target): this {
    return this.op(to.size, [0x0f, 0xb6], to.code, from);
  }
  /** One byte of memory from the low byte of a register. */
  storeByte(to: Target, from: Register): this {
    return this.op(32, [0x88], from.code, to, 0, from.code >= 4);
  }
  lea(to: Register, from: Target): this {
    return this.op(to.size, [0x8d], to.code, from);
  }
  xchg(memory: Target, register: Register): this {
    return this.op(register.size, [0x87], register.code, memory);
  }
  push(register: Register): this {
    return this.short(0x50, register);
  }
  pop(register: Register): this {
    return this.short(0x58, register);
  }

  // Arithmetic.
  add(to: Register, from: Register | number | Target): this {
    return this.arithmetic('add', to, from);
  }
  sub(to: Register, from: Register | number | Target): this {
    return this.arithmetic('sub', to, from);
  }
  and(to: Register, from: Register | number | Target): this {
    return this.arithmetic('and', to, from);
  }
  or(to: Register, from: Register | number | Target): this {
    return this.arithmetic('or', to, from);
  }
  xor(to: Register, from: Register | number | Target): this {
    return this.arithmetic('xor', to, from);
  }
  cmp(to: Register, from: Register | number | Target): this {
    return this.arithmetic('cmp', to, from);
  }
  test(a: Register, b: Register): this {
    return this.op(a.size, [0x85], b.code, a);
  }
  inc(register: Register): this {
    return this.op(register.size, [0xff], 0, register);
  }
  dec(register: Register): this {
    return this.op(register.size, [0xff], 1, register);
  }
  neg(register: Register): this {
    return this.op(register.size, [0xf7], 3, register);
  }
  shl(register: Register, count: number): this {
    return this.op(register.size, [0xc1], 4, register, 1).byte(count);
  }
  shr(register: Register, count: number): this {
    return this.op(register.size, [0xc1], 5, register, 1).byte(count);
  }
  /** rdx:rax = rax * register, unsigned. */
  mul(register: Register): this {
    return this.op(register.size, [0xf7], 4, register);
  }
  imul(to: Register, from: Register | Target): this {
    return this.op(to.size, [0x0f, 0xaf], to.code, from);
  }
  /** Divides rdx:rax by a register, unsigned. */
  div(register: Register): this {
    return this.op(register.size, [0xf7], 6, register);
  }
  /** Atomic: memory += register, register = old value. */
  lockXadd(memory: Target, register: Register): this {
    return this.emit(0xf0).op(register.size, [0x0f, 0xc1], register.code, memory);
  }
  lockCmpxchg(memory: Target, register: Register): this {
    return this.emit(0xf0).op(register.size, [0x0f, 0xb1], register.code, memory);
  }

  // Control.
  jmp(target: string | Register | Target): this {
    if (typeof target === 'string') return this.emit(0xe9).relative(target);
    return this.op(32, [0xff], 4, target);
  }
  j(condition: Condition, label: string): this {
    return this.emit(0x0f)
      .emit(0x80 + CONDITIONS[condition])
      .relative(label);
  }
  call(target: string | Register): this {
    if (typeof target === 'string') return this.emit(0xe8).relative(target);
    return this.op(32, [0xff], 2, target);
  }
  ret(): this {
    return this.emit(0xc3);
  }
  syscall(): this {
    return this.byte(0x0f, 0x05);
  }
  int3(): this {
    return this.emit(0xcc);
  }
  int(vector: number): this {
    return this.byte(0xcd, vector);
  }
  nop(): this {
    return this.emit(0x90);
  }
  pause(): this {
    return this.byte(0xf3, 0x90);
  }
  ud2(): this {
    return this.byte(0x0f, 0x0b);
  }
  hlt(): this {
    return this.emit(0xf4);
  }
  cld(): this {
    return this.emit(0xfc);
  }
  std(): this {
    return this.emit(0xfd);
  }
  pushfq(): this {
    return this.emit(0x9c);
  }
  popfq(): this {
    return this.emit(0x9d);
  }
  /** ah: SF, ZF, AF, PF, CF. */
  lahf(): this {
    return this.emit(0x9f);
  }
  sahf(): this {
    return this.emit(0x9e);
  }
  /** al: 1 when the overflow flag is set, otherwise 0. */
  setoAl(): this {
    return this.byte(0x0f, 0x90, 0xc0);
  }
  addAl(value: number): this {
    return this.byte(0x04, value);
  }
  cpuid(): this {
    return this.byte(0x0f, 0xa2);
  }
  xgetbv(): this {
    return this.byte(0x0f, 0x01, 0xd0);
  }
  rdtsc(): this {
    return this.byte(0x0f, 0x31);
  }
  rdtscp(): this {
    return this.byte(0x0f, 0x01, 0xf9);
  }
  lfence(): this {
    return this.byte(0x0f, 0xae, 0xe8);
  }
  rdfsbase(register: Register): this {
    return this.emit(0xf3).op(register.size, [0x0f, 0xae], 0, register);
  }
  wrfsbase(register: Register): this {
    return this.emit(0xf3).op(register.size, [0x0f, 0xae], 2, register);
  }
  rdgsbase(register: Register): this {
    return this.emit(0xf3).op(register.size, [0x0f, 0xae], 1, register);
  }
  wrgsbase(register: Register): this {
    return this.emit(0xf3).op(register.size, [0x0f, 0xae], 3, register);
  }
  repMovsb(): this {
    return this.byte(0xf3, 0xa4);
  }
  repStosb(): this {
    return this.byte(0xf3, 0xaa);
  }

  // Vector registers 0-7, by number: what the tests of preserved state need.
  movqToXmm(xmm: number, from: Register): this {
    return this.emit(0x66).op(64, [0x0f, 0x6e], xmm, from);
  }
  movqFromXmm(to: Register, xmm: number): this {
    return this.emit(0x66).op(64, [0x0f, 0x7e], xmm, to);
  }
  /** Doubles xmm's low quadword into a 256-bit register (AVX2). */
  vpbroadcastq(ymm: number, xmm: number): this {
    return this.byte(0xc4, 0xe2, 0x7d, 0x59, 0xc0 | (ymm << 3) | xmm);
  }
  /** The upper half of a 256-bit register (AVX). */
  vextractf128High(xmm: number, ymm: number): this {
    return this.byte(0xc4, 0xe3, 0x7d, 0x19, 0xc0 | (ymm << 3) | xmm, 1);
  }
  ldmxcsr(from: Target): this {
    return this.op(32, [0x0f, 0xae], 2, from);
  }
  stmxcsr(to: Target): this {
    return this.op(32, [0x0f, 0xae], 3, to);
  }

  // Encoding.
  private emit(value: number): this {
    if (this.size === this.code.length) {
      const grown = new Uint8Array(this.size * 2);
      grown.set(this.code);
      this.code = grown;
    }
    this.code[this.size++] = value;
    return this;
  }

  private imm32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.emit((value >>> shift) & 0xff);
    return this;
  }

  private imm64(value: bigint): this {
    for (let shift = 0n; shift < 64n; shift += 8n) this.emit(Number((value >> shift) & 0xffn));
    return this;
  }

  private relative(label: string, trailing = 0): this {
    this.fixups.push({ at: this.size, label, trailing });
    return this.imm32(0);
  }

  private movImmediate(to: Register, value: bigint): this {
    const bits = BigInt.asUintN(64, value);
    if (bits <= 0xffffffffn) return this.short(0xb8, { ...to, size: 32 }).imm32(Number(bits));
    assert(to.size === 64, 'immediate too large for a 32-bit register');
    const signed = BigInt.asIntN(64, value);
    if (signed >= -0x80000000n && signed < 0n) return this.op(64, [0xc7], 0, to, 4).imm32(Number(signed));
    return this.emit(to.code >= 8 ? 0x49 : 0x48)
      .emit(0xb8 + (to.code & 7))
      .imm64(bits);
  }

  private arithmetic(name: Arithmetic, to: Register, from: Register | number | Target): this {
    const digit = ARITHMETIC[name];
    if (typeof from === 'number') {
      assert(fitsInt32(from), `${name}: immediate needs 32 signed bits`);
      if (fitsInt8(from)) return this.op(to.size, [0x83], digit, to, 1).byte(from & 0xff);
      return this.op(to.size, [0x81], digit, to, 4).imm32(from);
    }
    if (from.kind === 'register') return this.op(to.size, [digit * 8 + 1], from.code, to);
    return this.op(to.size, [digit * 8 + 3], to.code, from);
  }

  /** An instruction with the register in the low bits of its opcode. */
  private short(opcode: number, register: Register): this {
    if (register.code >= 8) this.emit(0x41);
    return this.emit(opcode + (register.code & 7));
  }

  /**
   * [REX] opcode modrm [sib] [disp]. `reg`: register number or opcode digit; `trailing`: immediate bytes that the caller adds;
   * `forceRex`: for byte registers spl..dil.
   */
  private op(size: 32 | 64, opcode: readonly number[], reg: number, rm: Register | Target, trailing = 0, forceRex = false): this {
    const base = rm.kind === 'register' ? rm.code : rm.kind === 'memory' ? rm.base.code : 0;
    const rex = (size === 64 ? 8 : 0) | (reg >= 8 ? 4 : 0) | (base >= 8 ? 1 : 0);
    if (rex !== 0 || forceRex) this.emit(0x40 | rex);
    for (const value of opcode) this.emit(value);
    const regBits = (reg & 7) << 3;
    if (rm.kind === 'register') return this.emit(0xc0 | regBits | (rm.code & 7));
    if (rm.kind === 'rip') return this.emit(regBits | 5).relative(rm.label, trailing);
    return this.modrmMemory(regBits, rm);
  }

  private modrmMemory(regBits: number, { base, displacement }: Memory): this {
    const low = base.code & 7;
    const none = displacement === 0 && low !== 5; // [rbp] and [r13] have no form without displacement
    const mode = none ? 0 : fitsInt8(displacement) ? 0x40 : 0x80;
    this.emit(mode | regBits | low);
    if (low === 4) this.emit(0x24); // rsp and r12 need a SIB byte
    if (mode === 0x40) return this.emit(displacement & 0xff);
    return mode === 0x80 ? this.imm32(displacement) : this;
  }
}
