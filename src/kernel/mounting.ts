/**
 * Rules of mounting that concern the caller (Linux: fs/namespace.c path_mount and what it calls; mount(2)): who may, which tree it
 * must be, which flags go to the mount and which to the file system.
 */
import { restrictsFiles } from '../vfs/landlock.js';
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { EAGAIN, EBUSY, EINVAL, ENODEV, ENOENT, ENOTDIR, EPERM, EROFS } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { AT_FDCWD } from '../abi/fcntl.js';
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
} from '../abi/mount.js';
import { capableIn } from '../vfs/credentials.js';
import type { FileSystem } from '../vfs/file-system.js';
import { mountsBeneath, type Mount } from '../vfs/mount.js';
import { bindMount, mountFileSystem, moveMount, pivotRoot, unmount } from '../vfs/mount-tree.js';
import type { Namespace } from '../vfs/namespace.js';
import { samePath, type Path } from '../vfs/path.js';
import { changesLockedFlags, setPropagation, type PropagationType } from '../vfs/propagation.js';
import { fileSystemMaker } from './file-system-types.js';
import type { Task } from './task.js';
import { lookupPath } from './task-files.js';

/** What a mount itself has of the flags of mount(2). */
const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW;
const ATIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
const PROPAGATION: readonly [number, PropagationType][] = [
  [MS_SHARED, 'shared'],
  [MS_SLAVE, 'slave'],
  [MS_PRIVATE, 'private'],
  [MS_UNBINDABLE, 'unbindable'],
];
const PROPAGATION_FLAGS = MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE;

/** CAP_SYS_ADMIN over the mounts of the task's namespace (Linux: may_mount). */
export function mayMount(task: Task): boolean {
  return capableIn(task.cred, task.nsproxy.mnt.owner!, CAP_SYS_ADMIN) && !restrictsFiles(task.cred);
}

/** The mount is in the tree of the task's namespace (Linux: check_mnt). */
export function isOwnMount(task: Task, mount: Mount): boolean {
  return mount.namespace === task.nsproxy.mnt;
}

export function isMountRoot(path: Path): boolean {
  return path.dentry === path.mount.root;
}

/** Flags of a mount for those of mount(2): relatime unless something else was said. */
function mountFlagsOf(wanted: number): number {
  const atime = (wanted & (MS_NOATIME | MS_STRICTATIME)) === 0 ? MS_RELATIME : 0;
  return (wanted & MOUNT_FLAGS & ~MS_RELATIME) | atime;
}

export interface MountRequest {
  source: ByteString;
  where: Path;
  type: ByteString;
  wanted: number;
  options: ByteString;
}

export function mountRequested(task: Task, request: MountRequest): number {
  const { where, wanted } = request;
  if ((wanted & (MS_REMOUNT | MS_BIND)) === (MS_REMOUNT | MS_BIND)) return remountBind(task, where, wanted);
  if ((wanted & MS_REMOUNT) !== 0) return remount(task, request);
  if ((wanted & MS_BIND) !== 0) return bind(task, request);
  if ((wanted & PROPAGATION_FLAGS) !== 0) return changePropagation(task, where, wanted);
  if ((wanted & MS_MOVE) !== 0) return move(task, request);
  return mountNew(task, request);
}

function sourceOf(task: Task, name: ByteString): Path | Errno {
  return name === '' ? EINVAL : lookupPath(task, AT_FDCWD, name, true);
}

function bind(task: Task, { source, where, wanted }: MountRequest): 0 | Errno {
  const from = sourceOf(task, source);
  if (isErr(from)) return from;
  const isNamespace = from.mount.fs.type === 'nsfs';
  if (isNamespace && isOlderMountNamespace(task, from)) return EINVAL;
  if (!isOwnMount(task, where.mount) || !(isOwnMount(task, from.mount) || isNamespace)) return EINVAL;
  const bound = bindMount(from, where, (wanted & MS_REC) !== 0);
  return typeof bound === 'number' ? bound : 0;
}

/** Mount namespaces may be kept by a bind mount in older ones only, so that they never keep each other (Linux: mnt_ns_loop). */
function isOlderMountNamespace(task: Task, path: Path): boolean {
  const own = task.nsproxy.mnt;
  const inode = path.dentry.inode!;
  const known = [own, ...[...task.machine.tasks.values()].map((other) => other.nsproxy.mnt)] as Namespace[];
  return known.some((namespace) => namespace.kind === 'mnt' && namespace.inode === inode && namespace.ino <= own.ino);
}

function changePropagation(task: Task, where: Path, wanted: number): 0 | Errno {
  const chosen = PROPAGATION.filter(([flag]) => (wanted & flag) !== 0);
  if ((wanted & ~(PROPAGATION_FLAGS | MS_REC | MS_SILENT)) !== 0 || chosen.length !== 1) return EINVAL;
  if (!isMountRoot(where) || !isOwnMount(task, where.mount)) return EINVAL;
  const mounts = (wanted & MS_REC) !== 0 ? mountsBeneath(where.mount) : [where.mount];
  for (const mount of mounts) setPropagation(mount, chosen[0]![1]);
  return 0;
}

function move(task: Task, { source, where }: MountRequest): 0 | Errno {
  const from = sourceOf(task, source);
  if (isErr(from)) return from;
  if (!isMountRoot(from) || !isOwnMount(task, from.mount) || !isOwnMount(task, where.mount)) return EINVAL;
  return moveMount(from.mount, where);
}

/** An instance of a type that a guest can mount; its owner is the user namespace of the caller. */
export function makeFileSystem(task: Task, type: ByteString, source: ByteString, options: ByteString): FileSystem | Errno {
  const make = fileSystemMaker(type);
  if (!make) return ENODEV;
  const fs = make(task.machine, source, options, task);
  if (typeof fs !== 'number' && fs.mountCount === 0) fs.userNs = task.cred.userNs;
  return fs;
}

function mountNew(task: Task, { source, where, type, wanted, options }: MountRequest): 0 | Errno {
  if (type === '') return EINVAL;
  if (!fileSystemMaker(type)) return ENODEV;
  if (!isOwnMount(task, where.mount)) return EINVAL;
  if (!where.dentry.inode!.isDirectory) return ENOTDIR;
  const fs = makeFileSystem(task, type, source, options);
  if (typeof fs === 'number') return fs;
  if ((wanted & MS_RDONLY) !== 0 && fs.mountCount === 0) fs.readOnly = true;
  const mounted = mountFileSystem(fs, where, mountFlagsOf(wanted), source === '' ? 'none' : source);
  return typeof mounted === 'number' ? mounted : 0;
}

/** mount -o remount,bind: the flags of this mount only. */
function remountBind(task: Task, where: Path, wanted: number): 0 | Errno {
  const { mount } = where;
  if (!isOwnMount(task, mount) || !isMountRoot(where)) return EINVAL;
  const flags = keptAtime(mount, wanted);
  if (changesLockedFlags(mount, flags)) return EPERM;
  mount.flags = flags;
  return 0;
}

/** A remount that says nothing about times keeps what the mount has. */
function keptAtime(mount: Mount, wanted: number): number {
  const flags = mountFlagsOf(wanted);
  if ((wanted & ATIME_FLAGS) !== 0) return flags;
  const times = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;
  return (flags & ~times) | (mount.flags & times);
}

function remount(task: Task, { where, wanted, options }: MountRequest): 0 | Errno {
  const { mount } = where;
  if (!isOwnMount(task, mount) || !isMountRoot(where)) return EINVAL;
  const flags = keptAtime(mount, wanted);
  if (changesLockedFlags(mount, flags) || !capableIn(task.cred, mount.fs.userNs, CAP_SYS_ADMIN)) return EPERM;
  const changed = mount.fs.remount(options);
  if (changed !== 0) return changed;
  const made = setReadOnly(mount.fs, (wanted & MS_RDONLY) !== 0);
  if (made === 0) mount.flags = flags;
  return made;
}

/** EBUSY while a file is open for writing; EROFS where nothing can be written. */
export function setReadOnly(fs: FileSystem, readOnly: boolean): 0 | Errno {
  if (!readOnly && fs.alwaysReadOnly) return EROFS;
  if (readOnly && !fs.readOnly && fs.openWriters > 0) return EBUSY;
  fs.readOnly = readOnly;
  return 0;
}

export function unmountAt(task: Task, place: Path, options: number): 0 | Errno {
  const { mount } = place;
  if (!isMountRoot(place) || !isOwnMount(task, mount) || mount.locked) return EINVAL;
  if ((options & MNT_FORCE) !== 0 && !capableIn(task.cred, mount.fs.userNs, CAP_SYS_ADMIN)) return EPERM;
  if ((options & MNT_EXPIRE) === 0) return unmount(mount, (options & MNT_DETACH) !== 0);
  if (mount === task.fs.root.mount || (options & (MNT_FORCE | MNT_DETACH)) !== 0) return EINVAL;
  if (mount.pins > 0 || mount.children.size > 0) return EBUSY;
  if (mount.expiryMark) return unmount(mount, false);
  mount.expiryMark = true;
  return EAGAIN;
}

/** pivot_root(2); roots and working directories of all tasks that were the old root become the new one. */
export function pivotRootOf(task: Task, newRoot: Path, putOld: Path): 0 | Errno {
  if (!newRoot.dentry.inode!.isDirectory || !putOld.dentry.inode!.isDirectory) return ENOTDIR;
  const oldRoot = task.fs.root;
  if (!isOwnMount(task, oldRoot.mount) || !isOwnMount(task, newRoot.mount)) return EINVAL;
  if (newRoot.dentry.deleted) return ENOENT;
  const root = pivotRoot(oldRoot, newRoot, putOld);
  if (typeof root === 'number') return root;
  for (const { fs } of task.machine.tasks.values()) {
    if (samePath(fs.root, oldRoot)) fs.root = root;
    if (samePath(fs.cwd, oldRoot)) fs.cwd = root;
  }
  return 0;
}
