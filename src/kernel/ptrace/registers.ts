/**
 * A stopped tracee's registers as a tracer sees them (Linux: arch/x86/kernel/ptrace.c, regset.c). Segment selectors are the flat
 * ones of 64-bit programs and cannot be changed. Debug registers: debug-registers.ts.
 */
import type { Errno } from '../../base/brands.js';
import { EIO, EINVAL } from '../../abi/errno.js';
import { NT_FPREGSET, NT_PRSTATUS, NT_X86_XSTATE, USER_DEBUGREG, USER_SIZE } from '../../abi/ptrace.js';
import { FP_MXCSR, FXSAVE_SIZE, SW_MAGIC1, XSAVE_HEADER, XSAVE_HEADER_END, XSAVE_XCOMP_BV } from '../../abi/sigframe.js';
import { USER_REGS } from '../../abi/user-regs.js';
import { frameXstateSize, supportedXfeatures } from '../../host/cpu.js';
import {
  EFLAGS,
  FS_BASE,
  GS_BASE,
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
} from '../../platform/registers.js';
import type { Task } from '../task.js';
import { DebugRegisters } from './debug-registers.js';

const NO_BREAKPOINTS = new DebugRegisters();
const ORIG_RAX = -1;
const CS = -2;
const SS = -3;
const DATA_SEGMENT = -4;

/** What stands in each of the 27 words of user_regs_struct. */
const WORDS: readonly number[] = [
  ...[R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI, ORIG_RAX, RIP, CS, EFLAGS, RSP, SS],
  ...[FS_BASE, GS_BASE, DATA_SEGMENT, DATA_SEGMENT, DATA_SEGMENT, DATA_SEGMENT],
];
const USER_CS = 0x33;
const USER_SS = 0x2b;
/** CF PF AF ZF SF TF DF OF NT AC: what a tracer may change of eflags. */
const FLAG_MASK = 0x54dd5;
/** Bits 47..63 of an address: zero in user space. */
const NOT_USER_HIGH = 0xffff8000;
const MXCSR_MASK = 0xffff;

function readWord(task: Task, word: number, view: DataView, offset: number): void {
  const register = WORDS[word]!;
  const { regs } = task.thread;
  let low = 0;
  let high = 0;
  if (register >= 0) {
    low = regs.u32of(register);
    high = regs.highOf(register);
  } else if (register === ORIG_RAX) {
    const number = task.trace?.origRax ?? -1;
    low = number >>> 0;
    high = number < 0 ? 0xffffffff : 0;
  } else if (register !== DATA_SEGMENT) {
    low = register === CS ? USER_CS : USER_SS;
  }
  view.setUint32(offset, low, true);
  view.setUint32(offset + 4, high, true);
}

/** EIO for what no user program may have. */
function writeWord(task: Task, word: number, low: number, high: number): 0 | Errno {
  const register = WORDS[word]!;
  const { regs } = task.thread;
  switch (register) {
    case ORIG_RAX:
      task.trace!.origRax = low | 0;
      return 0;
    case CS:
    case SS:
    case DATA_SEGMENT:
      return (low & 3) === 3 || (low & 0xffff) === 0 ? 0 : EIO;
    case EFLAGS:
      regs.setHalves(EFLAGS, (regs.u32of(EFLAGS) & ~FLAG_MASK) | (low & FLAG_MASK), 0);
      return 0;
    case RIP:
    case RSP:
    case FS_BASE:
    case GS_BASE:
      if ((high & NOT_USER_HIGH) !== 0) return EIO;
      regs.setHalves(register, low, high);
      return 0;
    default:
      regs.setHalves(register, low, high);
      return 0;
  }
}

/** user_regs_struct. */
export function generalRegisters(task: Task): Uint8Array {
  const bytes = new Uint8Array(USER_REGS.size);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < WORDS.length; word++) readWord(task, word, view, word * 8);
  return bytes;
}

/** Takes over as many whole words as `bytes` has. */
export function setGeneralRegisters(task: Task, bytes: Uint8Array): 0 | Errno {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let word = 0; word < WORDS.length && word * 8 + 8 <= bytes.length; word++) {
    const written = writeWord(task, word, view.getUint32(word * 8, true), view.getUint32(word * 8 + 4, true));
    if (written !== 0) return written;
  }
  return 0;
}

/** PTRACE_PEEKUSR: 8 bytes of struct user. */
export function peekUser(task: Task, offset: number): Uint8Array | Errno {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER_SIZE) return EIO;
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (offset < USER_REGS.size) readWord(task, offset / 8, view, 0);
  if (offset >= USER_DEBUGREG) {
    const value = (task.trace?.debug ?? NO_BREAKPOINTS).read((offset - USER_DEBUGREG) / 8);
    view.setUint32(0, value % 4294967296, true);
    view.setUint32(4, Math.floor(value / 4294967296), true);
  }
  return bytes;
}

export function pokeUser(task: Task, offset: number, low: number, high: number): 0 | Errno {
  if (offset % 8 !== 0 || offset < 0 || offset >= USER_SIZE) return EIO;
  if (offset < USER_REGS.size) return writeWord(task, offset / 8, low, high);
  if (offset < USER_DEBUGREG) return EIO;
  const { trace } = task;
  if (!trace) return EIO;
  trace.debug ??= new DebugRegisters();
  return trace.debug.write(task, (offset - USER_DEBUGREG) / 8, low, high);
}

/** The XSAVE image as far as guests see it, with the mask of its features where debuggers look for it. */
function extendedState(task: Task): Uint8Array {
  const { thread } = task;
  const bytes = new Uint8Array(thread.fpSize);
  thread.readFp(bytes);
  const size = frameXstateSize(thread.fpSize);
  bytes.fill(0, SW_MAGIC1, FXSAVE_SIZE);
  if (size >= XSAVE_HEADER_END) {
    const view = new DataView(bytes.buffer);
    const features = supportedXfeatures();
    view.setUint32(SW_MAGIC1, features.low, true);
    view.setUint32(SW_MAGIC1 + 4, features.high, true);
  }
  return bytes.subarray(0, size);
}

function setExtendedState(task: Task, given: Uint8Array, legacyOnly: boolean): 0 | Errno {
  const { thread } = task;
  const bytes = new Uint8Array(thread.fpSize);
  if (legacyOnly) thread.readFp(bytes);
  bytes.set(given.subarray(0, bytes.length));
  bytes.fill(0, SW_MAGIC1, FXSAVE_SIZE);
  const view = new DataView(bytes.buffer);
  if ((view.getUint32(FP_MXCSR, true) & ~MXCSR_MASK) !== 0) return EINVAL;
  if (bytes.length >= XSAVE_HEADER_END) {
    const features = supportedXfeatures();
    if (legacyOnly) view.setUint32(XSAVE_HEADER, view.getUint32(XSAVE_HEADER, true) | 3, true);
    if ((view.getUint32(XSAVE_HEADER, true) & ~features.low) !== 0 || (view.getUint32(XSAVE_HEADER + 4, true) & ~features.high) !== 0)
      return EINVAL;
    if (view.getUint32(XSAVE_XCOMP_BV, true) !== 0 || view.getUint32(XSAVE_XCOMP_BV + 4, true) !== 0) return EINVAL;
  }
  return thread.writeFp(bytes);
}

/** struct user_fpregs_struct, the legacy region. */
export function floatingPoint(task: Task): Uint8Array {
  const bytes = extendedState(task).slice(0, FXSAVE_SIZE);
  bytes.fill(0, SW_MAGIC1);
  return bytes;
}

export function setFloatingPoint(task: Task, bytes: Uint8Array): 0 | Errno {
  return setExtendedState(task, bytes, true);
}

/** PTRACE_GETREGSET; EINVAL: no such set here. */
export function regset(task: Task, type: number): Uint8Array | Errno {
  switch (type) {
    case NT_PRSTATUS:
      return generalRegisters(task);
    case NT_FPREGSET:
      return floatingPoint(task);
    case NT_X86_XSTATE:
      return extendedState(task);
    default:
      return EINVAL;
  }
}

/** PTRACE_SETREGSET; `bytes` is no longer than the set. */
export function setRegset(task: Task, type: number, bytes: Uint8Array): 0 | Errno {
  if (type === NT_PRSTATUS) return setGeneralRegisters(task, bytes);
  if (type === NT_FPREGSET) return bytes.length === FXSAVE_SIZE ? setFloatingPoint(task, bytes) : EINVAL;
  return bytes.length === frameXstateSize(task.thread.fpSize) ? setExtendedState(task, bytes, false) : EINVAL;
}
