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
import { FS_BASE, GS_BASE, RAX, REGISTER_COUNT, Registers, RIP } from '../registers.js';
import { stubDataAddress } from '../stub/layout.js';
import {
  BASES,
  BASE_LIMIT_HIGH,
  EXCEPTION_PF,
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
  DATA_TURN,
  KICK_SIGNAL,
  SC_FS_BASE,
  SC_SET_BASES,
  SIGCONTEXT_SIZE,
  TURN_CALL,
  TURN_KERNEL,
  TURN_LONG,
  TURN_ORDER,
  TURN_WAITER,
  UC_INFO,
  UC_REGISTERS,
} from './layout.js';
import { newPlace } from './placement.js';
import type { SeccompSpace } from './seccomp-space.js';
import { callAtSite, compareAtSite, leaveJump, promote, takeInStub } from './seccomp-thread-patched.js';
import type { SharedWords } from './words.js';

export class SeccompThread implements HostThread {
  owner: unknown = undefined;
  readonly place = newPlace();
  running = false;
  dead = false;
  destroyed = false;
  readonly trap: Trap = { kind: TRAP_NONE, nr: 0, compat: false, address: 0, errorCode: 0, accessKnown: true, signal: 0, code: 0 };
  /** The registers: the kernel's own copy. */
  readonly file = new Uint32Array(SIGCONTEXT_SIZE / 4);
  readonly regs = new Registers(this.file, SLOTS, () => this.complete());
  /** Stopped in a patched call: there is no signal frame, and of the registers all but the segment bases. */
  inCall = false;
  /** DATA_CALL. */
  private readonly call: Uint32Array;
  /** Address of its STUB_DATA, which its gs base is as long as the guest sets no other; the guest's is then 0. */
  private readonly dataLow: number;
  private readonly dataHigh: number;
  /** sigcontext and siginfo in the frame. */
  readonly shared: Uint32Array;
  private readonly general: Uint32Array;
  readonly info: Uint32Array;
  private readonly ownGeneral = this.file.subarray(0, GENERAL_WORDS);
  readonly turn: Int32Array;
  /** Host address of DATA_TURN, in two halves for the platform's list. */
  readonly turnLow: number;
  readonly turnHigh: number;
  private readonly turnAddress: number;
  /** `kick` was called, and when, and no trap has followed; 0: not. */
  kickedNs = 0;
  /** Its id on the host; 0: the order to make it is under way. */
  born: HostPid = 0;

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

  get tid(): HostPid {
    if (this.born === 0) this.space.quiesce();
    return this.born;
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
    if (this.regs.dirty !== 0 && this.regs.dirty !== 1 << RAX) this.complete(); // first: it waits for orders
    if (this.space.hasQueued && isErr(this.space.begin())) {
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

  /** Has it wake the mm thread and wait for the order under way. False when it does not spin for its turn, and nothing is done. */
  driveOrder(): boolean {
    if (this.space.platform.orderSpin === 0) return false;
    const before = Atomics.or(this.turn, DATA_TURN / 4, TURN_ORDER);
    if ((before & (TURN_KERNEL | TURN_WAITER)) === TURN_KERNEL) return true;
    Atomics.and(this.turn, DATA_TURN / 4, ~TURN_ORDER);
    return false;
  }

  /** The kernel goes to wait without having answered its trap. */
  answerLater(): void {
    if (!this.running && !this.dead && !this.destroyed) Atomics.or(this.turn, DATA_TURN / 4, TURN_LONG);
  }

  handOver(): void {
    const { mm } = this.space;
    const turn = mm.isBusy && this.born !== 0 && !mm.isDone ? TURN_ORDER : 0;
    if ((Atomics.exchange(this.turn, DATA_TURN / 4, turn) & TURN_WAITER) === 0) return;
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
    this.space.collect();
    if ((this.turn[DATA_TURN / 4]! & TURN_CALL) !== 0) return this.takeCall();
    const inStub = this.shared[RIP_HIGH] === STUB_HIGH ? takeInStub(this) : -1;
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
  fetchedFrame(): void {
    const { file } = this;
    this.inCall = false;
    this.regs.present = -1;
    this.trap.isHot = false;
    if (file[GS_LOW] !== this.dataLow || file[GS_LOW + 1] !== this.dataHigh) return;
    file[GS_LOW] = 0;
    file[GS_LOW + 1] = 0;
  }

  /** Makes a thread that stands in a patched call stand in a signal frame. */
  complete(): void {
    if (this.inCall) promote(this);
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
      if (site && (signal === SIGILL || site.isStep)) return site.isCall ? callAtSite(this, site.end) : compareAtSite(this, site.end);
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

  private processorTrap(signal: number, code: number): number {
    const { trap, info, file } = this;
    if (file[RIP_HIGH] === STUB_HIGH) leaveJump(this, signal);
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
    if (ran && !this.stop()) {
      this.space.kill();
      return;
    }
    this.data.store(DATA_EXIT, 1);
    this.handOver();
    this.space.leave(this);
  }

  /** Waits until it has trapped, whatever for. False: it never will. */
  private stop(): boolean {
    const { space, tid } = this;
    const kick = (): void => void tgkill(space.leader, tid, KICK_SIGNAL);
    kick();
    const isThere = (): boolean => (Atomics.load(this.turn, DATA_TURN / 4) & TURN_KERNEL) !== 0;
    return space.platform.frameWait.until({ leader: space.leader, tid, isThere, isGone: () => space.hasEnded, kick });
  }
}
