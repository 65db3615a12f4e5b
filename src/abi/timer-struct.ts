/** Structs of POSIX timers and times(2) (Linux: include/uapi/asm-generic/siginfo.h, linux/times.h). */
import { big64, bytes, i32, struct, u64 } from '../base/struct.js';

export const SIGEVENT = struct('sigevent', { value: big64, signo: i32, notify: i32, tid: i32, rest: bytes(44) }, 64);
export const TMS = struct('tms', { utime: u64, stime: u64, cutime: u64, cstime: u64 }, 32);
