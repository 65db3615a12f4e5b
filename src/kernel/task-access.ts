/** Who may look at or touch another process (Linux: kernel/ptrace.c, __ptrace_may_access; ptrace(2)). */
import { CAP_SYS_PTRACE } from '../abi/capability.js';
import { capableIn } from '../vfs/credentials.js';
import { isWithinLayer } from '../vfs/landlock.js';
import type { Task } from './task.js';

/** PTRACE_MODE_*_REALCREDS: same user on all ids and dumpable, or CAP_SYS_PTRACE. */
export function mayAccess(caller: Task, target: Task): boolean {
  if (caller.group === target.group) return true;
  // One that Landlock restricts looks only at those who are restricted as much.
  const { landlock } = caller.cred;
  if (landlock !== undefined && !isWithinLayer(target.cred.landlock, landlock)) return false;
  if (capableIn(caller.cred, target.cred.userNs, CAP_SYS_PTRACE)) return true;
  const { uid, gid } = caller.cred;
  const other = target.cred;
  const sameUser = uid === other.uid && uid === other.euid && uid === other.suid;
  const sameGroup = gid === other.gid && gid === other.egid && gid === other.sgid;
  return sameUser && sameGroup && target.group.dumpable === 1;
}
