/** chmod, chown, utime and truncate families, umask (Linux: fs/open.c, fs/utimes.c). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { i64, struct } from '../base/struct.js';
import { EFAULT, EFBIG, EINVAL } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.js';
import { RLIMIT_FSIZE } from '../abi/resource.js';
import { TIMESPEC, TIMEVAL } from '../abi/time-struct.js';
import { address, dirfd, fd, flags, int, long, mode, path, ptr, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { anyFileOf, fileOf, lookupPath } from '../kernel/task-files.js';
import { raiseForWrite } from '../kernel/task-io.js';
import { changeMode, changeOwner, changeTimes, truncateFile, truncatePath } from '../vfs/attributes.js';
import { toKernelGid, toKernelUid } from '../vfs/user-namespace.js';
import type { Blocking } from '../base/blocking.js';
import { O_WRONLY } from '../abi/fcntl.js';
import { breakLeases } from '../vfs/leases.js';
import { placeOf, type Path } from '../vfs/path.js';

const PATH_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

function chmodAt(task: Task, at: number, name: ByteString, permissions: number, options: number): 0 | Errno {
  if ((options & ~PATH_FLAGS) !== 0) return EINVAL;
  const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
  return isErr(place) ? place : changeMode(place, task.cred, permissions);
}

export const chmod = syscall('chmod', [path, mode], (task, name, permissions) => chmodAt(task, AT_FDCWD, name, permissions, 0));
export const fchmodat = syscall('fchmodat', [dirfd, path, mode], (task, at, name, permissions) => chmodAt(task, at, name, permissions, 0));
export const fchmodat2 = syscall('fchmodat2', [dirfd, path, mode, flags({ AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH })], chmodAt);
export const fchmod = syscall('fchmod', [fd, mode], (task, number, permissions) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : changeMode(placeOf(file), task.cred, permissions);
});

function chownAt(task: Task, at: number, name: ByteString, uid: number, gid: number, options: number): 0 | Errno {
  if ((options & ~PATH_FLAGS) !== 0) return EINVAL;
  const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
  return isErr(place) ? place : giveTo(task, place, uid, gid);
}

/** uid_t is unsigned; (uid_t) -1 leaves the owner. */
function giveTo(task: Task, place: Path, uid: number, gid: number): 0 | Errno {
  const { userNs } = task.cred;
  const owner = uid === -1 ? -1 : toKernelUid(userNs, uid >>> 0);
  const group = gid === -1 ? -1 : toKernelGid(userNs, gid >>> 0);
  if ((uid !== -1 && owner < 0) || (gid !== -1 && group < 0)) return EINVAL;
  return changeOwner(place, task.cred, owner, group);
}

export const chown = syscall('chown', [path, int, int], (task, name, uid, gid) => chownAt(task, AT_FDCWD, name, uid, gid, 0));
export const lchown = syscall('lchown', [path, int, int], (task, name, uid, gid) =>
  chownAt(task, AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW),
);
export const fchownat = syscall('fchownat', [dirfd, path, int, int, flags({ AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH })], chownAt);
export const fchown = syscall('fchown', [fd, int, int], (task, number, uid, gid) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : giveTo(task, placeOf(file), uid, gid);
});

const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;
const BILLION = 1_000_000_000;
const MILLION = 1_000_000;

/** Times to set: undefined leaves one. `now`: both are the present. */
interface NewTimes {
  atime: Timespec | undefined;
  mtime: Timespec | undefined;
  now: boolean;
  /** A time that is none: EINVAL, once the file is found. */
  invalid?: boolean;
}

function presentTimes(task: Task): NewTimes {
  const time = task.machine.clock.realtime({ sec: 0, nsec: 0 });
  return { atime: time, mtime: time, now: true };
}

function readTimespecs(task: Task, at: GuestAddr): NewTimes | Errno {
  if (at === 0) return presentTimes(task);
  const bytes = new Uint8Array(32);
  if (isErr(task.mm.copyIn(at, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  const atime = TIMESPEC.read(view, 0);
  const mtime = TIMESPEC.read(view, 16);
  const valid = (nsec: number): boolean => nsec === UTIME_NOW || nsec === UTIME_OMIT || (nsec >= 0 && nsec < BILLION);
  if (!valid(atime.nsec) || !valid(mtime.nsec)) return { atime, mtime, now: false, invalid: true };
  if (atime.nsec === UTIME_NOW && mtime.nsec === UTIME_NOW) return presentTimes(task);
  const present = presentTimes(task);
  return {
    atime: atime.nsec === UTIME_OMIT ? undefined : atime.nsec === UTIME_NOW ? present.atime : atime,
    mtime: mtime.nsec === UTIME_OMIT ? undefined : mtime.nsec === UTIME_NOW ? present.mtime : mtime,
    now: false,
  };
}

function readTimevals(task: Task, at: GuestAddr): NewTimes | Errno {
  if (at === 0) return presentTimes(task);
  const bytes = new Uint8Array(32);
  if (isErr(task.mm.copyIn(at, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  const atime = TIMEVAL.read(view, 0);
  const mtime = TIMEVAL.read(view, 16);
  if (atime.usec < 0 || atime.usec >= MILLION || mtime.usec < 0 || mtime.usec >= MILLION) return EINVAL;
  return { atime: { sec: atime.sec, nsec: atime.usec * 1000 }, mtime: { sec: mtime.sec, nsec: mtime.usec * 1000 }, now: false };
}

/** `nameAt` 0: the descriptor itself. */
function setTimes(task: Task, at: number, nameAt: GuestAddr, times: NewTimes | Errno, options: number): number {
  if (isErr(times)) return times;
  if (times.atime === undefined && times.mtime === undefined) return 0;
  if ((options & ~PATH_FLAGS) !== 0) return EINVAL;
  const place = nameAt === 0 && at !== AT_FDCWD ? placeOfDescriptor(task, at, options) : namedPlace(task, at, nameAt, options);
  if (isErr(place)) return place;
  return times.invalid ? EINVAL : changeTimes(place, task.cred, times.atime, times.mtime, times.now);
}

function placeOfDescriptor(task: Task, number: number, options: number): Path | Errno {
  if (options !== 0) return EINVAL;
  const file = anyFileOf(task, number);
  return isErr(file) ? file : placeOf(file);
}

function namedPlace(task: Task, at: number, nameAt: GuestAddr, options: number): Path | Errno {
  const name = task.mm.copyInString(nameAt, 4096);
  return isErr(name) ? name : lookupPath(task, at, name as ByteString, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
}

export const utimensat = syscall(
  'utimensat',
  [dirfd, address, address, flags({ AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH })],
  (task, at, name, times, options) => setTimes(task, at, name, readTimespecs(task, times), options),
);
export const futimesat = syscall('futimesat', [dirfd, address, address], (task, at, name, times) =>
  setTimes(task, at, name, readTimevals(task, times), 0),
);
export const utimes = syscall('utimes', [address, address], (task, name, times) =>
  setTimes(task, AT_FDCWD, name, readTimevals(task, times), 0),
);

const UTIMBUF = struct('utimbuf', { actime: i64, modtime: i64 }, 16);

export const utime = syscall('utime', [path, ptr(UTIMBUF)], (task, name, at) => {
  let times: NewTimes = presentTimes(task);
  if (at !== 0) {
    const given = task.mm.readStruct(at, UTIMBUF);
    if (typeof given === 'number') return given;
    times = { atime: { sec: given.actime, nsec: 0 }, mtime: { sec: given.modtime, nsec: 0 }, now: false };
  }
  const place = lookupPath(task, AT_FDCWD, name, true);
  return isErr(place) ? place : changeTimes(place, task.cred, times.atime, times.mtime, times.now);
});

/** SIGXFSZ goes with the EFBIG of RLIMIT_FSIZE, not with that of a file system whose files cannot be as long. */
function withSignal(task: Task, result: number, length: number): number {
  if (result === EFBIG && length > task.group.limits.soft[RLIMIT_FSIZE]!) raiseForWrite(task, result);
  return result;
}

function truncateAt(task: Task, place: Path, length: number): number {
  return withSignal(task, truncatePath(place, task.cred, length, task.group.limits.soft[RLIMIT_FSIZE]!), length);
}

function* truncateAfterLeases(task: Task, place: Path, length: number): Blocking<number> {
  const broken = yield* breakLeases(place.dentry.inode!, O_WRONLY, false);
  return broken !== 0 ? broken : truncateAt(task, place, length);
}

export const truncate = syscall('truncate', [path, long], (task, name, length) => {
  if (length < 0) return EINVAL;
  const place = lookupPath(task, AT_FDCWD, name, true);
  if (isErr(place)) return place;
  if (place.dentry.inode!.leases !== undefined) return truncateAfterLeases(task, place, length);
  return truncateAt(task, place, length);
});
export const ftruncate = syscall('ftruncate', [fd, long], (task, number, length) => {
  if (length < 0) return EINVAL;
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  return withSignal(task, truncateFile(file, task.cred, length, task.group.limits.soft[RLIMIT_FSIZE]!), length);
});

export const umask = syscall('umask', [mode], (task, mask) => {
  const old = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return old;
});
