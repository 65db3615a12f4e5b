/** stat, lstat, fstat, newfstatat, statx, access, faccessat, faccessat2, statfs, fstatfs (Linux: fs/stat.c, fs/open.c). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { EACCES, EBADF, EINVAL, EROFS } from '../abi/errno.js';
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_STATX_FORCE_SYNC,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
} from '../abi/fcntl.js';
import { R_OK, W_OK, X_OK } from '../abi/fs.js';
import { MS_NOEXEC } from '../abi/mount.js';
import { S_IFDIR, S_IFLNK, S_IFREG, STATX_ALL, STATX_MNT_ID_UNIQUE, STATX__RESERVED } from '../abi/stat.js';
import { STAT, STATFS, STATX } from '../abi/stat-struct.js';
import { dirfd, fd, flags, path, ptr, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { anyFileOf, lookupPath } from '../kernel/task-files.js';
import { realCredentials } from '../vfs/credentials.js';
import type { Inode } from '../vfs/inode.js';
import { inodePermission, wantWrite } from '../vfs/permissions.js';
import { encodeStat, encodeStatfs, encodeStatx } from '../vfs/stat.js';

function putStat(task: Task, inode: Inode, at: GuestAddr): 0 | Errno {
  const bytes = encodeStat(inode, task.cred.userNs);
  return isErr(bytes) ? bytes : task.mm.copyOut(at, bytes as Uint8Array);
}

function statPath(task: Task, at: number, name: ByteString, out: GuestAddr, options: number): 0 | Errno {
  const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
  return isErr(place) ? place : putStat(task, place.dentry.inode!, out);
}

export const stat = syscall('stat', [path, ptr(STAT, true)], (task, name, out) => statPath(task, AT_FDCWD, name, out, 0));
export const lstat = syscall('lstat', [path, ptr(STAT, true)], (task, name, out) =>
  statPath(task, AT_FDCWD, name, out, AT_SYMLINK_NOFOLLOW),
);

export const fstat = syscall('fstat', [fd, ptr(STAT, true)], (task, number, out) => {
  const file = task.files.get(number);
  return file === undefined ? EBADF : putStat(task, file.inode, out);
});

const STAT_FLAGS = { AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_EMPTY_PATH };

export const newfstatat = syscall('newfstatat', [dirfd, path, ptr(STAT, true), flags(STAT_FLAGS)], (task, at, name, out, options) => {
  if ((options & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) !== 0) return EINVAL;
  const file = name.length === 0 && (options & AT_EMPTY_PATH) !== 0 ? task.files.get(at) : undefined;
  return file ? putStat(task, file.inode, out) : statPath(task, at, name, out, options);
});

const STATX_FLAGS = { ...STAT_FLAGS, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC };

export const statx = syscall(
  'statx',
  [dirfd, path, flags(STATX_FLAGS), flags({ STATX_ALL }), ptr(STATX, true)],
  (task, at, name, options, mask, out) => {
    if (mask >= STATX__RESERVED || (options & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return EINVAL;
    if ((options & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return EINVAL;
    const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
    if (isErr(place)) return place;
    const bytes = encodeStatx(place.dentry.inode!, place, task.cred.userNs, (mask & STATX_MNT_ID_UNIQUE) !== 0);
    return isErr(bytes) ? bytes : task.mm.copyOut(out, bytes as Uint8Array);
  },
);

function accessAt(task: Task, at: number, name: ByteString, wanted: number, options: number): 0 | Errno {
  if ((wanted & ~(R_OK | W_OK | X_OK)) !== 0) return EINVAL;
  if ((options & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return EINVAL;
  const own = task.cred;
  const cred = (options & AT_EACCESS) !== 0 ? own : realCredentials(own);
  task.cred = cred;
  const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
  task.cred = own;
  if (isErr(place)) return place;
  const inode = place.dentry.inode!;
  const { type } = inode;
  if ((wanted & X_OK) !== 0 && type === S_IFREG && (place.mount.flags & MS_NOEXEC) !== 0) return EACCES;
  const denied = wanted === 0 ? 0 : inodePermission(inode, cred, wanted);
  if (denied !== 0 || (wanted & W_OK) === 0) return denied;
  const isSpecial = type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK;
  return !isSpecial && wantWrite(place.mount) !== 0 ? EROFS : 0;
}

const ACCESS_MODES = { R_OK, W_OK, X_OK };

export const access = syscall('access', [path, flags(ACCESS_MODES)], (task, name, wanted) => accessAt(task, AT_FDCWD, name, wanted, 0));
export const faccessat = syscall('faccessat', [dirfd, path, flags(ACCESS_MODES)], (task, at, name, wanted) =>
  accessAt(task, at, name, wanted, 0),
);
export const faccessat2 = syscall(
  'faccessat2',
  [dirfd, path, flags(ACCESS_MODES), flags({ AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH })],
  accessAt,
);

export const statfs = syscall('statfs', [path, ptr(STATFS, true)], (task, name, out) => {
  const place = lookupPath(task, AT_FDCWD, name, true);
  return isErr(place) ? place : task.mm.copyOut(out, encodeStatfs(place.mount.fs, place.mount));
});

export const fstatfs = syscall('fstatfs', [fd, ptr(STATFS, true)], (task, number, out) => {
  const file = anyFileOf(task, number);
  return isErr(file) ? file : task.mm.copyOut(out, encodeStatfs(file.inode.fs, file.path?.mount));
});
