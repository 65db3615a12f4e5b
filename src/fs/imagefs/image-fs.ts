/**
 * An unpacked image (image/image-index.ts) as a read-only file system: meant as the lower layer of an overlay. Inodes are made
 * when they are looked up; data is read from the contents, plain tar archives, where it lies.
 */
import { isErr, type Errno, type HostFd } from '../../base/brands.js';
import { fromText } from '../../base/bytes.js';
import { EIO } from '../../abi/errno.js';
import { O_RDONLY } from '../../abi/fcntl.js';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.js';
import { closeFd, HostStat, openRoot, reopen, statFd } from '../../host/files.js';
import type { ImageIndex, IndexContent } from '../../image/image-index.js';
import type { PhysMem } from '../../mm/phys-mem.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import { ImageDirectory } from './image-directory.js';
import type { ImageInode } from './image-inode.js';
import { ImageNode } from './image-inode.js';
import { ImageRegular } from './image-regular.js';

/** EROFS_SUPER_MAGIC_V1: the image file system that Linux has. */
const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2;
const BLOCK_SIZE = 4096;

export class ImageFs extends FileSystem {
  readonly type = 'erofs';
  override readonly readOnly = true;
  readonly root: ImageInode;
  /** Inodes by number, for as long as somebody uses them. */
  private readonly inodes = new Map<number, ImageInode>();

  /** Use `ImageFs.open`. */
  private constructor(
    readonly index: ImageIndex,
    readonly contents: readonly HostFd[],
    readonly physmem: PhysMem,
  ) {
    super();
    this.root = this.inode(0);
  }

  /** EIO: a content is not what it was when it was unpacked. */
  static open(index: ImageIndex, physmem: PhysMem): ImageFs | Errno {
    const contents: HostFd[] = [];
    for (const content of index.contents) {
      const fd = openContent(content);
      if (isErr(fd)) {
        for (const open of contents) closeFd(open);
        return fd;
      }
      contents.push(fd);
    }
    return new ImageFs(index, contents, physmem);
  }

  inode(number: number): ImageInode {
    const known = this.inodes.get(number);
    if (known) return known;
    const made = this.make(number);
    this.inodes.set(number, made);
    return made;
  }

  private make(number: number): ImageInode {
    switch (this.index.nodes[number]![0] & S_IFMT) {
      case S_IFDIR:
        return new ImageDirectory(this, number);
      case S_IFREG:
        return new ImageRegular(this, number);
      default:
        return new ImageNode(this, number);
    }
  }

  forget(number: number): void {
    if (number !== 0) this.inodes.delete(number);
  }

  statistics(): FileSystemStatistics {
    const files = this.index.nodes.length;
    const bytes = this.index.contents.reduce((sum, { size }) => sum + size, 0);
    const blocks = Math.ceil(bytes / BLOCK_SIZE);
    return { type: EROFS_SUPER_MAGIC_V1, blockSize: BLOCK_SIZE, blocks, blocksFree: 0, files, filesFree: 0, nameMax: 255 };
  }

  override dispose(): void {
    for (const inode of this.inodes.values()) inode.dispose();
    this.inodes.clear();
    for (const fd of this.contents) closeFd(fd);
  }
}

function openContent({ path, size }: IndexContent): HostFd | Errno {
  const place = openRoot(fromText(path));
  if (isErr(place)) return place;
  const fd = reopen(place, O_RDONLY);
  closeFd(place);
  if (isErr(fd)) return fd;
  const stat = new HostStat();
  if (!isErr(statFd(fd, stat)) && stat.size === size) return fd;
  closeFd(fd);
  return EIO;
}
