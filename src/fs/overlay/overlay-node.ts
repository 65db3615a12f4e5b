/** Symbolic links, FIFOs, sockets and device nodes of an overlay. */
import type { ByteString, Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import { S_IFBLK, S_IFCHR } from '../../abi/stat.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { openSpecialFile } from '../../vfs/special-files.js';
import { emptyAttributes } from '../../vfs/inode.js';
import { OverlayInode } from './overlay-inode.js';

export class OverlayNode extends OverlayInode {
  override readlink(): ByteString | Errno {
    return this.real.readlink();
  }

  /** A FIFO is the overlay's own, wherever its name comes from. What a device node below means is for that file system to say. */
  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    const device = this.type === S_IFCHR || this.type === S_IFBLK;
    if (device && this.lower) return this.lower.open(flags);
    const attributes = emptyAttributes();
    this.real.getAttributes(attributes);
    return openSpecialFile(this, attributes.rdev, flags);
  }
}
