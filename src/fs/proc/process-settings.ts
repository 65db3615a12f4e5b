/** What is set by writing to files of /proc/PID: oom_score_adj, loginuid (proc(5); Linux: fs/proc/base.c, kernel/auditsc.c). */
import type { ByteString } from '../../base/brands.js';
import { CAP_AUDIT_CONTROL, CAP_SYS_RESOURCE } from '../../abi/capability.js';
import { EACCES, EINVAL, EPERM } from '../../abi/errno.js';
import type { Task } from '../../kernel/task.js';
import { hasCapability } from '../../vfs/credentials.js';
import { toKernelUid, uidIn } from '../../vfs/user-namespace.js';
import type { TextSink } from './nodes.js';

const MAX_SCORE = 1000;
/** (uid_t) -1: nobody. */
const UNSET = 2 ** 32 - 1;

/** A score lower than a privileged process last set takes privilege. */
export function setOomScore(task: Task): TextSink {
  return (value) => {
    const score = Number(value.trim());
    if (!Number.isInteger(score) || score < -MAX_SCORE || score > MAX_SCORE) return EINVAL;
    const { group, machine } = task;
    const isPrivileged = hasCapability(machine.current.cred, CAP_SYS_RESOURCE);
    if (score < group.oomScoreLowest && !isPrivileged) return EACCES;
    group.oomScoreAdjust = score;
    if (isPrivileged) group.oomScoreLowest = score;
    return 0;
  };
}

export function loginUidText({ loginUid, machine }: Task): ByteString {
  const shown = loginUid < 0 ? -1 : uidIn(machine.current.cred.userNs, loginUid);
  return String(shown < 0 ? UNSET : shown);
}

export function loginSessionText({ loginSession }: Task): ByteString {
  return String(loginSession < 0 ? UNSET : loginSession);
}

/** By the task itself only; once anybody has logged in, only with CAP_AUDIT_CONTROL. */
export function setLoginUid(task: Task): TextSink {
  return (value) => {
    const { current } = task.machine;
    if (current !== task) return EPERM;
    const uid = /^\d+\n?$/.test(value) ? Number(value) : NaN;
    if (!(uid <= UNSET)) return EINVAL;
    const loginUid = uid === UNSET ? -1 : toKernelUid(current.cred.userNs, uid);
    if (loginUid < 0 && uid !== UNSET) return EINVAL;
    if (task.loginUid >= 0 && !hasCapability(current.cred, CAP_AUDIT_CONTROL)) return EPERM;
    task.loginUid = loginUid;
    task.loginSession = loginUid < 0 ? -1 : ++task.machine.loginSessions;
    return 0;
  };
}
