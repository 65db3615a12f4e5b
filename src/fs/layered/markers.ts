/**
 * How changes are written down in an upper directory (Linux: Documentation/filesystems/overlayfs.rst, fs/overlayfs/overlayfs.h): a
 * name that is gone is a character device 0:0, a directory that hides those below has an attribute that says so.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { S_IFCHR } from '../../abi/stat.js';
import { addChild, markDeleted, type Dentry } from '../../vfs/dentry.js';
import { emptyAttributes, type CreateAttributes, type Inode } from '../../vfs/inode.js';

const scratch = emptyAttributes();
const WHITEOUT: CreateAttributes = { mode: S_IFCHR, uid: 0, gid: 0, rdev: 0 };
const YES = Uint8Array.of(0x79);

export function isWhiteout(inode: Inode): boolean {
  return inode.type === S_IFCHR && inode.getAttributes(scratch) === 0 && scratch.rdev === 0;
}

/** `prefix`: 'trusted.overlay.' or 'user.overlay.'. */
export function isOpaque(directory: Inode, prefix: ByteString): boolean {
  const value = directory.getXattr(`${prefix}opaque`);
  return !isErr(value) && (value as Uint8Array).length === 1 && (value as Uint8Array)[0] === YES[0];
}

export function setOpaque(directory: Inode, prefix: ByteString): 0 | Errno {
  return directory.setXattr(`${prefix}opaque`, YES, 0);
}

/** A new inode in an upper directory, known to the cache of names there. */
export function createIn(parent: Dentry, name: ByteString, made: Inode | Errno): Dentry | Errno {
  return typeof made === 'number' ? made : addChild(parent, name, made);
}

export function whiteOut(parent: Dentry, name: ByteString): 0 | Errno {
  const made = createIn(parent, name, parent.inode!.create(name, WHITEOUT));
  return typeof made === 'number' ? made : 0;
}

/** Takes a name out of an upper directory. */
export function removeIn(parent: Dentry, child: Dentry): 0 | Errno {
  const directory = parent.inode!;
  const result = child.inode!.isDirectory ? directory.rmdir(child.name) : directory.unlink(child.name);
  if (result === 0) markDeleted(child);
  return result;
}
