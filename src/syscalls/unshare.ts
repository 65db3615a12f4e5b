/** unshare(2): what clone shared is copied; namespaces are not implemented. */
import { EINVAL, EPERM } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
} from '../abi/sched.js';
import { exitSem } from '../kernel/ipc/sem-undo.js';
import { flags, partial, syscall } from '../kernel/syscall.js';
import { hasCapability } from '../vfs/credentials.js';

const NAMESPACES =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;
const ALONE_ONLY = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
const UNSHARE_FLAGS = {
  CLONE_FS,
  CLONE_FILES,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_SIGHAND,
  CLONE_VM,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  CLONE_NEWNET,
  CLONE_NEWPID,
};

export const unshare = syscall(
  'unshare',
  [flags(UNSHARE_FLAGS)],
  (task, what) => {
    if ((what & ~(NAMESPACES | ALONE_ONLY | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)) !== 0) return EINVAL;
    if ((what & NAMESPACES) !== 0) return hasCapability(task.cred, CAP_SYS_ADMIN) ? EINVAL : EPERM;
    // A process of one thread has nothing of these to unshare.
    if ((what & ALONE_ONLY) !== 0 && task.group.tasks.size > 1) return EINVAL;
    if ((what & CLONE_FS) !== 0) {
      const shared = task.fs;
      task.fs = shared.copy();
      shared.release();
    }
    if ((what & CLONE_FILES) !== 0 && task.files.users > 1) {
      task.files.users--;
      task.files = task.files.copy();
    }
    if ((what & CLONE_SYSVSEM) !== 0) exitSem(task);
    return 0;
  },
  partial('no namespaces'),
);
