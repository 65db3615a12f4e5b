/** mount, umount2, pivot_root (Linux: fs/namespace.c; mount(2)). There is one mount namespace, and every mount is private. */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { EAGAIN, EINVAL, ENODEV, ENOENT, ENOTDIR, EPERM } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/fcntl.js';
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MGC_MSK,
  MS_MGC_VAL,
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
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
} from '../abi/mount.js';
import { fileSystemMaker } from '../kernel/file-system-types.js';
import { address, flags, partial, path, PATH_MAX, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { lookupPath } from '../kernel/task-files.js';
import { hasCapability } from '../vfs/credentials.js';
import { bindMount, mountFileSystem, moveMount, pivotRoot, unmount } from '../vfs/mount.js';
import { samePath, type Path } from '../vfs/path.js';

/** What a mount itself has of the flags of mount(2). */
const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW;

/** A string that may be NULL; at most a page. */
function optionalText(task: Task, at: GuestAddr): ByteString | Errno {
  return at === 0 ? '' : task.mm.copyInString(at, PATH_MAX);
}

function ownFlags(wanted: number): number {
  const atime = (wanted & (MS_NOATIME | MS_STRICTATIME)) === 0 ? MS_RELATIME : 0;
  return (wanted & MOUNT_FLAGS) | atime;
}

interface MountRequest {
  source: ByteString;
  where: Path;
  type: ByteString;
  wanted: number;
  options: ByteString;
}

function doMount(task: Task, request: MountRequest): number {
  const { where, wanted, source, type } = request;
  if ((wanted & MS_REMOUNT) !== 0) return remount(request);
  if ((wanted & MS_BIND) !== 0) {
    const from = source === '' ? ENOENT : lookupPath(task, AT_FDCWD, source, true);
    if (isErr(from)) return from;
    const bound = bindMount(from, where, (wanted & MS_REC) !== 0);
    return typeof bound === 'number' ? bound : 0;
  }
  if ((wanted & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) !== 0) return where.dentry === where.mount.root ? 0 : EINVAL;
  if ((wanted & MS_MOVE) !== 0) {
    const from = source === '' ? ENOENT : lookupPath(task, AT_FDCWD, source, true);
    if (isErr(from)) return from;
    return from.dentry === from.mount.root ? moveMount(from.mount, where) : EINVAL;
  }
  const make = fileSystemMaker(type);
  if (!make) return type === '' ? EINVAL : ENODEV;
  if (!where.dentry.inode!.isDirectory) return ENOTDIR;
  const fs = make(task.machine, source, request.options);
  if (typeof fs === 'number') return fs;
  const mounted = mountFileSystem(fs, where, ownFlags(wanted), source === '' ? 'none' : source);
  return typeof mounted === 'number' ? mounted : 0;
}

function remount({ where, wanted, options }: MountRequest): 0 | Errno {
  const { mount } = where;
  if (where.dentry !== mount.root) return EINVAL;
  const changed = (wanted & MS_BIND) !== 0 ? 0 : mount.fs.remount(options);
  if (changed === 0) mount.flags = ownFlags(wanted);
  return changed;
}

const NAMES = {
  MS_RDONLY,
  MS_NOSUID,
  MS_NODEV,
  MS_NOEXEC,
  MS_REMOUNT,
  MS_BIND,
  MS_MOVE,
  MS_REC,
  MS_PRIVATE,
  MS_SLAVE,
  MS_SHARED,
  MS_RELATIME,
};

export const mount = syscall(
  'mount',
  [address, path, address, flags(NAMES), address],
  (task, sourceAt, target, typeAt, given, dataAt) => {
    const type = optionalText(task, typeAt);
    if (isErr(type)) return type;
    const source = optionalText(task, sourceAt);
    if (isErr(source)) return source;
    const data = optionalText(task, dataAt);
    const where = lookupPath(task, AT_FDCWD, target, true);
    if (isErr(where)) return where;
    if (!hasCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
    const wanted = (given & MS_MGC_MSK) >>> 0 === MS_MGC_VAL ? given & ~MS_MGC_MSK : given;
    const options = isErr(data) ? '' : (data as ByteString);
    return doMount(task, { source: source as ByteString, where, type: type as ByteString, wanted, options });
  },
  partial('propagation (every mount is private), mount namespaces'),
);

export const umount2 = syscall('umount2', [path, flags({ MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW })], (task, name, options) => {
  if ((options & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return EINVAL;
  if (!hasCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
  const place = lookupPath(task, AT_FDCWD, name, (options & UMOUNT_NOFOLLOW) === 0);
  if (isErr(place)) return place;
  if (place.dentry !== place.mount.root) return EINVAL;
  if ((options & MNT_EXPIRE) !== 0) return (options & (MNT_FORCE | MNT_DETACH)) !== 0 ? EINVAL : EAGAIN;
  return unmount(place.mount, (options & MNT_DETACH) !== 0);
});

export const pivotRootCall = syscall('pivot_root', [path, path], (task, newName, oldName) => {
  if (!hasCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
  const newRoot = lookupPath(task, AT_FDCWD, newName, true);
  if (isErr(newRoot)) return newRoot;
  const putOld = lookupPath(task, AT_FDCWD, oldName, true);
  if (isErr(putOld)) return putOld;
  if (!newRoot.dentry.inode!.isDirectory || !putOld.dentry.inode!.isDirectory) return ENOTDIR;
  const oldRoot = task.fs.root;
  const root = pivotRoot(oldRoot, newRoot, putOld);
  if (typeof root === 'number') return root;
  for (const other of task.machine.tasks.values()) {
    if (samePath(other.fs.root, oldRoot)) other.fs.root = root;
    if (samePath(other.fs.cwd, oldRoot)) other.fs.cwd = root;
  }
  return 0;
});
