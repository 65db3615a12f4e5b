/** Who may send signals to whom, and kill(2) with its kinds of targets (Linux: kernel/signal.c, check_kill_permission). */
import { EINVAL, EPERM, ESRCH } from '../../abi/errno.js';
import type { Errno } from '../../base/brands.js';
import { CAP_KILL } from '../../abi/capability.js';
import { LANDLOCK_SCOPE_SIGNAL } from '../../abi/landlock.js';
import { SIGCONT } from '../../abi/signal.js';
import { capableIn, type Credentials } from '../../vfs/credentials.js';
import { isScoped } from '../../vfs/landlock.js';
import { globalPid, pidFor, taskByPid } from '../pid-namespace.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { sendToGroup, sendToTask } from './send.js';
import { SIGNAL_MAX } from './sig-set.js';
import type { SignalInfo } from './signal-info.js';

function isSignal(signal: number): boolean {
  return signal >= 0 && signal <= SIGNAL_MAX;
}

/** Same user, CAP_KILL, or SIGCONT within a session. */
function maySignal(sender: Task, target: ThreadGroup, signal: number, identity: Credentials | undefined): boolean {
  if (sender.group === target || !identity) return true;
  if (sender.cred.landlock !== undefined && isScoped(sender.cred, identity.landlock, LANDLOCK_SCOPE_SIGNAL)) return false;
  const { uid, euid } = sender.cred;
  if (euid === identity.suid || euid === identity.uid || uid === identity.suid || uid === identity.uid) return true;
  if (capableIn(sender.cred, identity.userNs, CAP_KILL)) return true;
  return signal === SIGCONT && sender.group.processGroup.session === target.processGroup.session;
}

/** Sends to a process after the permission check; signal 0 only checks. */
export function killGroup(sender: Task, target: ThreadGroup, info: SignalInfo): 0 | Errno {
  if (!isSignal(info.signo)) return EINVAL;
  if (!maySignal(sender, target, info.signo, target.leader?.cred)) return EPERM;
  return info.signo === 0 ? 0 : sendToGroup(target, info);
}

/** As killGroup, for one thread. `tgid`: the process it must belong to, or <= 0. */
export function killTask(sender: Task, tgid: number, tid: number, info: SignalInfo): 0 | Errno {
  const target = taskByPid(sender, tid);
  if (!target || (tgid > 0 && target.group.pid !== globalPid(sender, tgid))) return ESRCH;
  return killThread(sender, target, info);
}

/** As killTask, for a thread that is known. */
export function killThread(sender: Task, target: Task, info: SignalInfo): 0 | Errno {
  if (!isSignal(info.signo)) return EINVAL;
  if (!maySignal(sender, target.group, info.signo, target.cred)) return EPERM;
  return info.signo === 0 ? 0 : sendToTask(target, info);
}

/** kill(2): a process, the own process group (0), another one (-pgid), or everything that may be signalled (-1). */
export function kill(sender: Task, id: number, info: SignalInfo): 0 | Errno {
  const { machine } = sender;
  if (id > 0) {
    const target = taskByPid(sender, id);
    return target ? killGroup(sender, target.group, info) : ESRCH;
  }
  if (id === -1) return killAll(sender, info);
  if (id === -0x80000000) return ESRCH;
  const processGroup = id === 0 ? sender.group.processGroup : machine.processGroups.get(globalPid(sender, -id));
  return processGroup ? killMany(sender, [...processGroup.members], info) : ESRCH;
}

function killAll(sender: Task, info: SignalInfo): 0 | Errno {
  const { init, groups } = sender.machine;
  const targets = [...groups.values()].filter((group) => group !== init && pidFor(sender, group.pid) > 1 && group !== sender.group);
  return killMany(sender, targets, info);
}

/** Success when one of them was sent to. */
function killMany(sender: Task, targets: readonly ThreadGroup[], info: SignalInfo): 0 | Errno {
  let result: 0 | Errno = ESRCH;
  let success = false;
  for (const target of targets) {
    const sent = killGroup(sender, target, info);
    if (sent === 0) success = true;
    else result = sent;
  }
  return success ? 0 : result;
}
