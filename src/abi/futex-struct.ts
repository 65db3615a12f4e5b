/** Structs of futex_waitv(2) and robust lists (Linux: include/uapi/linux/futex.h). */
import { struct, u32, u64 } from '../base/struct.js';

export const FUTEX_WAITV = struct('futex_waitv', { val: u64, uaddr: u64, flags: u32, reserved: u32 }, 24);
/** Flags of one entry of futex_waitv. */
export const FUTEX2_SIZE_U32 = 2;
export const FUTEX2_PRIVATE = 0x80;

export const ROBUST_LIST_HEAD_SIZE = 24;
