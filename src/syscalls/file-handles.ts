/**
 * Handles that name a file without a path (name_to_handle_at(2), open_by_handle_at(2); Linux: fs/fhandle.c, fs/exportfs). A handle
 * is the inode's number and the file system's device. File systems whose inodes can be found by number (tmpfs) open them.
 */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { isBlocking, type Blocking } from '../base/blocking.js';
import { CAP_DAC_READ_SEARCH } from '../abi/capability.js';
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM, ESTALE } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, O_CLOEXEC } from '../abi/fcntl.js';
import { address, dirfd, fd, flags, partial, path, syscall } from '../kernel/syscall.js';
import { installFile, lookupPath } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { hasCapability } from '../vfs/credentials.js';
import { lookupChild, rootDentry, type Dentry } from '../vfs/dentry.js';
import { encodeHandle, HANDLE_BYTES, HANDLE_HEADER_BYTES, HANDLE_TYPE } from '../vfs/file-handle.js';
import { openPlace } from '../vfs/open-path.js';
import type { OpenFile } from '../vfs/open-file.js';
import type { FileSystem } from '../vfs/file-system.js';
import { placeOf, type Path } from '../vfs/path.js';

/** The handle need not be one that can be opened (fanotify's use). */
const AT_HANDLE_FID = 0x200;
const MAX_HANDLE_SZ = 128;

export const nameToHandleAt = syscall(
  'name_to_handle_at',
  [dirfd, path, address, address, flags({ AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_HANDLE_FID })],
  (task, at, name, handleAt, mountIdAt, options) => {
    if ((options & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID)) !== 0) return EINVAL;
    const place = lookupPath(task, at, name, (options & AT_SYMLINK_FOLLOW) !== 0, options);
    if (isErr(place)) return place;
    const { fs } = place.dentry.inode!;
    if ((options & AT_HANDLE_FID) === 0 && !fs.findsByNumber) return EOPNOTSUPP;
    const room = task.mm.readU32(handleAt);
    if (isErr(room)) return EFAULT;
    if (room > MAX_HANDLE_SZ) return EINVAL;
    const bytes = encodeHandle(place.dentry.inode!);
    const fits = room >= HANDLE_BYTES;
    if (isErr(task.mm.writeU32(mountIdAt, place.mount.id))) return EFAULT;
    if (isErr(task.mm.copyOut(handleAt, bytes, 0, fits ? bytes.length : HANDLE_HEADER_BYTES))) return EFAULT;
    return fits ? 0 : EOVERFLOW;
  },
  partial('on tmpfs; elsewhere with AT_HANDLE_FID only'),
);

interface Handle {
  readonly ino: number;
  readonly device: number;
}

function readHandle(task: Task, at: GuestAddr): Handle | Errno {
  const header = new Uint8Array(HANDLE_HEADER_BYTES);
  if (isErr(task.mm.copyIn(at, header))) return EFAULT;
  const view = new DataView(header.buffer);
  const length = view.getUint32(0, true);
  if (length > MAX_HANDLE_SZ || length === 0) return EINVAL;
  const bytes = new Uint8Array(length);
  if (isErr(task.mm.copyIn(at + HANDLE_HEADER_BYTES, bytes))) return EFAULT;
  if (length !== HANDLE_BYTES || view.getInt32(4, true) !== HANDLE_TYPE) return ESTALE;
  const body = new DataView(bytes.buffer);
  return { ino: Number(body.getBigUint64(0, true)), device: body.getUint32(8, true) };
}

/** Where the descriptor's mount shows the handle's file. */
function find(fs: FileSystem, { ino, device }: Handle): Dentry | Errno {
  const names = device === fs.device ? fs.namesOf(ino) : undefined;
  if (!names) return ESTALE;
  let dentry = rootDentry(fs);
  for (const name of names) {
    const child = lookupChild(dentry, name);
    if (typeof child === 'number' || child.inode === null) return ESTALE;
    dentry = child;
  }
  return dentry.inode?.ino === ino ? dentry : ESTALE;
}

function mountOf(task: Task, number: number): Path | Errno {
  if (number === AT_FDCWD) return task.fs.cwd;
  const file = task.files.get(number);
  return file ? placeOf(file) : EBADF;
}

export const openByHandleAt = syscall(
  'open_by_handle_at',
  [fd, address, flags({ O_CLOEXEC })],
  (task, number, handleAt, options) => {
    const place = mountOf(task, number);
    if (isErr(place)) return place;
    if (!hasCapability(task.cred, CAP_DAC_READ_SEARCH)) return EPERM;
    const handle = readHandle(task, handleAt);
    if (isErr(handle)) return handle;
    const dentry = find(place.mount.fs, handle as Handle);
    if (typeof dentry === 'number') return dentry;
    const opened = openPlace(task.cred, { mount: place.mount, dentry }, options, false);
    return isBlocking(opened) ? later(task, opened, options) : install(task, opened, options);
  },
  partial('on tmpfs only'),
);

function install(task: Task, opened: OpenFile | Errno, options: number): number {
  return typeof opened === 'number' ? opened : installFile(task, opened, (options & O_CLOEXEC) !== 0);
}

function* later(task: Task, opening: Blocking<OpenFile | Errno>, options: number): Blocking<number> {
  return install(task, yield* opening, options);
}
