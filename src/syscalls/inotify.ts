/** inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch (Linux: fs/notify/inotify/inotify_user.c). */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, EMFILE, ENOTDIR } from '../abi/errno.js';
import { AT_FDCWD, O_NONBLOCK, O_RDONLY } from '../abi/fcntl.js';
import * as abi from '../abi/inotify.js';
import { IN_ALL_EVENTS, IN_CLOEXEC, IN_DONT_FOLLOW, IN_MASK_ADD, IN_MASK_CREATE, IN_NONBLOCK, IN_ONLYDIR } from '../abi/inotify.js';
import { InotifyFile } from '../fs/inotify.js';
import { fd, flags, int, path, syscall } from '../kernel/syscall.js';
import { fileOf, installFile, lookupPath } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';
import { inodePermission, MAY_READ } from '../vfs/permissions.js';

function init(task: Task, options: number): number | Errno {
  if ((options & ~(IN_CLOEXEC | IN_NONBLOCK)) !== 0) return EINVAL;
  const { sysctl, inotifyInstances } = task.machine;
  const { uid } = task.cred;
  const count = inotifyInstances.get(uid) ?? 0;
  if (count >= sysctl.inotifyMaxUserInstances) return EMFILE;
  inotifyInstances.set(uid, count + 1);
  const release = (): void => void inotifyInstances.set(uid, inotifyInstances.get(uid)! - 1);
  const file = new InotifyFile(anonInode('anon_inode:inotify'), O_RDONLY | (options & O_NONBLOCK), sysctl, release);
  return installFile(task, file, (options & IN_CLOEXEC) !== 0);
}

export const inotifyInit = syscall('inotify_init', [], (task) => init(task, 0));
export const inotifyInit1 = syscall('inotify_init1', [flags({ IN_CLOEXEC, IN_NONBLOCK })], init);

function inotifyOf(task: Task, number: number): InotifyFile | Errno {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  return file instanceof InotifyFile ? file : EINVAL;
}

export const inotifyAddWatch = syscall('inotify_add_watch', [fd, path, flags({ ...abi })], (task, number, name, mask) => {
  if ((mask & IN_ALL_EVENTS) === 0) return EINVAL;
  const file = inotifyOf(task, number);
  if (isErr(file)) return file;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return EINVAL;
  const place = lookupPath(task, AT_FDCWD, name, (mask & IN_DONT_FOLLOW) === 0);
  if (isErr(place)) return place;
  const inode = place.dentry.inode!;
  if ((mask & IN_ONLYDIR) !== 0 && !inode.isDirectory) return ENOTDIR;
  const denied = inodePermission(inode, task.cred, MAY_READ);
  return denied !== 0 ? denied : file.add(inode, mask);
});

export const inotifyRmWatch = syscall('inotify_rm_watch', [fd, int], (task, number, wd) => {
  const file = inotifyOf(task, number);
  return isErr(file) ? file : file.remove(wd);
});
