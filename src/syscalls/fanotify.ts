/** fanotify_init, fanotify_mark (Linux: fs/notify/fanotify/fanotify_user.c). */
import { isErr, type Errno } from '../base/brands.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { EBADF, EINVAL, EISDIR, EMFILE, ENOTDIR, EPERM } from '../abi/errno.js';
import { O_ACCMODE, O_APPEND, O_CLOEXEC, O_DSYNC, O_LARGEFILE, O_NOATIME, O_NONBLOCK, O_RDWR, O_SYNC } from '../abi/fcntl.js';
import * as abi from '../abi/fanotify.js';
import { IN_ACCESS, IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MODIFY, IN_OPEN } from '../abi/inotify.js';
import { FanotifyGroup } from '../fs/fanotify/group.js';
import type { MarkedObject } from '../fs/fanotify/mark.js';
import { address, dirfd, fd, flags, partial, PATH_MAX, syscall, uint, ulong } from '../kernel/syscall.js';
import { fileOf, installFile, lookupPath } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';
import { hasCapability } from '../vfs/credentials.js';
import { Inode } from '../vfs/inode.js';
import { Mount } from '../vfs/mount.js';
import type { Path } from '../vfs/path.js';
import { placeOf } from '../vfs/path.js';
import { inodePermission, MAY_READ } from '../vfs/permissions.js';

const HANDLES = abi.FAN_REPORT_FID | abi.FAN_REPORT_DIR_FID | abi.FAN_REPORT_NAME;
const CLASSES = abi.FAN_CLASS_CONTENT | abi.FAN_CLASS_PRE_CONTENT;
const FOR_ADMINISTRATORS = CLASSES | abi.FAN_REPORT_TID | abi.FAN_UNLIMITED_QUEUE | abi.FAN_UNLIMITED_MARKS;
const INIT_FLAGS = FOR_ADMINISTRATORS | HANDLES | abi.FAN_CLOEXEC | abi.FAN_NONBLOCK;
const EVENT_FILE_FLAGS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME;
const MAX_GROUPS = 128;
const KINDS = abi.FAN_MARK_MOUNT | abi.FAN_MARK_FILESYSTEM;
const COMMANDS = abi.FAN_MARK_ADD | abi.FAN_MARK_REMOVE | abi.FAN_MARK_FLUSH;
const MARK_FLAGS = 0x7ff;
/** Events that come with a descriptor; those of names and inodes need handles. */
const FILE_EVENTS = IN_ACCESS | IN_MODIFY | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE | IN_OPEN;
const ALL_EVENTS = FILE_EVENTS | 0xfff;
const EVENT_FLAGS = abi.FAN_ONDIR | abi.FAN_EVENT_ON_CHILD;
const DIRECTORY_ONLY = 0x3c0 | IN_CREATE | IN_DELETE | EVENT_FLAGS;

function checkInit(task: Task, options: number, eventFlags: number): 0 | Errno {
  if (!hasCapability(task.cred, CAP_SYS_ADMIN) && ((options & FOR_ADMINISTRATORS) !== 0 || (options & HANDLES) === 0)) return EPERM;
  if ((options & ~INIT_FLAGS) !== 0 || (eventFlags & ~EVENT_FILE_FLAGS) !== 0) return EINVAL;
  if ((eventFlags & O_ACCMODE) === O_ACCMODE || (options & CLASSES) === CLASSES) return EINVAL;
  if ((options & HANDLES) !== 0 && (options & CLASSES) !== 0) return EINVAL;
  return (options & abi.FAN_REPORT_NAME) !== 0 && (options & abi.FAN_REPORT_DIR_FID) === 0 ? EINVAL : 0;
}

export const fanotifyInit = syscall(
  'fanotify_init',
  [flags({ ...abi }), uint],
  (task, options, eventFlags) => {
    const checked = checkInit(task, options, eventFlags);
    if (checked !== 0) return checked;
    const { fanotifyInstances } = task.machine;
    const { uid } = task.cred;
    const count = fanotifyInstances.get(uid) ?? 0;
    if (count >= MAX_GROUPS) return EMFILE;
    fanotifyInstances.set(uid, count + 1);
    const release = (): void => void fanotifyInstances.set(uid, fanotifyInstances.get(uid)! - 1);
    const isPrivileged = hasCapability(task.cred, CAP_SYS_ADMIN);
    const fileFlags = O_RDWR | ((options & abi.FAN_NONBLOCK) !== 0 ? O_NONBLOCK : 0);
    const group = new FanotifyGroup(
      anonInode('anon_inode:[fanotify]'),
      fileFlags,
      task.machine,
      options,
      eventFlags,
      isPrivileged,
      release,
    );
    return installFile(task, group, (options & abi.FAN_CLOEXEC) !== 0);
  },
  partial('no permission events, FAN_OPEN_EXEC, FAN_RENAME, FAN_FS_ERROR, pidfds, target handles'),
);

/** What the arguments alone forbid. `mask`: all 64 bits, as a number. */
function checkMark(options: number, mask: number): 0 | Errno {
  const command = options & COMMANDS;
  if (mask > 0xffffffff || (options & ~MARK_FLAGS) !== 0 || (options & KINDS) === KINDS) return EINVAL;
  if (command === abi.FAN_MARK_FLUSH) return (options & ~(KINDS | abi.FAN_MARK_FLUSH)) !== 0 ? EINVAL : 0;
  if (command !== abi.FAN_MARK_ADD && command !== abi.FAN_MARK_REMOVE) return EINVAL;
  if (mask === 0 || (mask & ~(ALL_EVENTS | EVENT_FLAGS)) !== 0) return EINVAL;
  const ignores = options & (abi.FAN_MARK_IGNORED_MASK | abi.FAN_MARK_IGNORE);
  return ignores === (abi.FAN_MARK_IGNORED_MASK | abi.FAN_MARK_IGNORE) ? EINVAL : 0;
}

/** What the group cannot tell. */
function checkForGroup(task: Task, group: FanotifyGroup, options: number, mask: number): 0 | Errno {
  if ((options & KINDS) !== 0 && !hasCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
  if ((options & abi.FAN_MARK_EVICTABLE) !== 0 && (options & KINDS) !== 0) return EINVAL;
  const needsHandles = (mask & ~(FILE_EVENTS | EVENT_FLAGS)) !== 0;
  return needsHandles && (!group.reportsHandles || (options & abi.FAN_MARK_MOUNT) !== 0) ? EINVAL : 0;
}

function findPlace(task: Task, options: number, at: number, nameAt: number): Path | Errno {
  let place: Path | Errno;
  if (nameAt === 0) {
    const file = fileOf(task, at);
    if (isErr(file)) return EBADF;
    place = placeOf(file);
  } else {
    const name = task.mm.copyInString(nameAt, PATH_MAX);
    if (typeof name === 'number') return name;
    place = lookupPath(task, at, name, (options & abi.FAN_MARK_DONT_FOLLOW) === 0);
    if (isErr(place)) return place;
  }
  const inode = place.dentry.inode!;
  if ((options & abi.FAN_MARK_ONLYDIR) !== 0 && !inode.isDirectory) return ENOTDIR;
  const denied = inodePermission(inode, task.cred, MAY_READ);
  return denied !== 0 ? denied : place;
}

function checkPlace(options: number, mask: number, place: Path): 0 | Errno {
  const inode = place.dentry.inode!;
  const isInodeMark = (options & KINDS) === 0;
  if (!isInodeMark && place.mount.isInternal) return EINVAL;
  if ((options & abi.FAN_MARK_IGNORE) === 0) return 0;
  if (isInodeMark && !inode.isDirectory && (mask & DIRECTORY_ONLY) !== 0) return ENOTDIR;
  if ((options & abi.FAN_MARK_IGNORED_SURV_MODIFY) !== 0) return 0;
  if (!isInodeMark) return EINVAL;
  return inode.isDirectory ? EISDIR : 0;
}

function objectOf(options: number, { mount, dentry }: Path): MarkedObject {
  if ((options & abi.FAN_MARK_MOUNT) !== 0) return mount;
  return (options & abi.FAN_MARK_FILESYSTEM) !== 0 ? mount.fs : dentry.inode!;
}

function isKind(options: number): (object: MarkedObject) => boolean {
  if ((options & abi.FAN_MARK_MOUNT) !== 0) return (object) => object instanceof Mount;
  if ((options & abi.FAN_MARK_FILESYSTEM) !== 0) return (object) => !(object instanceof Mount) && !(object instanceof Inode);
  return (object) => object instanceof Inode;
}

export const fanotifyMark = syscall(
  'fanotify_mark',
  [fd, flags({ ...abi }), ulong, dirfd, address],
  (task, number, options, mask, at, nameAt) => {
    const checked = checkMark(options, mask);
    if (checked !== 0) return checked;
    const group = fileOf(task, number);
    if (isErr(group)) return group;
    if (!(group instanceof FanotifyGroup)) return EINVAL;
    const allowed = checkForGroup(task, group, options, mask);
    if (allowed !== 0) return allowed;
    if ((options & abi.FAN_MARK_FLUSH) !== 0) {
      group.flushMarks(isKind(options));
      return 0;
    }
    const place = findPlace(task, options, at, nameAt);
    if (isErr(place)) return place;
    const problem = (options & abi.FAN_MARK_ADD) !== 0 ? checkPlace(options, mask, place) : 0;
    if (problem !== 0) return problem;
    // In an ignore mask of the old kind the flags mean nothing.
    const events = (options & abi.FAN_MARK_IGNORED_MASK) !== 0 ? mask & ~EVENT_FLAGS : mask;
    const object = objectOf(options, place);
    return (options & abi.FAN_MARK_ADD) !== 0 ? group.add(object, events, options) : group.remove(object, events, options);
  },
);
