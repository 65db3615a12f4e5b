/** struct signalfd_siginfo (Linux: include/uapi/linux/signalfd.h). */
import { bytes, i32, struct, u16, u32, u64 } from '../base/struct.js';

export const SIGNALFD_INFO = struct(
  'signalfd_siginfo',
  {
    signo: u32,
    errno: i32,
    code: i32,
    pid: u32,
    uid: u32,
    fd: i32,
    tid: u32,
    band: u32,
    overrun: u32,
    trapno: u32,
    status: i32,
    int: i32,
    pointer: u64,
    utime: u64,
    stime: u64,
    address: u64,
    addressLsb: u16,
    pad: u16,
    syscall: i32,
    callAddress: u64,
    arch: u32,
    rest: bytes(28),
  },
  128,
);
