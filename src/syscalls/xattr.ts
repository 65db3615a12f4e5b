/** Extended attributes by path, link and descriptor (Linux: fs/xattr.c; xattr(7)). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { E2BIG, EFAULT, EINVAL, ENAMETOOLONG, ERANGE } from '../abi/errno.js';
import { AT_FDCWD } from '../abi/fcntl.js';
import { XATTR_CREATE, XATTR_NAME_MAX, XATTR_REPLACE, XATTR_SIZE_MAX } from '../abi/fs.js';
import { address, fd, flags, path, size, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { fileOf, lookupPath } from '../kernel/task-files.js';
import { placeOf, type Path } from '../vfs/path.js';
import { getXattr, listXattr, removeXattr, setXattr } from '../vfs/xattr.js';

type Place = (task: Task, name: ByteString) => Path | Errno;
const following: Place = (task, name) => lookupPath(task, AT_FDCWD, name, true);
const itself: Place = (task, name) => lookupPath(task, AT_FDCWD, name, false);

function ofDescriptor(task: Task, number: number): Path | Errno {
  const file = fileOf(task, number);
  return isErr(file) ? file : placeOf(file);
}

function attributeName(task: Task, at: GuestAddr): ByteString | Errno {
  const name = task.mm.copyInString(at, XATTR_NAME_MAX + 1);
  if (name === ENAMETOOLONG || name === '') return ERANGE;
  return name;
}

/** Gives `value` to the guest; its length alone when the guest's buffer is empty. */
function give(task: Task, value: Uint8Array, at: GuestAddr, room: number): number {
  if (room === 0) return value.length;
  if (value.length > room) return ERANGE;
  return value.length > 0 && isErr(task.mm.copyOut(at, value)) ? EFAULT : value.length;
}

function get(task: Task, place: Path | Errno, nameAt: GuestAddr, at: GuestAddr, room: number): number {
  if (isErr(place)) return place;
  const name = attributeName(task, nameAt);
  if (isErr(name)) return name;
  const value = getXattr(place, task.cred, name as ByteString);
  return typeof value === 'number' ? value : give(task, value, at, room);
}

function set(task: Task, place: Path | Errno, nameAt: GuestAddr, at: GuestAddr, length: number, options: number): number {
  if (isErr(place)) return place;
  if ((options & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return EINVAL;
  const name = attributeName(task, nameAt);
  if (isErr(name)) return name;
  if (length > XATTR_SIZE_MAX) return E2BIG;
  const value = new Uint8Array(length);
  if (length > 0 && isErr(task.mm.copyIn(at, value))) return EFAULT;
  return setXattr(place, task.cred, name as ByteString, value, options);
}

function list(task: Task, place: Path | Errno, at: GuestAddr, room: number): number {
  if (isErr(place)) return place;
  const names = listXattr(place, task.cred);
  return typeof names === 'number' ? names : give(task, bytesOf(names), at, room);
}

function remove(task: Task, place: Path | Errno, nameAt: GuestAddr): number {
  if (isErr(place)) return place;
  const name = attributeName(task, nameAt);
  return isErr(name) ? name : removeXattr(place, task.cred, name as ByteString);
}

const SET_FLAGS = flags({ XATTR_CREATE, XATTR_REPLACE });

export const setxattr = syscall('setxattr', [path, address, address, size, SET_FLAGS], (task, name, attribute, at, length, options) =>
  set(task, following(task, name), attribute, at, length, options),
);
export const lsetxattr = syscall('lsetxattr', [path, address, address, size, SET_FLAGS], (task, name, attribute, at, length, options) =>
  set(task, itself(task, name), attribute, at, length, options),
);
export const fsetxattr = syscall('fsetxattr', [fd, address, address, size, SET_FLAGS], (task, number, attribute, at, length, options) =>
  set(task, ofDescriptor(task, number), attribute, at, length, options),
);
export const getxattr = syscall('getxattr', [path, address, address, size], (task, name, attribute, at, room) =>
  get(task, following(task, name), attribute, at, room),
);
export const lgetxattr = syscall('lgetxattr', [path, address, address, size], (task, name, attribute, at, room) =>
  get(task, itself(task, name), attribute, at, room),
);
export const fgetxattr = syscall('fgetxattr', [fd, address, address, size], (task, number, attribute, at, room) =>
  get(task, ofDescriptor(task, number), attribute, at, room),
);
export const listxattr = syscall('listxattr', [path, address, size], (task, name, at, room) => list(task, following(task, name), at, room));
export const llistxattr = syscall('llistxattr', [path, address, size], (task, name, at, room) => list(task, itself(task, name), at, room));
export const flistxattr = syscall('flistxattr', [fd, address, size], (task, number, at, room) =>
  list(task, ofDescriptor(task, number), at, room),
);
export const removexattr = syscall('removexattr', [path, address], (task, name, attribute) =>
  remove(task, following(task, name), attribute),
);
export const lremovexattr = syscall('lremovexattr', [path, address], (task, name, attribute) =>
  remove(task, itself(task, name), attribute),
);
export const fremovexattr = syscall('fremovexattr', [fd, address], (task, number, attribute) =>
  remove(task, ofDescriptor(task, number), attribute),
);
