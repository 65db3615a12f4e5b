/**
 * Changes of attributes with their permission checks (Linux: fs/attr.c setattr_prepare, fs/open.c, fs/utimes.c): chmod, chown,
 * utimensat, truncate.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { Timespec } from '../base/clock.js';
import { CAP_CHOWN, CAP_FSETID } from '../abi/capability.js';
import { EACCES, EFBIG, EINVAL, EISDIR, EOPNOTSUPP, EPERM, ETXTBSY } from '../abi/errno.js';
import { IN_ATTRIB, IN_MODIFY } from '../abi/inotify.js';
import { LANDLOCK_ACCESS_FS_TRUNCATE } from '../abi/landlock.js';
import { S_IFDIR, S_IFLNK, S_IFREG, S_ISGID, S_ISUID, S_IXGRP } from '../abi/stat.js';
import { capableOver, inGroup, type Credentials } from './credentials.js';
import type { AttributeChange, Inode } from './inode.js';
import { isAppendOnly, isImmutable, isProtected } from './inode-flags.js';
import { landlockCheck } from './landlock.js';
import { notifyDentry, notifyFile } from './notify.js';
import type { OpenFile } from './open-file.js';
import type { Path } from './path.js';
import { inodePermission, MAY_WRITE, ownerOrCapable, wantWrite } from './permissions.js';

/** Applies a change to what is at `path` and tells the watchers. */
function change(path: Path, attributes: AttributeChange): 0 | Errno {
  const result = path.dentry.inode!.setAttributes(attributes);
  if (result === 0) notifyDentry(path.dentry, attributes.size === undefined ? IN_ATTRIB : IN_MODIFY);
  return result;
}

export function changeMode(path: Path, cred: Credentials, mode: number): 0 | Errno {
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const inode = path.dentry.inode!;
  if (inode.type === S_IFLNK) return EOPNOTSUPP;
  if (isProtected(inode) || !ownerOrCapable(inode, cred)) return EPERM;
  const keepsSetgid = inGroup(cred, inode.gid) || capableOver(inode, cred, CAP_FSETID);
  return change(path, { mode: mode & (keepsSetgid ? 0o7777 : 0o5777) });
}

/** uid, gid: -1 leaves it. */
export function changeOwner(path: Path, cred: Credentials, uid: number, gid: number): 0 | Errno {
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const inode = path.dentry.inode!;
  if (isProtected(inode)) return EPERM;
  const mayChown = capableOver(inode, cred, CAP_CHOWN);
  const owns = inode.uid === cred.fsuid;
  if (uid !== -1 && !mayChown && !(owns && uid === inode.uid)) return EPERM;
  if (gid !== -1 && !mayChown && !(owns && (inGroup(cred, gid) || gid === inode.gid))) return EPERM;
  const attributes: AttributeChange = {};
  if (uid !== -1) attributes.uid = uid;
  if (gid !== -1) attributes.gid = gid;
  const mode = inode.type === S_IFDIR ? inode.mode : withoutSetid(inode.mode);
  if (mode !== inode.mode) attributes.mode = mode & 0o7777;
  return change(path, attributes);
}

/** undefined leaves a time; `now`: both were given as "now", for which write permission is enough. */
export function changeTimes(
  path: Path,
  cred: Credentials,
  atime: Timespec | undefined,
  mtime: Timespec | undefined,
  now: boolean,
): 0 | Errno {
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const inode = path.dentry.inode!;
  if (now ? isImmutable(inode) : isProtected(inode)) return EPERM;
  if (!ownerOrCapable(inode, cred)) {
    if (!now) return EPERM;
    if (inodePermission(inode, cred, MAY_WRITE) !== 0) return EACCES;
  }
  const attributes: AttributeChange = {};
  if (atime) attributes.atime = atime;
  if (mtime) attributes.mtime = mtime;
  return change(path, attributes);
}

/** truncate(2). `limit`: RLIMIT_FSIZE. */
export function truncatePath(path: Path, cred: Credentials, size: number, limit: number): 0 | Errno {
  const inode = path.dentry.inode!;
  if (size < 0) return EINVAL;
  if (inode.type === S_IFDIR) return EISDIR;
  if (inode.type !== S_IFREG) return EINVAL;
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const denied = inodePermission(inode, cred, MAY_WRITE);
  if (denied !== 0) return denied;
  if (cred.landlock !== undefined && landlockCheck(cred, path, LANDLOCK_ACCESS_FS_TRUNCATE) !== 0) return EACCES;
  if (isAppendOnly(inode)) return EPERM;
  if (inode.writeDenied > 0) return ETXTBSY;
  if (size > limit && size > inode.size) return EFBIG;
  const result = change(path, { size });
  if (result === 0) clearSetid(inode, cred);
  return result;
}

/** ftruncate(2). */
export function truncateFile(file: OpenFile, cred: Credentials, size: number, limit: number): 0 | Errno {
  if (size < 0) return EINVAL;
  if (file.inode.type !== S_IFREG || !file.writable) return EINVAL;
  if (isAppendOnly(file.inode)) return EPERM;
  if ((file.landlockDenied & LANDLOCK_ACCESS_FS_TRUNCATE) !== 0) return EACCES;
  if (size > limit && size > file.inode.size) return EFBIG;
  const result = file.truncate(size);
  if (isErr(result)) return result;
  clearSetid(file.inode, cred);
  notifyFile(file, IN_MODIFY);
  return 0;
}

function withoutSetid(mode: number): number {
  const dropSetgid = (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return mode & ~S_ISUID & (dropSetgid ? ~S_ISGID : -1);
}

/** Changing a file's contents takes its set-user-ID bit away, unless the writer may set one (Linux: file_remove_privs). */
export function clearSetid(inode: Inode, cred: Credentials): void {
  if ((inode.mode & (S_ISUID | S_ISGID)) === 0 || inode.type !== S_IFREG || capableOver(inode, cred, CAP_FSETID)) return;
  const mode = withoutSetid(inode.mode);
  if (mode !== inode.mode) inode.setAttributes({ mode: mode & 0o7777 });
}
