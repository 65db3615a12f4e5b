/** Ends of processes and waiting for them, ids, process groups and sessions (exit(2), wait4(2), getpid(2), setpgid(2), setsid(2)). */
import { isErr, type Errno, type UserPtr } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EAGAIN, EBADF, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { RUSAGE, type Rusage } from '../abi/process-struct.js';
import {
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
  __WALL,
  __WCLONE,
  __WNOTHREAD,
} from '../abi/wait.js';
import { PidFile } from '../fs/pidfd.js';
import { exitGroup, exitTask } from '../kernel/exit.js';
import { setpgid as setProcessGroup, setsid as newSession } from '../kernel/job-control.js';
import { PTRACE_EVENT_EXIT, PTRACE_O_TRACEEXIT } from '../abi/ptrace.js';
import { eventStop } from '../kernel/ptrace/stops.js';
import { SIGCHLD } from '../abi/signal.js';
import { childInfo, encodeInfo, SIGINFO_SIZE } from '../kernel/signals/signal-info.js';
import { globalPid, pidFor, taskByPid } from '../kernel/pid-namespace.js';
import { address, flags, int, oneOf, pid, ptr, REGISTERS_SET, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { waitForChild, type ChildEvent, type ChildSelector } from '../kernel/wait.js';

export const exit = syscall('exit', [int], (task, code) => end(task, code, exitTask));
export const exitGroupCall = syscall('exit_group', [int], (task, code) => end(task, code, exitGroup));

function end(task: Task, code: number, how: typeof exitTask): number | Blocking<number> {
  const status = (code & 0xff) << 8;
  if (task.trace && (task.trace.options & PTRACE_O_TRACEEXIT) !== 0) return tracedEnd(task, status, how);
  how(task, status);
  return REGISTERS_SET;
}

function* tracedEnd(task: Task, status: number, how: typeof exitTask): Blocking<number> {
  task.trace!.exitSeen = true;
  yield* eventStop(task, PTRACE_EVENT_EXIT, status);
  how(task, status);
  return REGISTERS_SET;
}

const WAIT_FLAGS = { WNOHANG, WUNTRACED, WCONTINUED, WEXITED, WNOWAIT, __WALL, __WCLONE, __WNOTHREAD };
const WAIT4_FLAGS = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;

function selectorOf(task: Task, id: number): ChildSelector {
  if (id === -1) return { kind: 'any' };
  if (id > 0) return { kind: 'pid', pid: globalPid(task, id) };
  return { kind: 'group', pgid: id === 0 ? task.group.processGroup.id : globalPid(task, -id) };
}

export const wait4 = syscall('wait4', [pid, address, flags(WAIT_FLAGS), ptr(RUSAGE, true)], wait4Handler);

function* wait4Handler(task: Task, id: number, statusAt: number, options: number, usageAt: UserPtr<Rusage>): Blocking<number> {
  if (options & ~WAIT4_FLAGS) return EINVAL;
  if (id === -0x80000000) return ESRCH;
  const event = yield* waitForChild(task, selectorOf(task, id), options | WEXITED);
  if (event === undefined) return 0;
  if (isErr(event)) return event;
  if (statusAt !== 0) {
    const stored = task.mm.writeU32(statusAt, event.status);
    if (isErr(stored)) return stored;
  }
  const stored = storeUsage(task, usageAt, event);
  return isErr(stored) ? stored : event.pid;
}

function storeUsage(task: Task, at: UserPtr<Rusage>, event: ChildEvent): 0 | Errno {
  if (at === 0) return 0;
  const { userNs, systemNs, maxRssPages, faults, waits } = event.usage;
  const usage = RUSAGE.zero();
  usage.utimeSec = Math.floor(userNs / 1e9);
  usage.utimeUsec = Math.floor((userNs % 1e9) / 1e3);
  usage.stimeSec = Math.floor(systemNs / 1e9);
  usage.stimeUsec = Math.floor((systemNs % 1e9) / 1e3);
  usage.maxrss = maxRssPages * 4;
  usage.minflt = faults;
  usage.nvcsw = waits;
  return task.mm.writeStruct(at, RUSAGE, usage);
}

export const waitid = syscall(
  'waitid',
  [oneOf({ P_ALL, P_PID, P_PGID, P_PIDFD }), pid, address, flags(WAIT_FLAGS), ptr(RUSAGE, true)],
  waitidHandler,
);

function* waitidHandler(task: Task, type: number, id: number, infoAt: number, options: number, usageAt: UserPtr<Rusage>): Blocking<number> {
  if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)) return EINVAL;
  if (!(options & (WEXITED | WSTOPPED | WCONTINUED))) return EINVAL;
  const selector = waitidSelector(task, type, id);
  if (isErr(selector)) return selector;
  // A pidfd that does not block is asked once, and says EAGAIN where WNOHANG says nothing.
  const nonBlocking = type === P_PIDFD && task.files.get(id)!.nonBlocking;
  const event = yield* waitForChild(task, selector, nonBlocking ? options | WNOHANG : options);
  if (isErr(event)) return event;
  if (event === undefined && nonBlocking && (options & WNOHANG) === 0) return EAGAIN;
  if (event) {
    const stored = storeUsage(task, usageAt, event);
    if (isErr(stored)) return stored;
  }
  return infoAt === 0 ? 0 : storeInfo(task, infoAt, event);
}

function waitidSelector(task: Task, type: number, id: number): ChildSelector | Errno {
  switch (type) {
    case P_ALL:
      return { kind: 'any' };
    case P_PID:
      return id > 0 ? { kind: 'pid', pid: globalPid(task, id) } : EINVAL;
    case P_PGID:
      return id < 0 ? EINVAL : { kind: 'group', pgid: id === 0 ? task.group.processGroup.id : globalPid(task, id) };
    case P_PIDFD: {
      const file = task.files.get(id);
      return file instanceof PidFile ? { kind: 'pid', pid: file.group.pid } : EBADF;
    }
    default:
      return EINVAL;
  }
}

/** siginfo of the child, or with no event a zero si_signo and si_pid. The kernel writes only the members that count. */
function storeInfo(task: Task, at: number, event: ChildEvent | undefined): 0 | Errno {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  if (event) {
    const info = childInfo(event.code, event.pid, event.uid, event.value, 0, 0, SIGCHLD);
    encodeInfo(info, new DataView(bytes.buffer), 0);
  }
  return task.mm.copyOut(at, bytes, 0, 28);
}

export const getpid = syscall('getpid', [], (task) => task.group.nsPid);
export const gettid = syscall('gettid', [], (task) => task.nsTid);
export const getppid = syscall('getppid', [], (task) => pidFor(task, task.group.parentPid));
export const setTidAddress = syscall('set_tid_address', [address], (task, at) => {
  task.clearChildTid = at;
  return task.nsTid;
});

export const setpgid = syscall('setpgid', [pid, pid], (task, id, pgid) => setpgidOf(task, id, pgid));
export const setsid = syscall('setsid', [], (task) => {
  const made = newSession(task.machine, task.group);
  return isErr(made) ? made : task.group.nsPid;
});
export const getpgrp = syscall('getpgrp', [], (task) => pidFor(task, task.group.processGroup.id));
export const getpgid = syscall('getpgid', [pid], (task, id) => ofProcess(task, id, ({ processGroup }) => processGroup.id));
export const getsid = syscall('getsid', [pid], (task, id) => ofProcess(task, id, ({ processGroup }) => processGroup.session.id));

function processById(task: Task, id: number): Task['group'] | undefined {
  return id === 0 ? task.group : taskByPid(task, id)?.group;
}

function ofProcess(task: Task, id: number, what: (group: Task['group']) => number): number {
  const group = processById(task, id);
  return group ? pidFor(task, what(group)) : ESRCH;
}

function setpgidOf(task: Task, id: number, pgid: number): 0 | Errno {
  if (pgid < 0) return EINVAL;
  const pid = globalPid(task, id);
  const group = pgid === 0 ? 0 : globalPid(task, pgid);
  if ((id !== 0 && pid === 0) || (pgid !== 0 && group === 0)) return id !== 0 && pid === 0 ? ESRCH : EPERM;
  return setProcessGroup(task.machine, task.group, pid, group);
}
