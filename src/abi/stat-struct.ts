/** struct stat, statx, statfs (Linux: arch/x86/include/uapi/asm/stat.h, include/uapi/linux/stat.h, asm/statfs.h). */
import { i32, i64, struct, u16, u32, u64, type StructOf } from '../base/struct.js';

export const STAT = struct('stat', {
  dev: u64, ino: u64, nlink: u64, mode: u32, uid: u32, gid: u32, pad0: u32, rdev: u64, size: i64, blksize: i64, blocks: i64,
  atime: i64, atimeNsec: u64, mtime: i64, mtimeNsec: u64, ctime: i64, ctimeNsec: u64, unused0: u64, unused1: u64, unused2: u64,
}, 144);
export type StatStruct = StructOf<typeof STAT>;

export const STATX = struct('statx', {
  mask: u32, blksize: u32, attributes: u64, nlink: u32, uid: u32, gid: u32, mode: u16, spare0: u16, ino: u64, size: u64, blocks: u64,
  attributesMask: u64,
  atime: i64, atimeNsec: u32, atimeReserved: i32, btime: i64, btimeNsec: u32, btimeReserved: i32,
  ctime: i64, ctimeNsec: u32, ctimeReserved: i32, mtime: i64, mtimeNsec: u32, mtimeReserved: i32,
  rdevMajor: u32, rdevMinor: u32, devMajor: u32, devMinor: u32, mntId: u64, dioMemAlign: u32, dioOffsetAlign: u32,
  spare3: u64, spare4: u64, spare5: u64, spare6: u64, spare7: u64, spare8: u64, spare9: u64, spare10: u64, spare11: u64,
  spare12: u64, spare13: u64, spare14: u64,
}, 256);
export type StatxStruct = StructOf<typeof STATX>;

export const STATFS = struct('statfs', {
  type: i64, bsize: i64, blocks: u64, bfree: u64, bavail: u64, files: u64, ffree: u64, fsid0: i32, fsid1: i32, namelen: i64,
  frsize: i64, flags: i64, spare0: i64, spare1: i64, spare2: i64, spare3: i64,
}, 120);
export type StatfsStruct = StructOf<typeof STATFS>;
