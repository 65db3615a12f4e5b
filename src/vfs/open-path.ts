/**
 * Opening (Linux: fs/namei.c path_openat, do_open, may_open; fs/open.c do_dentry_open). The order of the errors is Linux's:
 * walk, existence, creation, type, permission, ETXTBSY, EROFS, what the file itself says, truncation.
 */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { isBlocking, type Blocking } from '../base/blocking.js';
import {
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../abi/fcntl.js';
import { EACCES, EBADF, EEXIST, EISDIR, ELOOP, ENOENT, ENXIO, EPERM, ETXTBSY } from '../abi/errno.js';
import { IN_CREATE, IN_MODIFY, IN_OPEN } from '../abi/inotify.js';
import { MS_NODEV } from '../abi/mount.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from '../abi/stat.js';
import type { Credentials } from './credentials.js';
import { addChild, Dentry, lookupChild } from './dentry.js';
import { dropFile } from './fd-table.js';
import type { FsContext } from './fs-context.js';
import { clearSetid } from './attributes.js';
import { isAppendOnly } from './inode-flags.js';
import { deniedWhenOpen, landlockCheck, landlockOpen, makeAccess } from './landlock.js';
import { breakLeases, mustBreakLeases } from './leases.js';
import { newInodeAttributes } from './namei.js';
import { notifyDentry, notifyFile, notifyInode } from './notify.js';
import { OpenFile } from './open-file.js';
import { setFilePath, type Path } from './path.js';
import { LAST_NORMAL, LOOKUP_DIRECTORY, LOOKUP_FOLLOW, Walk, walk } from './path-walk.js';
import { inodePermission, MAY_EXEC, MAY_READ, MAY_WRITE, ownerOrCapable, wantWrite } from './permissions.js';

/** An open file, an Errno, or (a FIFO without its other end) a wait. */
export type Opening = OpenFile | Errno | Blocking<OpenFile | Errno>;

/** What O_PATH opens: a place, nothing more. */
class PlaceFile extends OpenFile {
  override get seekable(): boolean {
    return false;
  }
  override read(): Errno {
    return EBADF;
  }
  override write(): Errno {
    return EBADF;
  }
}

/** MAY_* by O_RDONLY, O_WRONLY, O_RDWR and 3 (ioctl only, checked as O_RDWR). */
const ACCESS: readonly number[] = [MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE];

/**
 * open(2) from `base`. flags: O_*, checked by the caller for contradictions; mode: permission bits for a new file, umask not
 * yet applied; resolve: RESOLVE_* of openat2.
 */
export function openPath(
  fs: FsContext,
  cred: Credentials,
  base: Path,
  name: ByteString,
  flags: number,
  mode: number,
  resolve = 0,
): Opening {
  const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
  const lookup = resolve + (follow ? LOOKUP_FOLLOW : 0) + ((flags & O_DIRECTORY) !== 0 ? LOOKUP_DIRECTORY : 0);
  if ((flags & O_TMPFILE) === O_TMPFILE && (flags & O_PATH) === 0) return openUnnamed(fs, cred, base, name, flags, mode, lookup);
  if ((flags & O_CREAT) !== 0 && (flags & O_PATH) === 0) return openOrCreate(fs, cred, base, name, flags, mode, lookup);
  const place = walk(fs, cred, base, name, lookup);
  return isErr(place) ? place : openPlace(cred, place, flags, false);
}

function openOrCreate(
  fs: FsContext,
  cred: Credentials,
  base: Path,
  name: ByteString,
  flags: number,
  mode: number,
  lookup: number,
): Opening {
  const walker = new Walk(fs, cred, base, name, lookup);
  const started = walker.start();
  if (started !== 0) return started;
  if (name.length === 0) return ENOENT;
  for (;;) {
    const walked = walker.prefix();
    if (walked !== 0) return walked;
    if (walker.lastKind !== LAST_NORMAL) {
      const up = walker.last();
      return isErr(up) ? up : openExisting(cred, walker.path, flags);
    }
    if (walker.slashes) return EISDIR;
    const child = lookupChild(walker.dentry, walker.lastName);
    if (typeof child === 'number') return child;
    if (child.inode === null) return createAndOpen(fs, cred, walker, flags, mode);
    const stepped = walker.last();
    if (isErr(stepped)) return stepped;
    if (stepped === 0) return openExisting(cred, walker.path, flags);
  }
}

/** O_CREAT of something that is there. */
function openExisting(cred: Credentials, place: Path, flags: number): Opening {
  if ((flags & O_EXCL) !== 0) return EEXIST;
  if (place.dentry.inode!.isDirectory) return EISDIR;
  return openPlace(cred, place, flags, false);
}

function createAndOpen(fs: FsContext, cred: Credentials, walker: Walk, flags: number, mode: number): Opening {
  const parent = walker.dentry;
  const directory = parent.inode!;
  if (parent.deleted) return ENOENT;
  const writable = wantWrite(walker.mount);
  if (writable !== 0) return writable;
  const denied = inodePermission(directory, cred, MAY_WRITE | MAY_EXEC);
  if (denied !== 0) return denied;
  if (cred.landlock !== undefined && landlockCheck(cred, walker.path, makeAccess(S_IFREG)) !== 0) return EACCES;
  const inode = directory.create(walker.lastName, newInodeAttributes(directory, cred, S_IFREG | (mode & 0o7777), 0, fs.umask));
  if (typeof inode === 'number') return inode;
  const dentry = addChild(parent, walker.lastName, inode);
  notifyInode(directory, IN_CREATE, dentry.name);
  return openPlace(cred, { mount: walker.mount, dentry }, flags, true);
}

function openUnnamed(fs: FsContext, cred: Credentials, base: Path, name: ByteString, flags: number, mode: number, lookup: number): Opening {
  const place = walk(fs, cred, base, name, lookup | LOOKUP_DIRECTORY);
  if (isErr(place)) return place;
  const directory = place.dentry.inode!;
  const writable = wantWrite(place.mount);
  if (writable !== 0) return writable;
  const denied = inodePermission(directory, cred, MAY_WRITE | MAY_EXEC);
  if (denied !== 0) return denied;
  const inode = directory.tmpfile(newInodeAttributes(directory, cred, S_IFREG | (mode & 0o7777), 0, fs.umask));
  if (typeof inode === 'number') return inode;
  const file = inode.open(flags);
  if (typeof file === 'number' || isBlocking(file)) return file;
  const dentry = new Dentry('#' + inode.ino, place.dentry, inode);
  dentry.deleted = true;
  return named(file, { mount: place.mount, dentry }, true);
}

/** Opens what is at `place`, which exists. `created`: just now, by this call. */
export function openPlace(cred: Credentials, place: Path, flags: number, created: boolean): Opening {
  const inode = place.dentry.inode!;
  if ((flags & O_PATH) !== 0) return named(new PlaceFile(inode, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW)), place, false);
  const allowed = mayOpen(cred, place, flags, created);
  if (allowed !== 0) return allowed;
  const writes = (flags & O_ACCMODE) !== O_RDONLY && (inode.type === S_IFREG || inode.type === S_IFDIR);
  const truncates = (flags & O_TRUNC) !== 0 && inode.type === S_IFREG && !created;
  if (writes || truncates) {
    const writable = wantWrite(place.mount);
    if (writable !== 0) return writable;
    if (inode.writeDenied > 0) return ETXTBSY;
  }
  if (inode.leases !== undefined && mustBreakLeases(inode, flags)) return openAfterLeases(cred, place, flags, created);
  if (cred.landlock !== undefined && landlockOpen(cred, place, flags, truncates) !== 0) return EACCES;
  const opened = inode.open(flags);
  if (typeof opened === 'number') return opened;
  if (isBlocking(opened)) return openLater(opened, place);
  const file = named(opened, place, writes);
  file.created = created;
  if (cred.landlock !== undefined) file.landlockDenied = deniedWhenOpen(cred, place);
  if (!truncates) return file;
  const cut = inode.setAttributes({ size: 0 });
  if (cut !== 0) {
    dropFile(file);
    return cut;
  }
  clearSetid(inode, cred);
  notifyDentry(place.dentry, IN_MODIFY, place.mount);
  return file;
}

/** Once those who have leases on the file have given way, everything is looked at again. */
function* openAfterLeases(cred: Credentials, place: Path, flags: number, created: boolean): Blocking<OpenFile | Errno> {
  const broken = yield* breakLeases(place.dentry.inode!, flags, (flags & O_NONBLOCK) !== 0);
  if (broken !== 0) return broken;
  const opening = openPlace(cred, place, flags, created);
  return isBlocking(opening) ? yield* opening : opening;
}

function* openLater(opening: Blocking<OpenFile | Errno>, place: Path): Blocking<OpenFile | Errno> {
  const opened = yield* opening;
  return typeof opened === 'number' ? opened : named(opened, place, false);
}

/** Flags that concern the act of opening only; F_GETFL does not show them. */
const OPENING_FLAGS = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

function named(file: OpenFile, place: Path, writes: boolean): OpenFile {
  file.flags &= ~OPENING_FLAGS;
  setFilePath(file, place);
  if (writes) {
    file.countedWriter = true;
    file.inode.fs.openWriters++;
    file.inode.writers++;
  } else if ((file.flags & (O_PATH | O_ACCMODE)) === O_RDONLY) {
    file.countedReader = true;
    file.inode.readers++;
  }
  if ((file.flags & O_PATH) === 0) notifyFile(file, IN_OPEN);
  return file;
}

/** Opens what fanotify tells of, for its reader: without asking whether he may, and without telling of it. */
export function openSilently(place: Path, flags: number): OpenFile | Errno {
  const opened = place.dentry.inode!.open(flags);
  if (typeof opened === 'number') return opened;
  if (isBlocking(opened)) return ENXIO; // a FIFO without its other end
  opened.isSilent = true;
  return named(opened, place, (flags & O_ACCMODE) !== O_RDONLY);
}

/** Linux: may_open. */
function mayOpen(cred: Credentials, place: Path, flags: number, created: boolean): 0 | Errno {
  const inode = place.dentry.inode!;
  const access = created ? 0 : ACCESS[flags & O_ACCMODE]! | ((flags & O_TRUNC) !== 0 ? MAY_WRITE : 0);
  switch (inode.type) {
    case S_IFLNK:
      return ELOOP;
    case S_IFDIR:
      if ((access & MAY_WRITE) !== 0) return EISDIR;
      break;
    case S_IFBLK:
    case S_IFCHR:
      if ((place.mount.flags & MS_NODEV) !== 0 || place.mount.fs.userNs.parent !== null) return EACCES;
      break;
    default:
      break;
  }
  const denied = access === 0 ? 0 : inodePermission(inode, cred, access);
  if (denied !== 0) return denied;
  if (
    isAppendOnly(inode) &&
    ((flags & O_TRUNC) !== 0 || (flags & (O_ACCMODE | O_APPEND)) === O_WRONLY || (flags & (O_ACCMODE | O_APPEND)) === O_RDWR)
  )
    return EPERM;
  return (flags & O_NOATIME) !== 0 && !ownerOrCapable(inode, cred) ? EPERM : 0;
}
