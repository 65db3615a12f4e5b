/** Structs of clone3(2) and getrusage(2) (Linux: include/uapi/linux/sched.h, resource.h). */
import { i64, struct, u64, type StructOf } from '../base/struct.js';

export const CLONE_ARGS = struct(
  'clone_args',
  {
    flags: u64,
    pidfd: u64,
    childTid: u64,
    parentTid: u64,
    exitSignal: u64,
    stack: u64,
    stackSize: u64,
    tls: u64,
    setTid: u64,
    setTidSize: u64,
    cgroup: u64,
  },
  88,
);
export type CloneArgs = StructOf<typeof CLONE_ARGS>;

export const RUSAGE = struct(
  'rusage',
  {
    utimeSec: i64,
    utimeUsec: i64,
    stimeSec: i64,
    stimeUsec: i64,
    maxrss: i64,
    ixrss: i64,
    idrss: i64,
    isrss: i64,
    minflt: i64,
    majflt: i64,
    nswap: i64,
    inblock: i64,
    oublock: i64,
    msgsnd: i64,
    msgrcv: i64,
    nsignals: i64,
    nvcsw: i64,
    nivcsw: i64,
  },
  144,
);
export type Rusage = StructOf<typeof RUSAGE>;
