/** Scheduling policies, priorities and affinity (sched(7), sched_setaffinity(2), setpriority(2), ioprio_set(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { E2BIG, EACCES, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { CAP_SYS_NICE } from '../abi/capability.js';
import { PRIO_PGRP, PRIO_PROCESS, PRIO_USER, RLIMIT_NICE, RLIMIT_RTPRIO } from '../abi/resource.js';
import {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
} from '../abi/sched.js';
import { SCHED_ATTR, SCHED_ATTR_SIZE_VER0, SCHED_PARAM } from '../abi/system-struct.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { allCpus, type Scheduling } from '../kernel/scheduling.js';
import { address, int, oneOf, partial, pid, ptr, syscall, uint } from '../kernel/syscall.js';
import { globalPid, taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { capableIn, hasCapability } from '../vfs/credentials.js';

const KEPT = partial('kept and reported; the host schedules');
const POLICIES = { SCHED_OTHER: SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE };

export const schedYield = syscall('sched_yield', [], () => 0, KEPT);

function targetOf(task: Task, id: number): Task | Errno {
  if (id < 0) return EINVAL;
  return id === 0 ? task : (taskByPid(task, id) ?? ESRCH);
}

/** Same user, or CAP_SYS_NICE. */
function mayChange(task: Task, target: Task): boolean {
  const { euid } = task.cred;
  return euid === target.cred.euid || euid === target.cred.uid || capableIn(task.cred, target.cred.userNs, CAP_SYS_NICE);
}

export const schedGetaffinity = syscall('sched_getaffinity', [pid, uint, address], (task, id, length, at) => {
  const all = allCpus(task.machine.cpuCount);
  if (length * 8 < task.machine.cpuCount || length % 8 !== 0) return EINVAL;
  const target = targetOf(task, id);
  if (isErr(target)) return target === EINVAL ? ESRCH : target;
  const mask = (target as Task).scheduling.affinity ?? all;
  const stored = task.mm.copyOut(at, mask, 0, Math.min(length, mask.length));
  return isErr(stored) ? stored : Math.min(length, mask.length);
});

export const schedSetaffinity = syscall(
  'sched_setaffinity',
  [pid, uint, address],
  (task, id, length, at) => {
    const all = allCpus(task.machine.cpuCount);
    const mask = new Uint8Array(all.length);
    const read = task.mm.copyIn(at, mask, 0, Math.min(length, mask.length));
    if (isErr(read)) return read;
    const target = targetOf(task, id);
    if (isErr(target)) return target === EINVAL ? ESRCH : target;
    if (!mayChange(task, target as Task)) return EPERM;
    let some = 0;
    let fewer = 0;
    for (let i = 0; i < mask.length; i++) {
      mask[i]! &= all[i]!;
      some |= mask[i]!;
      fewer |= mask[i]! ^ all[i]!;
    }
    if (some === 0) return EINVAL;
    (target as Task).scheduling.affinity = fewer === 0 ? undefined : mask;
    if (fewer !== 0) task.machine.vdso?.stopTellingCpu();
    return 0;
  },
  KEPT,
);

/** A CPU that the thread may be on: which one it is at the moment only the host knows. */
export const getcpu = syscall(
  'getcpu',
  [address, address, address],
  (task, cpuAt, nodeAt) => {
    const mask = task.scheduling.affinity;
    let cpu = 0;
    if (mask) while (((mask[cpu >> 3]! >> (cpu & 7)) & 1) === 0) cpu++;
    if (cpuAt !== 0) {
      const stored = task.mm.writeU32(cpuAt, cpu);
      if (isErr(stored)) return stored;
    }
    return nodeAt === 0 ? 0 : task.mm.writeU32(nodeAt, 0);
  },
  partial('always the first CPU that the thread may use'),
);

/** Shorter reservations are refused (Linux: DL_SCALE). */
const MIN_RUNTIME_NS = 1024;

/** SCHED_DEADLINE, by sched_setattr only; a period of 0 is the deadline (Linux: __checkparam_dl). */
function setDeadline(task: Task, target: Task, runtime: number, deadline: number, period: number, resetOnFork: boolean): 0 | Errno {
  if (deadline === 0 || runtime < MIN_RUNTIME_NS || deadline >= 2 ** 63 || period >= 2 ** 63) return EINVAL;
  const every = period === 0 ? deadline : period;
  if (every < deadline || deadline < runtime) return EINVAL;
  if (!mayChange(task, target) || !hasCapability(task.cred, CAP_SYS_NICE)) return EPERM;
  Object.assign(target.scheduling, { policy: SCHED_DEADLINE, priority: 0, resetOnFork, deadline: { runtime, deadline, period: every } });
  return 0;
}

function isRealtime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** Checks and applies; EPERM without the privilege for real-time policies. */
function changePolicy(task: Task, target: Task, policy: number, priority: number, resetOnFork: boolean): 0 | Errno {
  const isKnown = isRealtime(policy) || policy === SCHED_NORMAL || policy === SCHED_BATCH || policy === SCHED_IDLE;
  if (!isKnown) return EINVAL;
  if (isRealtime(policy) ? priority < 1 || priority > 99 : priority !== 0) return EINVAL;
  if (!mayChange(task, target)) return EPERM;
  const { scheduling } = target;
  if (!hasCapability(task.cred, CAP_SYS_NICE)) {
    const limit = target.group.limits.soft[RLIMIT_RTPRIO]!;
    if (isRealtime(policy) && priority > Math.max(limit, policy === scheduling.policy ? scheduling.priority : 0)) return EPERM;
    if (scheduling.resetOnFork && !resetOnFork) return EPERM;
  }
  scheduling.policy = policy;
  scheduling.priority = priority;
  scheduling.resetOnFork = resetOnFork;
  return 0;
}

export const schedSetscheduler = syscall(
  'sched_setscheduler',
  [pid, oneOf(POLICIES), ptr(SCHED_PARAM)],
  (task, id, policy, at) => {
    if (policy < 0 || at === 0) return EINVAL;
    const param = task.mm.readStruct(at, SCHED_PARAM);
    if (isErr(param)) return param;
    const target = targetOf(task, id);
    if (isErr(target)) return target;
    return changePolicy(task, target as Task, policy & ~SCHED_RESET_ON_FORK, param.priority, (policy & SCHED_RESET_ON_FORK) !== 0);
  },
  KEPT,
);

export const schedGetscheduler = syscall('sched_getscheduler', [pid], (task, id) => {
  const target = targetOf(task, id);
  if (isErr(target)) return target;
  const { policy, resetOnFork } = (target as Task).scheduling;
  return policy | (resetOnFork ? SCHED_RESET_ON_FORK : 0);
});

export const schedSetparam = syscall(
  'sched_setparam',
  [pid, ptr(SCHED_PARAM)],
  (task, id, at) => {
    if (at === 0) return EINVAL;
    const param = task.mm.readStruct(at, SCHED_PARAM);
    if (isErr(param)) return param;
    const target = targetOf(task, id);
    if (isErr(target)) return target;
    const { policy, resetOnFork } = (target as Task).scheduling;
    return changePolicy(task, target as Task, policy, param.priority, resetOnFork);
  },
  KEPT,
);

export const schedGetparam = syscall('sched_getparam', [pid, ptr(SCHED_PARAM, true)], (task, id, at) => {
  if (at === 0) return EINVAL;
  const target = targetOf(task, id);
  if (isErr(target)) return target;
  return task.mm.writeStruct(at, SCHED_PARAM, { priority: (target as Task).scheduling.priority });
});

function priorityRange(policy: number, realtime: number): number {
  if (isRealtime(policy)) return realtime;
  return policy === SCHED_NORMAL || policy === SCHED_BATCH || policy === SCHED_IDLE || policy === SCHED_DEADLINE ? 0 : EINVAL;
}
export const schedGetPriorityMax = syscall('sched_get_priority_max', [oneOf(POLICIES)], (_task, policy) => priorityRange(policy, 99));
export const schedGetPriorityMin = syscall('sched_get_priority_min', [oneOf(POLICIES)], (_task, policy) => priorityRange(policy, 1));

const RR_INTERVAL_NS = 100_000_000;
const FAIR_INTERVAL_NS = 4_000_000;

export const schedRrGetInterval = syscall('sched_rr_get_interval', [pid, ptr(TIMESPEC, true)], (task, id, at) => {
  const target = targetOf(task, id);
  if (isErr(target)) return target;
  const { policy } = (target as Task).scheduling;
  const nsec = policy === SCHED_RR ? RR_INTERVAL_NS : policy === SCHED_FIFO ? 0 : FAIR_INTERVAL_NS;
  return task.mm.writeStruct(at, TIMESPEC, { sec: 0, nsec });
});

export const schedGetattr = syscall('sched_getattr', [pid, ptr(SCHED_ATTR, true), uint, uint], (task, id, at, length, options) => {
  if (at === 0 || options !== 0 || length < SCHED_ATTR_SIZE_VER0 || length > 4096) return EINVAL;
  const target = targetOf(task, id);
  if (isErr(target)) return target;
  const { policy, priority, nice, resetOnFork, deadline } = (target as Task).scheduling;
  const bytes = new Uint8Array(SCHED_ATTR.size);
  const size = Math.min(length, SCHED_ATTR.size);
  SCHED_ATTR.write(new DataView(bytes.buffer), 0, {
    ...SCHED_ATTR.zero(),
    size,
    policy,
    priority,
    nice: isRealtime(policy) ? 0 : nice,
    flags: resetOnFork ? SCHED_FLAG_RESET_ON_FORK : 0,
    ...(policy === SCHED_DEADLINE ? deadline : undefined),
    utilMax: 1024,
  });
  return task.mm.copyOut(at, bytes, 0, size);
});

export const schedSetattr = syscall(
  'sched_setattr',
  [pid, ptr(SCHED_ATTR), uint],
  (task, id, at, options) => {
    if (at === 0 || options !== 0) return EINVAL;
    const size = task.mm.readU32(at);
    if (isErr(size)) return size;
    const length = size === 0 ? SCHED_ATTR_SIZE_VER0 : size;
    if (length < SCHED_ATTR_SIZE_VER0 || length > 4096) return E2BIG;
    const bytes = new Uint8Array(SCHED_ATTR.size);
    const read = task.mm.copyIn(at, bytes, 0, Math.min(length, SCHED_ATTR.size));
    if (isErr(read)) return read;
    const attr = SCHED_ATTR.read(new DataView(bytes.buffer), 0);
    const target = targetOf(task, id);
    if (isErr(target)) return target;
    if ((attr.flags & ~SCHED_FLAG_RESET_ON_FORK) !== 0 || attr.nice < -20 || attr.nice > 19) return EINVAL;
    const reset = (attr.flags & SCHED_FLAG_RESET_ON_FORK) !== 0;
    if (attr.policy === SCHED_DEADLINE) return setDeadline(task, target as Task, attr.runtime, attr.deadline, attr.period, reset);
    const changed = changePolicy(task, target as Task, attr.policy, attr.priority, (attr.flags & SCHED_FLAG_RESET_ON_FORK) !== 0);
    if (isErr(changed)) return changed;
    return isRealtime(attr.policy) ? 0 : setNice(task, target as Task, attr.nice);
  },
  KEPT,
);

/** EPERM for somebody else's, EACCES for a rise that is not allowed. */
function setNice(task: Task, target: Task, nice: number): 0 | Errno {
  if (!mayChange(task, target)) return EPERM;
  const { scheduling } = target;
  const lowest = 20 - target.group.limits.soft[RLIMIT_NICE]!;
  if (nice < scheduling.nice && nice < lowest && !hasCapability(task.cred, CAP_SYS_NICE)) return EACCES;
  scheduling.nice = nice;
  return 0;
}

/** The threads that `which` and `who` of getpriority and ioprio_get mean. */
function selectTasks(task: Task, which: number, who: number): Task[] | Errno {
  const { machine, group, cred } = task;
  switch (which) {
    case PRIO_PROCESS: {
      const target = who === 0 ? task : taskByPid(task, who);
      return target ? [target] : ESRCH;
    }
    case PRIO_PGRP: {
      const processGroup = who === 0 ? group.processGroup : machine.processGroups.get(globalPid(task, who));
      const tasks = processGroup ? [...processGroup.members].flatMap((member) => [...member.tasks]) : [];
      return tasks.length > 0 ? tasks : ESRCH;
    }
    case PRIO_USER: {
      const uid = who === 0 ? cred.uid : who >>> 0;
      const tasks = [...machine.tasks.values()].filter((other) => other.cred.uid === uid);
      return tasks.length > 0 ? tasks : ESRCH;
    }
    default:
      return EINVAL;
  }
}

const PRIORITY_TARGETS = { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

export const getpriority = syscall('getpriority', [oneOf(PRIORITY_TARGETS), int], (task, which, who) => {
  const tasks = selectTasks(task, which, who);
  if (isErr(tasks)) return tasks;
  // The system call gives 1..40, so that no result looks like an error.
  return Math.max(...(tasks as Task[]).map(({ scheduling }) => 20 - scheduling.nice));
});

export const setpriority = syscall(
  'setpriority',
  [oneOf(PRIORITY_TARGETS), int, int],
  (task, which, who, nice) => {
    const tasks = selectTasks(task, which, who);
    if (isErr(tasks)) return tasks;
    const value = Math.max(-20, Math.min(19, nice));
    let result: 0 | Errno = 0;
    for (const target of tasks as Task[]) result = setNice(task, target, value) || result;
    return result;
  },
  KEPT,
);

const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASS_SHIFT = 13;

export const ioprioGet = syscall('ioprio_get', [int, int], (task, which, who) => {
  const tasks = selectTasks(task, which - IOPRIO_WHO_PROCESS, who);
  return isErr(tasks) ? tasks : (tasks as Task[])[0]!.scheduling.ioPriority;
});

export const ioprioSet = syscall(
  'ioprio_set',
  [int, int, int],
  (task, which, who, value) => {
    const kind = value >> IOPRIO_CLASS_SHIFT;
    if (kind < 0 || kind > 3 || (kind === 0 && value !== 0)) return EINVAL;
    if (kind === 1 && !hasCapability(task.cred, CAP_SYS_NICE)) return EPERM;
    const tasks = selectTasks(task, which - IOPRIO_WHO_PROCESS, who);
    if (isErr(tasks)) return tasks;
    for (const { scheduling } of tasks as { scheduling: Scheduling }[]) scheduling.ioPriority = value;
    return 0;
  },
  KEPT,
);
