/**
 * CPU time of threads and processes (Linux: kernel/sched/cputime.c, kernel/time/posix-cpu-timers.c): that of the host threads
 * that run them. It is divided as the host divides it: guest code is user time; what the host does for it (faults, stops at system
 * calls, changes of mappings) is system time. What our own kernel's thread does for a process is not counted.
 */
import type { Errno } from '../base/brands.js';
import { EINVAL } from '../abi/errno.js';
import { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID } from '../abi/time.js';
import { processCpuNs, processUserShare, threadCpuNs } from '../host/cpu-time.js';
import type { Machine } from './machine.js';
import { taskByPid } from './pid-namespace.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** Nanoseconds of CPU time of a thread that lives. */
export function taskCpuNs(task: Task): number {
  const { tid, space } = task.thread;
  if (task.group.tasks.size === 1 && task.mm.users === 1 && tid === space.leader && !task.group.hadThreads)
    return processCpuNs(space.leader);
  return threadCpuNs(space.leader, tid);
}

/** Nanoseconds of CPU time of a process, its ended threads included. */
export function groupCpuNs(group: ThreadGroup): number {
  if (group.cpuSettled) return group.userNs + group.systemNs;
  let total = 0;
  for (const task of group.tasks) {
    // A process that has its memory to itself has a host process to itself, whose clock counts ended threads too.
    if (task.mm.users <= group.tasks.size) return processCpuNs(task.thread.space.leader);
    total += taskCpuNs(task);
  }
  return group.userNs + total;
}

export interface CpuTimes {
  userNs: number;
  systemNs: number;
}

/** The CPU time of a process, divided. Neither part ever shrinks (Linux: cputime_adjust). */
export function groupCpuTimes(group: ThreadGroup): CpuTimes {
  if (group.cpuSettled) return { userNs: group.userNs, systemNs: group.systemNs };
  const total = groupCpuNs(group);
  const { seen } = group;
  const [task] = group.tasks;
  const share = task ? processUserShare(task.thread.space.leader) : 1;
  seen.userNs = Math.max(seen.userNs, Math.min(total * share, total - seen.systemNs));
  seen.systemNs = Math.max(seen.systemNs, total - seen.userNs);
  return seen;
}

/** The CPU time of a thread, divided as its process' is. */
export function taskCpuTimes(task: Task): CpuTimes {
  const { userNs, systemNs } = groupCpuTimes(task.group);
  const total = taskCpuNs(task);
  const ofUser = userNs + systemNs > 0 ? (total * userNs) / (userNs + systemNs) : total;
  return { userNs: ofUser, systemNs: total - ofUser };
}

/** Before the host process goes: notes the CPU time of the process for good. */
export function settleCpuTime(group: ThreadGroup): void {
  if (group.cpuSettled) return;
  const { userNs, systemNs } = groupCpuTimes(group);
  group.userNs = userNs;
  group.systemNs = systemNs;
  group.cpuSettled = true;
  const [task] = group.tasks;
  if (!task) return;
  task.machine.endedCpu.userNs += userNs;
  task.machine.endedCpu.systemNs += systemNs;
}

/** The CPU time of all processes that there have been. */
export function machineCpuTimes(machine: Machine): CpuTimes {
  const sum = { ...machine.endedCpu };
  for (const group of machine.groups.values()) {
    if (group.cpuSettled) continue;
    const { userNs, systemNs } = groupCpuTimes(group);
    sum.userNs += userNs;
    sum.systemNs += systemNs;
  }
  return sum;
}

/** Reads a CPU clock, in nanoseconds. */
export type CpuClock = () => number;

const CPUCLOCK_PERTHREAD = 4;
const CPUCLOCK_KIND = 3;

/** The clock behind a CPU clock id: the caller's own, or of the process or thread whose id is in the upper bits. */
export function cpuClock(task: Task, id: number): CpuClock | Errno {
  if (id === CLOCK_PROCESS_CPUTIME_ID) return () => groupCpuNs(task.group);
  if (id === CLOCK_THREAD_CPUTIME_ID) return () => taskCpuNs(task);
  if (id >= 0 || (id & CPUCLOCK_KIND) === CPUCLOCK_KIND) return EINVAL;
  const pid = ~(id >> 3);
  const target = pid === 0 ? task : taskByPid(task, pid);
  if (!target || target.state === 'dead') return EINVAL;
  if ((id & CPUCLOCK_PERTHREAD) !== 0) return target.group === task.group ? () => taskCpuNs(target) : EINVAL;
  return target === task || target.group.leader === target ? () => groupCpuNs(target.group) : EINVAL;
}
