/** What system calls need of a task's files: descriptors, base directories, files for mmap (Linux: fs/file.c, fdget). */
import type { ByteString, Errno } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { AT_EMPTY_PATH, AT_FDCWD, O_PATH } from '../abi/fcntl.js';
import { EBADF, EMFILE, ENOENT, ENOTDIR } from '../abi/errno.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import type { MappedFile } from '../mm/address-space.js';
import { dropFile } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';
import { pathString, type Path } from '../vfs/path.js';
import { deviceOf } from '../vfs/stat.js';
import { LOOKUP_EMPTY, LOOKUP_FOLLOW, walk } from '../vfs/path-walk.js';
import { noteLimit } from './limits-reached.js';
import type { Task } from './task.js';

/** The open file behind `fd`; EBADF also for one opened with O_PATH. */
export function fileOf(task: Task, fd: number): OpenFile | Errno {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return EBADF;
  return file;
}

/** As `fileOf`, for calls that take an O_PATH descriptor too (fstat, fchdir, close, dup, *at). */
export function anyFileOf(task: Task, fd: number): OpenFile | Errno {
  return task.files.get(fd) ?? EBADF;
}

/** Puts `file` (whose reference is taken over) at the lowest free descriptor >= `from`; on failure the file is dropped. */
export function installFile(task: Task, file: OpenFile, cloexec: boolean, from = 0): number | Errno {
  const fd = task.files.install(file, cloexec, task.group.limits.soft[RLIMIT_NOFILE]!, from);
  if (fd !== EMFILE) return fd;
  dropFile(file);
  return refuseDescriptor(task);
}

/** EMFILE, taken note of. */
export function refuseDescriptor(task: Task): Errno {
  noteLimit(task.group, 'openFiles');
  return EMFILE;
}

/** Where the path `name` of an *at call starts; `dirfd` is not looked at for an absolute one. */
export function basePath(task: Task, dirfd: number, name: ByteString): Path | Errno {
  if (dirfd === AT_FDCWD) return task.fs.cwd;
  if (name.charCodeAt(0) === 47) return task.fs.root;
  const file = task.files.get(dirfd);
  if (file === undefined) return EBADF;
  const { path } = file;
  if (path === undefined || (name.length > 0 && !path.dentry.inode!.isDirectory)) return ENOTDIR;
  return path;
}

/** Looks up `name`. flags: AT_EMPTY_PATH is honoured; `follow`: a last symbolic link is followed. */
export function lookupPath(task: Task, dirfd: number, name: ByteString, follow: boolean, flags = 0): Path | Errno {
  if (name.length === 0 && (flags & AT_EMPTY_PATH) === 0) return ENOENT; // before the descriptor is looked at
  const base = basePath(task, dirfd, name);
  if (isErr(base)) return base;
  const lookup = (follow ? LOOKUP_FOLLOW : 0) + ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
  return walk(task.fs, task.cred, base, name, lookup);
}

/** A file as mm maps it; holds one reference for each `hold`. ENODEV where the file cannot be mapped. */
export function mappedFile(task: Task, file: OpenFile): MappedFile | Errno {
  const mappable = file.mappable();
  if (isErr(mappable)) return mappable;
  const { inode } = file;
  const { root } = task.fs;
  return {
    mappable,
    hold: () => void file.references++,
    drop: () => dropFile(file),
    describe: () => ({
      device: deviceOf(inode.fs),
      ino: inode.ino,
      path: file.path ? pathString(file.path, root) : '',
    }),
  };
}
