/** Where a signal frame has what: words of its sigcontext and siginfo, as the kernel reads them (Linux: struct sigcontext, siginfo_t). */
import { EFLAGS, FS_BASE, GS_BASE, RIP } from '../registers.js';
import { STUB_CODE } from '../stub/layout.js';
import { SC_FS_BASE, SC_GS_BASE } from './layout.js';

/** Canonical register numbers (registers.ts) to 8-byte slots of sigcontext. */
export const SLOTS = Uint8Array.of(7, 6, 5, 4, 10, 11, 3, 2, 1, 0, 13, 14, 12, 9, 8, 16, 17, 15, SC_FS_BASE / 8, SC_GS_BASE / 8);
/** Words of sigcontext that hold registers of SLOTS but the segment bases. */
export const GENERAL_WORDS = 36;
export const BASES = (1 << FS_BASE) | (1 << GS_BASE);
/** Page fault, among the processor's exceptions. */
export const EXCEPTION_PF = 14;
/** si_code of a SIGSYS by a filter. */
export const SYS_SECCOMP = 1;
/** Top half of the first address that no segment base can have: the end of user space is 47 bits. */
export const BASE_LIMIT_HIGH = 0x8000;
export const HIGH = 4294967296;
/** Words of `file` and of the frame's sigcontext. */
export const RIP_HIGH = SLOTS[RIP]! * 2 + 1;
export const EFLAGS_LOW = SLOTS[EFLAGS]! * 2;
export const FS_LOW = SC_FS_BASE / 4;
export const GS_LOW = SC_GS_BASE / 4;
/** Top half of all addresses of the stub's code. */
export const STUB_HIGH = Math.floor(STUB_CODE / HIGH);
/** OF, SF, ZF, AF, PF, CF. */
export const ARITHMETIC_FLAGS = 0x8d5;
export const SYSCALL_BYTES = 2;

// Words of siginfo.
export const INFO_SIGNO = 0;
export const INFO_CODE = 2;
export const INFO_ADDRESS = 4;
export const INFO_ARCH = 7;

/** What libc compares results with: errnos lie above. */
export const FIRST_ERRNO = 0xffff_ffff_ffff_f000n;

/** Arithmetic flags that `cmp b, a` leaves, both 64 bits, unsigned (Intel SDM vol. 1, 3.4.3.1). */
export function compareFlags(a: bigint, b: bigint): number {
  const result = BigInt.asUintN(64, a - b);
  const sign = (value: bigint): bigint => value >> 63n;
  let parity = Number(result & 0xffn);
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  const overflow = sign(a) !== sign(b) && sign(a) !== sign(result);
  return (
    (a < b ? 1 : 0) |
    ((parity & 1) === 0 ? 4 : 0) |
    ((a & 15n) < (b & 15n) ? 0x10 : 0) |
    (result === 0n ? 0x40 : 0) |
    (sign(result) === 1n ? 0x80 : 0) |
    (overflow ? 0x800 : 0)
  );
}
