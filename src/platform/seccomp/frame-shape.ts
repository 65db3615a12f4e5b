/**
 * The shape of the signal frames that this host writes (Linux: arch/x86/kernel/signal_64.c, fpu/signal.c): where in STUB_DATA they
 * lie, how long they are, what the parts are that the kernel must not change. Learned from the first frame of all, before any
 * guest runs. Its place never varies: SS_AUTODISARM makes every frame begin at the top of the alternate stack.
 */
import {
  FP_MXCSR,
  FP_MXCSR_MASK,
  FP_SW_RESERVED,
  FP_XSTATE_MAGIC1,
  SC_FPSTATE,
  SS_FLAGS,
  SS_SIZE,
  SS_SP,
  SW_EXTENDED_SIZE,
  SW_MAGIC1,
  SW_XFEATURES,
  SW_XSTATE_SIZE,
  UC_SIGMASK,
  UC_STACK,
  XSAVE_HEADER,
  XSAVE_HEADER_END,
  XSAVE_XCOMP_BV,
} from '../../abi/sigframe.js';
import { INITIAL_FCW, INITIAL_MXCSR } from '../../abi/user-regs.js';
import { EINVAL } from '../../abi/errno.js';
import type { Errno } from '../../base/brands.js';
import { SC_SET_BASES, SIGNAL_STACK, UC_END, UC_REGISTERS } from './layout.js';

const SS_AUTODISARM = 0x8000_0000;
const HIGH = 4294967296;

export class FrameShape {
  private constructor(
    /** Bytes of STUB_DATA per thread. */
    readonly stride: number,
    /** Offsets in STUB_DATA: ucontext, extended state, end. */
    readonly ucontext: number,
    readonly fpstate: number,
    readonly end: number,
    /** Bytes of the XSAVE image. */
    readonly fpSize: number,
    /** The first frame, from its ucontext to its end. */
    private readonly template: Uint8Array,
    private readonly mxcsrMask: number,
  ) {}

  /** From STUB_DATA (mapped at `address`) with a frame at `ucontext`; undefined when it is not as expected. */
  static learn(data: Uint8Array, address: number, ucontext: number): FrameShape | undefined {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (ucontext < SIGNAL_STACK || ucontext + UC_END > data.length) return undefined;
    const pointer = ucontext + UC_REGISTERS + SC_FPSTATE;
    const fpstate = view.getUint32(pointer, true) + view.getUint32(pointer + 4, true) * HIGH - address;
    if (fpstate < ucontext + UC_END || fpstate + XSAVE_HEADER_END > data.length) return undefined;
    if (view.getUint32(fpstate + SW_MAGIC1, true) !== FP_XSTATE_MAGIC1) return undefined;
    const fpSize = view.getUint32(fpstate + SW_XSTATE_SIZE, true);
    const end = fpstate + view.getUint32(fpstate + SW_EXTENDED_SIZE, true);
    if (fpSize < XSAVE_HEADER_END || fpstate + fpSize > end || end > data.length) return undefined;
    const mask = view.getUint32(fpstate + FP_MXCSR_MASK, true) || 0xffbf;
    return new FrameShape(data.length, ucontext, fpstate, end, fpSize, data.slice(ucontext, end), mask);
  }

  /** A frame with the extended state of a new program and all else zero but what the host demands. `address`: of STUB_DATA. */
  writeFresh(data: Uint8Array, address: number): void {
    data.set(this.template, this.ucontext);
    const registers = this.ucontext + UC_REGISTERS;
    data.fill(0, registers, registers + 18 * 8);
    this.resetFp(data);
    this.settle(data, address);
  }

  /** The frame of another thread, for STUB_DATA at `address`. */
  copy(from: Uint8Array, data: Uint8Array, address: number): void {
    data.set(from.subarray(this.ucontext, this.end), this.ucontext);
    this.settle(data, address);
  }

  /** The pointers of a frame, and what the first return of a thread loads besides: no signal blocked, its alternate stack. */
  private settle(data: Uint8Array, address: number): void {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const u64 = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
    u64(this.ucontext + UC_REGISTERS + SC_FPSTATE, address + this.fpstate);
    u64(this.ucontext + UC_REGISTERS + SC_SET_BASES, 1);
    writeStack(view, this.ucontext, address);
    u64(this.ucontext + UC_SIGMASK, 0);
  }

  readFp(data: Uint8Array, target: Uint8Array): void {
    target.set(data.subarray(this.fpstate, this.fpstate + Math.min(target.length, this.fpSize)));
  }

  /** EINVAL for what XRSTOR would refuse; the state is then unchanged. */
  writeFp(data: Uint8Array, source: Uint8Array): 0 | Errno {
    if (source.length < XSAVE_HEADER_END) return EINVAL;
    const image = source.slice(0, this.fpSize);
    const view = new DataView(image.buffer);
    const known = new DataView(this.template.buffer, this.template.byteOffset + this.fpstate - this.ucontext);
    const unknownLow = view.getUint32(XSAVE_HEADER, true) & ~known.getUint32(SW_XFEATURES, true);
    const unknownHigh = view.getUint32(XSAVE_HEADER + 4, true) & ~known.getUint32(SW_XFEATURES + 4, true);
    if (unknownLow !== 0 || unknownHigh !== 0) return EINVAL;
    for (let at = XSAVE_XCOMP_BV; at < XSAVE_HEADER_END; at += 4) if (view.getUint32(at, true) !== 0) return EINVAL;
    if ((view.getUint32(FP_MXCSR, true) & ~this.mxcsrMask) !== 0) return EINVAL;
    data.set(image.subarray(0, FP_SW_RESERVED), this.fpstate);
    data.set(image.subarray(XSAVE_HEADER), this.fpstate + XSAVE_HEADER);
    data.fill(0, this.fpstate + image.length, this.fpstate + this.fpSize);
    this.restoreMarks(data);
    return 0;
  }

  /** The state of a new program. */
  resetFp(data: Uint8Array): void {
    data.fill(0, this.fpstate, this.end);
    const view = new DataView(data.buffer, data.byteOffset + this.fpstate, this.fpSize);
    view.setUint16(0, INITIAL_FCW, true);
    view.setUint32(FP_MXCSR, INITIAL_MXCSR, true);
    view.setUint32(FP_MXCSR_MASK, this.mxcsrMask, true);
    view.setUint32(XSAVE_HEADER, 3, true); // x87 and SSE as given, all else in its initial state
    this.restoreMarks(data);
  }

  /** What tells the host that there is more than the legacy state: before the image's header, and behind the image. */
  private restoreMarks(data: Uint8Array): void {
    const template = this.template;
    const marks = this.fpstate - this.ucontext + FP_SW_RESERVED;
    data.set(template.subarray(marks, marks + XSAVE_HEADER - FP_SW_RESERVED), this.fpstate + FP_SW_RESERVED);
    data.set(template.subarray(this.fpstate - this.ucontext + this.fpSize), this.fpstate + this.fpSize);
  }
}

/** The stack_t of a frame: the whole of STUB_DATA behind the words. */
export function writeStack(view: DataView, ucontext: number, address: number): void {
  view.setBigUint64(ucontext + UC_STACK + SS_SP, BigInt(address + SIGNAL_STACK), true);
  view.setUint32(ucontext + UC_STACK + SS_FLAGS, SS_AUTODISARM, true);
  view.setBigUint64(ucontext + UC_STACK + SS_SIZE, BigInt(view.byteLength - SIGNAL_STACK), true);
}
