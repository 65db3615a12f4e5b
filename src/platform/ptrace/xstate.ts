/** Moving extended state (XSAVE images) by PTRACE_GETREGSET and PTRACE_SETREGSET. */
import { EINVAL } from '../../abi/errno.js';
import { FP_MXCSR, XSAVE_HEADER, XSAVE_HEADER_END } from '../../abi/sigframe.js';
import { INITIAL_FCW, INITIAL_MXCSR } from '../../abi/user-regs.js';
import { isErr, type Errno, type HostAddr, type HostPid } from '../../base/brands.js';
import { addressOf } from '../../host/libc.js';
import { NT_X86_XSTATE, PTRACE_GETREGSET, PTRACE_SETREGSET, ptrace } from '../../host/ptrace.js';

/** Larger than any image that a CPU makes today (11,008 bytes with AMX). */
const LARGEST = 65536;

const bytes = new Uint8Array(LARGEST);
const bytesAddress = addressOf(bytes);
/** struct iovec. */
const vector = new BigUint64Array(8);
const vectorAddress = addressOf(new Uint8Array(vector.buffer));

interface XstateBuffer {
  readonly bytes: Uint8Array;
  /** Address of an iovec for them. */
  readonly vector: HostAddr;
}

let current: XstateBuffer = { bytes, vector: vectorAddress };

/** The one buffer, with `length` bytes. */
function xstateBuffer(length: number): XstateBuffer {
  vector[0] = BigInt(bytesAddress);
  vector[1] = BigInt(length);
  if (current.bytes.length !== length) current = { bytes: bytes.subarray(0, length), vector: vectorAddress };
  return current;
}

/** Size of the host's images, asked of a stopped tracee. */
export function hostXstateSize(tid: HostPid): number | Errno {
  const buffer = xstateBuffer(LARGEST);
  const result = ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, buffer.vector);
  return isErr(result) ? result : Number(vector[1]);
}

/** Fills `target` with the thread's image, as far as it goes. */
export function readXstate(tid: HostPid, size: number, target: Uint8Array): void {
  const buffer = xstateBuffer(size);
  if (isErr(ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, buffer.vector))) {
    target.fill(0);
    return;
  }
  target.set(buffer.bytes.subarray(0, Math.min(target.length, size)));
}

/** EINVAL when the image is malformed; the host checks header and reserved bits, and changes nothing then. */
export function writeXstate(tid: HostPid, size: number, source: Uint8Array): 0 | Errno {
  if (source.length < XSAVE_HEADER_END) return EINVAL;
  const buffer = xstateBuffer(size);
  buffer.bytes.fill(0);
  buffer.bytes.set(source.length > size ? source.subarray(0, size) : source);
  return isErr(ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, buffer.vector)) ? EINVAL : 0;
}

/** The state of a new program. */
export function resetXstate(tid: HostPid, size: number): void {
  const buffer = xstateBuffer(size);
  buffer.bytes.fill(0);
  const view = new DataView(buffer.bytes.buffer);
  view.setUint16(0, INITIAL_FCW, true);
  view.setUint32(FP_MXCSR, INITIAL_MXCSR, true);
  view.setUint32(XSAVE_HEADER, 3, true); // x87 and SSE as given, all else in its initial state
  ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, buffer.vector);
}
