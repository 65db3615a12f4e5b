/** Operands of the assembler: registers, memory at a register plus displacement, memory at a label. */
import { assert } from '../base/assert.js';

export interface Register {
  readonly kind: 'register';
  /** 0-15, as the hardware numbers them. */
  readonly code: number;
  readonly size: 32 | 64;
}

export interface Memory {
  readonly kind: 'memory';
  readonly base: Register;
  readonly displacement: number;
}

export interface RipRelative {
  readonly kind: 'rip';
  readonly label: string;
}

function register(code: number, size: 32 | 64 = 64): Register {
  return { kind: 'register', code, size };
}

export const rax = register(0);
export const rcx = register(1);
export const rdx = register(2);
export const rbx = register(3);
export const rsp = register(4);
export const rbp = register(5);
export const rsi = register(6);
export const rdi = register(7);
export const r8 = register(8);
export const r9 = register(9);
export const r10 = register(10);
export const r11 = register(11);
export const r12 = register(12);
export const r13 = register(13);
export const r14 = register(14);
export const r15 = register(15);
export const eax = register(0, 32);
export const ecx = register(1, 32);
export const edx = register(2, 32);
export const ebx = register(3, 32);
export const esi = register(6, 32);
export const edi = register(7, 32);
export const r8d = register(8, 32);
export const r9d = register(9, 32);
export const r10d = register(10, 32);
export const r11d = register(11, 32);

/** Memory at `base + displacement`. */
export function mem(base: Register, displacement = 0): Memory {
  assert(base.size === 64 && fitsInt32(displacement), 'memory operand out of range');
  return { kind: 'memory', base, displacement };
}

/** Memory at a label of the same code. */
export function at(label: string): RipRelative {
  return { kind: 'rip', label };
}

export function fitsInt8(value: number): boolean {
  return value >= -128 && value <= 127;
}

export function fitsInt32(value: number): boolean {
  return value >= -0x80000000 && value <= 0x7fffffff;
}
