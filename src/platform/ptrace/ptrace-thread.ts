/**
 * A guest thread as a tracee (UML: arch/um/os-Linux/skas/process.c, the `userspace` loop).
 *
 * Registers move as late and as few as possible: a system call's stop brings what struct ptrace_syscall_info tells, the rest is
 * fetched when somebody looks; a result that is the only change goes back together with the resumption. What a page fault leaves
 * open is asked for in ptrace-thread-fault.ts. Where the thread runs is placement.ts' business, its memory ptrace-space.ts'.
 */
import type { Errno, HostPid } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { EINTR, EIO } from '../../abi/errno.js';
import { SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, SIGTRAP } from '../../abi/signal.js';
import { tgkill } from '../../host/process.js';
import {
  INFO_RESULT_WORD,
  INFO_WORD,
  resumeWithResult,
  STATUS_WORD,
  stopWords,
  SYSCALL_INFO_SIZE,
  waitForTrap,
} from '../../host/trap-calls.js';
import { PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSEMU, ptrace } from '../../host/ptrace.js';
import {
  FAULT_PROTECTION,
  TRAP_DEAD,
  TRAP_FAULT,
  TRAP_KICK,
  TRAP_NONE,
  TRAP_SIGNAL,
  TRAP_SYSCALL,
  type HostThread,
  type Trap,
} from '../platform.js';
import { R10, R8, R9, RAX, RDI, RDX, Registers, RIP, RSI, RSP } from '../registers.js';
import { STUB_CODE } from '../stub/layout.js';
import type { PtraceSpace } from './ptrace-space.js';
import { completeFault } from './ptrace-thread-fault.js';
import { newPlace, type Place } from './placement.js';
import { readXstate, resetXstate, writeXstate } from './xstate.js';
import {
  endSignal,
  isStopped,
  readSiginfo,
  RegisterFile,
  settleForStub,
  siginfoCode,
  siginfoFaultAddress,
  SLOT,
  stopSignal,
  stubRegisters,
  SYSCALL_STOP,
  WAIT_OPTIONS,
} from './tracee.js';

/** Canonical register numbers (registers.ts) to slots of user_regs_struct: the same but for orig_rax, cs and ss between them. */
const SLOTS = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 19, 21, 22);
/** What struct ptrace_syscall_info tells. */
const SYSCALL_REGISTERS = (1 << RDI) | (1 << RSI) | (1 << RDX) | (1 << R10) | (1 << R8) | (1 << R9) | (1 << RIP) | (1 << RSP);
/** Slots of number, arguments: the order of struct ptrace_syscall_info from its 24th byte. */
const INFO_SLOTS = Uint8Array.of(SLOT.origRax, SLOT.rdi, SLOT.rsi, SLOT.rdx, SLOT.r10, SLOT.r8, SLOT.r9);
const AUDIT_ARCH_X86_64 = 0xc000003e;
const fetched = new RegisterFile();
const RAX_ONLY = 1 << RAX;

/** Results that the host itself would act on while it believes that a system call is under way: -ERESTARTSYS and the like. */
function isRestartCode(value: number): boolean {
  return value <= -512 && value >= -516;
}

export class PtraceThread implements HostThread {
  owner: unknown = undefined;
  running = false;
  /** The host thread has ended, or is bound to. */
  dead = false;
  /** `destroy` was called: whatever the host still reports of it is dropped. */
  destroyed = false;
  readonly file = new RegisterFile();
  readonly regs = new Registers(this.file.words, SLOTS, () => this.fetch());
  readonly trap: Trap = { kind: TRAP_NONE, nr: 0, compat: false, address: 0, errorCode: 0, accessKnown: true, signal: 0, code: 0 };
  /** Internal: a SIGSTOP of ours is on its way to the thread. */
  stopPending = false;
  /** `kick` was called and no trap has followed yet. */
  private kickWanted = false;
  /** Where it runs, and for how long at a time: see placement.ts. */
  readonly place: Place = newPlace();
  /** The host still stands at the SIGSEGV of the fault in `trap`. */
  private faultLive = false;

  constructor(
    readonly space: PtraceSpace,
    readonly tid: HostPid,
    /** Number of its STUB_DATA. */
    readonly slot: number,
  ) {}

  get fpSize(): number {
    return this.space.platform.xstateSize;
  }

  resume(): void {
    if (this.dead) {
      this.reportDeath(this.trap.kind === TRAP_DEAD ? this.trap.signal : SIGKILL);
      return;
    }
    if (this.space.hasQueued && isErr(this.space.runQueued(this))) {
      this.fail(SIGKILL);
      return;
    }
    this.faultLive = false;
    this.restart();
  }

  /** Sets the host thread off with the registers of `file`. */
  restart(): void {
    const dirty = this.regs.dirty;
    if (dirty === 0) {
      this.letGo();
      return;
    }
    if (dirty === RAX_ONLY) {
      const value = this.regs.signed(RAX);
      if (Number.isSafeInteger(value) && !isRestartCode(value)) {
        this.goes();
        if (isErr(resumeWithResult(this.tid, value))) this.fail(SIGKILL);
        return;
      }
    }
    const result = this.setAll();
    if (isErr(result)) {
      this.fail(result === EIO ? SIGSEGV : SIGKILL);
      return;
    }
    this.letGo();
  }

  private setAll(): number | Errno {
    this.complete(); // needs to know what is dirty
    this.regs.dirty = 0;
    const words = this.file.words;
    words[SLOT.origRax * 2] = 0xffffffff; // not in a system call: the host must not restart one by itself
    words[SLOT.origRax * 2 + 1] = 0xffffffff;
    return ptrace(PTRACE_SETREGS, this.tid, 0, this.file.address);
  }

  /** The stub is about to run: the host's registers are no longer those of `file`, its stop no longer that of the fault. */
  invalidate(): void {
    this.complete();
    this.regs.dirty = -1;
    this.faultLive = false;
  }

  /** It no longer runs. */
  private stand(): void {
    if (!this.running) return;
    this.running = false;
    this.space.platform.placement.onStop(this);
  }

  /** Sets it off with the registers that the host has. */
  letGo(): void {
    this.goes();
    if (isErr(ptrace(PTRACE_SYSEMU, this.tid, 0, 0))) this.fail(SIGKILL);
  }

  private goes(): void {
    this.space.platform.placement.onResume(this);
    this.running = true;
  }

  /** Brings the registers that the trap did not. Those that the kernel has stored already stay as they are. */
  private fetch(): void {
    const { regs, file } = this;
    regs.present = -1;
    if (isErr(ptrace(PTRACE_GETREGS, this.tid, 0, fetched.address))) return; // dead: nobody will see them
    for (let register = 0; register < SLOTS.length; register++) {
      if ((regs.dirty & (1 << register)) !== 0) fetched.copySlot(file, SLOTS[register]!);
    }
    file.words.set(fetched.words);
  }

  /** Makes `file` whole. */
  complete(): void {
    if (this.regs.present !== -1) this.fetch();
  }

  kick(): void {
    if (!this.running) return;
    this.kickWanted = true;
    this.sendStop();
  }

  private sendStop(): void {
    if (this.stopPending) return;
    this.stopPending = !isErr(tgkill(this.space.leader, this.tid, SIGSTOP));
  }

  /**
   * Takes in the wait status of `waitForTrap`. Returns the kind of trap, now in `trap`; TRAP_NONE when there is nothing to tell:
   * the thread then is stopped (`running` false) and to be let go, or it ended after `destroy`.
   */
  onStatus(status: number): number {
    if (!isStopped(status)) return this.onEnd(endSignal(status));
    if (this.destroyed) return TRAP_NONE;
    const signal = stopSignal(status);
    if (signal === SYSCALL_STOP) return this.syscallTrap();
    if (isErr(ptrace(PTRACE_GETREGS, this.tid, 0, this.file.address))) return TRAP_NONE; // killed meanwhile: its end follows
    this.regs.dirty = 0;
    this.regs.present = -1;
    this.stand();
    const kind = signal === SIGSTOP ? this.stopTrap() : this.signalTrap(signal);
    if (kind !== TRAP_NONE) this.kickWanted = false;
    return kind;
  }

  private syscallTrap(): number {
    const words = this.file.words;
    const info = stopWords;
    if (info[INFO_RESULT_WORD]! < SYSCALL_INFO_SIZE || info[INFO_RESULT_WORD + 1] !== 0) return TRAP_NONE; // killed meanwhile
    for (let i = 0; i < INFO_SLOTS.length; i++) {
      const word = INFO_SLOTS[i]! * 2;
      words[word] = info[INFO_WORD + 6 + i * 2]!;
      words[word + 1] = info[INFO_WORD + 7 + i * 2]!;
    }
    words[SLOT.rip * 2] = info[INFO_WORD + 2]!;
    words[SLOT.rip * 2 + 1] = info[INFO_WORD + 3]!;
    words[SLOT.rsp * 2] = info[INFO_WORD + 4]!;
    words[SLOT.rsp * 2 + 1] = info[INFO_WORD + 5]!;
    this.regs.dirty = 0;
    this.regs.present = SYSCALL_REGISTERS;
    this.stand();
    this.kickWanted = false;
    const trap = this.trap;
    trap.kind = TRAP_SYSCALL;
    // The number is the low half of rax, as a C int.
    trap.nr = words[SLOT.origRax * 2]! | 0;
    trap.compat = info[INFO_WORD + 1] !== AUDIT_ARCH_X86_64;
    this.space.platform.counts.syscalls++;
    return TRAP_SYSCALL;
  }

  private stopTrap(): number {
    this.stopPending = false;
    if (!this.kickWanted) return TRAP_NONE;
    this.trap.kind = TRAP_KICK;
    this.space.platform.counts.kicks++;
    return TRAP_KICK;
  }

  private signalTrap(signal: number): number {
    if (isErr(readSiginfo(this.tid))) return TRAP_NONE;
    const code = siginfoCode();
    const synchronous = signal === SIGSEGV || signal === SIGBUS || signal === SIGFPE || signal === SIGILL || signal === SIGTRAP;
    // Somebody outside sent a signal: a guest's signals come from its kernel, so it means nothing here.
    if (!synchronous || code <= 0) {
      this.space.platform.counts.strayedSignals++;
      return TRAP_NONE;
    }
    const trap = this.trap;
    trap.signal = signal;
    trap.code = code;
    trap.address = siginfoFaultAddress();
    if (signal === SIGSEGV && (code === SEGV_MAPERR || code === SEGV_ACCERR)) {
      trap.kind = TRAP_FAULT;
      trap.errorCode = code === SEGV_ACCERR ? FAULT_PROTECTION : 0;
      trap.accessKnown = false;
      this.faultLive = true;
      this.space.platform.counts.faults++;
      return TRAP_FAULT;
    }
    trap.kind = TRAP_SIGNAL;
    this.space.platform.counts.signals++;
    return TRAP_SIGNAL;
  }

  private onEnd(signal: number): number {
    const wasRunning = this.running;
    this.stand();
    this.dead = true;
    this.space.platform.forget(this);
    this.trap.signal = signal;
    if (this.destroyed || !wasRunning) return TRAP_NONE; // a stopped one's end is told when it is resumed
    this.trap.kind = TRAP_DEAD;
    this.space.platform.counts.deaths++;
    return TRAP_DEAD;
  }

  /** The host thread cannot go on: its process is killed, and the kernel told by `wait`. */
  fail(signal: number): void {
    this.space.kill();
    this.dead = true;
    this.reportDeath(signal);
  }

  private reportDeath(signal: number): void {
    this.stand();
    this.trap.kind = TRAP_DEAD;
    this.trap.signal = signal;
    this.space.platform.counts.deaths++;
    this.space.platform.announce(this);
  }

  /** Stops a running thread for the kernel's own needs. True when it stands without a trap to tell: the caller lets it go again. */
  interrupt(): boolean {
    this.sendStop();
    for (;;) {
      const pid = waitForTrap(this.tid, WAIT_OPTIONS);
      if (pid === EINTR) continue;
      if (isErr(pid)) {
        this.fail(SIGKILL);
        return false;
      }
      const kind = this.onStatus(stopWords[STATUS_WORD]!);
      if (kind !== TRAP_NONE) {
        this.space.platform.announce(this);
        return false;
      }
      if (this.dead || !this.running) return !this.dead;
    }
  }

  completeFault(): void {
    if (this.trap.accessKnown || !this.faultLive || this.dead) return;
    this.space.platform.counts.completedFaults++;
    this.invalidate();
    completeFault(this);
  }

  readFp(target: Uint8Array): void {
    this.space.platform.counts.fpReads++;
    readXstate(this.tid, this.fpSize, target);
  }

  writeFp(source: Uint8Array): 0 | Errno {
    this.space.platform.counts.fpWrites++;
    return writeXstate(this.tid, this.fpSize, source);
  }

  resetFp(): void {
    resetXstate(this.tid, this.fpSize);
  }

  /** Its process has been killed by `destroy` of the space. */
  abandon(): void {
    this.destroyed = true;
    this.stand();
  }

  destroy(): void {
    if (this.destroyed) return;
    if (this.space.threads.size === 1) {
      this.space.destroy();
      return;
    }
    if (this.running) this.interrupt();
    this.destroyed = true;
    this.stand();
    this.space.drop(this);
    if (this.dead) return;
    // It ends itself: killing it would take the whole process along.
    this.complete();
    const regs = stubRegisters;
    regs.words.set(this.file.words);
    regs.set(SLOT.rip, STUB_CODE + this.space.platform.stub.exit);
    settleForStub(regs);
    if (isErr(ptrace(PTRACE_SETREGS, this.tid, 0, regs.address))) return;
    ptrace(PTRACE_CONT, this.tid, 0, 0);
  }
}
