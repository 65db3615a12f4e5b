/**
 * The two seccomp filters (seccomp(2)). A process carries the mm thread's, which knows the calls that steer an address space; every
 * guest thread adds the strict one before its first instruction and cannot get rid of either. Both look at the address of the
 * calling instruction, and both trap what they do not allow: of two verdicts the host takes the harsher.
 */
import { FUTEX_WAIT, FUTEX_WAKE } from '../../abi/futex.js';
import { PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import { NR } from '../../abi/syscall-numbers.js';
import {
  AUDIT_ARCH_X86_64,
  BpfProgram,
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_INSTRUCTION_POINTER,
  SECCOMP_DATA_NR,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_TRAP,
} from '../../asm/bpf.js';
import { HOST_TASK_SIZE, STUB_CODE, STUB_DATA, STUB_REQUEST } from '../stub/layout.js';
import { BELL_RUNG, ORDER_DONE, ORDER_GO, STUB_DOORBELL } from './layout.js';

export const SECCOMP_SET_MODE_FILTER = 1;
const PAGE_END = 0xfff;

function argument(index: number): number {
  return SECCOMP_DATA_ARGS + index * 8;
}

/** A program that traps unless the caller is 64-bit code at [low, high]. */
function from(low: number, high: number): BpfProgram {
  const program = new BpfProgram().outside64(SECCOMP_DATA_INSTRUCTION_POINTER, low, high, 'trap');
  return program.load(SECCOMP_DATA_ARCH).jeq(AUDIT_ARCH_X86_64, undefined, 'trap').load(SECCOMP_DATA_NR);
}

/** Addresses behind the `syscall` instructions that guest threads may execute. */
export interface StrictSites {
  readonly sigreturn: number;
  readonly wait: number;
  readonly wake: number;
  readonly order: number;
  readonly ordered: number;
  readonly exit: number;
}

/** What guest threads may do: return from the handler, sleep on their own data, wake the kernel, have an order carried out, end. */
export function strictFilter(sites: StrictSites): Uint8Array {
  const all = Object.values(sites);
  const low = STUB_CODE + Math.min(...all);
  const high = STUB_CODE + Math.max(...all);
  const program = from(low, high).jeq(NR.rt_sigreturn, 'sigreturn').jeq(NR.futex, 'futex').jeq(NR.exit, 'exit').jmp('trap');
  // All are on one page: the lower half tells them apart.
  const here = (name: string): BpfProgram => program.label(name).load(SECCOMP_DATA_INSTRUCTION_POINTER);
  const site = (address: number): number => (STUB_CODE + address) % 2 ** 32;
  here('sigreturn').jeq(site(sites.sigreturn), 'allow', 'trap');
  here('exit').jeq(site(sites.exit), 'allow', 'trap');
  program.label('futex').load(argument(1)).jeq(FUTEX_WAKE, 'wake').jeq(FUTEX_WAIT, 'wait', 'trap');
  here('wait').jeq(site(sites.ordered), 'ordered').jeq(site(sites.wait), undefined, 'trap');
  // The kernel's words lie below STUB_DATA: nobody else may wait there and take away what wakes it.
  program.outside64(argument(0), STUB_DATA, HOST_TASK_SIZE - 1, 'trap').jmp('allow');
  // Who ends an order wakes all.
  program
    .label('ordered')
    .jne64(argument(0), STUB_REQUEST + ORDER_DONE, 'trap')
    .jmp('allow');
  here('wake').jeq(site(sites.order), 'order').jeq(site(sites.wake), undefined, 'trap');
  program.jne64(argument(0), STUB_DOORBELL + BELL_RUNG, 'trap').jmp('allow');
  program.label('order').jne64(argument(0), STUB_REQUEST + ORDER_GO, 'trap');
  return program.label('allow').ret(SECCOMP_RET_ALLOW).label('trap').ret(SECCOMP_RET_TRAP).assemble();
}

/** What a stub process as such may do, from the stub's page only. */
export function processFilter(physmemFd: number, strictProgram: number, cloneFlags: readonly number[]): Uint8Array {
  const program = from(STUB_CODE, STUB_CODE + PAGE_END);
  for (const nr of [NR.rt_sigreturn, NR.futex, NR.munmap, NR.mprotect, NR.exit, NR.exit_group, NR.getppid]) program.jeq(nr, 'allow');
  program.jeq(NR.mmap, 'mmap').jeq(NR.pwrite64, 'pwrite').jeq(NR.clone, 'clone').jeq(NR.prctl, 'prctl').jeq(NR.seccomp, 'seccomp');
  program.jmp('trap');
  program.label('mmap').load(argument(4)).jeq(physmemFd, 'allow', 'trap');
  program.label('pwrite').load(argument(0)).jeq(physmemFd, 'allow', 'trap');
  program.label('clone').load(argument(0));
  for (const flags of cloneFlags) program.jeq(flags, 'allow');
  program.jmp('trap');
  program.label('prctl').load(argument(0)).jeq(PR_SET_PDEATHSIG, 'allow', 'trap');
  program.label('seccomp').load(argument(0)).jeq(SECCOMP_SET_MODE_FILTER, undefined, 'trap');
  program.jne64(argument(2), strictProgram, 'trap');
  return program.label('allow').ret(SECCOMP_RET_ALLOW).label('trap').ret(SECCOMP_RET_TRAP).assemble();
}
