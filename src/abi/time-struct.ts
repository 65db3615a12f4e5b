/** Structs of time (Linux: include/uapi/linux/time.h, time_types.h). */
import { i64, struct, type StructOf } from '../base/struct.js';

export const TIMESPEC = struct('timespec', { sec: i64, nsec: i64 }, 16);
export type TimespecStruct = StructOf<typeof TIMESPEC>;

export const TIMEVAL = struct('timeval', { sec: i64, usec: i64 }, 16);
export type TimevalStruct = StructOf<typeof TIMEVAL>;

export const ITIMERSPEC = struct('itimerspec', { intervalSec: i64, intervalNsec: i64, valueSec: i64, valueNsec: i64 }, 32);
export type ItimerspecStruct = StructOf<typeof ITIMERSPEC>;

export const ITIMERVAL = struct('itimerval', { intervalSec: i64, intervalUsec: i64, valueSec: i64, valueUsec: i64 }, 32);
export type ItimervalStruct = StructOf<typeof ITIMERVAL>;
