/** Landlock (Linux: include/uapi/linux/landlock.h). */
import { i32, struct, u64 } from '../base/struct.js';

export const LANDLOCK_CREATE_RULESET_VERSION = 1;
export const LANDLOCK_RULE_PATH_BENEATH = 1;
export const LANDLOCK_RULE_NET_PORT = 2;

export const LANDLOCK_ACCESS_FS_EXECUTE = 0x0001;
export const LANDLOCK_ACCESS_FS_WRITE_FILE = 0x0002;
export const LANDLOCK_ACCESS_FS_READ_FILE = 0x0004;
export const LANDLOCK_ACCESS_FS_READ_DIR = 0x0008;
export const LANDLOCK_ACCESS_FS_REMOVE_DIR = 0x0010;
export const LANDLOCK_ACCESS_FS_REMOVE_FILE = 0x0020;
export const LANDLOCK_ACCESS_FS_MAKE_CHAR = 0x0040;
export const LANDLOCK_ACCESS_FS_MAKE_DIR = 0x0080;
export const LANDLOCK_ACCESS_FS_MAKE_REG = 0x0100;
export const LANDLOCK_ACCESS_FS_MAKE_SOCK = 0x0200;
export const LANDLOCK_ACCESS_FS_MAKE_FIFO = 0x0400;
export const LANDLOCK_ACCESS_FS_MAKE_BLOCK = 0x0800;
export const LANDLOCK_ACCESS_FS_MAKE_SYM = 0x1000;
export const LANDLOCK_ACCESS_FS_REFER = 0x2000;
export const LANDLOCK_ACCESS_FS_TRUNCATE = 0x4000;
export const LANDLOCK_ACCESS_FS_IOCTL_DEV = 0x8000;
export const LANDLOCK_MASK_ACCESS_FS = 0xffff;

export const LANDLOCK_ACCESS_NET_BIND_TCP = 1;
export const LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;
export const LANDLOCK_MASK_ACCESS_NET = 3;

export const LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1;
export const LANDLOCK_SCOPE_SIGNAL = 2;
export const LANDLOCK_MASK_SCOPE = 3;

/** As of ABI 6; its first eight bytes were all in ABI 1. */
export const LANDLOCK_RULESET_ATTR = struct('landlock_ruleset_attr', { handled_access_fs: u64, handled_access_net: u64, scoped: u64 }, 24);
/** Packed: twelve bytes are read, the rest is not there. */
export const LANDLOCK_PATH_BENEATH_ATTR_SIZE = 12;
export const LANDLOCK_PATH_BENEATH_ATTR = struct('landlock_path_beneath_attr', { allowed_access: u64, parent_fd: i32 }, 16);
export const LANDLOCK_NET_PORT_ATTR = struct('landlock_net_port_attr', { allowed_access: u64, port: u64 }, 16);
