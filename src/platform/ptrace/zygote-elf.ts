/**
 * The first stub process: a static ELF of a few hundred bytes that the kernel starts from a memfd (Linux counterpart: UML's
 * userspace_tramp). It makes itself traced, closes every descriptor but physmem and the bell's epoll set, maps the stub and jumps
 * into it; from there a batch unmaps everything that the host gave it.
 *
 * When a step fails the process exits with that step's errno, and the kernel reports it.
 */
import { Assembler } from '../../asm/assembler.js';
import { staticElf } from '../../asm/elf-writer.js';
import { at, r10, r12, rax, rbx, rdi, rdx, rsi } from '../../asm/operands.js';
import { MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import { RLIMIT_CORE } from '../../abi/resource.js';
import { SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import type { PhysAddr } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { PTRACE_TRACEME } from '../../host/ptrace.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../stub/layout.js';
import { emitCall, emitCloseAllBut } from '../stub/process-start.js';

/** Below everything that the stub maps, and never seen by a guest: unmapped before the first one runs. */
const ELF_BASE = 0x6000_0000;

export interface ZygoteLayout {
  readonly physmemFd: number;
  readonly epollFd: number;
  readonly codeFrame: PhysAddr;
  readonly requestFrame: PhysAddr;
  readonly dataFrame: PhysAddr;
  readonly dataBytes: number;
  /** Offset of the batch loop in the stub's code, and the number of operations waiting in the request page. */
  readonly batchOffset: number;
  readonly operations: number;
}

export function zygoteElf(layout: ZygoteLayout): Uint8Array {
  const a = new Assembler();
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  emitCall(a, NR.ptrace, PTRACE_TRACEME, 0, 0, 0);
  a.lea(rdx, at('noCore'));
  a.mov(rdi, 0).mov(rsi, RLIMIT_CORE).mov(r10, 0);
  a.mov(rax, NR.prlimit64).syscall();
  emitCloseAllBut(a, layout.physmemFd, layout.epollFd);
  const shared = MAP_SHARED | MAP_FIXED;
  const fd = layout.physmemFd;
  emitCall(a, NR.mmap, STUB_REQUEST, PAGE_SIZE, PROT_READ, shared, fd, layout.requestFrame);
  emitCall(a, NR.mmap, STUB_CODE, PAGE_SIZE, PROT_READ | PROT_EXEC, shared, fd, layout.codeFrame);
  emitCall(a, NR.mmap, STUB_DATA, layout.dataBytes, PROT_READ | PROT_WRITE, shared, fd, layout.dataFrame);
  a.mov(rbx, STUB_REQUEST).mov(r12, layout.operations);
  a.mov(rax, STUB_CODE + layout.batchOffset).jmp(rax);
  a.label('failed').neg(rax).mov(rdi, rax).mov(rax, NR.exit_group).syscall().ud2();
  a.align(8).label('noCore').qword(0).qword(0);
  return staticElf(a.assemble(), ELF_BASE);
}
