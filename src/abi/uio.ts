/** struct iovec (Linux: include/uapi/linux/uio.h). */
import { i64, struct, u64, type StructOf } from '../base/struct.js';

export const IOVEC = struct('iovec', { base: u64, length: i64 }, 16);
export type IovecStruct = StructOf<typeof IOVEC>;
