/**
 * Operations on names, with permissions and errors in Linux's order (fs/namei.c): mkdir, mknod, symlink, link, unlink, rmdir.
 * rename.ts and open-path.ts hold the two long ones.
 */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { CAP_MKNOD } from '../abi/capability.js';
import { EACCES, EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV } from '../abi/errno.js';
import { IN_ATTRIB, IN_CREATE, IN_DELETE, IN_ISDIR } from '../abi/inotify.js';
import { LANDLOCK_ACCESS_FS_REMOVE_DIR, LANDLOCK_ACCESS_FS_REMOVE_FILE } from '../abi/landlock.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, S_ISGID, S_ISUID, S_IXGRP } from '../abi/stat.js';
import { hasCapability, type Credentials } from './credentials.js';
import { addChild, lookupChild, markDeleted, type Dentry } from './dentry.js';
import type { FsContext } from './fs-context.js';
import type { CreateAttributes, Inode } from './inode.js';
import { isAppendOnly, isProtected } from './inode-flags.js';
import { landlockCheck, landlockRefer, makeAccess } from './landlock.js';
import { isMountPoint } from './mount.js';
import { noteUnlinked, notifyInode } from './notify.js';
import type { Path } from './path.js';
import { LAST_DOT, LAST_DOTDOT, LAST_NORMAL, LOOKUP_EMPTY, LOOKUP_FOLLOW, walk, walkToParent, type Walk } from './path-walk.js';
import {
  checkSticky,
  genericPermission,
  inodePermission,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  ownerOrCapable,
  stripSetgid,
  wantWrite,
} from './permissions.js';

export { openPath, openPlace, type Opening } from './open-path.js';
export { renamePath } from './rename.js';

/** Owner, group and mode of a new inode in `directory` (Linux: inode_init_owner). */
export function newInodeAttributes(directory: Inode, cred: Credentials, mode: number, rdev: number, umask = 0): CreateAttributes {
  const setgid = (directory.mode & S_ISGID) !== 0;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  // What the creator asked for decides about set-group-ID, so the umask comes after.
  const allowed = (isDirectory ? mode : stripSetgid(directory, cred, mode)) & ~umask;
  return {
    mode: isDirectory && setgid ? allowed | S_ISGID : allowed,
    uid: cred.fsuid,
    gid: setgid ? directory.gid : cred.fsgid,
    rdev,
  };
}

/** A negative dentry's place: where a new name may go (Linux: filename_create). */
function placeForNew(fs: FsContext, cred: Credentials, base: Path, name: ByteString, directoryWanted: boolean): Walk | Errno {
  const walker = walkToParent(fs, cred, base, name);
  if (isErr(walker)) return walker;
  if (walker.lastKind !== LAST_NORMAL) return EEXIST;
  const child = lookupChild(walker.dentry, walker.lastName);
  if (typeof child === 'number') return child;
  if (child.inode !== null) return EEXIST;
  if (walker.slashes && !directoryWanted) return ENOENT;
  const writable = wantWrite(walker.mount);
  return writable !== 0 ? writable : walker;
}

/** As mayCreate, and what Landlock says of something of that type (Linux: security_path_mknod, vfs_mknod). */
function mayMake(walker: Walk, cred: Credentials, type: number): 0 | Errno {
  const denied = mayCreate(walker.dentry, cred);
  if (denied !== 0 || cred.landlock === undefined) return denied;
  return landlockCheck(cred, walker.path, makeAccess(type));
}

/** Linux: may_create. */
export function mayCreate(parent: Dentry, cred: Credentials): 0 | Errno {
  if (parent.deleted) return ENOENT;
  return inodePermission(parent.inode!, cred, MAY_WRITE | MAY_EXEC);
}

/** Linux: may_delete. */
export function mayDelete(parent: Dentry, victim: Dentry, cred: Credentials, asDirectory: boolean): 0 | Errno {
  const inode = victim.inode;
  if (inode === null) return ENOENT;
  const denied = inodePermission(parent.inode!, cred, MAY_WRITE | MAY_EXEC);
  if (denied !== 0) return denied;
  if (isAppendOnly(parent.inode!)) return EPERM;
  const sticky = checkSticky(parent.inode!, inode, cred);
  if (sticky !== 0) return sticky;
  if (isProtected(inode)) return EPERM;
  if (asDirectory !== inode.isDirectory) return asDirectory ? ENOTDIR : EISDIR;
  return parent.deleted ? ENOENT : 0;
}

function created(walker: Walk, inode: Inode | Errno, event: number): 0 | Errno {
  if (typeof inode === 'number') return inode;
  addChild(walker.dentry, walker.lastName, inode);
  notifyInode(walker.dentry.inode, event, walker.lastName);
  return 0;
}

export function mkdirPath(fs: FsContext, cred: Credentials, base: Path, name: ByteString, mode: number): 0 | Errno {
  const walker = placeForNew(fs, cred, base, name, true);
  if (isErr(walker)) return walker;
  const denied = mayMake(walker, cred, S_IFDIR);
  if (denied !== 0) return denied;
  const directory = walker.dentry.inode!;
  const attributes = newInodeAttributes(directory, cred, S_IFDIR | (mode & 0o1777), 0, fs.umask);
  return created(walker, directory.mkdir(walker.lastName, attributes), IN_CREATE + IN_ISDIR);
}

/** mode: type and permission bits; no type: a regular file. */
export function mknodPath(fs: FsContext, cred: Credentials, base: Path, name: ByteString, mode: number, rdev: number): 0 | Errno {
  const type = mode & S_IFMT || S_IFREG;
  if (type === S_IFDIR) return EPERM;
  if (type !== S_IFREG && type !== S_IFCHR && type !== S_IFBLK && type !== S_IFIFO && type !== S_IFSOCK) return EINVAL;
  const walker = placeForNew(fs, cred, base, name, false);
  if (isErr(walker)) return walker;
  const denied = mayMake(walker, cred, type);
  if (denied !== 0) return denied;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  if (isDevice && !(type === S_IFCHR && rdev === 0) && !hasCapability(cred, CAP_MKNOD)) return EPERM;
  const directory = walker.dentry.inode!;
  const attributes = newInodeAttributes(directory, cred, type | (mode & 0o7777), isDevice ? rdev : 0, fs.umask);
  return created(walker, directory.create(walker.lastName, attributes), IN_CREATE);
}

/** Creates the file of a bound Unix socket; the new place, or EEXIST (bind(2) calls it EADDRINUSE). */
export function createSocketNode(fs: FsContext, cred: Credentials, base: Path, name: ByteString): Path | Errno {
  const made = mknodPath(fs, cred, base, name, S_IFSOCK | 0o777, 0);
  return isErr(made) ? made : walk(fs, cred, base, name, 0);
}

export function symlinkPath(fs: FsContext, cred: Credentials, base: Path, name: ByteString, target: ByteString): 0 | Errno {
  if (target.length === 0) return ENOENT;
  const walker = placeForNew(fs, cred, base, name, false);
  if (isErr(walker)) return walker;
  const denied = mayMake(walker, cred, S_IFLNK);
  if (denied !== 0) return denied;
  const directory = walker.dentry.inode!;
  const attributes = newInodeAttributes(directory, cred, S_IFLNK | 0o777, 0);
  return created(walker, directory.symlink(walker.lastName, target, attributes), IN_CREATE);
}

/** lookup: LOOKUP_FOLLOW and LOOKUP_EMPTY for the old name. */
export function linkPath(
  fs: FsContext,
  cred: Credentials,
  oldBase: Path,
  oldName: ByteString,
  newBase: Path,
  newName: ByteString,
  lookup: number,
): 0 | Errno {
  const old = walk(fs, cred, oldBase, oldName, lookup & (LOOKUP_FOLLOW | LOOKUP_EMPTY));
  if (isErr(old)) return old;
  const walker = placeForNew(fs, cred, newBase, newName, false);
  if (isErr(walker)) return walker;
  if (walker.mount !== old.mount) return EXDEV;
  const inode = old.dentry.inode!;
  if (!mayLink(inode, cred)) return EPERM;
  const denied = mayCreate(walker.dentry, cred);
  if (denied !== 0) return denied;
  if (inode.isDirectory || isProtected(inode)) return EPERM;
  const referred = cred.landlock === undefined ? 0 : mayRefer(walker, old, cred);
  if (referred !== 0) return referred;
  const directory = walker.dentry.inode!;
  const linked = directory.link(walker.lastName, inode);
  if (linked !== 0) return linked;
  notifyInode(inode, IN_ATTRIB);
  return created(walker, inode, IN_CREATE);
}

function mayRefer(walker: Walk, { mount, dentry }: Path, cred: Credentials): 0 | Errno {
  const from = { mount, dentry: dentry.parent ?? dentry };
  return landlockRefer(cred, { from, to: walker.path, source: dentry, target: undefined, removes: false, exchange: false });
}

/** fs.protected_hardlinks: only to one's own files, or ordinary ones that one may read and write. */
function mayLink(inode: Inode, cred: Credentials): boolean {
  if (ownerOrCapable(inode, cred)) return true;
  if (inode.type !== S_IFREG || (inode.mode & S_ISUID) !== 0) return false;
  if ((inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) return false;
  return genericPermission(inode, cred, MAY_READ | MAY_WRITE) === 0;
}

export function unlinkPath(fs: FsContext, cred: Credentials, base: Path, name: ByteString): 0 | Errno {
  const walker = walkToParent(fs, cred, base, name);
  if (isErr(walker)) return walker;
  if (walker.lastKind !== LAST_NORMAL) return EISDIR;
  const writable = wantWrite(walker.mount);
  if (writable !== 0) return writable;
  const victim = lookupChild(walker.dentry, walker.lastName);
  if (typeof victim === 'number') return victim;
  const { inode } = victim;
  if (inode === null) return ENOENT;
  if (walker.slashes) return inode.isDirectory ? EISDIR : ENOTDIR;
  const denied = mayDelete(walker.dentry, victim, cred, false);
  if (denied !== 0) return denied;
  if (cred.landlock !== undefined && landlockCheck(cred, walker.path, LANDLOCK_ACCESS_FS_REMOVE_FILE) !== 0) return EACCES;
  if (isMountPoint(victim)) return EBUSY;
  return removed(walker, victim, walker.dentry.inode!.unlink(walker.lastName), 0);
}

export function rmdirPath(fs: FsContext, cred: Credentials, base: Path, name: ByteString): 0 | Errno {
  const walker = walkToParent(fs, cred, base, name);
  if (isErr(walker)) return walker;
  if (walker.lastKind !== LAST_NORMAL) {
    if (walker.lastKind === LAST_DOTDOT) return ENOTEMPTY;
    return walker.lastKind === LAST_DOT ? EINVAL : EBUSY;
  }
  const writable = wantWrite(walker.mount);
  if (writable !== 0) return writable;
  const victim = lookupChild(walker.dentry, walker.lastName);
  if (typeof victim === 'number') return victim;
  const denied = mayDelete(walker.dentry, victim, cred, true);
  if (denied !== 0) return denied;
  if (cred.landlock !== undefined && landlockCheck(cred, walker.path, LANDLOCK_ACCESS_FS_REMOVE_DIR) !== 0) return EACCES;
  if (isMountPoint(victim)) return EBUSY;
  return removed(walker, victim, walker.dentry.inode!.rmdir(walker.lastName), IN_ISDIR);
}

function removed(walker: Walk, victim: Dentry, result: 0 | Errno, isDirectory: number): 0 | Errno {
  if (result !== 0) return result;
  // Before the name goes: with it the last reference may.
  noteUnlinked(victim.inode!);
  markDeleted(victim);
  notifyInode(walker.dentry.inode, IN_DELETE + isDirectory, walker.lastName);
  return 0;
}
