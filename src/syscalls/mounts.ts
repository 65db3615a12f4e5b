/** mount, umount2, pivot_root (Linux: fs/namespace.c; mount(2)). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/fcntl.js';
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MGC_MSK,
  MS_MGC_VAL,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
} from '../abi/mount.js';
import { mayMount, mountRequested, pivotRootOf, unmountAt } from '../kernel/mounting.js';
import { address, flags, path, PATH_MAX, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { lookupPath } from '../kernel/task-files.js';
import { topOf } from '../vfs/mount.js';
import { LOOKUP_FOLLOW, LOOKUP_NO_EXPIRE, walk } from '../vfs/path-walk.js';

/** A string that may be NULL; at most a page. */
function optionalText(task: Task, at: GuestAddr): ByteString | Errno {
  return at === 0 ? '' : task.mm.copyInString(at, PATH_MAX);
}

/** The data page of mount(2): options up to a NUL, or as far as memory goes (Linux: copy_mount_options). */
function optionText(task: Task, at: GuestAddr): ByteString | Errno {
  const text = optionalText(task, at);
  return text === EFAULT ? EFAULT : isErr(text) ? '' : text;
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
  MS_UNBINDABLE,
  MS_PRIVATE,
  MS_SLAVE,
  MS_SHARED,
  MS_RELATIME,
};

export const mount = syscall(
  'mount',
  [address, address, address, flags(NAMES), address],
  (task, sourceAt, targetAt, typeAt, given, dataAt) => {
    const type = optionalText(task, typeAt);
    if (isErr(type)) return type;
    const source = optionalText(task, sourceAt);
    if (isErr(source)) return source;
    const options = optionText(task, dataAt);
    if (isErr(options)) return options;
    const target = task.mm.copyInString(targetAt, PATH_MAX);
    if (isErr(target)) return target;
    const where = lookupPath(task, AT_FDCWD, target as ByteString, true);
    if (isErr(where)) return where;
    if (!mayMount(task)) return EPERM;
    const wanted = (given & MS_MGC_MSK) >>> 0 === MS_MGC_VAL ? given & ~MS_MGC_MSK : given;
    return mountRequested(task, {
      source: source as ByteString,
      where,
      type: type as ByteString,
      wanted,
      options: options as ByteString,
    });
  },
);

const UMOUNT_FLAGS = { MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW };

export const umount2 = syscall('umount2', [path, flags(UMOUNT_FLAGS)], (task, name, options) => {
  if ((options & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return EINVAL;
  const follow = (options & UMOUNT_NOFOLLOW) === 0 ? LOOKUP_FOLLOW : 0;
  const place = walk(task.fs, task.cred, task.fs.cwd, name, follow | LOOKUP_NO_EXPIRE);
  if (isErr(place)) return place;
  return mayMount(task) ? unmountAt(task, topOf(place), options) : EPERM;
});

export const pivotRoot = syscall('pivot_root', [path, path], (task, newName, oldName) => {
  if (!mayMount(task)) return EPERM;
  const newRoot = lookupPath(task, AT_FDCWD, newName, true);
  if (isErr(newRoot)) return newRoot;
  const putOld = lookupPath(task, AT_FDCWD, oldName, true);
  return isErr(putOld) ? putOld : pivotRootOf(task, newRoot, putOld);
});
