/** open, openat, openat2, creat, close, close_range (Linux: fs/open.c; open(2), openat2(2)). */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { isBlocking, type Blocking } from '../base/blocking.js';
import { E2BIG, EAGAIN, EFAULT, EINVAL, ENOENT } from '../abi/errno.js';
import {
  AT_FDCWD,
  O_ACCMODE,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../abi/fcntl.js';
import {
  OPEN_HOW,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../abi/openat2.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import { dirfd, fd, flags, full, mode, path, ptr, size, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { basePath, installFile, refuseDescriptor } from '../kernel/task-files.js';
import type { OpenFile } from '../vfs/open-file.js';
import { openPath } from '../vfs/open-path.js';

/** The bit that O_TMPFILE has beside O_DIRECTORY. */
const TMPFILE_BIT = 0x400000;
const VALID_FLAGS =
  O_ACCMODE |
  O_CREAT |
  O_EXCL |
  O_NOCTTY |
  O_TRUNC |
  O_APPEND |
  O_NONBLOCK |
  O_SYNC |
  O_DSYNC |
  O_ASYNC |
  O_DIRECT |
  O_LARGEFILE |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_NOATIME |
  O_CLOEXEC |
  O_PATH |
  TMPFILE_BIT;
const PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;

const OPEN_FLAGS = {
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_TRUNC,
  O_APPEND,
  O_NONBLOCK,
  O_DSYNC,
  O_ASYNC,
  O_DIRECT,
  O_LARGEFILE,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NOATIME,
  O_CLOEXEC,
  O_SYNC,
  O_PATH,
  O_TMPFILE,
};

/** Contradictions among flags (Linux: build_open_flags). */
function checkFlags(options: number): 0 | Errno {
  if ((options & (O_DIRECTORY | O_CREAT)) === (O_DIRECTORY | O_CREAT) && (options & O_PATH) === 0) return EINVAL;
  if ((options & TMPFILE_BIT) === 0 || (options & O_PATH) !== 0) return 0;
  if ((options & O_DIRECTORY) === 0 || (options & O_CREAT) !== 0) return EINVAL;
  return (options & O_ACCMODE) === O_RDONLY ? EINVAL : 0;
}

function openAt(task: Task, at: number, name: ByteString, options: number, permissions: number, resolve = 0): number | Blocking<number> {
  const wrong = checkFlags(options);
  if (wrong !== 0) return wrong;
  if (name.length === 0) return ENOENT; // before the descriptor is looked at
  if (task.files.lowestFree() >= task.group.limits.soft[RLIMIT_NOFILE]!) return refuseDescriptor(task);
  // In a root or beneath a directory of the caller's choice, the descriptor counts for an absolute path too.
  const base = basePath(task, at, (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0 ? '.' : name);
  if (isErr(base)) return base;
  const opened = openPath(task.fs, task.cred, base, name, options, permissions, resolve);
  if (typeof opened === 'number') return opened;
  if (isBlocking(opened)) return openLater(task, opened, options);
  return installFile(task, opened, (options & O_CLOEXEC) !== 0);
}

function* openLater(task: Task, opening: Blocking<OpenFile | Errno>, options: number): Blocking<number> {
  const opened = yield* opening;
  return typeof opened === 'number' ? opened : installFile(task, opened, (options & O_CLOEXEC) !== 0);
}

/** open(2) ignores unknown bits, and all but a few beside O_PATH. */
function lenient(options: number): number {
  const known = options & VALID_FLAGS;
  return (known & O_PATH) !== 0 ? known & PATH_FLAGS : known | O_LARGEFILE;
}

export const open = syscall('open', [path, flags(OPEN_FLAGS), mode], (task, name, options, permissions) =>
  openAt(task, AT_FDCWD, name, lenient(options), permissions),
);
export const openat = syscall('openat', [dirfd, path, flags(OPEN_FLAGS), mode], (task, at, name, options, permissions) =>
  openAt(task, at, name, lenient(options), permissions),
);
export const creat = syscall('creat', [path, mode], (task, name, permissions) =>
  openAt(task, AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, permissions),
);

const ALL_RESOLVE = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;

export const openat2 = syscall(
  'openat2',
  [dirfd, path, ptr(OPEN_HOW), size],
  (task, at, name, howAt, length) => {
    if (length < OPEN_HOW.size) return EINVAL;
    if (length > 4096) return E2BIG;
    const bytes = new Uint8Array(length);
    if (isErr(task.mm.copyIn(howAt, bytes))) return EFAULT;
    if (bytes.subarray(OPEN_HOW.size).some((byte) => byte !== 0)) return E2BIG;
    const how = OPEN_HOW.read(new DataView(bytes.buffer), 0);
    if (how.flags > 0xffffffff || (how.flags & ~VALID_FLAGS) !== 0 || how.resolve > 0xff || (how.resolve & ~ALL_RESOLVE) !== 0)
      return EINVAL;
    if ((how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) === (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return EINVAL;
    const creates = (how.flags & O_CREAT) !== 0 || (how.flags & TMPFILE_BIT) !== 0;
    if (creates ? how.mode > 0o7777 : how.mode !== 0) return EINVAL;
    if ((how.flags & O_PATH) !== 0 && (how.flags & ~PATH_FLAGS) !== 0) return EINVAL;
    if ((how.resolve & RESOLVE_CACHED) !== 0 && (creates || (how.flags & O_TRUNC) !== 0)) return EAGAIN;
    const large = (how.flags & O_PATH) !== 0 ? 0 : O_LARGEFILE;
    return openAt(task, at, name, how.flags | large, how.mode, how.resolve);
  },
  full,
);

export const close = syscall('close', [fd], (task, number) => task.files.close(number));

const CLOSE_RANGE_UNSHARE = 2;
const CLOSE_RANGE_CLOEXEC = 4;

export const closeRange = syscall(
  'close_range',
  [uint, uint, flags({ CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC })],
  (task, first, last, options) => {
    if ((options & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0 || first > last) return EINVAL;
    if ((options & CLOSE_RANGE_UNSHARE) !== 0 && task.files.users > 1) {
      task.files.users--;
      task.files = task.files.copy();
    }
    const end = Math.min(last + 1, task.files.capacity);
    for (let number = first; number < end; number++) {
      if (task.files.get(number) === undefined) continue;
      if ((options & CLOSE_RANGE_CLOEXEC) !== 0) task.files.setCloseOnExec(number, true);
      else task.files.close(number);
    }
    return 0;
  },
);
