/**
 * Who may do what to an inode (Linux: fs/namei.c generic_permission, inode_permission; capabilities(7)). Access control lists
 * are left out: mode bits and capabilities decide.
 */
import type { Errno } from '../base/brands.js';
import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID } from '../abi/capability.js';
import { EACCES, EPERM, EROFS } from '../abi/errno.js';
import { FS_IMMUTABLE_FL } from '../abi/fs.js';
import { MS_RDONLY } from '../abi/mount.js';
import { S_IFDIR, S_IFLNK, S_IFREG, S_ISGID, S_ISVTX, S_IXGRP } from '../abi/stat.js';
import { capableOver, inGroup, type Credentials } from './credentials.js';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;

/** Checks `mask` (MAY_*) against mode bits, owner, group and capabilities. */
export function genericPermission(inode: Inode, cred: Credentials, mask: number): 0 | Errno {
  const { mode } = inode;
  if (inode.uid === cred.fsuid) {
    if (((mode >> 6) & mask) === mask) return 0;
  } else {
    if ((classBits(mode, inode, cred, mask) & mask) === mask) return 0;
  }
  return permissionByCapability(inode, cred, mask);
}

/** Group's bits for a member of the group, others' for the rest; asks only where the two differ. */
function classBits(mode: number, inode: Inode, cred: Credentials, mask: number): number {
  if (((mode >> 3) & mask) === (mode & mask)) return mode;
  return inGroup(cred, inode.gid) ? mode >> 3 : mode;
}

function permissionByCapability(inode: Inode, cred: Credentials, mask: number): 0 | Errno {
  if (cred.effective === 0) return EACCES;
  const { mode } = inode;
  if ((mode & 0o170000) === S_IFDIR) {
    if ((mask & MAY_WRITE) === 0 && capableOver(inode, cred, CAP_DAC_READ_SEARCH)) return 0;
    return capableOver(inode, cred, CAP_DAC_OVERRIDE) ? 0 : EACCES;
  }
  if (mask === MAY_READ && capableOver(inode, cred, CAP_DAC_READ_SEARCH)) return 0;
  if (((mask & MAY_EXEC) === 0 || (mode & 0o111) !== 0) && capableOver(inode, cred, CAP_DAC_OVERRIDE)) return 0;
  return EACCES;
}

/** As `genericPermission`, and EROFS for writing to files and directories of a read-only file system. */
export function inodePermission(inode: Inode, cred: Credentials, mask: number): 0 | Errno {
  if ((mask & MAY_WRITE) !== 0 && inode.fs.readOnly) {
    const { type } = inode;
    if (type === S_IFREG || type === S_IFDIR || type === S_IFLNK) return EROFS;
  }
  if ((mask & MAY_WRITE) !== 0 && (inode.fileFlags & FS_IMMUTABLE_FL) !== 0) return EPERM;
  return genericPermission(inode, cred, mask);
}

/** Search permission on a directory of a walk; the usual case, all may search, is decided without credentials. */
export function maySearch(directory: Inode, cred: Credentials): 0 | Errno {
  return (directory.mode & 0o111) === 0o111 ? 0 : genericPermission(directory, cred, MAY_EXEC);
}

/** EROFS when nothing may be written through `mount` (Linux: mnt_want_write). */
export function wantWrite(mount: Mount): 0 | Errno {
  return (mount.flags & MS_RDONLY) !== 0 || mount.fs.readOnly ? EROFS : 0;
}

/** Owner of the inode, or capable of acting as one (Linux: inode_owner_or_capable). */
export function ownerOrCapable(inode: Inode, cred: Credentials): boolean {
  return inode.uid === cred.fsuid || capableOver(inode, cred, CAP_FOWNER);
}

/** In a sticky directory only the owners of file and directory may remove a name. */
export function checkSticky(directory: Inode, victim: Inode, cred: Credentials): 0 | Errno {
  if ((directory.mode & S_ISVTX) === 0) return 0;
  if (victim.uid === cred.fsuid || directory.uid === cred.fsuid) return 0;
  return capableOver(victim, cred, CAP_FOWNER) ? 0 : EPERM;
}

/** Removes the set-group-ID bit from a new file's mode where its creator could not set it (Linux: mode_strip_sgid). */
export function stripSetgid(directory: Inode, cred: Credentials, mode: number): number {
  if ((mode & (S_ISGID | S_IXGRP)) !== (S_ISGID | S_IXGRP)) return mode;
  if ((directory.mode & S_ISGID) === 0) return mode;
  if (inGroup(cred, directory.gid) || capableOver(directory, cred, CAP_FSETID)) return mode;
  return mode & ~S_ISGID;
}
