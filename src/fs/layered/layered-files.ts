/** Files of a mounted overlay that are no directories. Regular ones are copied up whole when they are opened for writing, as in Linux. */
import type { Blocking } from '../../base/blocking.js';
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { O_ACCMODE, O_RDONLY, O_TRUNC } from '../../abi/fcntl.js';
import { S_IFBLK, S_IFCHR } from '../../abi/stat.js';
import type { Mappable } from '../../mm/page-cache.js';
import type { Inode } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { openSpecialFile } from '../../vfs/special-files.js';
import { OverlayOpenFile } from '../overlay/overlay-open-file.js';
import { copyData } from '../overlay/overlay-regular.js';
import { LayeredInode } from './layered-inode.js';

export class LayeredRegular extends LayeredInode {
  get dataBelow(): boolean {
    return this.upper === undefined;
  }

  protected override fill(upper: Inode, lower: Inode, limit: number): 0 | Errno {
    const size = Math.min(limit, lower.size);
    const copied = size > 0 ? copyData(lower, upper, size) : 0;
    return isErr(copied) ? copied : super.fill(upper, lower, limit);
  }

  copyUpData(limit?: number): 0 | Errno {
    return this.copyUp(limit);
  }

  override open(flags: number): OpenFile | Errno {
    if ((flags & O_ACCMODE) !== O_RDONLY) {
      const copied = this.copyUp((flags & O_TRUNC) !== 0 ? 0 : Infinity);
      if (isErr(copied)) return copied;
    }
    const real = this.openReal(flags);
    return isErr(real) ? real : new OverlayOpenFile(this, flags, real as OpenFile, this.dataBelow);
  }

  openReal(flags: number): OpenFile | Errno {
    return this.real.open(this.upper ? flags & O_ACCMODE : O_RDONLY) as OpenFile | Errno;
  }

  override mappable(): Mappable | Errno {
    return this.real.mappable();
  }
}

/** Symbolic links, FIFOs, sockets and device nodes. */
export class LayeredNode extends LayeredInode {
  override readlink(): ByteString | Errno {
    return this.real.readlink();
  }

  /** What a device node means is for its own file system to say; a FIFO is the overlay's own. */
  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    const isDevice = this.type === S_IFCHR || this.type === S_IFBLK;
    return isDevice ? this.real.open(flags) : openSpecialFile(this, 0, flags);
  }
}
