/** Directories of an image: a list of names in the order in which they were unpacked, which is also the order of listing. */
import type { ByteString, Errno } from '../../base/brands.js';
import { ENOENT, EROFS } from '../../abi/errno.js';
import { S_IFMT } from '../../abi/stat.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import { ImageInode } from './image-inode.js';

/** '.' and '..' have the offsets 0 and 1. */
const DOTS = 2;
const ENTRY_SIZE = 20;
const DT_DIR = 4;

export class ImageDirectory extends ImageInode {
  private byName: Map<ByteString, number> | undefined = undefined;

  /** Name, number, name, number... */
  get list(): (ByteString | number)[] {
    return this.node[6] as (ByteString | number)[];
  }

  get size(): number {
    return (this.list.length / 2 + DOTS) * ENTRY_SIZE;
  }

  override lookup(name: ByteString): Inode | Errno {
    if (!this.byName) {
      this.byName = new Map();
      const { list } = this;
      for (let i = 0; i < list.length; i += 2) this.byName.set(list[i] as ByteString, list[i + 1] as number);
    }
    const number = this.byName.get(name);
    return number === undefined ? ENOENT : this.fs.inode(number);
  }

  override open(flags: number): OpenFile | Errno {
    return new ImageListing(this, flags);
  }

  override create(): Inode | Errno {
    return EROFS;
  }
  override mkdir(): Inode | Errno {
    return EROFS;
  }
  override symlink(): Inode | Errno {
    return EROFS;
  }
  override link(): 0 | Errno {
    return EROFS;
  }
  override unlink(): 0 | Errno {
    return EROFS;
  }
  override rmdir(): 0 | Errno {
    return EROFS;
  }
  override rename(): 0 | Errno {
    return EROFS;
  }
}

class ImageListing extends OpenFile {
  constructor(
    private readonly directory: ImageDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const { list, ino, fs } = this.directory;
    if (from === 0 && !sink({ name: '.', ino, type: DT_DIR }, 1)) return 0;
    if (from <= 1 && !sink({ name: '..', ino, type: DT_DIR }, DOTS)) return 0;
    for (let at = Math.max(from, DOTS); (at - DOTS) * 2 < list.length; at++) {
      const name = list[(at - DOTS) * 2] as ByteString;
      const number = list[(at - DOTS) * 2 + 1] as number;
      const type = (fs.index.nodes[number]![0] & S_IFMT) >> 12;
      if (!sink({ name, ino: number + 1, type }, at + 1)) return 0;
    }
    return 0;
  }

  override fsync(): 0 | Errno {
    return 0;
  }
}
