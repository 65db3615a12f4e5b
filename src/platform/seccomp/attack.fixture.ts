/** What the tests of hostile guests share: an attack beside a witness, code that forges frames. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Assembler } from '../../asm/assembler.js';
import { mem, rax, rbx, rdi, rsp } from '../../asm/operands.js';
import { DATA, PLATFORMS, step, withPlatform, type Bench, type Guest } from '../fixture.js';
import { TRAP_SYSCALL } from '../platform.js';
import { RDI } from '../registers.js';
import { STUB_CODE, STUB_DATA } from '../stub/layout.js';
import { UC_REGISTERS } from './layout.js';
import type { SeccompPlatform } from './seccomp-platform.js';

const create = PLATFORMS['seccomp'];

/** Each attack, with a witness that must be served as before. */
export function attack(what: string, body: (bench: Bench, witness: Guest) => void): void {
  test(what, { skip: create === undefined }, () =>
    withPlatform(create!, (bench) => {
      const witness = bench.guest((a) => a.label('again').mov(rbx, DATA).mov(rdi, mem(rbx)).mov(rax, 39).syscall().jmp('again'));
      witness.data.setUint32(0, 77, true);
      body(bench, witness);
      step(bench.platform, witness.thread);
      deepEqual([witness.thread.trap.kind, witness.thread.trap.nr, witness.thread.regs.get(RDI)], [TRAP_SYSCALL, 39, 77]);
    }),
  );
}

/** Copies the guest's own frame, changes its mask and its rip, and returns by it from the stub. */
export function forge(a: Assembler, platform: SeccompPlatform, target: string): Assembler {
  const ucontext = STUB_DATA + platform.shape.ucontext;
  const RIP_SLOT = 16 * 8;
  const SIGMASK = 296;
  a.mov(rbx, ucontext).mov(rax, -1).store(mem(rbx, SIGMASK), rax);
  a.lea(rax, { kind: 'rip', label: target }).store(mem(rbx, UC_REGISTERS + RIP_SLOT), rax);
  return a
    .mov(rsp, ucontext)
    .mov(rax, STUB_CODE + platform.stub.restorer)
    .jmp(rax);
}

/** Offset of the stub's last system call. */
export function lastCall(bytes: Uint8Array): number {
  const exits = [];
  for (let at = 0; at + 3 < bytes.length; at++) {
    if (bytes[at] === 0x0f && bytes[at + 1] === 0x05 && bytes[at + 2] === 0x0f && bytes[at + 3] === 0x0b) exits.push(at);
  }
  return exits[exits.length - 1]!;
}
