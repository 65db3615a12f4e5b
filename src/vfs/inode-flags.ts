/**
 * Flags of files that hold against everybody, root included (Linux: fs/ioctl.c, fileattr; ioctl_iflags(2)): immutable files and
 * those that may only be appended to. Kept by tmpfs.
 */
import type { Errno } from '../base/brands.js';
import { CAP_LINUX_IMMUTABLE } from '../abi/capability.js';
import { EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { FS_APPEND_FL, FS_IMMUTABLE_FL, FS_NOATIME_FL, FS_NODUMP_FL } from '../abi/fs.js';
import { STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE, STATX_ATTR_NODUMP } from '../abi/stat.js';
import { hasCapability, type Credentials } from './credentials.js';
import type { Inode } from './inode.js';
import type { Path } from './path.js';
import { ownerOrCapable, wantWrite } from './permissions.js';

const SETTABLE = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;

/** What statx tells of a file that keeps flags. */
export const STATX_FLAGS = STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE | STATX_ATTR_NODUMP;

export function isImmutable(inode: Inode): boolean {
  return (inode.fileFlags & FS_IMMUTABLE_FL) !== 0;
}
export function isAppendOnly(inode: Inode): boolean {
  return (inode.fileFlags & FS_APPEND_FL) !== 0;
}
/** Attributes and names of such a file stay as they are. */
export function isProtected(inode: Inode): boolean {
  return (inode.fileFlags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) !== 0;
}

/** FS_IOC_SETFLAGS. */
export function setFileFlags(path: Path, cred: Credentials, flags: number): 0 | Errno {
  const inode = path.dentry.inode!;
  if (!ownerOrCapable(inode, cred)) return EPERM;
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const changed = flags ^ inode.fileFlags;
  if ((changed & (FS_IMMUTABLE_FL | FS_APPEND_FL)) !== 0 && !hasCapability(cred, CAP_LINUX_IMMUTABLE)) return EPERM;
  if ((flags & ~SETTABLE) !== 0) return EOPNOTSUPP;
  inode.fileFlags = flags;
  return inode.setAttributes({});
}

/** STATX_ATTR_*: the same bits by the same names. */
export function statxFlags(inode: Inode): number {
  return inode.fileFlags & STATX_FLAGS;
}
