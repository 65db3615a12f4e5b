/**
 * The signal frame: what a handler finds on its stack, and the way into it (Linux: arch/x86/kernel/signal_64.c,
 * x64_setup_rt_frame; signal.c, get_sigframe). sigreturn.ts is the way back. Layouts: abi/sigframe.ts.
 *
 *   high   interrupted rsp (or the top of the alternate stack)
 *          128-byte red zone (not on a fresh alternate stack)
 *          fpstate, aligned to 64
 *   low    rt_sigframe, aligned so that rsp is 8 below a multiple of 16, as behind a call
 */
import type { Errno } from '../../base/brands.js';
import { EFAULT } from '../../abi/errno.js';
import {
  FP_XSTATE_MAGIC1,
  FP_XSTATE_MAGIC2,
  FP_XSTATE_MAGIC2_SIZE,
  FRAME_INFO,
  FRAME_PRETCODE,
  FRAME_SIZE,
  FRAME_UCONTEXT,
  FXSAVE_SIZE,
  SC_CR2,
  SC_CS,
  SC_ERR,
  SC_FPSTATE,
  SC_FS,
  SC_GS,
  SC_OLDMASK,
  SC_SS,
  SC_TRAPNO,
  SS_FLAGS,
  SS_SIZE,
  SS_SP,
  SW_EXTENDED_SIZE,
  SW_MAGIC1,
  SW_XFEATURES,
  SW_XSTATE_SIZE,
  UC_FLAGS,
  UC_FP_XSTATE,
  UC_LINK,
  UC_MCONTEXT,
  UC_SIGCONTEXT_SS,
  UC_SIGMASK,
  UC_STACK,
  UC_STRICT_RESTORE_SS,
  XSAVE_HEADER,
  XSAVE_HEADER_END,
} from '../../abi/sigframe.js';
import { SA_RESTORER, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK } from '../../abi/signal.js';
import { frameXstateSize, supportedXfeatures } from '../../host/cpu.js';
import { TASK_SIZE, type HostThread } from '../../platform/platform.js';
import {
  EFLAGS,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  R8,
  R9,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RIP,
  RSI,
  RSP,
  type Registers,
} from '../../platform/registers.js';
import type { Task } from '../task.js';
import type { SigSet } from './sig-set.js';
import { encodeInfo, type SignalInfo } from './signal-info.js';
import type { AltStack } from './task-signals.js';

const RED_ZONE = 128;
const USER_CS = 0x33;
const USER_SS = 0x2b;
const EFLAGS_TF = 0x100;
const EFLAGS_DF = 0x400;
const EFLAGS_RF = 0x10000;
/** x87 and SSE: always present in a frame. */
const XFEATURES_LEGACY = 3;

/** The general registers in the order of sigcontext. */
export const SIGCONTEXT_REGISTERS: readonly number[] = [
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
  RDI,
  RSI,
  RBP,
  RBX,
  RDX,
  RAX,
  RCX,
  RSP,
  RIP,
  EFLAGS,
];

export interface HandlerEntry {
  readonly handler: number;
  readonly restorer: number;
  /** SA_* of the action. */
  readonly flags: number;
  /** SA_ONSTACK is set. */
  readonly onAltStack: boolean;
}

/** True when `sp` lies on the alternate stack. SS_AUTODISARM: never, since the stack is disarmed while in use. */
export function onAltStack(stack: AltStack, sp: number): boolean {
  if ((stack.flags & SS_AUTODISARM) !== 0) return false;
  return sp > stack.base && sp - stack.base <= stack.size;
}

/** SS_DISABLE, SS_ONSTACK or 0, as sigaltstack(2) reports and as decides about a switch of stacks. */
export function altStackState(stack: AltStack, sp: number): number {
  if (stack.size === 0) return SS_DISABLE;
  return onAltStack(stack, sp) ? SS_ONSTACK : 0;
}

/** Writes stack_t with the state at stack pointer `sp`. */
function writeAltStack(view: DataView, offset: number, stack: AltStack, sp: number): void {
  const modifier = stack.flags & SS_AUTODISARM;
  setU64(view, offset + SS_SP, stack.base);
  view.setInt32(offset + SS_FLAGS, altStackState(stack, sp) | modifier, true);
  view.setUint32(offset + SS_FLAGS + 4, 0, true);
  setU64(view, offset + SS_SIZE, stack.size);
}

let scratch = new Uint8Array(16384);
let scratchView = new DataView(scratch.buffer);

function useScratch(length: number): void {
  if (length > scratch.length) {
    scratch = new Uint8Array(length);
    scratchView = new DataView(scratch.buffer);
  }
}

/** Writes the frame and points the registers at the handler. EFAULT: no room, or nothing to return by; registers unchanged. */
export function buildFrame(task: Task, info: SignalInfo, entry: HandlerEntry, returnMask: SigSet): 0 | Errno {
  // Linux needs the restorer on x86-64; a handler beyond the address space could not be entered at all.
  if ((entry.flags & SA_RESTORER) === 0 || entry.handler >= TASK_SIZE) return EFAULT;
  const { thread, signals } = task;
  const { regs } = thread;
  const stack = signals.altStack;
  const interruptedSp = regs.get(RSP);
  const wasOnAltStack = onAltStack(stack, interruptedSp);
  let sp = interruptedSp - RED_ZONE;
  let entersAltStack = false;
  if (entry.onAltStack && altStackState(stack, sp) === 0) {
    sp = stack.base + stack.size;
    entersAltStack = true;
  }
  const fpSize = thread.fpSize === 0 ? 0 : frameXstateSize(thread.fpSize);
  const fpstate = fpSize === 0 ? sp : alignDown(sp - fpSize - FP_XSTATE_MAGIC2_SIZE, 64);
  const frame = alignDown(fpstate - FRAME_SIZE, 16) - 8;
  // Overflowing the alternate stack would silently overwrite what lies below it.
  if ((wasOnAltStack || entersAltStack) && !(frame > stack.base && frame - stack.base <= stack.size)) return EFAULT;
  if (frame < 0 || sp > TASK_SIZE) return EFAULT;

  const fpOffset = fpstate - frame;
  const length = fpSize === 0 ? FRAME_SIZE : fpOffset + fpSize + FP_XSTATE_MAGIC2_SIZE;
  // The platform may read more than belongs into the frame.
  useScratch(fpOffset + thread.fpSize + FP_XSTATE_MAGIC2_SIZE);
  scratch.fill(0, 0, fpOffset);
  if (fpSize !== 0) writeFpState(thread, fpOffset, fpSize);
  setU64(scratchView, FRAME_PRETCODE, entry.restorer);
  writeContext(task, fpSize === 0 ? 0 : fpstate, interruptedSp, returnMask);
  encodeInfo(info, scratchView, FRAME_INFO);
  const copied = task.mm.copyOut(frame, scratch, 0, length);
  if (copied < 0) return copied;
  enter(regs, entry.handler, frame, info.signo);
  return 0;
}

function enter(regs: Registers, handler: number, frame: number, signal: number): void {
  regs.set(RDI, signal);
  regs.set(RAX, 0);
  regs.set(RSI, frame + FRAME_INFO);
  regs.set(RDX, frame + FRAME_UCONTEXT);
  regs.set(RIP, handler);
  regs.set(RSP, frame);
  regs.setHalves(EFLAGS, regs.u32of(EFLAGS) & ~(EFLAGS_TF | EFLAGS_DF | EFLAGS_RF), 0);
}

function writeContext(task: Task, fpstate: number, interruptedSp: number, returnMask: SigSet): void {
  const { signals, thread } = task;
  const view = scratchView;
  const flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (fpstate !== 0 ? UC_FP_XSTATE : 0);
  setU64(view, FRAME_UCONTEXT + UC_FLAGS, flags);
  setU64(view, FRAME_UCONTEXT + UC_LINK, 0);
  writeAltStack(view, FRAME_UCONTEXT + UC_STACK, signals.altStack, interruptedSp);
  const context = FRAME_UCONTEXT + UC_MCONTEXT;
  for (let i = 0; i < SIGCONTEXT_REGISTERS.length; i++) {
    const register = SIGCONTEXT_REGISTERS[i]!;
    view.setUint32(context + i * 8, thread.regs.u32of(register), true);
    view.setUint32(context + i * 8 + 4, thread.regs.highOf(register), true);
  }
  view.setUint16(context + SC_CS, USER_CS, true);
  view.setUint16(context + SC_GS, 0, true);
  view.setUint16(context + SC_FS, 0, true);
  view.setUint16(context + SC_SS, USER_SS, true);
  setU64(view, context + SC_ERR, signals.faultError);
  setU64(view, context + SC_TRAPNO, signals.faultTrap);
  returnMask.write(view, context + SC_OLDMASK);
  setU64(view, context + SC_CR2, signals.faultAddress);
  setU64(view, context + SC_FPSTATE, fpstate);
  returnMask.write(view, FRAME_UCONTEXT + UC_SIGMASK);
}

/** The XSAVE image with the words by which sigreturn and user programs recognise it. */
function writeFpState(thread: HostThread, offset: number, size: number): void {
  thread.readFp(scratch.subarray(offset, offset + thread.fpSize));
  const view = scratchView;
  scratch.fill(0, offset + SW_MAGIC1, offset + FXSAVE_SIZE);
  if (size < XSAVE_HEADER_END) return;
  const features = supportedXfeatures();
  view.setUint32(offset + SW_MAGIC1, FP_XSTATE_MAGIC1, true);
  view.setUint32(offset + SW_EXTENDED_SIZE, size + FP_XSTATE_MAGIC2_SIZE, true);
  view.setUint32(offset + SW_XFEATURES, features.low, true);
  view.setUint32(offset + SW_XFEATURES + 4, features.high, true);
  view.setUint32(offset + SW_XSTATE_SIZE, size, true);
  view.setUint32(offset + XSAVE_HEADER, view.getUint32(offset + XSAVE_HEADER, true) | XFEATURES_LEGACY, true);
  view.setUint32(offset + size, FP_XSTATE_MAGIC2, true);
}

function alignDown(address: number, alignment: number): number {
  return address - (((address % alignment) + alignment) % alignment);
}

/** Stores 64 bits; negative numbers in two's complement. */
function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 4294967296, true);
  view.setUint32(offset + 4, Math.floor(value / 4294967296), true);
}
