/** Who may look into a process (ptrace(2), "Ptrace access mode checking"; Linux: kernel/ptrace.c, ptrace_may_access). */
import { CAP_SYS_PTRACE } from '../../abi/capability.js';
import type { Task } from '../../kernel/task.js';
import { capableIn } from '../../vfs/credentials.js';

/** May the current task read the private parts of `task`: its descriptors, memory, environment. */
export function mayInspect(task: Task): boolean {
  const caller = task.machine.current;
  if (caller === undefined || caller.group === task.group) return true;
  if (capableIn(caller.cred, task.cred.userNs, CAP_SYS_PTRACE)) return true;
  const { cred } = task;
  const { fsuid: uid, fsgid: gid } = caller.cred;
  const sameUser = uid === cred.uid && uid === cred.euid && uid === cred.suid;
  const sameGroup = gid === cred.gid && gid === cred.egid && gid === cred.sgid;
  return sameUser && sameGroup && task.group.dumpable === 1;
}
