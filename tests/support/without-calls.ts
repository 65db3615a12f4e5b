/** A host that forbids system calls, as containers do: a program that denies them to itself (EPERM) and becomes another one. */
import { chmodSync, writeFileSync } from 'node:fs';
import { PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP } from '../../src/abi/prctl.js';
import { EPERM } from '../../src/abi/errno.js';
import { NR } from '../../src/abi/syscall-numbers.js';
import { Assembler } from '../../src/asm/assembler.js';
import { BpfProgram, SECCOMP_DATA_NR, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from '../../src/asm/bpf.js';
import { staticElf } from '../../src/asm/elf-writer.js';
import { at, mem, r10, r12, r8, rax, rbx, rdi, rdx, rsi, rsp } from '../../src/asm/operands.js';

const SECCOMP_MODE_FILTER = 2;

/** Writes to `path` a program that runs its arguments as a command line without the calls named. */
export function writeWithoutCalls(path: string, numbers: readonly number[]): void {
  const program = new BpfProgram().load(SECCOMP_DATA_NR);
  for (const nr of numbers) program.jeq(nr, 'deny');
  const filter = program
    .ret(SECCOMP_RET_ALLOW)
    .label('deny')
    .ret(SECCOMP_RET_ERRNO + -EPERM)
    .assemble();
  const a = new Assembler();
  a.mov(r12, mem(rsp)).lea(rbx, mem(rsp, 16)); // argc, &argv[1]
  a.mov(rdi, PR_SET_NO_NEW_PRIVS).mov(rsi, 1).mov(rdx, 0).mov(r10, 0).mov(r8, 0).mov(rax, NR.prctl).syscall();
  a.lea(rax, at('filter'))
    .push(rax)
    .mov(rax, filter.length / 8)
    .push(rax);
  a.mov(rdi, PR_SET_SECCOMP).mov(rsi, SECCOMP_MODE_FILTER).mov(rdx, rsp).mov(rax, NR.prctl).syscall();
  a.mov(rdi, mem(rbx)).mov(rsi, rbx).shl(r12, 3).lea(rdx, mem(rbx)).add(rdx, r12).mov(rax, NR.execve).syscall();
  a.mov(rdi, 127).mov(rax, NR.exit_group).syscall();
  a.align(8).label('filter').data(filter);
  writeFileSync(path, staticElf(a.assemble(), 0x40_0000));
  chmodSync(path, 0o755);
}
