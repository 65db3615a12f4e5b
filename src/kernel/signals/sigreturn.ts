/**
 * rt_sigreturn(2): back from a handler (Linux: arch/x86/kernel/signal_64.c, restore_sigcontext; fpu/signal.c,
 * __fpu_restore_sig). The whole frame is the guest's: each word is read once, and what could hurt is refused with SIGSEGV.
 *
 * Segment selectors are ignored: only the flat 64-bit ones exist here. Of eflags only the user's bits are taken over.
 */
import type { Errno } from '../../base/brands.js';
import { EFAULT } from '../../abi/errno.js';
import {
  FP_MXCSR,
  FP_XSTATE_MAGIC1,
  FP_XSTATE_MAGIC2,
  FP_XSTATE_MAGIC2_SIZE,
  FRAME_UCONTEXT,
  FXSAVE_SIZE,
  SC_FPSTATE,
  SS_FLAGS,
  SS_SIZE,
  SS_SP,
  SW_EXTENDED_SIZE,
  SW_MAGIC1,
  SW_XFEATURES,
  SW_XSTATE_SIZE,
  UC_MCONTEXT,
  UC_SIGMASK,
  UC_STACK,
  UCONTEXT_SIZE,
  XSAVE_HEADER,
  XSAVE_HEADER_END,
  XSAVE_XCOMP_BV,
} from '../../abi/sigframe.js';
import { SIGSEGV } from '../../abi/signal.js';
import { frameXstateSize, supportedXfeatures } from '../../host/cpu.js';
import { EFLAGS, RIP, RSP, type Registers } from '../../platform/registers.js';
import { REGISTERS_SET } from '../syscall.js';
import { keepWatching } from '../ptrace/stops.js';
import type { Task } from '../task.js';
import { setAltStack } from './alt-stack.js';
import { SIGCONTEXT_REGISTERS } from './frame.js';
import { forceSignal, setMask } from './send.js';
import { SigSet } from './sig-set.js';
import { kernelInfo } from './signal-info.js';

/** AC, OF, DF, TF, SF, ZF, AF, PF, CF, RF. */
const USER_EFLAGS = 0x50dd5;
/** Bits of mxcsr that every 64-bit CPU of this century has. */
const MXCSR_MASK = 0xffff;
/** Bits 47..63 of an address: zero in user space. */
const NOT_USER_HIGH = 0xffff8000;

const frameBytes = new Uint8Array(UCONTEXT_SIZE);
const frameView = new DataView(frameBytes.buffer);
let fpBytes = new Uint8Array(16384);
let fpView = new DataView(fpBytes.buffer);

/** Restores what the frame at rsp - 8 holds. A bad frame is SIGSEGV to the thread. */
export function sigreturn(task: Task): number {
  const { regs } = task.thread;
  const stackPointer = regs.get(RSP);
  const restored = restore(task, stackPointer - 8);
  if (restored < 0) forceSignal(task, kernelInfo(SIGSEGV));
  if (task.trace) keepWatching(task);
  return REGISTERS_SET;
}

function restore(task: Task, frame: number): 0 | Errno {
  if (frame < 0) return EFAULT;
  const read = task.mm.copyIn(frame + FRAME_UCONTEXT, frameBytes);
  if (read < 0) return read;
  const { signals, thread } = task;
  setMask(task, SigSet.read(frameView, UC_SIGMASK));
  signals.restartBlock = undefined;
  const general = restoreRegisters(thread.regs);
  if (general < 0) return general;
  const fp = restoreFp(task, readU64(frameView, UC_MCONTEXT + SC_FPSTATE));
  if (fp < 0) return fp;
  // As Linux: an alternate stack that sigaltstack(2) would refuse is no reason to fail.
  setAltStack(
    task,
    readU64(frameView, UC_STACK + SS_SP),
    frameView.getUint32(UC_STACK + SS_FLAGS, true),
    readU64(frameView, UC_STACK + SS_SIZE),
  );
  return 0;
}

function restoreRegisters(regs: Registers): 0 | Errno {
  const indexOf = (register: number): number => UC_MCONTEXT + SIGCONTEXT_REGISTERS.indexOf(register) * 8;
  if ((frameView.getUint32(indexOf(RIP) + 4, true) & NOT_USER_HIGH) !== 0) return EFAULT;
  if ((frameView.getUint32(indexOf(RSP) + 4, true) & NOT_USER_HIGH) !== 0) return EFAULT;
  for (let i = 0; i < SIGCONTEXT_REGISTERS.length; i++) {
    const register = SIGCONTEXT_REGISTERS[i]!;
    const low = frameView.getUint32(UC_MCONTEXT + i * 8, true);
    if (register === EFLAGS) {
      regs.setHalves(EFLAGS, (regs.u32of(EFLAGS) & ~USER_EFLAGS) | (low & USER_EFLAGS), 0);
    } else {
      regs.setHalves(register, low, frameView.getUint32(UC_MCONTEXT + i * 8 + 4, true));
    }
  }
  return 0;
}

function restoreFp(task: Task, address: number): 0 | Errno {
  const { thread } = task;
  const size = thread.fpSize;
  if (size === 0) return 0;
  if (address === 0) {
    thread.resetFp();
    return 0;
  }
  if (size + FP_XSTATE_MAGIC2_SIZE > fpBytes.length) {
    fpBytes = new Uint8Array(size + FP_XSTATE_MAGIC2_SIZE);
    fpView = new DataView(fpBytes.buffer);
  }
  fpBytes.fill(0, 0, size);
  const legacy = task.mm.copyIn(address, fpBytes, 0, Math.min(FXSAVE_SIZE, size));
  if (legacy < 0) return legacy;
  const extended = readExtended(task, address, size);
  if (extended < 0) return extended;
  if ((fpView.getUint32(FP_MXCSR, true) & ~MXCSR_MASK) !== 0) return EFAULT;
  return thread.writeFp(fpBytes.subarray(0, size));
}

/**
 * What lies behind the legacy area, when the frame's words say that there is something; otherwise those components get their
 * initial state, as in Linux. The header is validated: the CPU would fault on it.
 */
function readExtended(task: Task, address: number, size: number): 0 | Errno {
  if (size < XSAVE_HEADER_END) return 0;
  const frameSize = frameXstateSize(size);
  const features = supportedXfeatures();
  if (!hasExtended(task, address, frameSize)) {
    fpBytes.fill(0, FXSAVE_SIZE, size);
    fpView.setUint32(XSAVE_HEADER, 3, true);
    return 0;
  }
  const saved = fpView.getUint32(SW_XFEATURES, true);
  const savedHigh = fpView.getUint32(SW_XFEATURES + 4, true);
  const length = fpView.getUint32(SW_XSTATE_SIZE, true);
  const rest = task.mm.copyIn(address + FXSAVE_SIZE, fpBytes, FXSAVE_SIZE, length - FXSAVE_SIZE);
  if (rest < 0) return rest;
  const low = fpView.getUint32(XSAVE_HEADER, true);
  const high = fpView.getUint32(XSAVE_HEADER + 4, true);
  if ((low & ~features.low) !== 0 || (high & ~features.high) !== 0) return EFAULT;
  for (let offset = XSAVE_XCOMP_BV; offset < XSAVE_HEADER_END; offset++) if (fpBytes[offset] !== 0) return EFAULT;
  fpView.setUint32(XSAVE_HEADER, low & saved, true);
  fpView.setUint32(XSAVE_HEADER + 4, high & savedHigh, true);
  return 0;
}

function hasExtended(task: Task, address: number, size: number): boolean {
  const extendedSize = fpView.getUint32(SW_EXTENDED_SIZE, true);
  const length = fpView.getUint32(SW_XSTATE_SIZE, true);
  if (fpView.getUint32(SW_MAGIC1, true) !== FP_XSTATE_MAGIC1) return false;
  if (length < XSAVE_HEADER_END || length > size || length > extendedSize) return false;
  return task.mm.readU32(address + length) === FP_XSTATE_MAGIC2;
}

function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 4294967296;
}
