/**
 * A guest thread of the seccomp platform. While it is stopped its registers lie in the signal frame in STUB_DATA, which other
 * threads of the guest can write: a trap is copied out once, and what the kernel sees afterwards is its own.
 */
import type { Errno, HostPid } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { SC_CR2, SC_ERR, SC_TRAPNO } from '../../abi/sigframe.js';
import { SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSYS, SIGTRAP } from '../../abi/signal.js';
import { AUDIT_ARCH_X86_64 } from '../../asm/bpf.js';
import { futexWake } from '../../host/futex.js';
import { tgkill } from '../../host/process.js';
import {
  FAULT_EXEC,
  FAULT_PROTECTION,
  FAULT_WRITE,
  TRAP_DEAD,
  TRAP_FAULT,
  TRAP_KICK,
  TRAP_NONE,
  TRAP_SIGNAL,
  TRAP_SYSCALL,
  type HostThread,
  type Trap,
} from '../platform.js';
import { FS_BASE, GS_BASE, RAX, REGISTER_COUNT, Registers } from '../registers.js';
import {
  DATA_EXIT,
  DATA_TURN,
  KICK_SIGNAL,
  SC_FS_BASE,
  SC_GS_BASE,
  SC_SET_BASES,
  SIGCONTEXT_SIZE,
  TURN_KERNEL,
  TURN_LONG,
  TURN_WAITER,
  UC_INFO,
  UC_REGISTERS,
} from './layout.js';
import { newPlace } from './placement.js';
import type { SeccompSpace } from './seccomp-space.js';
import type { SharedWords } from './words.js';

/** Canonical register numbers (registers.ts) to 8-byte slots of sigcontext. */
const SLOTS = Uint8Array.of(7, 6, 5, 4, 10, 11, 3, 2, 1, 0, 13, 14, 12, 9, 8, 16, 17, 15, SC_FS_BASE / 8, SC_GS_BASE / 8);
/** Words of sigcontext that hold registers of SLOTS but the segment bases. */
const GENERAL_WORDS = 36;
const BASES = (1 << FS_BASE) | (1 << GS_BASE);
/** Page fault, among the processor's exceptions. */
const EXCEPTION_PF = 14;
/** si_code of a SIGSYS by a filter. */
const SYS_SECCOMP = 1;
/** Top half of the first address that no segment base can have: the end of user space is 47 bits. */
const BASE_LIMIT_HIGH = 0x8000;
const HIGH = 4294967296;

// Words of siginfo.
const INFO_SIGNO = 0;
const INFO_CODE = 2;
const INFO_ADDRESS = 4;
const INFO_ARCH = 7;

export class SeccompThread implements HostThread {
  owner: unknown = undefined;
  readonly place = newPlace();
  running = false;
  dead = false;
  destroyed = false;
  readonly trap: Trap = { kind: TRAP_NONE, nr: 0, compat: false, address: 0, errorCode: 0, accessKnown: true, signal: 0, code: 0 };
  /** The registers: the kernel's own copy. */
  private readonly file = new Uint32Array(SIGCONTEXT_SIZE / 4);
  readonly regs = new Registers(this.file, SLOTS);
  /** sigcontext and siginfo in the frame. */
  private readonly shared: Uint32Array;
  private readonly general: Uint32Array;
  private readonly info: Uint32Array;
  private readonly ownGeneral = this.file.subarray(0, GENERAL_WORDS);
  private readonly turn: Int32Array;
  /** Host address of DATA_TURN, in two halves for the platform's list. */
  readonly turnLow: number;
  readonly turnHigh: number;
  private readonly turnAddress: number;
  /** `kick` was called, and when, and no trap has followed; 0: not. */
  kickedNs = 0;
  /** Looks of the platform at which it seemed to keep kicks out. */
  deafLooks = 0;

  /** 0: not there yet. */
  tid: HostPid = 0;

  constructor(
    readonly space: SeccompSpace,
    /** Number of its STUB_DATA. */
    readonly slot: number,
    readonly data: SharedWords,
  ) {
    const { bytes } = data;
    const { shape } = space.platform;
    const registers = bytes.byteOffset + shape.ucontext + UC_REGISTERS;
    this.shared = new Uint32Array(bytes.buffer, registers, SIGCONTEXT_SIZE / 4);
    this.general = this.shared.subarray(0, GENERAL_WORDS);
    this.info = new Uint32Array(bytes.buffer, bytes.byteOffset + shape.ucontext + UC_INFO, 8);
    this.turn = data.words;
    this.turnAddress = data.addressAt(DATA_TURN);
    this.turnLow = this.turnAddress % HIGH;
    this.turnHigh = Math.floor(this.turnAddress / HIGH);
    this.file.set(this.shared);
    this.regs.dirty = -1;
  }

  get fpSize(): number {
    return this.space.platform.shape.fpSize;
  }

  /** True when the guest thread has handed over its turn, or somebody pretends so. */
  get hasTrapped(): boolean {
    return (this.turn[DATA_TURN / 4]! & TURN_KERNEL) !== 0;
  }

  resume(): void {
    if (this.dead) {
      this.reportDeath(this.trap.kind === TRAP_DEAD ? this.trap.signal : SIGKILL);
      return;
    }
    if (this.space.hasQueued && isErr(this.space.commit())) {
      this.fail(SIGKILL);
      return;
    }
    this.letGo();
  }

  /** Writes the registers back and hands over the turn. */
  letGo(): void {
    const { regs } = this;
    if (regs.dirty !== 0 && !this.writeBack(regs.dirty)) {
      this.fail(SIGSEGV);
      return;
    }
    regs.dirty = 0;
    this.running = true;
    this.space.platform.addRunning(this);
    this.handOver();
  }

  /** The kernel goes to wait without having answered its trap. */
  answerLater(): void {
    if (!this.running && !this.dead && !this.destroyed) Atomics.or(this.turn, DATA_TURN / 4, TURN_LONG);
  }

  private handOver(): void {
    if ((Atomics.exchange(this.turn, DATA_TURN / 4, 0) & TURN_WAITER) === 0) return;
    this.space.platform.noteWake();
    futexWake(this.turnAddress);
  }

  /** False when a segment base is none. */
  private writeBack(dirty: number): boolean {
    if (dirty === 1 << RAX) {
      const slot = SLOTS[RAX]! * 2;
      this.shared[slot] = this.file[slot]!;
      this.shared[slot + 1] = this.file[slot + 1]!;
      return true;
    }
    this.general.set(this.ownGeneral);
    if ((dirty & BASES) === 0) return true;
    if (this.regs.highOf(FS_BASE) >= BASE_LIMIT_HIGH || this.regs.highOf(GS_BASE) >= BASE_LIMIT_HIGH) return false;
    for (let word = SC_FS_BASE / 4; word < SC_SET_BASES / 4; word++) this.shared[word] = this.file[word]!;
    this.shared[SC_SET_BASES / 4] = 1;
    return true;
  }

  kick(): void {
    if (!this.running || this.dead) return;
    if (this.kickedNs === 0) this.space.platform.awaitKick(this);
    tgkill(this.space.leader, this.tid, KICK_SIGNAL);
  }

  /** Takes in what the frame says. TRAP_NONE: nothing to tell, it is to be let go again. */
  take(): number {
    this.running = false;
    this.file.set(this.shared);
    this.regs.dirty = 0;
    const kind = this.describe();
    if (kind !== TRAP_NONE) this.kickedNs = 0;
    this.trap.kind = kind;
    return kind;
  }

  private describe(): number {
    const { trap, info, file } = this;
    const { counts } = this.space.platform;
    const signal = info[INFO_SIGNO]!;
    const code = info[INFO_CODE]! | 0;
    if (signal === SIGSYS && code === SYS_SECCOMP) {
      trap.nr = file[SLOTS[RAX]! * 2]! | 0;
      trap.compat = info[INFO_ARCH]! !== AUDIT_ARCH_X86_64;
      counts.syscalls++;
      return TRAP_SYSCALL;
    }
    if (signal === KICK_SIGNAL) {
      if (this.kickedNs === 0) return TRAP_NONE; // another trap was faster
      counts.kicks++;
      return TRAP_KICK;
    }
    const synchronous = signal === SIGSEGV || signal === SIGBUS || signal === SIGFPE || signal === SIGILL || signal === SIGTRAP;
    if (!synchronous || code <= 0) {
      counts.strayedSignals++; // from outside, or a forged frame: a guest's signals come from its kernel
      return TRAP_NONE;
    }
    return this.processorTrap(signal, code);
  }

  private processorTrap(signal: number, code: number): number {
    const { trap, info, file } = this;
    trap.signal = signal;
    trap.code = code;
    if (signal === SIGSEGV && file[SC_TRAPNO / 4] === EXCEPTION_PF) {
      trap.address = file[SC_CR2 / 4]! + file[SC_CR2 / 4 + 1]! * HIGH;
      trap.errorCode = file[SC_ERR / 4]! & (FAULT_PROTECTION | FAULT_WRITE | FAULT_EXEC);
      trap.accessKnown = true;
      this.space.platform.counts.faults++;
      return TRAP_FAULT;
    }
    trap.address = info[INFO_ADDRESS]! + info[INFO_ADDRESS + 1]! * HIGH;
    this.space.platform.counts.signals++;
    return TRAP_SIGNAL;
  }

  /** The frame tells all at once. */
  completeFault(): void {}

  readFp(target: Uint8Array): void {
    this.space.platform.shape.readFp(this.data.bytes, target);
  }

  writeFp(source: Uint8Array): 0 | Errno {
    return this.space.platform.shape.writeFp(this.data.bytes, source);
  }

  resetFp(): void {
    this.space.platform.shape.resetFp(this.data.bytes);
  }

  /** Takes over the registers of another thread, all of them to be written to this one's frame. */
  copyRegisters(from: SeccompThread): void {
    for (let register = 0; register < REGISTER_COUNT; register++) {
      this.regs.setHalves(register, from.regs.u32of(register), from.regs.highOf(register));
    }
  }

  /** It cannot go on: its process is killed, and the kernel told by `wait`. */
  fail(signal: number): void {
    this.space.kill();
    this.reportDeath(signal);
  }

  reportDeath(signal: number): void {
    this.dead = true;
    this.stand();
    this.trap.kind = TRAP_DEAD;
    this.trap.signal = signal;
    this.space.platform.counts.deaths++;
    this.space.platform.announce(this);
  }

  /** Its process has been killed. */
  abandon(): void {
    this.destroyed = true;
    this.stand();
  }

  private stand(): void {
    if (this.running) this.space.platform.dropRunning(this);
    this.running = false;
    this.kickedNs = 0;
  }

  destroy(): void {
    if (this.destroyed) return;
    if (this.space.threads.size === 1) {
      this.space.destroy();
      return;
    }
    const ran = this.running;
    this.abandon();
    if (this.dead || this.space.isGone) return;
    this.data.store(DATA_EXIT, 1);
    if (ran) tgkill(this.space.leader, this.tid, KICK_SIGNAL);
    else this.handOver();
    this.space.awaitExit(this, ran);
  }

  /** It ran when it was to end: now it stands, and is told so. */
  tellExit(): void {
    this.data.store(DATA_EXIT, 1);
    this.handOver();
  }
}
