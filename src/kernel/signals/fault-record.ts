/** What a thread's last fault left behind, for sigcontext: cr2, err, trapno (Linux: struct thread_struct, arch/x86/kernel/traps.c). */
import { FPE_INTDIV, FPE_INTOVF, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SI_KERNEL, TRAP_BRKPT } from '../../abi/signal.js';
import { TRAP_FAULT, type Trap } from '../../platform/platform.js';
import type { Task } from '../task.js';

// Vectors of the CPU's exceptions (Intel SDM vol. 3, 6.3.1).
const DIVIDE_ERROR = 0;
const DEBUG = 1;
const BREAKPOINT = 3;
const OVERFLOW = 4;
const INVALID_OPCODE = 6;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const X87_ERROR = 16;
const ALIGNMENT_CHECK = 17;
const SIMD_ERROR = 19;
/** The CPU was in user mode: always set in what a program sees. */
const ERROR_USER = 4;

/** Notes the fault of `trap` that is about to become a signal. */
export function recordFault(task: Task, trap: Trap): void {
  const { signals } = task;
  if (trap.kind === TRAP_FAULT) {
    signals.faultTrap = PAGE_FAULT;
    signals.faultError = trap.errorCode | ERROR_USER;
    signals.faultAddress = trap.address;
    return;
  }
  signals.faultTrap = vectorOf(trap.signal, trap.code);
  signals.faultError = 0;
}

function vectorOf(signal: number, code: number): number {
  switch (signal) {
    case SIGFPE:
      if (code === FPE_INTDIV) return DIVIDE_ERROR;
      return code === FPE_INTOVF ? OVERFLOW : SIMD_ERROR;
    case SIGILL:
      return INVALID_OPCODE;
    case SIGTRAP:
      return code === TRAP_BRKPT || code === SI_KERNEL ? BREAKPOINT : DEBUG;
    case SIGBUS:
      return ALIGNMENT_CHECK;
    case SIGSEGV:
      return GENERAL_PROTECTION;
    default:
      return X87_ERROR;
  }
}
