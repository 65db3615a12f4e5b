/** renameat2(2) (Linux: fs/namei.c do_renameat2, vfs_rename). RENAME_WHITEOUT is left out: only overlay's own layers need it. */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } from '../abi/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../abi/fs.js';
import { IN_ISDIR, IN_MOVED_FROM, IN_MOVED_TO, IN_MOVE_SELF } from '../abi/inotify.js';
import type { Credentials } from './credentials.js';
import { exchangeDentries, isWithin, lookupChild, moveDentry, type Dentry } from './dentry.js';
import type { FsContext } from './fs-context.js';
import { landlockRefer } from './landlock.js';
import { isMountPoint } from './mount.js';
import { mayCreate, mayDelete } from './namei.js';
import { newCookie, noteUnlinked, notifyInode } from './notify.js';
import type { Path } from './path.js';
import { LAST_NORMAL, walkToParent, type Walk } from './path-walk.js';
import { inodePermission, MAY_WRITE, wantWrite } from './permissions.js';

export function renamePath(
  fs: FsContext,
  cred: Credentials,
  oldBase: Path,
  oldName: ByteString,
  newBase: Path,
  newName: ByteString,
  flags: number,
): 0 | Errno {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return EINVAL;
  if (flags === (RENAME_NOREPLACE | RENAME_EXCHANGE)) return EINVAL;
  const from = walkToParent(fs, cred, oldBase, oldName);
  if (isErr(from)) return from;
  const to = walkToParent(fs, cred, newBase, newName);
  if (isErr(to)) return to;
  if (from.mount !== to.mount) return EXDEV;
  if (from.lastKind !== LAST_NORMAL) return EBUSY;
  if (to.lastKind !== LAST_NORMAL) return (flags & RENAME_NOREPLACE) !== 0 ? EEXIST : EBUSY;
  const writable = wantWrite(from.mount);
  if (writable !== 0) return writable;
  const source = lookupChild(from.dentry, from.lastName);
  if (typeof source === 'number') return source;
  if (source.inode === null) return ENOENT;
  const target = lookupChild(to.dentry, to.lastName);
  if (typeof target === 'number') return target;
  const shape = checkShape(from, to, source, target, flags);
  if (shape !== 0) return shape;
  return rename(from, to, source, target, cred, flags);
}

/** What the names alone forbid. */
function checkShape(from: Walk, to: Walk, source: Dentry, target: Dentry, flags: number): 0 | Errno {
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if ((flags & RENAME_NOREPLACE) !== 0 && target.inode !== null) return EEXIST;
  if (exchange) {
    if (target.inode === null) return ENOENT;
    if (!target.inode.isDirectory && to.slashes) return ENOTDIR;
  }
  if (!source.inode!.isDirectory && (from.slashes || (!exchange && to.slashes))) return ENOTDIR;
  if (isWithin(to.dentry, source)) return EINVAL;
  if (target.inode !== null && isWithin(from.dentry, target)) return exchange ? EINVAL : ENOTEMPTY;
  return 0;
}

function rename(from: Walk, to: Walk, source: Dentry, target: Dentry, cred: Credentials, flags: number): 0 | Errno {
  const inode = source.inode!;
  if (inode === target.inode) return 0;
  const allowed = mayRename(from, to, source, target, cred, flags);
  if (allowed !== 0) return allowed;
  if (cred.landlock !== undefined) {
    const referral = { from: from.path, to: to.path, source, target, removes: true, exchange: (flags & RENAME_EXCHANGE) !== 0 };
    const denied = landlockRefer(cred, referral);
    if (denied !== 0) return denied;
  }
  if (isMountPoint(source) || isMountPoint(target)) return EBUSY;
  const moved = from.dentry.inode!.rename(from.lastName, to.dentry.inode!, to.lastName, flags);
  if (moved !== 0) return moved;
  const cookie = newCookie();
  const kind = inode.isDirectory ? IN_ISDIR : 0;
  if ((flags & RENAME_EXCHANGE) === 0 && target.inode !== null) noteUnlinked(target.inode);
  if ((flags & RENAME_EXCHANGE) !== 0) exchangeDentries(source, target);
  else moveDentry(source, to.dentry, to.lastName);
  notifyInode(from.dentry.inode, IN_MOVED_FROM + kind, from.lastName, cookie);
  notifyInode(to.dentry.inode, IN_MOVED_TO + kind, to.lastName, cookie);
  notifyInode(inode, IN_MOVE_SELF);
  return 0;
}

function mayRename(from: Walk, to: Walk, source: Dentry, target: Dentry, cred: Credentials, flags: number): 0 | Errno {
  const inode = source.inode!;
  const isDirectory = inode.isDirectory;
  const denied = mayDelete(from.dentry, source, cred, isDirectory);
  if (denied !== 0) return denied;
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  const allowed =
    target.inode === null
      ? mayCreate(to.dentry, cred)
      : mayDelete(to.dentry, target, cred, exchange ? target.inode.isDirectory : isDirectory);
  if (allowed !== 0) return allowed;
  if (from.dentry === to.dentry) return 0;
  // A directory that changes its parent has its '..' rewritten.
  const own = isDirectory ? inodePermission(inode, cred, MAY_WRITE) : 0;
  if (own !== 0) return own;
  return exchange && target.inode!.isDirectory ? inodePermission(target.inode!, cred, MAY_WRITE) : 0;
}
