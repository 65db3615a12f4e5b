/** Structs of uname(2), sysinfo(2), getrlimit(2), capget(2), sched_setattr(2) (Linux: include/uapi/linux). */
import { big64, i32, struct, u16, u32, u64 } from '../base/struct.js';

/** Each of utsname's six strings. */
export const UTS_FIELD = 65;

export const SYSINFO = struct(
  'sysinfo',
  {
    uptime: u64,
    load1: u64,
    load5: u64,
    load15: u64,
    totalram: u64,
    freeram: u64,
    sharedram: u64,
    bufferram: u64,
    totalswap: u64,
    freeswap: u64,
    procs: u16,
    pad: u16,
    totalhigh: u64,
    freehigh: u64,
    memUnit: u32,
    tail: u32,
  },
  112,
);

/** All 64 bits: RLIM_INFINITY is the highest value. */
export const RLIMIT = struct('rlimit', { soft: big64, hard: big64 }, 16);

export const CAP_HEADER = struct('cap_user_header', { version: u32, pid: i32 }, 8);
export const CAP_DATA = struct('cap_user_data', { effective: u32, permitted: u32, inheritable: u32 }, 12);

export const SCHED_PARAM = struct('sched_param', { priority: i32 }, 4);
export const SCHED_ATTR = struct(
  'sched_attr',
  { size: u32, policy: u32, flags: u64, nice: i32, priority: u32, runtime: u64, deadline: u64, period: u64, utilMin: u32, utilMax: u32 },
  56,
);
/** sched_attr before the utilisation clamps. */
export const SCHED_ATTR_SIZE_VER0 = 48;
