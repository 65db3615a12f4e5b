/** Resource limits and usage (getrlimit(2), prlimit(2), getrusage(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { CAP_SYS_RESOURCE } from '../abi/capability.js';
import { RUSAGE, type Rusage } from '../abi/process-struct.js';
import {
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_LOCKS,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RSS,
  RLIMIT_RTPRIO,
  RLIMIT_RTTIME,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
  RLIM_NLIMITS,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  RUSAGE_THREAD,
} from '../abi/resource.js';
import { RLIMIT } from '../abi/system-struct.js';
import { groupCpuTimes, taskCpuTimes, type CpuTimes } from '../kernel/cpu-clock.js';
import { watchCpuLimit } from '../kernel/cpu-timers.js';
import { setLimits } from '../kernel/exec/exec.js';
import { int, oneOf, pid, ptr, syscall } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { notePeak, type UsageCounts } from '../kernel/usage-counts.js';
import type { ThreadGroup } from '../kernel/thread-group.js';
import { capableIn, hasCapability } from '../vfs/credentials.js';

const RESOURCES = {
  RLIMIT_CPU,
  RLIMIT_FSIZE,
  RLIMIT_DATA,
  RLIMIT_STACK,
  RLIMIT_CORE,
  RLIMIT_RSS,
  RLIMIT_NPROC,
  RLIMIT_NOFILE,
  RLIMIT_MEMLOCK,
  RLIMIT_AS,
  RLIMIT_LOCKS,
  RLIMIT_SIGPENDING,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_RTPRIO,
  RLIMIT_RTTIME,
};
const INFINITE = 0xffff_ffff_ffff_ffffn;

const toWire = (limit: number): bigint => (limit === Infinity ? INFINITE : BigInt(limit));
const fromWire = (limit: bigint): number => (limit === INFINITE ? Infinity : Number(limit));

function readLimit(group: ThreadGroup, resource: number): { soft: bigint; hard: bigint } {
  return { soft: toWire(group.limits.soft[resource]!), hard: toWire(group.limits.hard[resource]!) };
}

/** Only CAP_SYS_RESOURCE raises the hard limit. */
function changeLimit(task: Task, target: Task, resource: number, given: { soft: bigint; hard: bigint }): 0 | Errno {
  const { limits } = target.group;
  const soft = fromWire(given.soft);
  const hard = fromWire(given.hard);
  if (soft > hard) return EINVAL;
  if (resource === RLIMIT_NOFILE && hard > task.machine.sysctl.nrOpen) return EPERM;
  if (hard > limits.hard[resource]! && !hasCapability(task.cred, CAP_SYS_RESOURCE)) return EPERM;
  limits.set(resource, soft, hard);
  if (resource === RLIMIT_AS || resource === RLIMIT_DATA || resource === RLIMIT_STACK) setLimits(target.mm, limits);
  if (resource === RLIMIT_CPU) watchCpuLimit(task.machine, target.group);
  return 0;
}

export const getrlimit = syscall('getrlimit', [oneOf(RESOURCES), ptr(RLIMIT, true)], (task, resource, at) => {
  if (resource < 0 || resource >= RLIM_NLIMITS) return EINVAL;
  return task.mm.writeStruct(at, RLIMIT, readLimit(task.group, resource));
});

export const setrlimit = syscall('setrlimit', [oneOf(RESOURCES), ptr(RLIMIT)], (task, resource, at) => {
  const given = task.mm.readStruct(at, RLIMIT);
  if (isErr(given)) return given;
  return resource < 0 || resource >= RLIM_NLIMITS ? EINVAL : changeLimit(task, task, resource, given);
});

/** The same user and group on all ids, or CAP_SYS_RESOURCE. */
function mayLimit(task: Task, target: Task): boolean {
  if (target.group === task.group) return true;
  const { uid, gid } = task.cred;
  const { cred } = target;
  const same = uid === cred.euid && uid === cred.suid && uid === cred.uid && gid === cred.egid && gid === cred.sgid && gid === cred.gid;
  return same || capableIn(task.cred, cred.userNs, CAP_SYS_RESOURCE);
}

export const prlimit64 = syscall(
  'prlimit64',
  [pid, oneOf(RESOURCES), ptr(RLIMIT), ptr(RLIMIT, true)],
  (task, id, resource, newAt, oldAt) => {
    if (resource < 0 || resource >= RLIM_NLIMITS) return EINVAL;
    let given: { soft: bigint; hard: bigint } | undefined;
    if (newAt !== 0) {
      const read = task.mm.readStruct(newAt, RLIMIT);
      if (isErr(read)) return read;
      given = read;
    }
    const target = id === 0 ? task : taskByPid(task, id);
    if (!target) return ESRCH;
    if (!mayLimit(task, target)) return EPERM;
    const old = readLimit(target.group, resource);
    if (given) {
      const changed = changeLimit(task, target, resource, given);
      if (isErr(changed)) return changed;
    }
    return oldAt === 0 ? 0 : task.mm.writeStruct(oldAt, RLIMIT, old);
  },
);

function usage({ userNs, systemNs }: CpuTimes, maxRssPages: number, counts: UsageCounts): Rusage {
  return {
    ...RUSAGE.zero(),
    utimeSec: Math.floor(userNs / 1e9),
    utimeUsec: Math.floor((userNs % 1e9) / 1e3),
    stimeSec: Math.floor(systemNs / 1e9),
    stimeUsec: Math.floor((systemNs % 1e9) / 1e3),
    maxrss: maxRssPages * 4,
    minflt: counts.faults,
    nvcsw: counts.waits,
  };
}

function ownPeak(task: Task): number {
  notePeak(task);
  return task.group.maxRssPages;
}

function childUsage({ childUserNs, childSystemNs, childMaxRssPages, childCounts }: ThreadGroup): Rusage {
  return usage({ userNs: childUserNs, systemNs: childSystemNs }, childMaxRssPages, childCounts);
}

export const getrusage = syscall('getrusage', [int, ptr(RUSAGE, true)], (task, who, at) => {
  const { group } = task;
  switch (who) {
    case RUSAGE_SELF:
      return task.mm.writeStruct(at, RUSAGE, usage(groupCpuTimes(group), ownPeak(task), group.counts));
    case RUSAGE_THREAD:
      return task.mm.writeStruct(at, RUSAGE, usage(taskCpuTimes(task), ownPeak(task), group.counts));
    case RUSAGE_CHILDREN:
      return task.mm.writeStruct(at, RUSAGE, childUsage(group));
    default:
      return EINVAL;
  }
});
