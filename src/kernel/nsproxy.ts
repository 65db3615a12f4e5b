/**
 * The namespaces of a task, but for its user and pid namespaces, which its credentials and its thread group have (Linux:
 * kernel/nsproxy.c; namespaces(7)). Tasks share an NsProxy until one of them enters or makes a namespace.
 */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, ENOSPC, EPERM } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUTS } from '../abi/sched.js';
import { capableIn, type Credentials } from '../vfs/credentials.js';
import type { FsContext } from '../vfs/fs-context.js';
import { copyMountNamespace, type MountNamespace } from '../vfs/mount-namespace.js';
import { areNamespacesExhausted } from '../vfs/namespace.js';
import type { UserNamespace } from '../vfs/user-namespace.js';
import { IpcNamespace } from './ipc/ipc-namespace.js';
import { CgroupNamespace, UtsNamespace } from './namespaces.js';
import { TimeNamespace } from './time-namespace.js';
import { NetNamespace } from './net-namespace.js';
import { MAX_PID_NS_LEVEL, PidNamespace } from './pid-namespace.js';
import type { Task } from './task.js';

/** All kinds that an NsProxy holds. */
export const PROXY_NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME;

/** The members of an NsProxy. */
export interface NamespaceSet {
  readonly mnt: MountNamespace;
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
  readonly net: NetNamespace;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
  readonly pidForChildren: PidNamespace;
}

export class NsProxy implements NamespaceSet {
  readonly mnt: MountNamespace;
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
  readonly net: NetNamespace;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
  readonly pidForChildren: PidNamespace;
  /** Tasks that share it. */
  private users = 0;

  constructor(set: NamespaceSet) {
    this.mnt = set.mnt;
    this.uts = set.uts;
    this.ipc = set.ipc;
    this.net = set.net;
    this.cgroup = set.cgroup;
    this.time = set.time;
    this.timeForChildren = set.timeForChildren;
    this.pidForChildren = set.pidForChildren;
  }

  hold(): this {
    if (this.users++ === 0) for (const namespace of this.all()) namespace.hold();
    return this;
  }

  drop(): void {
    if (--this.users === 0) for (const namespace of this.all()) namespace.drop();
  }

  private all(): readonly (MountNamespace | UtsNamespace | IpcNamespace | NetNamespace | CgroupNamespace | TimeNamespace | PidNamespace)[] {
    return [this.mnt, this.uts, this.ipc, this.net, this.cgroup, this.time, this.timeForChildren, this.pidForChildren];
  }

  with(change: Partial<NamespaceSet>): NsProxy {
    const { mnt, uts, ipc, net, cgroup, time, timeForChildren, pidForChildren } = this;
    return new NsProxy({ mnt, uts, ipc, net, cgroup, time, timeForChildren, pidForChildren, ...change });
  }
}

/** The task's namespaces from now on. */
export function switchNamespaces(task: Task, proxy: NsProxy): void {
  const old = task.nsproxy;
  task.nsproxy = proxy.hold();
  old.drop();
}

/**
 * `task`'s namespaces with new ones for each CLONE_NEW* of `flags`, owned by the user namespace of `cred` (Linux:
 * create_new_namespaces). `fs` is moved to the copy of its mounts.
 */
export function newNamespaces(task: Task, flags: number, cred: Credentials, fs: FsContext): NsProxy | Errno {
  const old = task.nsproxy;
  if ((flags & PROXY_NAMESPACES) === 0) return old;
  if (areNamespacesExhausted()) return ENOSPC;
  const owner = cred.userNs;
  if (!capableIn(cred, owner, CAP_SYS_ADMIN)) return EPERM;
  const pidForChildren = (flags & CLONE_NEWPID) !== 0 ? newPidNamespace(task, owner) : old.pidForChildren;
  if (isErr(pidForChildren)) return pidForChildren;
  const mnt = (flags & CLONE_NEWNS) !== 0 ? copyMountNamespace(old.mnt, owner, fs) : old.mnt;
  if (isErr(mnt)) return mnt;
  return old.with({ pidForChildren, mnt, ...smallNamespaces(task, flags, owner) });
}

function smallNamespaces(task: Task, flags: number, owner: UserNamespace): Partial<NamespaceSet> {
  const old = task.nsproxy;
  const { hostname, domainname } = old.uts;
  return {
    uts: (flags & CLONE_NEWUTS) !== 0 ? new UtsNamespace(owner, false, hostname, domainname) : old.uts,
    ipc: (flags & CLONE_NEWIPC) !== 0 ? new IpcNamespace(task.machine, owner, false) : old.ipc,
    net: (flags & CLONE_NEWNET) !== 0 ? new NetNamespace(owner, false) : old.net,
    cgroup: (flags & CLONE_NEWCGROUP) !== 0 ? new CgroupNamespace(owner, false) : old.cgroup,
    timeForChildren: (flags & CLONE_NEWTIME) !== 0 ? new TimeNamespace(owner, false, old.timeForChildren) : old.timeForChildren,
  };
}

function newPidNamespace(task: Task, owner: UserNamespace): PidNamespace | Errno {
  const parent = task.nsproxy.pidForChildren;
  if (parent !== task.group.pidNs) return EINVAL;
  return parent.level >= MAX_PID_NS_LEVEL ? ENOSPC : new PidNamespace(parent, owner);
}
