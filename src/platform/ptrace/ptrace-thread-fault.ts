/**
 * Finding out what kind of access a page fault was: the host's siginfo tells the address only (UML: faultinfo of the stub).
 *
 * The stub's SIGSEGV handler copies the error code from the signal frame to its data page. That takes two more stops of the
 * thread, so it is done only where the VMA and the extent leave the answer open (mm/address-space-fault.ts asks).
 */
import { isErr } from '../../base/brands.js';
import { SIGSEGV, SIGSTOP } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSCALL, ptrace } from '../../host/ptrace.js';
import { FAULT_EXEC, FAULT_PROTECTION, FAULT_WRITE } from '../platform.js';
import { STUB_CODE } from '../stub/layout.js';
import type { PtraceThread } from './ptrace-thread.js';
import { isStopped, lastStatus, settleForStub, SLOT, stopSignal, stubRegisters, SYSCALL_STOP, WAIT_OPTIONS, waitFor } from './tracee.js';

/**
 * Lets the host deliver the fault's SIGSEGV to the stub's handler, which stores faultinfo and calls rt_sigreturn. That call is
 * the only one let through, after a check, because another thread of the guest could have changed the handler's stack. The
 * handler gets a clean rsp, so the frame lies where it should; the guest's registers, rcx among them, return with `resume`,
 * and rt_sigreturn brings back the vector state that signal delivery resets.
 */
export function completeFault(thread: PtraceThread): void {
  const info = thread.space.faultInfo(thread.slot);
  info[2] = 0;
  const regs = stubRegisters;
  regs.words.set(thread.file.words);
  settleForStub(regs);
  regs.set(SLOT.rsp, 0);
  if (isErr(ptrace(PTRACE_SETREGS, thread.tid, 0, regs.address))) {
    thread.fail(SIGSEGV);
    return;
  }
  if (!runToSyscallStop(thread, SIGSEGV)) {
    thread.fail(SIGSEGV);
    return;
  }
  const gotRegs = ptrace(PTRACE_GETREGS, thread.tid, 0, regs.address);
  const isSigreturn =
    regs.get(SLOT.origRax) === NR.rt_sigreturn && regs.get(SLOT.rip) === STUB_CODE + thread.space.platform.stub.sigreturned;
  if (isErr(gotRegs) || !isSigreturn) {
    thread.fail(SIGSEGV);
    return;
  }
  if (!runToSyscallStop(thread, 0)) {
    thread.fail(SIGSEGV);
    return;
  }
  thread.trap.errorCode = (thread.trap.errorCode & FAULT_PROTECTION) | (info[2]! & (FAULT_WRITE | FAULT_EXEC));
  thread.trap.accessKnown = true;
}

/** From one stop to the next system call's entry or exit; false when anything else comes. */
function runToSyscallStop(thread: PtraceThread, signal: number): boolean {
  for (let deliver = signal; ; deliver = 0) {
    if (isErr(ptrace(PTRACE_SYSCALL, thread.tid, 0, deliver))) return false;
    if (isErr(waitFor(thread.tid, WAIT_OPTIONS))) return false;
    const status = lastStatus();
    if (!isStopped(status)) {
      thread.space.platform.forget(thread);
      return false;
    }
    if (stopSignal(status) === SYSCALL_STOP) return true;
    if (stopSignal(status) !== SIGSTOP) return false;
    thread.stopPending = false;
  }
}
