/**
 * One host thread under ptrace, at the lowest level: its registers, its stops, running the stub in it. Nothing here knows guests.
 *
 * Buffers that the host writes to are shared by all tracees: there is one kernel thread, and each is read before the next call.
 */
import type { Errno, HostPid } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { ESRCH } from '../../abi/errno.js';
import { SIGKILL, SIGSTOP, SIGTRAP } from '../../abi/signal.js';
import { USER_REGS } from '../../abi/user-regs.js';
import { addressOf } from '../../host/libc.js';
import { kill } from '../../host/process.js';
import { PTRACE_CONT, PTRACE_GETREGS, PTRACE_GETSIGINFO, PTRACE_SETREGS, ptrace } from '../../host/ptrace.js';
import { isStopped, lastStatus, stopSignal, WAIT_OPTIONS, waitFor } from '../stub/child-status.js';
import { STUB_CODE, STUB_REQUEST } from '../stub/layout.js';

export { endSignal, isStopped, lastStatus, stopSignal, WAIT_OPTIONS, waitFor } from '../stub/child-status.js';

/** Signal number of a system call stop (PTRACE_O_TRACESYSGOOD). */
export const SYSCALL_STOP = SIGTRAP | 0x80;

/** 64-bit slots of struct user_regs_struct. */
export const SLOT = Object.fromEntries(Object.entries(USER_REGS.offsets).map(([name, offset]) => [name, offset / 8])) as {
  readonly [K in keyof typeof USER_REGS.offsets]: number;
};

const HIGH = 4294967296;
/** No TF, DF or AC of the guest may reach the stub. */
const CLEAN_EFLAGS = 0x202;
/**
 * 64-bit code and its stack. Guests may go to 32-bit code (selector 0x23): the stub, run with their selector, would go on at its
 * address modulo 4 GiB, where a guest could have code of its own, and nothing would stop that code's calls to the host.
 */
const USER_CS = 0x33;
const USER_SS = 0x2b;

/** A register file at a fixed address; 27 of the 32 slots are used. */
export class RegisterFile {
  readonly words = new Uint32Array(64);
  readonly address = addressOf(new Uint8Array(this.words.buffer));

  get(slot: number): number {
    return this.words[slot * 2]! + this.words[slot * 2 + 1]! * HIGH;
  }
  /** Copies one register from another file. */
  copySlot(from: RegisterFile, slot: number): void {
    this.words[slot * 2] = from.words[slot * 2]!;
    this.words[slot * 2 + 1] = from.words[slot * 2 + 1]!;
  }
  set(slot: number, value: number): void {
    this.words[slot * 2] = value;
    this.words[slot * 2 + 1] = Math.floor(value / HIGH);
  }
}

const siginfoBytes = new Uint8Array(128);
const siginfoAddress = addressOf(siginfoBytes);
const siginfo = new DataView(siginfoBytes.buffer);

/** Reads the signal of a signal stop; then `siginfoCode` and `siginfoFaultAddress` describe it. */
export function readSiginfo(tid: HostPid): 0 | Errno {
  return ptrace(PTRACE_GETSIGINFO, tid, 0, siginfoAddress) as 0 | Errno;
}
export function siginfoCode(): number {
  return siginfo.getInt32(8, true);
}
export function siginfoFaultAddress(): number {
  return siginfo.getUint32(16, true) + siginfo.getUint32(20, true) * HIGH;
}

/** Registers while the stub runs in a tracee; the guest's own stay where they are. */
export const stubRegisters = new RegisterFile();

/** Stub calls made, for the counters. */
export const stubCalls = { runs: 0 };

/**
 * Runs the stub in a stopped tracee from `entry` to its trap; the registers are then in `stubRegisters`. `guest`: any valid
 * register file of the tracee, for its segment selectors. ESRCH: the tracee is dead or dying.
 */
export function runStub(tid: HostPid, guest: RegisterFile, entry: number, r12 = 0, r13 = 0): 0 | Errno {
  const regs = stubRegisters;
  regs.words.set(guest.words);
  regs.set(SLOT.rip, STUB_CODE + entry);
  regs.set(SLOT.rbx, STUB_REQUEST);
  regs.set(SLOT.r12, r12);
  regs.set(SLOT.r13, r13);
  return startStub(tid);
}

/** Makes the registers fit for code of the stub. */
export function settleForStub(regs: RegisterFile): void {
  regs.set(SLOT.eflags, CLEAN_EFLAGS);
  regs.set(SLOT.cs, USER_CS);
  regs.set(SLOT.ss, USER_SS);
  regs.set(SLOT.origRax, -1);
}

/** As runStub, with registers that the caller has put into `stubRegisters`. */
function startStub(tid: HostPid): 0 | Errno {
  const regs = stubRegisters;
  settleForStub(regs);
  regs.set(SLOT.rsp, 0);
  regs.set(SLOT.fsBase, 0);
  regs.set(SLOT.gsBase, 0);
  stubCalls.runs++;
  if (isErr(ptrace(PTRACE_SETREGS, tid, 0, regs.address))) return ESRCH;
  return continueToTrap(tid);
}

/** Lets stub code run up to its int3. */
export function continueToTrap(tid: HostPid): 0 | Errno {
  for (;;) {
    if (isErr(ptrace(PTRACE_CONT, tid, 0, 0))) return ESRCH;
    if (isErr(waitFor(tid, WAIT_OPTIONS))) return ESRCH;
    const status = lastStatus();
    if (!isStopped(status)) return ESRCH;
    if (stopSignal(status) === SIGTRAP) return ptrace(PTRACE_GETREGS, tid, 0, stubRegisters.address) as 0 | Errno;
    if (isSynchronous(tid)) {
      kill(tid, SIGKILL); // the stub cannot fault by itself
      return ESRCH;
    }
    // A signal from outside, or a kick that came late: dropped.
  }
}

/** True when the signal of the current stop was raised by what the tracee executes. */
function isSynchronous(tid: HostPid): boolean {
  if (stopSignal(lastStatus()) === SIGSTOP) return false;
  return !isErr(readSiginfo(tid)) && siginfoCode() > 0;
}
