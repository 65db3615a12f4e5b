/** When reading a file changes its access time (Linux: fs/inode.c atime_needs_update; mount(2), MS_RELATIME). */
import { O_NOATIME } from '../abi/fcntl.js';
import { FS_NOATIME_FL } from '../abi/fs.js';
import { MS_NOATIME, MS_NODIRATIME, MS_RDONLY, MS_RELATIME } from '../abi/mount.js';
import type { Timespec } from '../base/clock.js';
import type { OpenFile } from './open-file.js';

const DAY_S = 86400;

interface Times {
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
}

function isAfter(a: Timespec, b: Timespec): boolean {
  return a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec);
}

/** True when `file`, just read at `now`, is to have that as its access time. */
export function changesAccessTime(file: OpenFile, { atime, mtime, ctime }: Times, now: Timespec): boolean {
  const { path } = file;
  const flags = path === undefined ? MS_RELATIME : path.mount.flags;
  if ((file.flags & O_NOATIME) !== 0 || (file.inode.fileFlags & FS_NOATIME_FL) !== 0 || (flags & (MS_NOATIME | MS_RDONLY)) !== 0)
    return false;
  if ((flags & MS_NODIRATIME) !== 0 && file.inode.isDirectory) return false;
  if ((flags & MS_RELATIME) === 0) return true;
  return !isAfter(atime, mtime) || !isAfter(atime, ctime) || now.sec - atime.sec >= DAY_S;
}
