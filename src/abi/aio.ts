/** Asynchronous I/O of the kernel (Linux: include/uapi/linux/aio_abi.h; io_submit(2)). */
import { big64, i16, i64, struct, u16, u32, u64, type StructOf } from '../base/struct.js';

export const IOCB_CMD_PREAD = 0;
export const IOCB_CMD_PWRITE = 1;
export const IOCB_CMD_FSYNC = 2;
export const IOCB_CMD_FDSYNC = 3;
export const IOCB_CMD_PREADV = 7;
export const IOCB_CMD_PWRITEV = 8;
export const IOCB_FLAG_RESFD = 1;
export const IOCB_FLAG_IOPRIO = 2;

export const IOCB = struct(
  'iocb',
  {
    data: big64,
    key: u32,
    rwFlags: u32,
    opcode: u16,
    reqprio: i16,
    fildes: u32,
    buf: u64,
    nbytes: u64,
    offset: i64,
    reserved2: u64,
    flags: u32,
    resfd: u32,
  },
  64,
);
export type Iocb = StructOf<typeof IOCB>;

export const IO_EVENT = struct('io_event', { data: big64, obj: u64, res: i64, res2: i64 }, 32);
export type IoEvent = StructOf<typeof IO_EVENT>;
