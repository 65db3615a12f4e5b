/** What all inodes of an image share; links, FIFOs, sockets and devices need nothing more. */
import type { ByteString, Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import { bytesOf } from '../../base/bytes.js';
import type { Timespec } from '../../base/clock.js';
import { EINVAL, ENODATA, EOPNOTSUPP, EROFS } from '../../abi/errno.js';
import { S_IFBLK, S_IFCHR } from '../../abi/stat.js';
import type { IndexNode } from '../../image/image-index.js';
import { Inode, type InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { makeDevice, openSpecialFile } from '../../vfs/special-files.js';
import type { ImageFs } from './image-fs.js';

export abstract class ImageInode extends Inode {
  readonly ino: number;
  protected readonly node: IndexNode;

  constructor(
    override readonly fs: ImageFs,
    readonly number: number,
  ) {
    super(fs);
    this.node = fs.index.nodes[number]!;
    this.ino = number + 1;
  }

  get mode(): number {
    return this.node[0];
  }
  get uid(): number {
    return this.node[1];
  }
  get gid(): number {
    return this.node[2];
  }

  getAttributes(out: InodeAttributes): 0 {
    const time: Timespec = { sec: this.node[3], nsec: this.node[4] };
    out.ino = this.ino;
    out.mode = this.mode;
    out.nlink = this.node[5];
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = this.rdev;
    out.size = this.size;
    out.blksize = 4096;
    out.blocks = this.blocks;
    out.atime = time;
    out.mtime = { ...time };
    out.ctime = { ...time };
    return 0;
  }

  protected get rdev(): number {
    return 0;
  }
  protected get blocks(): number {
    return 0;
  }

  override setAttributes(): 0 | Errno {
    return EROFS;
  }

  private get xattrs(): Record<ByteString, ByteString> | undefined {
    return this.fs.index.xattrs[this.number];
  }

  override getXattr(name: ByteString): Uint8Array | Errno {
    if (name.startsWith('system.')) return EOPNOTSUPP;
    const { xattrs } = this;
    return xattrs && Object.hasOwn(xattrs, name) ? bytesOf(xattrs[name]!) : ENODATA;
  }
  override listXattr(): ByteString[] {
    return Object.keys(this.xattrs ?? {}).filter((name) => !name.startsWith('system.'));
  }
  override setXattr(): 0 | Errno {
    return EROFS;
  }
  override removeXattr(): 0 | Errno {
    return EROFS;
  }

  override evict(): void {
    this.dispose();
    this.fs.forget(this.number);
  }

  /** Gives caches back. */
  dispose(): void {}
}

export class ImageNode extends ImageInode {
  get size(): number {
    return this.isSymlink ? (this.node[6] as ByteString).length : 0;
  }

  protected override get rdev(): number {
    const isDevice = this.type === S_IFCHR || this.type === S_IFBLK;
    return isDevice ? makeDevice(this.node[6] as number, this.node[7] as number) : 0;
  }

  override readlink(): ByteString | Errno {
    return this.isSymlink ? (this.node[6] as ByteString) : EINVAL;
  }

  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    return openSpecialFile(this, this.rdev, flags);
  }
}
