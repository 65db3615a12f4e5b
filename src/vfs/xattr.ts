/** Extended attributes: names, permissions, sizes (Linux: fs/xattr.c; xattr(7)). */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { CAP_SETFCAP, CAP_SYS_ADMIN } from '../abi/capability.js';
import { EINVAL, ENODATA, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { IN_ATTRIB } from '../abi/inotify.js';
import { S_IFDIR, S_IFREG, S_ISVTX } from '../abi/stat.js';
import { capableOver, hasCapability, type Credentials } from './credentials.js';
import { CAPABILITY_XATTR, capabilitiesToShow, capabilitiesToStore } from './file-capabilities.js';
import { isProtected } from './inode-flags.js';
import type { Inode } from './inode.js';
import { notifyDentry } from './notify.js';
import type { Path } from './path.js';
import { inodePermission, MAY_READ, MAY_WRITE, ownerOrCapable, wantWrite } from './permissions.js';

const BARE_PREFIXES: ReadonlySet<ByteString> = new Set(['user.', 'trusted.', 'security.']);

function mayAccess(inode: Inode, cred: Credentials, name: ByteString, mask: number): 0 | Errno {
  const writing = mask === MAY_WRITE;
  // A prefix alone names nothing (Linux: xattr_resolve_name).
  if (BARE_PREFIXES.has(name)) return EINVAL;
  if (writing && isProtected(inode)) return EPERM;
  if (name.startsWith('security.') || name.startsWith('system.')) return 0;
  if (name.startsWith('trusted.')) return hasCapability(cred, CAP_SYS_ADMIN) ? 0 : writing ? EPERM : ENODATA;
  if (!name.startsWith('user.')) return EOPNOTSUPP;
  const { type } = inode;
  if (type !== S_IFREG && type !== S_IFDIR) return writing ? EPERM : ENODATA;
  if (writing && type === S_IFDIR && (inode.mode & S_ISVTX) !== 0 && !ownerOrCapable(inode, cred)) return EPERM;
  return inodePermission(inode, cred, mask);
}

/** security.* may be written by the capable only (Linux: security/commoncap.c). */
function maySetSecurity(inode: Inode, cred: Credentials, name: ByteString): 0 | Errno {
  if (!name.startsWith('security.')) return 0;
  const allowed = name === CAPABILITY_XATTR ? capableOver(inode, cred, CAP_SETFCAP) : hasCapability(cred, CAP_SYS_ADMIN);
  return allowed ? 0 : EPERM;
}

export function getXattr(path: Path, cred: Credentials, name: ByteString): Uint8Array | Errno {
  const inode = path.dentry.inode!;
  const allowed = mayAccess(inode, cred, name, MAY_READ);
  if (allowed !== 0) return allowed;
  const value = inode.getXattr(name);
  return name === CAPABILITY_XATTR && !isErr(value) ? capabilitiesToShow(cred, value as Uint8Array) : value;
}

export function setXattr(path: Path, cred: Credentials, name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
  const allowed = mayChange(path, cred, name);
  if (allowed !== 0) return allowed;
  const stored = name === CAPABILITY_XATTR ? capabilitiesToStore(cred, value) : value;
  return isErr(stored) ? stored : told(path, path.dentry.inode!.setXattr(name, stored as Uint8Array, flags));
}

export function removeXattr(path: Path, cred: Credentials, name: ByteString): 0 | Errno {
  const allowed = mayChange(path, cred, name);
  if (allowed !== 0) return allowed;
  return told(path, path.dentry.inode!.removeXattr(name));
}

function mayChange(path: Path, cred: Credentials, name: ByteString): 0 | Errno {
  const writable = wantWrite(path.mount);
  if (writable !== 0) return writable;
  const allowed = mayAccess(path.dentry.inode!, cred, name, MAY_WRITE);
  return allowed !== 0 ? allowed : maySetSecurity(path.dentry.inode!, cred, name);
}

function told(path: Path, result: 0 | Errno): 0 | Errno {
  if (result === 0) notifyDentry(path.dentry, IN_ATTRIB);
  return result;
}

/** Names with a zero byte behind each, as listxattr(2) gives them; trusted.* is hidden from the incapable. */
export function listXattr(path: Path, cred: Credentials): ByteString | Errno {
  const names = path.dentry.inode!.listXattr();
  if (names === EOPNOTSUPP) return '';
  if (isErr(names)) return names;
  const privileged = hasCapability(cred, CAP_SYS_ADMIN);
  let text = '';
  for (const name of names) if (privileged || !name.startsWith('trusted.')) text += name + '\0';
  return text;
}
