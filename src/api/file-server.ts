/** The kernel's side of sb.fs: one function per operation, on the tree as the machine's owner sees it. */
import { isErr, type Errno } from '../base/brands.js';
import { fromText, toText } from '../base/bytes.js';
import type { Timespec } from '../base/clock.js';
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, EXDEV } from '../abi/errno.js';
import { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from '../abi/fcntl.js';
import { S_IFDIR, S_IFMT, S_IFREG } from '../abi/stat.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { changeMode, changeOwner, changeTimes, truncatePath } from '../vfs/attributes.js';
import { dropFile } from '../vfs/fd-table.js';
import type { InodeAttributes } from '../vfs/inode.js';
import { linkPath, mkdirPath, renamePath, rmdirPath, symlinkPath, unlinkPath } from '../vfs/namei.js';
import { pathString, type Path } from '../vfs/path.js';
import type { FileEntry, FileOperation, FileResult, FileStat } from './file-protocol.js';
import type { GuestTree } from './guest-tree.js';

const DEFAULT_FILE_MODE = 0o644;
const DEFAULT_DIRECTORY_MODE = 0o755;
/** Directories deeper than this are not removed recursively. */
const MAX_DEPTH = 1000;

/** Runs one operation; its result or an Errno. */
export function serveFile(tree: GuestTree, operation: FileOperation): FileResult | Errno {
  switch (operation.op) {
    case 'readFile':
      return tree.readFile(operation.path);
    case 'writeFile':
      return done(writeFile(tree, operation));
    case 'mkdir':
      return done(mkdir(tree, operation.path, operation.recursive, operation.mode ?? DEFAULT_DIRECTORY_MODE));
    case 'readdir':
      return readdir(tree, operation.path);
    case 'stat':
      return stat(tree.find(operation.path));
    case 'lstat':
      return stat(tree.find(operation.path, 0));
    case 'rm':
      return done(remove(tree, operation.path, operation.recursive, operation.force));
    case 'rename':
      return done(rename(tree, operation.from, operation.to));
    case 'copyFile':
      return done(copyFile(tree, operation.from, operation.to));
    case 'symlink':
      return done(symlinkPath(tree.fs, tree.cred, tree.fs.cwd, fromText(operation.path), fromText(operation.target)));
    case 'link':
      return done(linkPath(tree.fs, tree.cred, tree.fs.cwd, fromText(operation.from), tree.fs.cwd, fromText(operation.to), 0));
    case 'readlink':
      return readlink(tree.find(operation.path, 0));
    case 'realpath':
      return realpath(tree, tree.find(operation.path));
    case 'chmod':
      return at(tree.find(operation.path), (path) => changeMode(path, tree.cred, operation.mode & 0o7777));
    case 'chown':
      return at(tree.find(operation.path), (path) => changeOwner(path, tree.cred, operation.uid, operation.gid));
    case 'truncate':
      return at(tree.find(operation.path), (path) => truncatePath(path, tree.cred, operation.size, Infinity));
    case 'utimes':
      return at(tree.find(operation.path), (path) =>
        changeTimes(path, tree.cred, timespec(operation.atime), timespec(operation.mtime), false),
      );
  }
}

function done(result: 0 | Errno): null | Errno {
  return isErr(result) ? result : null;
}

function at(path: Path | Errno, change: (path: Path) => 0 | Errno): null | Errno {
  return isErr(path) ? path : done(change(path));
}

function timespec(seconds: number): Timespec {
  const sec = Math.floor(seconds);
  return { sec, nsec: Math.floor((seconds - sec) * 1e9) };
}

type WriteOperation = Extract<FileOperation, { op: 'writeFile' }>;

const WRITE_FLAGS = { w: O_TRUNC, a: O_APPEND, wx: O_EXCL };

function writeFile(tree: GuestTree, operation: WriteOperation): 0 | Errno {
  const { path, data, mode, flag = 'w' } = operation;
  if (operation.makeParents) {
    const made = tree.makeDirectories(path.slice(0, Math.max(path.lastIndexOf('/'), 0)));
    if (isErr(made)) return made;
  }
  const file = tree.open(path, O_WRONLY | O_CREAT | WRITE_FLAGS[flag], mode ?? DEFAULT_FILE_MODE);
  if (isErr(file)) return file;
  const io = new KernelIoVec(data);
  let position = flag === 'a' ? file.inode.size : 0;
  let result: 0 | Errno = 0;
  while (io.remaining > 0 && result === 0) {
    const written = file.write(io, position);
    if (isErr(written)) result = written;
    else if (written === 0) break;
    else position += written;
  }
  dropFile(file);
  return result;
}

function mkdir(tree: GuestTree, path: string, recursive: boolean, mode: number): 0 | Errno {
  if (recursive) return tree.makeDirectories(path, mode);
  return mkdirPath(tree.fs, tree.cred, tree.fs.cwd, fromText(path), mode);
}

function readdir(tree: GuestTree, path: string): FileEntry[] | Errno {
  const file = tree.open(path, O_RDONLY | O_DIRECTORY);
  if (isErr(file)) return file;
  const entries: FileEntry[] = [];
  const read = file.readDirectory(0, ({ name, type }) => {
    if (name !== '.' && name !== '..') entries.push({ name: toText(name), type: type << 12 });
    return true;
  });
  dropFile(file);
  return isErr(read) ? read : entries;
}

function stat(path: Path | Errno): FileStat | Errno {
  if (isErr(path)) return path;
  const inode = path.dentry.inode!;
  const out = {} as InodeAttributes;
  const known = inode.getAttributes(out);
  if (isErr(known)) return known;
  const { ino, mode, nlink, uid, gid, rdev, size, blksize, blocks, atime, mtime, ctime } = out;
  const ms = (time: Timespec): number => time.sec * 1000 + time.nsec / 1e6;
  return {
    dev: inode.fs.device,
    ino,
    mode,
    nlink,
    uid,
    gid,
    rdev,
    size,
    blksize,
    blocks,
    atimeMs: ms(atime),
    mtimeMs: ms(mtime),
    ctimeMs: ms(ctime),
  };
}

function remove(tree: GuestTree, path: string, recursive: boolean, force: boolean): 0 | Errno {
  const place = tree.find(path, 0);
  if (isErr(place)) return force && (place === ENOENT || place === ENOTDIR) ? 0 : place;
  if (!place.dentry.inode!.isDirectory) return unlinkPath(tree.fs, tree.cred, tree.fs.cwd, fromText(path));
  if (!recursive) return EISDIR;
  return removeTree(tree, path, 0);
}

function removeTree(tree: GuestTree, path: string, depth: number): 0 | Errno {
  if (depth > MAX_DEPTH) return EINVAL;
  const entries = readdir(tree, path);
  if (isErr(entries)) return entries;
  for (const { name, type } of entries) {
    const child = `${path}/${name}`;
    const removed =
      (type & S_IFMT) === S_IFDIR ? removeTree(tree, child, depth + 1) : unlinkPath(tree.fs, tree.cred, tree.fs.cwd, fromText(child));
    if (isErr(removed) && removed !== ENOENT) return removed;
  }
  return rmdirPath(tree.fs, tree.cred, tree.fs.cwd, fromText(path));
}

function rename(tree: GuestTree, from: string, to: string): 0 | Errno {
  return renamePath(tree.fs, tree.cred, tree.fs.cwd, fromText(from), tree.fs.cwd, fromText(to), 0);
}

function copyFile(tree: GuestTree, from: string, to: string): 0 | Errno {
  const source = tree.find(from);
  if (isErr(source)) return source;
  const inode = source.dentry.inode!;
  if (inode.isDirectory) return EISDIR;
  if (inode.type !== S_IFREG) return EXDEV;
  const target = tree.find(to);
  if (!isErr(target) && target.dentry.inode === inode) return EEXIST;
  const data = tree.readFile(from);
  return isErr(data) ? data : writeFile(tree, { op: 'writeFile', path: to, data, mode: inode.mode & 0o777 });
}

function readlink(path: Path | Errno): string | Errno {
  if (isErr(path)) return path;
  const target = path.dentry.inode!.readlink();
  return typeof target === 'number' ? target : toText(target);
}

function realpath(tree: GuestTree, path: Path | Errno): string | Errno {
  return isErr(path) ? path : toText(pathString(path, tree.root));
}
