/** Structs of System V IPC as 64-bit programs have them (Linux: include/uapi/linux/{shm,sem,msg}.h, asm-generic/*buf.h). */
import { big64, i16, i32, i64, struct, u16, u32, u64, type StructOf } from '../base/struct.js';

/** struct ipc64_perm, the head of each of the three. */
const PERM = {
  key: i32,
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: u32,
  seq: u16,
  pad: u16,
  pad2: u32,
  unused1: u64,
  unused2: u64,
};

export const SHMID_DS = struct(
  'shmid64_ds',
  { ...PERM, segsz: u64, atime: i64, dtime: i64, ctime: i64, cpid: i32, lpid: i32, nattch: u64, unused3: u64, unused4: u64 },
  112,
);
export const SEMID_DS = struct(
  'semid64_ds',
  { ...PERM, otime: i64, unused3: u64, ctime: i64, unused4: u64, nsems: u64, unused5: u64, unused6: u64 },
  104,
);
export const MSQID_DS = struct(
  'msqid64_ds',
  { ...PERM, stime: i64, rtime: i64, ctime: i64, cbytes: u64, qnum: u64, qbytes: u64, lspid: i32, lrpid: i32, unused3: u64, unused4: u64 },
  120,
);
export type ShmidDs = StructOf<typeof SHMID_DS>;
export type SemidDs = StructOf<typeof SEMID_DS>;
export type MsqidDs = StructOf<typeof MSQID_DS>;

export const SHMINFO = struct(
  'shminfo64',
  { shmmax: big64, shmmin: u64, shmmni: u64, shmseg: u64, shmall: big64, unused1: u64, unused2: u64, unused3: u64, unused4: u64 },
  72,
);
export const SHM_INFO_STRUCT = struct(
  'shm_info',
  { usedIds: i32, total: u64, resident: u64, swapped: u64, swapAttempts: u64, swapSuccesses: u64 },
  48,
);
export const SEMINFO = struct(
  'seminfo',
  { semmap: i32, semmni: i32, semmns: i32, semmnu: i32, semmsl: i32, semopm: i32, semume: i32, semusz: i32, semvmx: i32, semaem: i32 },
  40,
);
export const MSGINFO = struct(
  'msginfo',
  { msgpool: i32, msgmap: i32, msgmax: i32, msgmnb: i32, msgmni: i32, msgssz: i32, msgtql: i32, msgseg: u16 },
  32,
);
export const SEMBUF = struct('sembuf', { num: u16, op: i16, flg: i16 }, 6);
