/**
 * The first stub process: a static ELF that takes the handler of all signals that a guest can raise, blocks all in itself, puts
 * on the filter and becomes the mm thread of an empty address space. Every other stub process is cloned from it or its clones.
 *
 * When a step fails the process exits with that step's errno.
 */
import { Assembler } from '../../asm/assembler.js';
import { staticElf } from '../../asm/elf-writer.js';
import { at, r10, rax, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ } from '../../abi/mman.js';
import { PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import { RLIMIT_CORE } from '../../abi/resource.js';
import {
  SA_ONSTACK,
  SA_RESTORER,
  SA_SIGINFO,
  SIG_SETMASK,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGKILL,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
} from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import type { PhysAddr } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { STUB_CODE, STUB_REQUEST } from '../stub/layout.js';
import { emitCall, emitCloseAllBut } from '../stub/process-start.js';
import { SECCOMP_SET_MODE_FILTER } from './filters.js';
import { KICK_SIGNAL, SITE_SLOTS, SITE_SLOTS_PAGES, STUB_DOORBELL, STUB_JUMPS, STUB_JUMPS_PAGES, STUB_RETURNS } from './layout.js';
import type { SeccompStub } from './stub-code.js';

const ELF_BASE = 0x6000_0000;
const SIGNALS = [SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, KICK_SIGNAL];
const SIGSET_BYTES = 8;

export interface ZygoteFrames {
  readonly physmemFd: number;
  readonly code: PhysAddr;
  readonly doorbell: PhysAddr;
  readonly request: PhysAddr;
  readonly slots: PhysAddr;
  readonly jumps: PhysAddr;
  readonly noReturns: PhysAddr;
}

export function seccompZygote(frames: ZygoteFrames, stub: SeccompStub): Uint8Array {
  const a = new Assembler();
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  emitCall(a, NR.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  a.mov(rdi, 0).mov(rsi, RLIMIT_CORE).lea(rdx, at('noCore')).mov(r10, 0).mov(rax, NR.prlimit64).syscall();
  emitCloseAllBut(a, frames.physmemFd);
  const shared = MAP_SHARED | MAP_FIXED;
  emitCall(a, NR.mmap, STUB_REQUEST, PAGE_SIZE, PROT_READ, shared, frames.physmemFd, frames.request);
  emitCall(a, NR.mmap, STUB_CODE, PAGE_SIZE, PROT_READ | PROT_EXEC, shared, frames.physmemFd, frames.code);
  emitCall(a, NR.mmap, STUB_DOORBELL, PAGE_SIZE, PROT_READ, shared, frames.physmemFd, frames.doorbell);
  emitCall(a, NR.mmap, STUB_RETURNS, PAGE_SIZE, PROT_READ, shared, frames.physmemFd, frames.noReturns);
  emitCall(a, NR.mmap, STUB_JUMPS, STUB_JUMPS_PAGES * PAGE_SIZE, PROT_READ | PROT_EXEC, shared, frames.physmemFd, frames.jumps);
  emitCall(a, NR.mmap, SITE_SLOTS, SITE_SLOTS_PAGES * PAGE_SIZE, PROT_READ, shared, frames.physmemFd, frames.slots);
  a.mov(rdi, SIG_SETMASK).lea(rsi, at('all')).mov(rdx, 0).mov(r10, SIGSET_BYTES).mov(rax, NR.rt_sigprocmask).syscall();
  for (const signal of SIGNALS) {
    a.mov(rdi, signal).lea(rsi, at('action')).mov(rdx, 0).mov(r10, SIGSET_BYTES).mov(rax, NR.rt_sigaction).syscall();
    a.cmp(rax, -4095).j('ae', 'failed');
  }
  emitCall(a, NR.seccomp, SECCOMP_SET_MODE_FILTER, 0, STUB_CODE + stub.processProgram);
  a.mov(rsp, 0)
    .mov(rax, STUB_CODE + stub.mmThread)
    .jmp(rax);
  a.label('failed').neg(rax).mov(rdi, rax).mov(rax, NR.exit_group).syscall().ud2();
  a.align(8).label('noCore').qword(1).qword(1); // 0 would not keep a core_pattern that is a pipe from the guest's memory (Linux: fs/coredump.c)
  a.label('action')
    .qword(STUB_CODE + stub.handler)
    .qword(SA_SIGINFO | SA_ONSTACK | SA_RESTORER)
    .qword(STUB_CODE + stub.restorer);
  a.label('all').qword(0xffff_ffff_ffff_ffffn); // the mask of a handler, and the mm thread's
  return staticElf(a.assemble(), ELF_BASE);
}
