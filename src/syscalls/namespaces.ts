/** unshare(2) and setns(2) (Linux: kernel/fork.c ksys_unshare, kernel/nsproxy.c). */
import { isErr, type Errno } from '../base/brands.js';
import { EBADF, EINVAL, EMFILE, EPERM, ESRCH, EUSERS } from '../abi/errno.js';
import { CAP_SYS_ADMIN, CAP_SYS_CHROOT } from '../abi/capability.js';
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
import { NAMESPACE_FLAGS, NamespaceFile } from '../fs/nsfs.js';
import { PidFile } from '../fs/pidfd.js';
import { commit } from '../kernel/identity.js';
import { IpcNamespace } from '../kernel/ipc/ipc-namespace.js';
import { exitSem } from '../kernel/ipc/sem-undo.js';
import { CgroupNamespace, UtsNamespace } from '../kernel/namespaces.js';
import { settleIn, TimeNamespace } from '../kernel/time-namespace.js';
import { NetNamespace } from '../kernel/net-namespace.js';
import { newNamespaces, PROXY_NAMESPACES, switchNamespaces, type NamespaceSet } from '../kernel/nsproxy.js';
import { PidNamespace } from '../kernel/pid-namespace.js';
import { fd, flags, syscall } from '../kernel/syscall.js';
import { mayAccess } from '../kernel/task-access.js';
import type { Task } from '../kernel/task.js';
import { createUserNamespace, credentialsForEntering } from '../kernel/user-namespaces.js';
import { capableIn, hasOwnCapability, type Credentials } from '../vfs/credentials.js';
import { topOf } from '../vfs/mount.js';
import { MountNamespace } from '../vfs/mount-namespace.js';
import type { Namespace } from '../vfs/namespace.js';
import { UserNamespace } from '../vfs/user-namespace.js';

const NAMES = {
  CLONE_NEWNS,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
  CLONE_NEWTIME,
};
const ALL_NAMESPACES = PROXY_NAMESPACES | CLONE_NEWUSER;
const ALONE_ONLY = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
const UNSHARE_FLAGS = { ...NAMES, CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_THREAD, CLONE_SIGHAND, CLONE_VM };

export const unshare = syscall('unshare', [flags(UNSHARE_FLAGS)], (task, given) => {
  if ((given & ~(ALL_NAMESPACES | ALONE_ONLY | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)) !== 0) return EINVAL;
  const what = given | ((given & CLONE_NEWUSER) !== 0 ? CLONE_THREAD | CLONE_FS : 0) | ((given & CLONE_NEWNS) !== 0 ? CLONE_FS : 0);
  // A process of one thread has nothing of these to unshare.
  if ((what & ALONE_ONLY) !== 0 && task.group.tasks.size > 1) return EINVAL;
  const cred = (what & CLONE_NEWUSER) !== 0 ? createUserNamespace(task) : task.cred;
  if (isErr(cred)) return cred;
  return unshareWith(task, what, cred);
});

/** Nothing is changed unless all can be. */
function unshareWith(task: Task, what: number, cred: Credentials): 0 | Errno {
  const fs = (what & CLONE_FS) !== 0 && task.fs.users > 1 ? task.fs.copy() : task.fs;
  const proxy = newNamespaces(task, what, cred, fs);
  if (isErr(proxy)) {
    if (fs !== task.fs) fs.release();
    return proxy;
  }
  if (fs !== task.fs) {
    task.fs.release();
    task.fs = fs;
  }
  if ((what & CLONE_FILES) !== 0 && task.files.users > 1) {
    if (task.files.highest >= task.machine.sysctl.nrOpen) return EMFILE;
    task.files.users--;
    task.files = task.files.copy();
  }
  if ((what & (CLONE_SYSVSEM | CLONE_NEWIPC)) !== 0) exitSem(task);
  if (proxy !== task.nsproxy) switchNamespaces(task, proxy);
  return cred === task.cred ? 0 : commit(task, cred);
}

export const setns = syscall('setns', [fd, flags(NAMES)], (task, descriptor, kinds) => {
  const file = task.files.get(descriptor);
  if (!file) return EBADF;
  if (file instanceof PidFile) return enterLike(task, file, kinds);
  if (!(file instanceof NamespaceFile)) return EINVAL;
  const { namespace } = file;
  if (kinds !== 0 && kinds !== NAMESPACE_FLAGS[namespace.kind]) return EINVAL;
  return enter(task, [namespace]);
});

/** All namespaces of the given kinds of a process, or none. */
function enterLike(task: Task, file: PidFile, kinds: number): 0 | Errno {
  if (kinds === 0 || (kinds & ~ALL_NAMESPACES) !== 0) return EINVAL;
  const target = file.task ?? file.group.leader;
  if (!target || file.group.exitStatus !== undefined) return ESRCH;
  if (!mayAccess(task, target)) return EPERM;
  const { mnt, uts, ipc, cgroup, net, time } = target.nsproxy;
  const own = [target.cred.userNs, mnt, uts, ipc, target.group.pidNs, cgroup, net, time];
  return enter(
    task,
    own.filter((namespace) => (kinds & NAMESPACE_FLAGS[namespace.kind]) !== 0),
  );
}

function enter(task: Task, namespaces: readonly Namespace[]): 0 | Errno {
  let { cred } = task;
  let change: Partial<NamespaceSet> = {};
  for (const namespace of namespaces) {
    if (namespace instanceof UserNamespace) {
      const entered = credentialsForEntering(task, namespace);
      if (isErr(entered)) return entered;
      cred = entered;
      continue;
    }
    const allowed = mayEnter(task, cred, namespace);
    if (allowed !== 0) return allowed;
    change = { ...change, ...asMember(namespace) };
  }
  if (change.ipc) exitSem(task);
  if (change.mnt) moveToRoot(task, change.mnt);
  switchNamespaces(task, task.nsproxy.with(change));
  if (change.time) settleIn(task);
  return cred === task.cred ? 0 : commit(task, cred);
}

/** CAP_SYS_ADMIN over the namespace and in one's own, and what the kind asks for besides. */
function mayEnter(task: Task, cred: Credentials, namespace: Namespace): 0 | Errno {
  if (namespace instanceof TimeNamespace && task.group.tasks.size > 1) return EUSERS;
  if (!capableIn(cred, namespace.owner!, CAP_SYS_ADMIN) || !hasOwnCapability(cred, CAP_SYS_ADMIN)) return EPERM;
  if (namespace instanceof MountNamespace) {
    if (!hasOwnCapability(cred, CAP_SYS_CHROOT)) return EPERM;
    if (task.fs.users > 1) return EINVAL;
  }
  return namespace instanceof PidNamespace && !namespace.isWithin(task.group.pidNs) ? EINVAL : 0;
}

function asMember(namespace: Namespace): Partial<NamespaceSet> {
  if (namespace instanceof MountNamespace) return { mnt: namespace };
  if (namespace instanceof UtsNamespace) return { uts: namespace };
  if (namespace instanceof IpcNamespace) return { ipc: namespace };
  if (namespace instanceof NetNamespace) return { net: namespace };
  if (namespace instanceof CgroupNamespace) return { cgroup: namespace };
  if (namespace instanceof TimeNamespace) return { time: namespace, timeForChildren: namespace };
  return namespace instanceof PidNamespace ? { pidForChildren: namespace } : {};
}

function moveToRoot(task: Task, { root }: MountNamespace): void {
  const place = topOf({ mount: root, dentry: root.root });
  task.fs.root = place;
  task.fs.cwd = place;
}
