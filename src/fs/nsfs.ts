/**
 * Files that stand for namespaces (Linux: fs/nsfs.c; ioctl_ns(2), namespaces(7)): what /proc/PID/ns links lead to, what setns(2)
 * takes, what a bind mount keeps alive.
 */
import type { Errno } from '../base/brands.js';
import { EINVAL, ENOTTY, EPERM, ESRCH } from '../abi/errno.js';
import { O_RDONLY } from '../abi/fcntl.js';
import {
  NS_GET_MNTNS_ID,
  NS_GET_NSTYPE,
  NS_GET_OWNER_UID,
  NS_GET_PARENT,
  NS_GET_PID_FROM_PIDNS,
  NS_GET_PID_IN_PIDNS,
  NS_GET_TGID_FROM_PIDNS,
  NS_GET_TGID_IN_PIDNS,
  NS_GET_USERNS,
} from '../abi/nsfs.js';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from '../abi/sched.js';
import { PidNamespace } from '../kernel/pid-namespace.js';
import { Task } from '../kernel/task.js';
import { installFile } from '../kernel/task-files.js';
import { namespaceInode, type AnonInode } from '../vfs/anon-inode.js';
import type { Namespace, NamespaceKind } from '../vfs/namespace.js';
import { OpenFile, type IoctlCaller } from '../vfs/open-file.js';
import type { Path } from '../vfs/path.js';
import { isUserNamespaceWithin, shownUid, UserNamespace } from '../vfs/user-namespace.js';

/** The flag by which clone(2) and setns(2) call a kind. */
export const NAMESPACE_FLAGS: Readonly<Record<NamespaceKind, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mnt: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

/** 'uts:[4026531838]' */
export function namespaceText(namespace: Namespace): string {
  return `${namespace.kind}:[${namespace.ino}]`;
}

/** Where a namespace's file is. */
export function namespacePlace(namespace: Namespace): Path {
  return inodeOf(namespace).defaultPath!;
}

function inodeOf(namespace: Namespace): AnonInode {
  namespace.inode ??= namespaceInode(
    namespaceText(namespace),
    namespace.ino,
    (inode) => new NamespaceFile(inode, namespace),
    () => namespace.settle(),
  );
  return namespace.inode as AnonInode;
}

export class NamespaceFile extends OpenFile {
  constructor(
    inode: AnonInode,
    readonly namespace: Namespace,
  ) {
    super(inode, O_RDONLY);
  }

  override get seekable(): boolean {
    return false;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (!(caller instanceof Task)) return ENOTTY;
    const { namespace } = this;
    switch (request) {
      case NS_GET_NSTYPE:
        return NAMESPACE_FLAGS[namespace.kind];
      case NS_GET_USERNS:
        return openRelative(caller, namespace.owner);
      case NS_GET_PARENT:
        return openParent(caller, namespace);
      case NS_GET_OWNER_UID:
        if (!(namespace instanceof UserNamespace)) return EINVAL;
        return caller.mm.writeU32(argument, shownUid(caller.cred.userNs, namespace.uid));
      case NS_GET_MNTNS_ID:
        return namespace.kind === 'mnt' ? caller.mm.writeU64(argument, namespace.ino) : EINVAL;
      case NS_GET_PID_FROM_PIDNS:
      case NS_GET_TGID_FROM_PIDNS:
      case NS_GET_PID_IN_PIDNS:
      case NS_GET_TGID_IN_PIDNS:
        return namespace instanceof PidNamespace ? translatePid(caller, namespace, request, argument) : EINVAL;
      default:
        return ENOTTY;
    }
  }
}

/** A descriptor of a namespace above: EPERM beyond what the caller's own reach (Linux: ns_get_owner). */
function openRelative(task: Task, namespace: UserNamespace | null): number | Errno {
  if (namespace === null || !isUserNamespaceWithin(namespace, task.cred.userNs)) return EPERM;
  return openNamespace(task, namespace);
}

function openParent(task: Task, namespace: Namespace): number | Errno {
  if (namespace instanceof UserNamespace) return openRelative(task, namespace.parent);
  if (!(namespace instanceof PidNamespace)) return EINVAL;
  const { parent } = namespace;
  return parent?.isWithin(task.group.pidNs) ? openNamespace(task, parent) : EPERM;
}

export function openNamespace(task: Task, namespace: Namespace): number | Errno {
  return installFile(task, new NamespaceFile(inodeOf(namespace), namespace), true);
}

function translatePid(task: Task, ns: PidNamespace, request: number, id: number): number | Errno {
  const wantsProcess = request === NS_GET_TGID_FROM_PIDNS || request === NS_GET_TGID_IN_PIDNS;
  const goesIn = request === NS_GET_PID_IN_PIDNS || request === NS_GET_TGID_IN_PIDNS;
  const own = task.group.pidNs;
  const target = task.machine.tasks.get((goesIn ? own : ns).globalOf(id));
  if (!target) return ESRCH;
  const found = (goesIn ? ns : own).idOf(wantsProcess ? target.group.pid : target.tid);
  return found === 0 ? ESRCH : found;
}
