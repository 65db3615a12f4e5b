/** Sending signals (kill(2), tgkill(2), rt_sigqueueinfo(2)) and process descriptors (pidfd_open(2), pidfd_send_signal(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { EBADF, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { O_EXCL, O_NONBLOCK } from '../abi/fcntl.js';
import { SI_TKILL } from '../abi/signal.js';
import { PidFile } from '../fs/pidfd.js';
import { processOfDirectory } from '../fs/proc/process-directory.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import { mayAccess } from '../kernel/task-access.js';
import { kill as killTarget, killGroup, killTask, killThread } from '../kernel/signals/kill.js';
import { rawInfo, SIGINFO_SIZE, threadKillInfo, userInfo, type SignalInfo } from '../kernel/signals/signal-info.js';
import { sendToProcessGroup } from '../kernel/signals/send.js';
import { address, fd, flags, int, pid, signal, syscall, uint } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';

function ownInfo(task: Task, number: number): SignalInfo {
  return userInfo(number, task.group.pid, task.cred.uid);
}

export const kill = syscall('kill', [pid, signal], (task, id, number) => killTarget(task, id, ownInfo(task, number)));

export const tkill = syscall('tkill', [pid, signal], (task, tid, number) => {
  if (tid <= 0) return EINVAL;
  return killTask(task, 0, tid, threadKillInfo(number, task.group.pid, task.cred.uid));
});

export const tgkill = syscall('tgkill', [pid, pid, signal], (task, tgid, tid, number) => {
  if (tgid <= 0 || tid <= 0) return EINVAL;
  return killTask(task, tgid, tid, threadKillInfo(number, task.group.pid, task.cred.uid));
});

/** The guest's siginfo. Only to itself may a process pretend that a signal came from kill(2) or from the kernel. */
function readInfo(task: Task, at: number, number: number, isSelf: boolean): SignalInfo | Errno {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  const read = task.copyIn(at, bytes);
  if (isErr(read)) return read;
  const info = rawInfo(number, bytes);
  return (info.code >= 0 || info.code === SI_TKILL) && !isSelf ? EPERM : info;
}

export const rtSigqueueinfo = syscall('rt_sigqueueinfo', [pid, signal, address], (task, id, number, infoAt) => {
  const info = readInfo(task, infoAt, number, id === task.group.nsPid);
  if (isErr(info)) return info;
  const target = id > 0 ? taskByPid(task, id) : undefined;
  return target ? killGroup(task, target.group, info as SignalInfo) : ESRCH;
});

export const rtTgsigqueueinfo = syscall('rt_tgsigqueueinfo', [pid, pid, signal, address], (task, tgid, tid, number, infoAt) => {
  if (tgid <= 0 || tid <= 0) return EINVAL;
  const info = readInfo(task, infoAt, number, tid === task.nsTid);
  return isErr(info) ? info : killTask(task, tgid, tid, info as SignalInfo);
});

const PIDFD_NONBLOCK = O_NONBLOCK;
const PIDFD_THREAD = O_EXCL;

export const pidfdOpen = syscall('pidfd_open', [pid, flags({ PIDFD_NONBLOCK, PIDFD_THREAD })], (task, id, options) => {
  if ((options & ~(PIDFD_NONBLOCK | PIDFD_THREAD)) !== 0 || id <= 0) return EINVAL;
  const target = taskByPid(task, id);
  if (!target) return ESRCH;
  const isThread = (options & PIDFD_THREAD) !== 0;
  if (!isThread && target.group.leader !== target) return EINVAL;
  return installFile(task, new PidFile(target.group, options & PIDFD_NONBLOCK, isThread ? target : undefined), true);
});

/** A pidfd, or an open directory /proc/PID (Linux: pidfd_to_pid, tgid_pidfd_to_pid). */
function processOf(task: Task, descriptor: number): Pick<PidFile, 'group' | 'task'> | Errno {
  const file = task.files.get(descriptor);
  if (file instanceof PidFile) return file;
  return (file && processOfDirectory(file.inode)) ?? EBADF;
}

const PIDFD_SIGNAL_THREAD = 1;
const PIDFD_SIGNAL_THREAD_GROUP = 2;
const PIDFD_SIGNAL_PROCESS_GROUP = 4;

export const pidfdSendSignal = syscall(
  'pidfd_send_signal',
  [fd, signal, address, flags({ PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP })],
  (task, descriptor, number, infoAt, scope) => {
    if (scope !== 0 && scope !== PIDFD_SIGNAL_THREAD && scope !== PIDFD_SIGNAL_THREAD_GROUP && scope !== PIDFD_SIGNAL_PROCESS_GROUP)
      return EINVAL;
    const file = processOf(task, descriptor);
    if (isErr(file)) return file;
    if (file.group.reaped) return ESRCH;
    if (infoAt !== 0) {
      const named = task.mm.readU32(infoAt);
      if (isErr(named)) return named;
      if ((named | 0) !== number) return EINVAL;
    }
    const info = infoAt === 0 ? ownInfo(task, number) : readInfo(task, infoAt, number, file.group === task.group);
    if (isErr(info)) return info;
    return sendByFile(task, file, info as SignalInfo, scope);
  },
);

function sendByFile(task: Task, file: Pick<PidFile, 'group' | 'task'>, info: SignalInfo, scope: number): 0 | Errno {
  if (scope === PIDFD_SIGNAL_PROCESS_GROUP) {
    const checked = killGroup(task, file.group, { ...info, signo: 0 });
    if (isErr(checked)) return checked;
    if (info.signo !== 0) sendToProcessGroup(file.group.processGroup, info);
    return 0;
  }
  if (scope === PIDFD_SIGNAL_THREAD || (scope === 0 && file.task)) {
    const target = file.task ?? file.group.leader;
    return target ? killThread(task, target, info) : ESRCH;
  }
  return killGroup(task, file.group, info);
}

export const pidfdGetfd = syscall('pidfd_getfd', [fd, int, uint], (task, descriptor, targetFd, options) => {
  if (options !== 0) return EINVAL;
  const file = task.files.get(descriptor);
  if (!(file instanceof PidFile)) return EBADF;
  const target = file.task ?? file.group.leader;
  if (!target || file.group.exitStatus !== undefined) return ESRCH;
  if (!mayAccess(task, target)) return EPERM;
  const wanted = target.files.get(targetFd);
  if (!wanted) return EBADF;
  wanted.references++;
  return installFile(task, wanted, true);
});
