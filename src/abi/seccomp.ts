/** seccomp(2) and classic BPF (Linux: include/uapi/linux/{seccomp,filter,bpf_common}.h). */
import { bytes, i32, i64, struct, u16, u32, u64 } from '../base/struct.js';

export const SECCOMP_MODE_DISABLED = 0;
export const SECCOMP_MODE_STRICT = 1;
export const SECCOMP_MODE_FILTER = 2;
export const SECCOMP_SET_MODE_STRICT = 0;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_GET_ACTION_AVAIL = 2;
export const SECCOMP_GET_NOTIF_SIZES = 3;

export const SECCOMP_FILTER_FLAG_TSYNC = 1;
export const SECCOMP_FILTER_FLAG_LOG = 2;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
export const SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10;

export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
export const SECCOMP_RET_KILL_THREAD = 0;
export const SECCOMP_RET_TRAP = 0x00030000;
export const SECCOMP_RET_ERRNO = 0x00050000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
export const SECCOMP_RET_TRACE = 0x7ff00000;
export const SECCOMP_RET_LOG = 0x7ffc0000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
export const SECCOMP_RET_ACTION_FULL = 0xffff0000;
export const SECCOMP_RET_DATA = 0xffff;

/** si_code of SIGSYS. */
export const SYS_SECCOMP = 1;

export const BPF_MAXINSNS = 4096;
export const BPF_MEMWORDS = 16;

export const SOCK_FILTER_SIZE = 8;
export const SOCK_FPROG = struct('sock_fprog', { len: u16, pad: u16, pad2: u32, filter: u64 }, 16);

export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

/** The listener's requests. */
export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
export const SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
export const SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104;

export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
export const SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1;
export const SECCOMP_ADDFD_FLAG_SETFD = 1;
export const SECCOMP_ADDFD_FLAG_SEND = 2;

export const SECCOMP_DATA_SIZE = 64;
/** `data`: struct seccomp_data. */
export const SECCOMP_NOTIF = struct('seccomp_notif', { id: u64, pid: u32, flags: u32, data: bytes(SECCOMP_DATA_SIZE) }, 80);
export const SECCOMP_NOTIF_RESP = struct('seccomp_notif_resp', { id: u64, val: i64, error: i32, flags: u32 }, 24);
export const SECCOMP_NOTIF_ADDFD = struct('seccomp_notif_addfd', { id: u64, flags: u32, srcfd: u32, newfd: u32, newfd_flags: u32 }, 24);
