/** Structs of sockets (Linux: include/linux/socket.h, uapi/linux/un.h). */
import { i32, struct, u32, u64, type StructOf } from '../base/struct.js';

export const MSGHDR = struct(
  'msghdr',
  { name: u64, nameLength: u32, iov: u64, iovLength: u64, control: u64, controlLength: u64, flags: u32 },
  56,
);
export type Msghdr = StructOf<typeof MSGHDR>;

export const MMSGHDR_SIZE = 64;
/** Where msg_len lies in struct mmsghdr. */
export const MMSGHDR_LENGTH = 56;

export const CMSGHDR = struct('cmsghdr', { length: u64, level: i32, type: i32 }, 16);
export const UCRED = struct('ucred', { pid: i32, uid: u32, gid: u32 }, 12);
export type Ucred = StructOf<typeof UCRED>;
export const LINGER = struct('linger', { on: i32, seconds: i32 }, 8);

/** sizeof(struct sockaddr_storage): no address is longer. */
export const SOCKADDR_MAX = 128;
/** sizeof(struct sockaddr_un), and where sun_path lies in it. */
export const SOCKADDR_UN_SIZE = 110;
export const SUN_PATH = 2;

/** Descriptors in one SCM_RIGHTS message at most. */
export const SCM_MAX_FD = 253;
