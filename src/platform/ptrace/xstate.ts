/** Moving extended state (XSAVE images) by PTRACE_GETREGSET and PTRACE_SETREGSET. */
import { isErr, type Errno, type HostAddr, type HostPid } from '../../base/brands.js';
import { addressOf } from '../../host/libc.js';
import { NT_X86_XSTATE, PTRACE_GETREGSET, ptrace } from '../../host/ptrace.js';

/** Larger than any image that a CPU makes today (11,008 bytes with AMX). */
const LARGEST = 65536;

const bytes = new Uint8Array(LARGEST);
const bytesAddress = addressOf(bytes);
/** struct iovec. */
const vector = new BigUint64Array(8);
const vectorAddress = addressOf(new Uint8Array(vector.buffer));

export interface XstateBuffer {
  readonly bytes: Uint8Array;
  /** Address of an iovec for them. */
  readonly vector: HostAddr;
}

let current: XstateBuffer = { bytes, vector: vectorAddress };

/** The one buffer, with `length` bytes. */
export function xstateBuffer(length: number): XstateBuffer {
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
