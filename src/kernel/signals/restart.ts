/**
 * What becomes of a system call that a signal interrupted (Linux: arch/x86/kernel/signal.c, handle_signal and
 * arch_do_signal_or_restart; signal(7), "Interruption of system calls").
 *
 *   result of the call      handler, SA_RESTART   handler without     no handler ran
 *   ERESTARTSYS             again                 EINTR               again
 *   ERESTARTNOINTR          again                 again               again
 *   ERESTARTNOHAND          EINTR                 EINTR               again
 *   ERESTART_RESTARTBLOCK   EINTR                 EINTR               restart_syscall(2)
 */
import { EINTR, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS, ERESTART_RESTARTBLOCK } from '../../abi/errno.js';
import { NR } from '../../abi/syscall-numbers.js';
import { RAX, RIP, type Registers } from '../../platform/registers.js';

/** Length of `syscall`, `sysenter` and `int $0x80`. */
const SYSCALL_LENGTH = 2;

const AGAIN = 0;
const FAIL = 1;
const BLOCK = 2;

type Case = 'restartingHandler' | 'handler' | 'none';

const RULE: Readonly<Record<number, Readonly<Record<Case, number>>>> = {
  [ERESTARTSYS]: { restartingHandler: AGAIN, handler: FAIL, none: AGAIN },
  [ERESTARTNOINTR]: { restartingHandler: AGAIN, handler: AGAIN, none: AGAIN },
  [ERESTARTNOHAND]: { restartingHandler: FAIL, handler: FAIL, none: AGAIN },
  [ERESTART_RESTARTBLOCK]: { restartingHandler: FAIL, handler: FAIL, none: BLOCK },
};

/** True for the results that must never reach a guest. */
export function isRestartCode(result: number): boolean {
  return result <= ERESTARTSYS && result >= ERESTART_RESTARTBLOCK && RULE[result] !== undefined;
}

/** Sets rax, and rip when the call is to be made again. Results that are no restart codes are left alone. */
export function finishInterruptedCall(regs: Registers, nr: number, result: number, situation: Case): void {
  if (!isRestartCode(result)) return;
  const decision = RULE[result]![situation];
  if (decision === FAIL) {
    regs.set(RAX, EINTR);
    return;
  }
  regs.set(RAX, decision === BLOCK ? NR.restart_syscall : nr);
  regs.set(RIP, regs.get(RIP) - SYSCALL_LENGTH);
}
