/**
 * The platform interface: how guest code is run and trapped. Two platforms implement it, `ptrace` (skas0 proper) and `seccomp`
 * (no tracer); the kernel knows nothing else of either. platform-contract.test.ts is run against each.
 *
 *   HostSpace   one guest address space: a stub process            (Linux: mm_struct's page tables)
 *   HostThread  one guest thread: a host thread of that process    (Linux: thread_struct)
 *
 * All calls come from the one kernel thread. Nothing throws; failures are errnos.
 */
import type { Errno, GuestAddr, HostPid, PhysAddr } from '../base/brands.js';
import type { Registers } from './registers.js';

/** First address that a guest cannot have: a page-directory (512 GiB) boundary, so that guest and stub never share one. */
export const TASK_SIZE: GuestAddr = 0x7f80_0000_0000;

// Kinds of trap.
export const TRAP_NONE = 0;
/** A system call; `nr` is its number, the registers hold the arguments, rip is behind the instruction, rax is still to be set. */
export const TRAP_SYSCALL = 1;
/** A page fault: `address`, `errorCode`. */
export const TRAP_FAULT = 2;
/** A synchronous signal other than a page fault (SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGSEGV of #GP): `signal`, `code`, `address`. */
export const TRAP_SIGNAL = 3;
/** `kick` took effect; the guest was between two instructions. */
export const TRAP_KICK = 4;
/** The host thread or its whole process is gone without our doing (the OOM killer, an attack); `signal` tells how. */
export const TRAP_DEAD = 5;

// Page-fault error code bits (Intel SDM vol. 3, 4.7).
export const FAULT_PROTECTION = 1;
export const FAULT_WRITE = 2;
export const FAULT_EXEC = 16;

/** What stopped a guest thread. One object per thread, reused: read it before the thread is resumed. */
export interface Trap {
  kind: number;
  /** System call number (TRAP_SYSCALL); -1 for one that no table can hold. `arch32` calls come as `compat: true`. */
  nr: number;
  compat: boolean;
  /** Faulting address (TRAP_FAULT, TRAP_SIGNAL). */
  address: number;
  /** FAULT_* bits (TRAP_FAULT). Only FAULT_PROTECTION is sure until `accessKnown`. */
  errorCode: number;
  /** False when the host told address and MAPERR/ACCERR only; `HostThread.completeFault` finds out the rest. */
  accessKnown: boolean;
  /** Signal number and si_code (TRAP_SIGNAL, TRAP_DEAD). */
  signal: number;
  code: number;
  /** TRAP_SYSCALL: it came the dear way from a place that makes many: `HostSpace.patcher` may help. */
  isHot?: boolean;
}

/** A changed page of program text, which mm maps in the place of the page that reads see (mm/text-twins.ts). */
export interface PatchedPage {
  /** The same for all versions of the page. */
  readonly id: number;
}

/** Makes system calls cheaper by changing the code that makes them, where a platform has such a way. */
export interface SitePatcher {
  /**
   * Changes `page`, a copy of a page of text, so that the system call whose instruction ends at byte `end`, and which has just been
   * made with number `nr`, takes the cheaper way. `before`: of the version that was copied. undefined: this site cannot be changed.
   */
  patch(page: Uint8Array, end: number, nr: number, before: PatchedPage | undefined): PatchedPage | undefined;
}

export interface HostThread {
  readonly space: HostSpace;
  /** Host thread id, by which the host accounts for CPU time. */
  readonly tid: HostPid;
  /** The kernel's task; the platform hands it back and never looks inside. */
  owner: unknown;
  /** Valid while the thread is stopped. */
  readonly regs: Registers;
  readonly trap: Trap;
  /** True between `resume` and the trap. */
  readonly running: boolean;
  /** Runs queued address-space operations (a failure turns into a TRAP_DEAD: `commit` first to handle it), then guest code. */
  resume(): void;
  /** Makes a running guest trap soon (TRAP_KICK unless something else comes first). No effect on a stopped one. */
  kick(): void;
  /** Fills in `trap.errorCode` where `accessKnown` is false. */
  completeFault(): void;
  /** Size in bytes of the extended state that readFp/writeFp move: XSAVE standard format, as in a signal frame. */
  readonly fpSize: number;
  readFp(target: Uint8Array): void;
  /** Errno when the image is malformed (reserved bits, header); the state is then unchanged. */
  writeFp(source: Uint8Array): 0 | Errno;
  /** Floating-point and vector state as after execve. */
  resetFp(): void;
  /** Ends this host thread, running or not; the last one ends the space. No trap is reported any more. */
  destroy(): void;
}

export interface HostSpace {
  /** Host process id. */
  readonly leader: HostPid;
  /**
   * Maps `length` bytes of physmem at `phys` to `address`; MAP_SHARED | MAP_FIXED on the host. prot: PROT_* bits. Queued.
   * `populate`: the frames have data and will be used at once, so the host enters them now (MAP_POPULATE).
   */
  map(address: GuestAddr, length: number, prot: number, phys: PhysAddr, populate?: boolean): void;
  unmap(address: GuestAddr, length: number): void;
  protect(address: GuestAddr, length: number, prot: number): void;
  /** Runs what is queued now. Errno of the first operation that failed (ENOMEM: host VMA limit); the rest is then dropped. */
  commit(): 0 | Errno;
  /** A further thread in this space, stopped, with `from`'s registers and extended state; `from` is stopped. */
  newThread(from: HostThread): HostThread | Errno;
  /** A copy of this space with one thread, stopped, with `from`'s state. Queued operations are run first, in the parent. */
  fork(from: HostThread): HostThread | Errno;
  /** Absent: no code is ever changed. */
  readonly patcher?: SitePatcher;
  /** As the platform's. */
  readonly lowestAddress?: GuestAddr;
  /** As `map` of one page at `phys` that has been patched. False, with nothing done: not possible in this space. */
  mapPatched?(address: GuestAddr, prot: number, phys: PhysAddr, page: PatchedPage): boolean;
  /** The patched page at `address` is not mapped there any more. */
  forgetPatched?(address: GuestAddr): void;
  /** Unmaps all guest memory, for execve by a lone thread. Queued. */
  clear(): void;
  /** Kills every thread. */
  destroy(): void;
  /**
   * Has `release` called when nothing of this space can touch frames any more that what is queued, or `destroy`, takes away from it.
   * Absent: at once, as a stopped thread executes nothing before what is queued, and `destroy` waits.
   */
  whenOutOfReach?(release: () => void): void;
}

export interface Platform {
  readonly name: 'ptrace' | 'seccomp';
  /** The first address that a guest may map, where that is not Linux's own default. */
  readonly lowestAddress?: GuestAddr;
  /** A new empty space with one stopped thread. */
  createSpace(): HostThread | Errno;
  /**
   * Waits for a running guest thread to trap. Returns null when the doorbell rang or `deadlineNs` (host CLOCK_MONOTONIC,
   * Infinity: none; 0: do not wait) passed. The one place where the kernel thread sleeps.
   */
  wait(deadlineNs: number): HostThread | null;
  /** Plain data by which another thread of this Node process rings: see `ringDoorbell` in doorbell.ts. */
  readonly doorbell: DoorbellHandle;
  /** Waits for the end of what has been destroyed, and so for its frames. Absent: nothing is ever left. */
  settle?(): void;
  /** Kills every stub process and closes every host fd of the platform. */
  shutdown(): void;
  /** Host calls and traps by kind since start, for --stats. */
  counters(): Record<string, number>;
}

/** How other threads of this process wake the kernel thread. */
export interface DoorbellHandle {
  /** An eventfd: writing to it is enough. */
  readonly fd: number;
  /** Address of a word in this process on which the kernel thread sleeps by futex(2), where it does: the shorter way. */
  readonly word?: number;
}
