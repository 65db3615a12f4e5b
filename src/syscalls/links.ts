/** link(at), symlink(at), readlink(at), unlink(at), rename(at)(2), mknod(at) (Linux: fs/namei.c). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { EFAULT, EINVAL, ENOENT } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW } from '../abi/fcntl.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT } from '../abi/fs.js';
import { CAP_DAC_READ_SEARCH } from '../abi/capability.js';
import { buffer, dirfd, flags, int, mode, partial, path, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { basePath, lookupPath } from '../kernel/task-files.js';
import { hasCapability } from '../vfs/credentials.js';
import { linkPath, mknodPath, renamePath, rmdirPath, symlinkPath, unlinkPath } from '../vfs/namei.js';
import type { Path } from '../vfs/path.js';
import { LOOKUP_EMPTY, LOOKUP_FOLLOW } from '../vfs/path-walk.js';

function linkAt(task: Task, oldAt: number, oldName: ByteString, newAt: number, newName: ByteString, options: number): 0 | Errno {
  if ((options & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return EINVAL;
  if ((options & AT_EMPTY_PATH) !== 0 && oldName === '' && !hasCapability(task.cred, CAP_DAC_READ_SEARCH)) return ENOENT;
  const oldBase = basePath(task, oldAt, oldName);
  if (isErr(oldBase)) return oldBase;
  const newBase = basePath(task, newAt, newName);
  if (isErr(newBase)) return newBase;
  const lookup = ((options & AT_SYMLINK_FOLLOW) !== 0 ? LOOKUP_FOLLOW : 0) + ((options & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
  return linkPath(task.fs, task.cred, oldBase, oldName, newBase, newName, lookup);
}

export const link = syscall('link', [path, path], (task, oldName, newName) => linkAt(task, AT_FDCWD, oldName, AT_FDCWD, newName, 0));
export const linkat = syscall('linkat', [dirfd, path, dirfd, path, flags({ AT_SYMLINK_FOLLOW, AT_EMPTY_PATH })], linkAt);

function symlinkAt(task: Task, target: ByteString, at: number, name: ByteString): 0 | Errno {
  const base = basePath(task, at, name);
  return isErr(base) ? base : symlinkPath(task.fs, task.cred, base, name, target);
}

export const symlink = syscall('symlink', [path, path], (task, target, name) => symlinkAt(task, target, AT_FDCWD, name));
export const symlinkat = syscall('symlinkat', [path, dirfd, path], symlinkAt);

function readlinkAt(task: Task, at: number, name: ByteString, out: GuestAddr, length: number): number {
  if (length <= 0) return EINVAL;
  const place = lookupPath(task, at, name, false, AT_EMPTY_PATH);
  if (isErr(place)) return place;
  const inode = place.dentry.inode!;
  if (!inode.isSymlink) return name === '' ? ENOENT : EINVAL;
  const target = inode.readlink();
  if (typeof target === 'number') return target;
  const bytes = bytesOf(target.length > length ? target.slice(0, length) : target);
  return isErr(task.mm.copyOut(out, bytes)) ? EFAULT : bytes.length;
}

export const readlink = syscall('readlink', [path, buffer('result'), int], (task, name, out, length) =>
  readlinkAt(task, AT_FDCWD, name, out, length),
);
export const readlinkat = syscall('readlinkat', [dirfd, path, buffer('result'), int], readlinkAt);

export const unlink = syscall('unlink', [path], (task, name) => unlinkPath(task.fs, task.cred, task.fs.cwd, name));
export const unlinkat = syscall('unlinkat', [dirfd, path, flags({ AT_REMOVEDIR })], (task, at, name, options) => {
  if ((options & ~AT_REMOVEDIR) !== 0) return EINVAL;
  const base = basePath(task, at, name);
  if (isErr(base)) return base;
  return (options & AT_REMOVEDIR) !== 0 ? rmdirPath(task.fs, task.cred, base, name) : unlinkPath(task.fs, task.cred, base, name);
});

function renameAt(task: Task, oldAt: number, oldName: ByteString, newAt: number, newName: ByteString, options: number): 0 | Errno {
  const oldBase = basePath(task, oldAt, oldName);
  if (isErr(oldBase)) return oldBase;
  const newBase: Path | Errno = basePath(task, newAt, newName);
  if (isErr(newBase)) return newBase;
  return renamePath(task.fs, task.cred, oldBase, oldName, newBase, newName, options);
}

export const rename = syscall('rename', [path, path], (task, oldName, newName) => renameAt(task, AT_FDCWD, oldName, AT_FDCWD, newName, 0));
export const renameat = syscall('renameat', [dirfd, path, dirfd, path], (task, oldAt, oldName, newAt, newName) =>
  renameAt(task, oldAt, oldName, newAt, newName, 0),
);
export const renameat2 = syscall(
  'renameat2',
  [dirfd, path, dirfd, path, flags({ RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT })],
  renameAt,
  partial('no RENAME_WHITEOUT'),
);

export const mknod = syscall('mknod', [path, mode, uint], (task, name, kind, device) =>
  mknodPath(task.fs, task.cred, task.fs.cwd, name, kind, device),
);
export const mknodat = syscall('mknodat', [dirfd, path, mode, uint], (task, at, name, kind, device) => {
  const base = basePath(task, at, name);
  return isErr(base) ? base : mknodPath(task.fs, task.cred, base, name, kind, device);
});
