/** What all inodes of tmpfs have: owner, mode, times, extended attributes (Linux: mm/shmem.c shmem_get_inode, simple_xattrs). */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import type { Timespec } from '../../base/clock.js';
import { EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP } from '../../abi/errno.js';
import { XATTR_CREATE, XATTR_REPLACE } from '../../abi/fs.js';
import { S_IFMT } from '../../abi/stat.js';
import { Inode, type AttributeChange, type CreateAttributes, type InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { openSpecialFile } from '../../vfs/special-files.js';
import type { Tmpfs } from './tmpfs.js';

/** Bytes of names and values of extended attributes that one inode may have. */
const XATTR_BYTES = 131072;

export abstract class TmpfsInode extends Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  nlink = 1;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
  private xattrs: Map<ByteString, Uint8Array> | undefined = undefined;
  private evicted = false;

  constructor(
    override readonly fs: Tmpfs,
    attributes: CreateAttributes,
  ) {
    super(fs);
    this.ino = fs.newInode();
    this.mode = attributes.mode;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.atime = this.mtime = this.ctime = fs.now();
  }

  override get keepsFlags(): boolean {
    return true;
  }

  get size(): number {
    return 0;
  }
  /** Device number, for device nodes. */
  get rdev(): number {
    return 0;
  }
  /** Pages of data. */
  get pages(): number {
    return 0;
  }

  getAttributes(out: InodeAttributes): 0 {
    out.ino = this.ino;
    out.mode = this.mode;
    out.nlink = this.nlink;
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = this.rdev;
    out.size = this.size;
    out.blksize = 4096;
    out.blocks = this.pages * 8;
    out.atime = this.atime;
    out.mtime = this.mtime;
    out.ctime = this.ctime;
    return 0;
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    if (change.size !== undefined) {
      const resized = this.resize(change.size);
      if (isErr(resized)) return resized;
    }
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    this.ctime = this.fs.now();
    if (change.size !== undefined) this.mtime = this.ctime;
    if (change.atime) this.atime = { ...change.atime };
    if (change.mtime) this.mtime = { ...change.mtime };
    return 0;
  }

  /** New size of a regular file. */
  protected resize(_size: number): 0 | Errno {
    return EINVAL;
  }

  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    return openSpecialFile(this, this.rdev, flags);
  }

  /** Contents changed. */
  modified(): void {
    this.mtime = this.ctime = this.fs.now();
  }

  /** One name less. Without names and users, the inode goes. */
  dropName(count = 1): void {
    this.nlink -= count;
    this.ctime = this.fs.now();
    if (this.nlink <= 0 && this.references === 0) this.evict();
  }

  override evict(): void {
    if (this.nlink > 0 || this.evicted) return;
    this.evicted = true;
    this.fs.usedInodes--;
    this.free();
  }

  /** Gives data back. */
  free(): void {}

  override getXattr(name: ByteString): Uint8Array | Errno {
    if (isSystem(name)) return EOPNOTSUPP;
    return this.xattrs?.get(name) ?? ENODATA;
  }

  override setXattr(name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
    if (isSystem(name)) return EOPNOTSUPP;
    const old = this.xattrs?.get(name);
    if ((flags & XATTR_CREATE) !== 0 && old) return EEXIST;
    if ((flags & XATTR_REPLACE) !== 0 && !old) return ENODATA;
    let total = name.length + value.length;
    if (this.xattrs) for (const [other, bytes] of this.xattrs) if (other !== name) total += other.length + bytes.length;
    if (total > XATTR_BYTES) return ENOSPC;
    this.xattrs ??= new Map();
    this.xattrs.set(name, value.slice());
    this.ctime = this.fs.now();
    return 0;
  }

  override listXattr(): ByteString[] {
    return this.xattrs ? [...this.xattrs.keys()] : [];
  }

  override removeXattr(name: ByteString): 0 | Errno {
    if (isSystem(name)) return EOPNOTSUPP;
    if (!this.xattrs?.delete(name)) return ENODATA;
    this.ctime = this.fs.now();
    return 0;
  }
}

/** Access control lists and the like: not kept. */
function isSystem(name: ByteString): boolean {
  return name.startsWith('system.');
}
