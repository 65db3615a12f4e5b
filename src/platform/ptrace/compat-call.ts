/** Whether a system call came by the 32-bit entry (PTRACE_GET_SYSCALL_INFO). */
import { isErr, type HostPid } from '../../base/brands.js';
import { addressOf } from '../../host/libc.js';
import { PTRACE_GET_SYSCALL_INFO, ptrace } from '../../host/ptrace.js';

const AUDIT_ARCH_X86_64 = 0xc000003e;

/** struct ptrace_syscall_info: arch is its second word. */
const info = new Uint32Array(32);
const infoAddress = addressOf(new Uint8Array(info.buffer));

export function readIsCompat(tid: HostPid): boolean {
  const result = ptrace(PTRACE_GET_SYSCALL_INFO, tid, info.byteLength, infoAddress);
  return !isErr(result) && info[1] !== AUDIT_ARCH_X86_64;
}
