/** openat2 (Linux: include/uapi/linux/openat2.h). */
import { struct, u64 } from '../base/struct.js';

export const RESOLVE_NO_XDEV = 1;
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;
export const RESOLVE_BENEATH = 8;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;

export const OPEN_HOW = struct('open_how', { flags: u64, mode: u64, resolve: u64 }, 24);
