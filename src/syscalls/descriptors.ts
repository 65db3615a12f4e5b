/** dup, dup2, dup3, fcntl, ioctl (Linux: fs/file.c, fs/fcntl.c, fs/ioctl.c). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EACCES, EBADF, EFAULT, EINVAL, EISDIR, EOPNOTSUPP, EPERM, EXDEV } from '../abi/errno.js';
import * as fcntlAbi from '../abi/fcntl.js';
import {
  FD_CLOEXEC,
  F_ADD_SEALS,
  F_CREATED_QUERY,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETLEASE,
  F_GETLK,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_GET_SEALS,
  F_NOTIFY,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_SETFD,
  F_SETFL,
  F_SETLEASE,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  O_APPEND,
  O_ASYNC,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
} from '../abi/fcntl.js';
import { LANDLOCK_ACCESS_FS_IOCTL_DEV } from '../abi/landlock.js';
import {
  FICLONE,
  FICLONERANGE,
  FIOASYNC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  FIONREAD,
  FIOQSIZE,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
} from '../abi/ioctls.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import { S_IFREG } from '../abi/stat.js';
import { CAP_SYS_RESOURCE } from '../abi/capability.js';
import { fd, flags, oneOf, partial, syscall, uint, ulong } from '../kernel/syscall.js';
import { notifyDirectory } from '../kernel/dnotify.js';
import { ownerControl, updateAsync } from '../kernel/file-owner.js';
import { lockControl } from '../kernel/task-locks.js';
import type { Task } from '../kernel/task.js';
import { anyFileOf, fileOf, installFile } from '../kernel/task-files.js';
import { hasCapability } from '../vfs/credentials.js';
import { RDX } from '../platform/registers.js';
import type { OpenFile } from '../vfs/open-file.js';
import { isAppendOnly, setFileFlags } from '../vfs/inode-flags.js';
import type { Path } from '../vfs/path.js';
import { controlLease } from '../kernel/file-leases.js';
import { leaseType } from '../vfs/leases.js';
import { ownerOrCapable } from '../vfs/permissions.js';

function limitOf(task: Task): number {
  return task.group.limits.soft[RLIMIT_NOFILE]!;
}

function duplicate(task: Task, file: OpenFile, cloexec: boolean, from: number): number | Errno {
  file.references++;
  return installFile(task, file, cloexec, from);
}

export const dup = syscall('dup', [fd], (task, number) => {
  const file = anyFileOf(task, number);
  return isErr(file) ? file : duplicate(task, file, false, 0);
});

function duplicateTo(task: Task, file: OpenFile, to: number, cloexec: boolean): number | Errno {
  if (to < 0 || to >= limitOf(task)) return EBADF;
  file.references++;
  task.files.replace(to, file, cloexec);
  return to;
}

export const dup2 = syscall('dup2', [fd, fd], (task, from, to) => {
  const file = anyFileOf(task, from);
  if (isErr(file)) return file;
  return from === to ? to : duplicateTo(task, file, to, false);
});

export const dup3 = syscall('dup3', [fd, fd, flags({ O_CLOEXEC })], (task, from, to, options) => {
  if ((options & ~O_CLOEXEC) !== 0 || from === to) return EINVAL;
  const file = anyFileOf(task, from);
  return isErr(file) ? file : duplicateTo(task, file, to, (options & O_CLOEXEC) !== 0);
});

/** The third argument as the int that it is for some commands: a negative one has bits that a large number cannot hold. */
function intArgument(task: Task): number {
  return task.thread.regs.i32of(RDX);
}

const COMMANDS = Object.fromEntries(Object.entries(fcntlAbi).filter(([name]) => /^F_(GET|SET|DUP|OFD|ADD|NOTIFY)/.test(name)));
const SETTABLE = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;

export const fcntl = syscall(
  'fcntl',
  [fd, oneOf(COMMANDS), ulong],
  (task, number, command, argument) => {
    const file = anyFileOf(task, number);
    if (isErr(file)) return file;
    switch (command) {
      case F_DUPFD:
      case F_DUPFD_CLOEXEC: {
        const from = intArgument(task);
        if (from < 0 || from >= limitOf(task)) return EINVAL;
        return duplicate(task, file, command === F_DUPFD_CLOEXEC, from);
      }
      case F_GETFD:
        return task.files.isCloseOnExec(number) ? FD_CLOEXEC : 0;
      case F_SETFD:
        task.files.setCloseOnExec(number, argument % 2 === FD_CLOEXEC);
        return 0;
      case F_GETFL:
        return file.flags;
      default:
        return (file.flags & O_PATH) !== 0 ? EBADF : control(task, number, file, command, argument);
    }
  },
  partial('no leases'),
);

/** The commands that an O_PATH descriptor does not take. */
function control(task: Task, number: number, file: OpenFile, command: number, argument: number): number | Blocking<number> {
  switch (command) {
    case F_SETFL:
      return setStatusFlags(task, number, file, intArgument(task));
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return lockControl(task, number, file, command, argument);
    case F_GETOWN:
    case F_SETOWN:
    case F_GETOWN_EX:
    case F_SETOWN_EX:
    case F_GETSIG:
    case F_SETSIG:
      return ownerControl(task, file, command, command === F_SETOWN ? intArgument(task) : argument);
    case F_CREATED_QUERY:
      return file.created ? 1 : 0;
    case F_GETLEASE:
      return leaseType(file);
    case F_SETLEASE:
      return controlLease(task, file, number, intArgument(task));
    case F_NOTIFY:
      return notifyDirectory(task, file, number, intArgument(task));
    case F_SETPIPE_SZ:
      if (argument > 2 ** 31) return EINVAL;
      if (argument > task.machine.sysctl.pipeMaxSize && !hasCapability(task.cred, CAP_SYS_RESOURCE)) return EPERM;
      return file.fileControl(command, argument);
    case F_ADD_SEALS:
    case F_GET_SEALS:
    case F_GETPIPE_SZ:
      return file.fileControl(command, argument);
    default:
      return EINVAL;
  }
}

function setStatusFlags(task: Task, number: number, file: OpenFile, wanted: number): 0 | Errno {
  if ((wanted & O_NOATIME) !== 0 && (file.flags & O_NOATIME) === 0 && !ownerOrCapable(file.inode, task.cred)) return EPERM;
  if (((wanted ^ file.flags) & O_APPEND) !== 0 && isAppendOnly(file.inode)) return EPERM;
  file.flags = (file.flags & ~SETTABLE) | (wanted & SETTABLE);
  updateAsync(task.machine, file, number);
  file.onFlagsChanged();
  return 0;
}

/** An argument too large to be exact as a number is no address, but its lower half may be an integer: kept, with an impossible rest. */
function exactArgument(task: Task, argument: number): number {
  return argument <= Number.MAX_SAFE_INTEGER ? argument : 0x1f_ffff * 2 ** 32 + task.thread.regs.u32of(RDX);
}

export const ioctl = syscall('ioctl', [fd, uint, ulong], (task, number, request, given) => {
  const argument = exactArgument(task, given);
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  switch (request) {
    case FIOCLEX:
    case FIONCLEX:
      task.files.setCloseOnExec(number, request === FIOCLEX);
      return 0;
    case FIONBIO:
    case FIOASYNC:
      return setFlagByPointer(task, number, file, request === FIONBIO ? O_NONBLOCK : O_ASYNC, argument);
    case FIONREAD:
      if (file.inode.type !== S_IFREG) break;
      return task.mm.writeU32(argument, Math.max(0, file.inode.size - file.position) >>> 0);
    case FICLONE:
    case FICLONERANGE:
      return cloneRange(task, file, request, argument);
    case FIOQSIZE:
      if (file.inode.type !== S_IFREG && !file.inode.isDirectory) break;
      return task.mm.writeU64(argument, file.inode.size);
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
      if (!file.inode.keepsFlags || !file.path) break;
      return fileFlags(task, file.path, request, argument);
    default:
      break;
  }
  if ((file.landlockDenied & LANDLOCK_ACCESS_FS_IOCTL_DEV) !== 0) return EACCES;
  return file.ioctl(task, request, argument);
});

/** The request's type says long; an int is what is meant. */
function fileFlags(task: Task, path: Path, request: number, argument: number): 0 | Errno {
  if (request === FS_IOC_GETFLAGS) return task.mm.writeU32(argument, path.dentry.inode!.fileFlags);
  const wanted = task.mm.readU32(argument);
  return isErr(wanted) ? wanted : setFileFlags(path, task.cred, wanted);
}

/** Sharing blocks between files: no file system here can, and what comes before that answer is as in Linux (vfs_clone_file_range). */
function cloneRange(task: Task, target: OpenFile, request: number, argument: number): Errno {
  let number = intArgument(task);
  if (request === FICLONERANGE) {
    const given = task.mm.readU32(argument);
    if (isErr(given)) return EFAULT;
    number = given | 0;
  }
  const source = fileOf(task, number);
  if (isErr(source)) return source;
  if (source.inode.fs !== target.inode.fs) return EXDEV;
  if (source.inode.isDirectory || target.inode.isDirectory) return EISDIR;
  if (source.inode.type !== S_IFREG || target.inode.type !== S_IFREG) return EINVAL;
  return !source.readable || !target.writable || target.appending ? EBADF : EOPNOTSUPP;
}

function setFlagByPointer(task: Task, number: number, file: OpenFile, flag: number, at: GuestAddr): 0 | Errno {
  const on = task.mm.readU32(at);
  if (isErr(on)) return EFAULT;
  file.flags = on !== 0 ? file.flags | flag : file.flags & ~flag;
  updateAsync(task.machine, file, number);
  file.onFlagsChanged();
  return 0;
}
