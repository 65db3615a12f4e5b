/** getdents, getdents64, mkdir(at), rmdir, getcwd, chdir, fchdir, chroot (Linux: fs/readdir.c, fs/namei.c, fs/open.c). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { CAP_SYS_CHROOT } from '../abi/capability.js';
import { EBADF, EFAULT, ENOENT, ENOTDIR, EPERM, ERANGE } from '../abi/errno.js';
import { address, buffer, dirfd, fd, mode, path, size, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { anyFileOf, basePath, fileOf } from '../kernel/task-files.js';
import { hasOwnCapability } from '../vfs/credentials.js';
import { entryBytes, readEntries } from '../vfs/directory-buffer.js';
import { mkdirPath, rmdirPath } from '../vfs/namei.js';
import { pathString, pathWithin } from '../vfs/path.js';
import { LOOKUP_DIRECTORY, LOOKUP_FOLLOW, walk } from '../vfs/path-walk.js';
import { inodePermission, MAY_EXEC } from '../vfs/permissions.js';

function listEntries(task: Task, number: number, at: GuestAddr, count: number, wide: boolean): number {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!file.readable) return EBADF;
  const before = file.position;
  const used = readEntries(file, count, wide);
  if (used <= 0) return used;
  if (!isErr(task.mm.copyOut(at, entryBytes, 0, used))) return used;
  file.position = before;
  return EFAULT;
}

export const getdents = syscall('getdents', [fd, address, uint], (task, number, at, count) => listEntries(task, number, at, count, false));
export const getdents64 = syscall('getdents64', [fd, buffer('result'), uint], (task, number, at, count) =>
  listEntries(task, number, at, count, true),
);

export const mkdir = syscall('mkdir', [path, mode], (task, name, permissions) =>
  mkdirPath(task.fs, task.cred, task.fs.cwd, name, permissions),
);
export const mkdirat = syscall('mkdirat', [dirfd, path, mode], (task, at, name, permissions) => {
  const base = basePath(task, at, name);
  return isErr(base) ? base : mkdirPath(task.fs, task.cred, base, name, permissions);
});
export const rmdir = syscall('rmdir', [path], (task, name) => rmdirPath(task.fs, task.cred, task.fs.cwd, name));

export const getcwd = syscall('getcwd', [buffer('result'), size], (task, at, length) => {
  const { cwd, root } = task.fs;
  if (cwd.dentry.deleted) return ENOENT;
  const text = pathWithin(cwd, root) ?? '(unreachable)' + pathString(cwd, root);
  if (text.length + 1 > length) return ERANGE;
  return isErr(task.mm.copyOut(at, bytesOf(text, 1))) ? EFAULT : text.length + 1;
});

export const chdir = syscall('chdir', [path], (task, name) => {
  const place = walk(task.fs, task.cred, task.fs.cwd, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
  if (isErr(place)) return place;
  const denied = inodePermission(place.dentry.inode!, task.cred, MAY_EXEC);
  if (denied !== 0) return denied;
  task.fs.cwd = place;
  return 0;
});

export const fchdir = syscall('fchdir', [fd], (task, number): 0 | Errno => {
  const file = anyFileOf(task, number);
  if (isErr(file)) return file;
  if (!file.inode.isDirectory || !file.path) return ENOTDIR;
  const denied = inodePermission(file.inode, task.cred, MAY_EXEC);
  if (denied !== 0) return denied;
  task.fs.cwd = file.path;
  return 0;
});

export const chroot = syscall('chroot', [path], (task, name) => {
  const place = walk(task.fs, task.cred, task.fs.cwd, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
  if (isErr(place)) return place;
  const denied = inodePermission(place.dentry.inode!, task.cred, MAY_EXEC);
  if (denied !== 0) return denied;
  if (!hasOwnCapability(task.cred, CAP_SYS_CHROOT)) return EPERM;
  task.fs.root = place;
  return 0;
});
