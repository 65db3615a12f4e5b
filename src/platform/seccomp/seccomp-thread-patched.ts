/**
 * What a guest thread's patched calls (patched-call.ts, site.ts) bring with them besides the call itself: signals that arrive in the
 * stub's code, instructions of a patched site that trap, and the promotion of a call that needs a signal frame after all.
 */
import { SIGSEGV, SIGTRAP } from '../../abi/signal.js';
import { tgkill } from '../../host/process.js';
import { TRAP_KICK, TRAP_NONE, TRAP_SYSCALL } from '../platform.js';
import { EFLAGS, FS_BASE, GS_BASE, R11, RAX, RCX, RIP } from '../registers.js';
import {
  ARITHMETIC_FLAGS,
  BASES,
  compareFlags,
  EFLAGS_LOW,
  FIRST_ERRNO,
  FS_LOW,
  GS_LOW,
  HIGH,
  INFO_SIGNO,
  RIP_HIGH,
  STUB_HIGH,
  SYSCALL_BYTES,
} from './frame-words.js';
import { DATA_PROMOTE, DATA_TURN, KICK_SIGNAL, TURN_CALL, TURN_KERNEL } from './layout.js';
import type { SeccompThread } from './seccomp-thread.js';
import { COMPARE_BYTES } from './site.js';
import { AFTER_CALL, BEFORE_CALL, bySignalLow, ELSEWHERE, isSaving, jumpAt, placeOf } from './stub-place.js';

/** A signal in the stub itself, where only patched calls have business: the kind of trap, or -1 when it is to be seen as any other. */
export function takeInStub(thread: SeccompThread): number {
  const { shared, info, regs, trap } = thread;
  const { stub, counts } = thread.space.platform;
  const rip = shared[RIP_HIGH - 1]! + STUB_HIGH * HIGH;
  const place = placeOf(rip, stub);
  const isKick = info[INFO_SIGNO] === KICK_SIGNAL;
  if (info[INFO_SIGNO] === SIGSEGV && isSaving(rip, stub)) {
    shared[RIP_HIGH - 1] = bySignalLow(stub);
    regs.dirty = 0;
    trap.kind = TRAP_NONE;
    return TRAP_NONE;
  }
  // Who jumped there without having made a patched call has no registers but those of the frame.
  if (!isKick || place === ELSEWHERE || (place === AFTER_CALL && !thread.inCall)) return -1;
  regs.dirty = 0;
  trap.kind = TRAP_NONE;
  if (place === BEFORE_CALL) return TRAP_NONE; // on the way here anyway
  takeFrame(thread);
  if (thread.kickedNs === 0) return TRAP_NONE;
  thread.kickedNs = 0;
  counts.kicks++;
  trap.kind = TRAP_KICK;
  return TRAP_KICK;
}

/** Takes over a frame of a thread whose registers the kernel has: what is not among those, and all others must be written. */
function takeFrame(thread: SeccompThread): void {
  const { file, shared, regs } = thread;
  const { dirty } = regs;
  if ((dirty & (1 << FS_BASE)) === 0) for (let i = FS_LOW; i < FS_LOW + 2; i++) file[i] = shared[i]!;
  if ((dirty & (1 << GS_BASE)) === 0) for (let i = GS_LOW; i < GS_LOW + 2; i++) file[i] = shared[i]!;
  // Such as the direction flag: a patched call saves those of arithmetic.
  file[EFLAGS_LOW] = (file[EFLAGS_LOW]! & ARITHMETIC_FLAGS) | (shared[EFLAGS_LOW]! & ~ARITHMETIC_FLAGS);
  thread.fetchedFrame();
  regs.dirty = dirty | ~BASES;
}

/** Makes a thread that stands in a patched call stand in a signal frame. When that fails its process is killed. */
export function promote(thread: SeccompThread): void {
  const { space, tid, data, turn } = thread;
  thread.inCall = false;
  thread.regs.present = -1;
  space.platform.counts.promotions++;
  space.quiesce();
  data.store(DATA_PROMOTE, 1);
  thread.handOver();
  const there = space.platform.frameWait.until({
    leader: space.leader,
    tid,
    isThere: () => (Atomics.load(turn, DATA_TURN / 4) & (TURN_KERNEL | TURN_CALL)) === TURN_KERNEL,
    isGone: () => space.hasEnded,
    kick: () => void tgkill(space.leader, tid, KICK_SIGNAL),
  });
  data.store(DATA_PROMOTE, 0);
  if (there) takeFrame(thread);
  else space.kill();
}

/** At a patched read behind its call, where the jump has taken the comparison's place: cmp $-4096, %rax. */
export function compareAtSite({ regs }: SeccompThread, end: number): number {
  regs.set(EFLAGS, (regs.get(EFLAGS) & ~ARITHMETIC_FLAGS) | compareFlags(regs.getBig(RAX), FIRST_ERRNO));
  regs.set(RIP, end + COMPARE_BYTES);
  return TRAP_NONE;
}

/** It went to where a patched site's system call instruction was: the call, as the instruction would have made it. */
export function callAtSite({ trap, regs, space }: SeccompThread, end: number): number {
  regs.set(RIP, end);
  regs.set(RCX, end);
  regs.setHalves(R11, regs.u32of(EFLAGS), regs.highOf(EFLAGS));
  trap.nr = regs.i32of(RAX);
  trap.compat = false;
  space.platform.counts.syscalls++;
  return TRAP_SYSCALL;
}

/** At the first instruction of a site's jump the guest is at the site; single-stepped, it has executed all but the call. */
export function leaveJump({ regs, space }: SeccompThread, signal: number): void {
  const site = space.sites.siteOf(jumpAt(regs.get(RIP)));
  if (!site) return;
  regs.set(RIP, signal === SIGTRAP ? site.end - SYSCALL_BYTES : site.start);
  if (signal === SIGTRAP && site.nr >= 0) regs.set(RAX, site.nr);
}
