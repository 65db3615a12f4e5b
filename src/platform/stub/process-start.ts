/** Machine code that the first stub process of every platform begins with: calls with constant arguments, descriptors closed. */
import type { Assembler } from '../../asm/assembler.js';
import { r10, r8, r9, rax, rdi, rdx, rsi, type Register } from '../../asm/operands.js';
import { NR } from '../../abi/syscall-numbers.js';

const LAST_FD = 0xffff_ffff;

/** A system call with constant arguments; failure goes to the label `failed`, with the errno in rax. */
export function emitCall(a: Assembler, nr: number, ...args: number[]): void {
  const registers: Register[] = [rdi, rsi, rdx, r10, r8, r9];
  for (const [index, value] of args.entries()) a.mov(registers[index]!, value);
  a.mov(rax, nr).syscall();
  a.cmp(rax, -4095).j('ae', 'failed');
}

export function emitCloseAllBut(a: Assembler, ...kept: number[]): void {
  let first = 0;
  for (const fd of kept.sort((x, y) => x - y)) {
    if (fd > first) emitCall(a, NR.close_range, first, fd - 1, 0);
    first = fd + 1;
  }
  emitCall(a, NR.close_range, first, LAST_FD, 0);
}
