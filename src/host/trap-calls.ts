/**
 * The two host calls of every trap, each a pair of system calls in one piece of machine code: a call through the FFI costs
 * 60 ns, and a trap would need four.
 */
import { Assembler } from '../asm/assembler.js';
import { ecx, mem, r10, r12, rax, rbx, rcx, rdi, rdx, rsi } from '../asm/operands.js';
import { NR } from '../abi/syscall-numbers.js';
import { USER_REGS } from '../abi/user-regs.js';
import type { Errno, HostAddr, HostPid } from '../base/brands.js';
import { addressOf, machineFunction, type HostFunction } from './libc.js';
import { loadMachineCode } from './machine-code.js';
import { PTRACE_GET_SYSCALL_INFO, PTRACE_POKEUSER, PTRACE_SYSEMU } from './ptrace.js';

/** Wait status of a stop at a system call: SIGTRAP | 0x80. */
const SYSCALL_STOP_STATUS = 0x857f;
/** struct ptrace_syscall_info of an entry: arch at 4, rip at 8, rsp at 16, number at 24, six arguments from 32. */
export const SYSCALL_INFO_SIZE = 80;

/** Wait status, 32 bits at word 0; struct ptrace_syscall_info from word 16; its length or an Errno at word 36. */
export const stopWords = new Uint32Array(64);
export const STATUS_WORD = 0;
export const INFO_WORD = 16;
export const INFO_RESULT_WORD = INFO_WORD + SYSCALL_INFO_SIZE / 4;
const stopAddress: HostAddr = addressOf(new Uint8Array(stopWords.buffer));

let resumeFunction: HostFunction | undefined;
let waitFunction: HostFunction | undefined;

function load(): void {
  const a = new Assembler();
  // resume(tid, rax)
  a.label('resume').push(rbx).mov(rbx, rdi);
  a.mov(rdi, PTRACE_POKEUSER).mov(r10, rsi).mov(rsi, rbx).mov(rdx, USER_REGS.offsets.rax).mov(rax, NR.ptrace).syscall();
  a.test(rax, rax).j('ne', 'resumed'); // the errno
  a.mov(rdi, PTRACE_SYSEMU).mov(rsi, rbx).mov(rdx, 0).mov(r10, 0).mov(rax, NR.ptrace).syscall();
  a.label('resumed').pop(rbx).ret().align(16);
  // wait(pid, options, words)
  a.label('wait').push(rbx).push(r12).mov(r12, rdx).mov(rdx, rsi).mov(rsi, r12).mov(r10, 0);
  a.mov(rax, NR.wait4).syscall().mov(rbx, rax);
  a.test(rax, rax).j('le', 'waited'); // nobody, or an errno
  a.mov(ecx, mem(r12)).cmp(rcx, SYSCALL_STOP_STATUS).j('ne', 'waited');
  a.lea(r10, mem(r12, INFO_WORD * 4))
    .mov(rdi, PTRACE_GET_SYSCALL_INFO)
    .mov(rsi, rbx)
    .mov(rdx, SYSCALL_INFO_SIZE);
  a.mov(rax, NR.ptrace)
    .syscall()
    .store(mem(r12, INFO_RESULT_WORD * 4), rax);
  a.label('waited').mov(rax, rbx).pop(r12).pop(rbx).ret();
  const base = loadMachineCode(a.assemble());
  resumeFunction = machineFunction(base + a.offsetOf('resume'), 2);
  waitFunction = machineFunction(base + a.offsetOf('wait'), 3);
}

/** PTRACE_POKEUSER of rax, then PTRACE_SYSEMU. */
export function resumeWithResult(tid: HostPid, result: number): 0 | Errno {
  if (!resumeFunction) load();
  return resumeFunction!(tid, result) as 0 | Errno;
}

/** wait4; of a system call stop, its description too: see `stopWords`. */
export function waitForTrap(pid: number, options: number): HostPid | Errno {
  if (!waitFunction) load();
  return waitFunction!(pid, options, stopAddress);
}
