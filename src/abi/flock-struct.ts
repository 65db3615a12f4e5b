/** struct flock of fcntl(2) (Linux: include/uapi/asm-generic/fcntl.h). */
import { i16, i32, i64, struct, type StructOf } from '../base/struct.js';

export const FLOCK = struct('flock', { type: i16, whence: i16, start: i64, length: i64, pid: i32 }, 32);
export type Flock = StructOf<typeof FLOCK>;
