/** Symbolic links, and nodes of devices, FIFOs and sockets, in tmpfs. */
import type { ByteString } from '../../base/brands.js';
import type { CreateAttributes } from '../../vfs/inode.js';
import type { Tmpfs } from './tmpfs.js';
import { TmpfsInode } from './tmpfs-inode.js';

/** Longer targets cost a page of the file system's size. */
const INLINE_TARGET = 128;

export class TmpfsSymlink extends TmpfsInode {
  constructor(
    fs: Tmpfs,
    attributes: CreateAttributes,
    private readonly target: ByteString,
  ) {
    super(fs, attributes);
    fs.charge(this.pages);
  }

  override get size(): number {
    return this.target.length;
  }
  override get pages(): number {
    return this.target.length > INLINE_TARGET ? 1 : 0;
  }
  override readlink(): ByteString {
    return this.target;
  }
  override free(): void {
    this.fs.charge(-this.pages);
  }
}

/** Opened through vfs/special-files.ts. */
export class TmpfsSpecial extends TmpfsInode {
  private readonly device: number;

  constructor(fs: Tmpfs, attributes: CreateAttributes) {
    super(fs, attributes);
    this.device = attributes.rdev;
  }

  override get rdev(): number {
    return this.device;
  }
}
