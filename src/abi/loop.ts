/** Block devices: ioctls and structs of loop devices (Linux: include/uapi/linux/loop.h, linux/fs.h; loop(4)). */
import { bytes, i32, struct, u32, u64 } from '../base/struct.js';

export const LOOP_SET_FD = 0x4c00;
export const LOOP_CLR_FD = 0x4c01;
export const LOOP_SET_STATUS = 0x4c02;
export const LOOP_GET_STATUS = 0x4c03;
export const LOOP_SET_STATUS64 = 0x4c04;
export const LOOP_GET_STATUS64 = 0x4c05;
export const LOOP_CHANGE_FD = 0x4c06;
export const LOOP_SET_CAPACITY = 0x4c07;
export const LOOP_SET_DIRECT_IO = 0x4c08;
export const LOOP_SET_BLOCK_SIZE = 0x4c09;
export const LOOP_CONFIGURE = 0x4c0a;
export const LOOP_CTL_ADD = 0x4c80;
export const LOOP_CTL_REMOVE = 0x4c81;
export const LOOP_CTL_GET_FREE = 0x4c82;

export const LO_FLAGS_READ_ONLY = 1;
export const LO_FLAGS_AUTOCLEAR = 4;
export const LO_FLAGS_PARTSCAN = 8;
export const LO_FLAGS_DIRECT_IO = 16;

export const BLKROSET = 0x125d;
export const BLKROGET = 0x125e;
export const BLKRRPART = 0x125f;
export const BLKGETSIZE = 0x1260;
export const BLKFLSBUF = 0x1261;
export const BLKRASET = 0x1262;
export const BLKRAGET = 0x1263;
export const BLKSSZGET = 0x1268;
export const BLKBSZGET = 0x80081270;
export const BLKBSZSET = 0x40081271;
export const BLKGETSIZE64 = 0x80081272;
export const BLKDISCARD = 0x1277;
export const BLKIOMIN = 0x1278;
export const BLKIOOPT = 0x1279;
export const BLKALIGNOFF = 0x127a;
export const BLKPBSZGET = 0x127b;
export const BLKZEROOUT = 0x127f;

export const LOOP_INFO = struct(
  'loop_info',
  {
    number: i32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: i32,
    encryptType: i32,
    encryptKeySize: i32,
    flags: i32,
    name: bytes(64),
    encryptKey: bytes(32),
    init: bytes(16),
    reserved: bytes(4),
  },
  168,
);

export const LOOP_INFO64 = struct(
  'loop_info64',
  {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encryptType: u32,
    encryptKeySize: u32,
    flags: u32,
    fileName: bytes(64),
    cryptName: bytes(64),
    encryptKey: bytes(32),
    init: bytes(16),
  },
  232,
);
