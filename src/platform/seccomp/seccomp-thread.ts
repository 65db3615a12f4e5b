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
import { EFLAGS, FS_BASE, GS_BASE, R11, RAX, RCX, REGISTER_COUNT, Registers, RIP } from '../registers.js';
import { stubDataAddress } from '../stub/layout.js';
import {
  ARITHMETIC_FLAGS,
  FIRST_ERRNO,
  compareFlags,
  BASES,
  BASE_LIMIT_HIGH,
  EFLAGS_LOW,
  EXCEPTION_PF,
  FS_LOW,
  GENERAL_WORDS,
  GS_LOW,
  HIGH,
  INFO_ADDRESS,
  INFO_ARCH,
  INFO_CODE,
  INFO_SIGNO,
  RIP_HIGH,
  SLOTS,
  STUB_HIGH,
  SYSCALL_BYTES,
  SYS_SECCOMP,
} from './frame-words.js';
import {
  DATA_CALL,
  DATA_EXIT,
  DATA_PROMOTE,
  DATA_TURN,
  KICK_SIGNAL,
  SC_FS_BASE,
  SC_SET_BASES,
  SIGCONTEXT_SIZE,
  TURN_CALL,
  TURN_KERNEL,
  TURN_LONG,
  TURN_WAITER,
  UC_INFO,
  UC_REGISTERS,
} from './layout.js';
import { newPlace } from './placement.js';
import type { SeccompSpace } from './seccomp-space.js';
import { COMPARE_BYTES } from './site.js';
import { AFTER_CALL, BEFORE_CALL, bySignalLow, ELSEWHERE, isSaving, jumpAt, placeOf } from './stub-place.js';
import type { SharedWords } from './words.js';

export class SeccompThread implements HostThread {
  owner: unknown = undefined;
  readonly place = newPlace();
  running = false;
  dead = false;
  destroyed = false;
  readonly trap: Trap = { kind: TRAP_NONE, nr: 0, compat: false, address: 0, errorCode: 0, accessKnown: true, signal: 0, code: 0 };
  /** The registers: the kernel's own copy. */
  private readonly file = new Uint32Array(SIGCONTEXT_SIZE / 4);
  readonly regs = new Registers(this.file, SLOTS, () => this.complete());
  /** Stopped in a patched call: there is no signal frame, and of the registers all but the segment bases. */
  private inCall = false;
  /** DATA_CALL. */
  private readonly call: Uint32Array;
  /** Address of its STUB_DATA, which its gs base is as long as the guest sets no other; the guest's is then 0. */
  private readonly dataLow: number;
  private readonly dataHigh: number;
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
    this.call = new Uint32Array(bytes.buffer, bytes.byteOffset + DATA_CALL, GENERAL_WORDS);
    const address = stubDataAddress(slot, space.platform.dataStride);
    this.dataLow = address % HIGH;
    this.dataHigh = Math.floor(address / HIGH);
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
    if (this.dead || this.space.isGone) {
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
      const words = this.inCall ? this.call : this.shared;
      words[slot] = this.file[slot]!;
      words[slot + 1] = this.file[slot + 1]!;
      return true;
    }
    this.complete();
    if (this.space.isGone) return false;
    this.general.set(this.ownGeneral);
    if ((dirty & BASES) === 0) return true;
    if (this.regs.highOf(FS_BASE) >= BASE_LIMIT_HIGH || this.regs.highOf(GS_BASE) >= BASE_LIMIT_HIGH) return false;
    for (let word = SC_FS_BASE / 4; word < SC_SET_BASES / 4; word++) this.shared[word] = this.file[word]!;
    if (this.file[GS_LOW] === 0 && this.file[GS_LOW + 1] === 0) {
      this.shared[GS_LOW] = this.dataLow;
      this.shared[GS_LOW + 1] = this.dataHigh;
    }
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
    if ((this.turn[DATA_TURN / 4]! & TURN_CALL) !== 0) return this.takeCall();
    const inStub = this.shared[RIP_HIGH] === STUB_HIGH ? this.takeInStub() : -1;
    if (inStub >= 0) return inStub;
    this.file.set(this.shared);
    this.fetchedFrame();
    this.regs.dirty = 0;
    const kind = this.describe();
    if (kind !== TRAP_NONE) this.kickedNs = 0;
    this.trap.kind = kind;
    return kind;
  }

  /** A patched call: the registers lie at DATA_CALL. */
  private takeCall(): number {
    const { trap } = this;
    this.ownGeneral.set(this.call);
    this.inCall = true;
    this.regs.dirty = 0;
    this.regs.present = ~BASES;
    this.kickedNs = 0;
    this.space.platform.counts.patchedCalls++;
    trap.kind = TRAP_SYSCALL;
    trap.nr = this.file[SLOTS[RAX]! * 2]! | 0;
    trap.compat = false;
    trap.isHot = false;
    return TRAP_SYSCALL;
  }

  /** The frame has been read: nothing of a patched call is left. */
  private fetchedFrame(): void {
    const { file } = this;
    this.inCall = false;
    this.regs.present = -1;
    this.trap.isHot = false;
    if (file[GS_LOW] !== this.dataLow || file[GS_LOW + 1] !== this.dataHigh) return;
    file[GS_LOW] = 0;
    file[GS_LOW + 1] = 0;
  }

  /**
   * A signal in the stub itself, where only patched calls have business: the kind of trap, or -1 when it is to be seen as any other.
   */
  private takeInStub(): number {
    const { shared, trap } = this;
    const { stub } = this.space.platform;
    const rip = shared[RIP_HIGH - 1]! + STUB_HIGH * HIGH;
    const place = placeOf(rip, stub);
    const isKick = this.info[INFO_SIGNO] === KICK_SIGNAL;
    if (this.info[INFO_SIGNO] === SIGSEGV && isSaving(rip, stub)) {
      shared[RIP_HIGH - 1] = bySignalLow(stub);
      this.regs.dirty = 0;
      trap.kind = TRAP_NONE;
      return TRAP_NONE;
    }
    // Who jumped there without having made a patched call has no registers but those of the frame.
    if (!isKick || place === ELSEWHERE || (place === AFTER_CALL && !this.inCall)) return -1;
    this.regs.dirty = 0;
    trap.kind = TRAP_NONE;
    if (place === BEFORE_CALL) return TRAP_NONE; // on the way here anyway
    this.takeFrame();
    if (this.kickedNs === 0) return TRAP_NONE;
    this.kickedNs = 0;
    this.space.platform.counts.kicks++;
    trap.kind = TRAP_KICK;
    return TRAP_KICK;
  }

  /** Takes over a frame of a thread whose registers the kernel has: what is not among those, and all others must be written. */
  private takeFrame(): void {
    const { file, shared, regs } = this;
    const dirty = regs.dirty;
    if ((dirty & (1 << FS_BASE)) === 0) for (let i = FS_LOW; i < FS_LOW + 2; i++) file[i] = shared[i]!;
    if ((dirty & (1 << GS_BASE)) === 0) for (let i = GS_LOW; i < GS_LOW + 2; i++) file[i] = shared[i]!;
    // Such as the direction flag: a patched call saves those of arithmetic.
    file[EFLAGS_LOW] = (file[EFLAGS_LOW]! & ARITHMETIC_FLAGS) | (shared[EFLAGS_LOW]! & ~ARITHMETIC_FLAGS);
    this.fetchedFrame();
    regs.dirty = dirty | ~BASES;
  }

  /** Makes a thread that stands in a patched call stand in a signal frame. When that fails its process is killed. */
  complete(): void {
    if (!this.inCall) return;
    this.inCall = false;
    this.regs.present = -1;
    this.space.platform.counts.promotions++;
    this.data.store(DATA_PROMOTE, 1);
    this.handOver();
    const { space, tid } = this;
    const there = space.platform.frameWait.until({
      leader: space.leader,
      tid,
      isThere: () => (Atomics.load(this.turn, DATA_TURN / 4) & (TURN_KERNEL | TURN_CALL)) === TURN_KERNEL,
      isGone: () => space.hasEnded,
      kick: () => void tgkill(space.leader, tid, KICK_SIGNAL),
    });
    this.data.store(DATA_PROMOTE, 0);
    if (there) this.takeFrame();
    else this.space.kill();
  }

  private describe(): number {
    const { trap, info, file } = this;
    const { counts } = this.space.platform;
    const signal = info[INFO_SIGNO]!;
    const code = info[INFO_CODE]! | 0;
    if (signal === SIGSYS && code === SYS_SECCOMP) {
      trap.nr = file[SLOTS[RAX]! * 2]! | 0;
      trap.compat = info[INFO_ARCH]! !== AUDIT_ARCH_X86_64;
      trap.isHot = this.space.sites.noteTrap(this.regs.get(RIP));
      counts.syscalls++;
      return TRAP_SYSCALL;
    }
    if (signal === KICK_SIGNAL) {
      if (this.kickedNs === 0) return TRAP_NONE; // another trap was faster
      counts.kicks++;
      return TRAP_KICK;
    }
    if ((signal === SIGILL || signal === SIGTRAP) && code > 0) {
      const { sites } = this.space;
      const rip = this.regs.get(RIP);
      const site = sites.trapAt(rip);
      if (site && (signal === SIGILL || site.isStep)) return site.isCall ? this.callAtSite(site.end) : this.compareAtSite(site.end);
      // The page is being replaced by the file's own: then the instruction is there again.
      const left = signal === SIGILL ? sites.leftTrapAt(rip) : undefined;
      if (left && this.space.commit() === 0) {
        this.regs.set(RIP, left.isCall ? left.end - SYSCALL_BYTES : left.end);
        return TRAP_NONE;
      }
    }
    const synchronous = signal === SIGSEGV || signal === SIGBUS || signal === SIGFPE || signal === SIGILL || signal === SIGTRAP;
    if (!synchronous || code <= 0) {
      counts.strayedSignals++; // from outside, or a forged frame: a guest's signals come from its kernel
      return TRAP_NONE;
    }
    return this.processorTrap(signal, code);
  }

  /** At a patched read behind its call, where the jump has taken the comparison's place: cmp $-4096, %rax. */
  private compareAtSite(end: number): number {
    const { regs } = this;
    regs.set(EFLAGS, (regs.get(EFLAGS) & ~ARITHMETIC_FLAGS) | compareFlags(regs.getBig(RAX), FIRST_ERRNO));
    regs.set(RIP, end + COMPARE_BYTES);
    return TRAP_NONE;
  }

  /** It went to where a patched site's system call instruction was: the call, as the instruction would have made it. */
  private callAtSite(end: number): number {
    const { trap, regs } = this;
    regs.set(RIP, end);
    regs.set(RCX, end);
    regs.setHalves(R11, regs.u32of(EFLAGS), regs.highOf(EFLAGS));
    trap.nr = regs.i32of(RAX);
    trap.compat = false;
    this.space.platform.counts.syscalls++;
    return TRAP_SYSCALL;
  }

  private processorTrap(signal: number, code: number): number {
    const { trap, info, file } = this;
    if (file[RIP_HIGH] === STUB_HIGH) this.leaveJump(signal);
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

  /** At the first instruction of a site's jump the guest is at the site; single-stepped, it has executed all but the call. */
  private leaveJump(signal: number): void {
    const { regs } = this;
    const site = this.space.sites.siteOf(jumpAt(regs.get(RIP)));
    if (!site) return;
    regs.set(RIP, signal === SIGTRAP ? site.end - SYSCALL_BYTES : site.start);
    if (signal === SIGTRAP && site.nr >= 0) regs.set(RAX, site.nr);
  }

  /** The frame tells all at once. */
  completeFault(): void {}

  readFp(target: Uint8Array): void {
    this.complete();
    this.space.platform.shape.readFp(this.data.bytes, target);
  }

  writeFp(source: Uint8Array): 0 | Errno {
    this.complete();
    return this.space.platform.shape.writeFp(this.data.bytes, source);
  }

  resetFp(): void {
    this.complete();
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
