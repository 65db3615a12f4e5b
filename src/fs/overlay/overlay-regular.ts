/**
 * Regular files of an overlay. Data is copied up at the first write, truncation or writable mapping, not at open: many files
 * are opened for writing and never written. Until then the lower file's page cache serves mappings.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EIO, ENXIO } from '../../abi/errno.js';
import { SEEK_DATA } from '../../abi/fs.js';
import { O_ACCMODE, O_RDONLY, O_RDWR } from '../../abi/fcntl.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import type { Mappable } from '../../mm/page-cache.js';
import { dropFile } from '../../vfs/fd-table.js';
import { emptyAttributes, type AttributeChange, type Inode, type InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { OverlayInode } from './overlay-inode.js';
import { OverlayOpenFile } from './overlay-open-file.js';

const COPY_BYTES = 1 << 18;

export class OverlayRegular extends OverlayInode {
  /** The data is still the lower file's. */
  dataBelow = this.lowers.length > 0;

  override get size(): number {
    return this.dataBelow ? this.lower!.size : this.upper!.size;
  }

  override getAttributes(out: InodeAttributes): 0 | Errno {
    if (!this.upper || !this.dataBelow) return super.getAttributes(out);
    const below = emptyAttributes();
    const known = this.lower!.getAttributes(below);
    if (isErr(known)) return known;
    const result = super.getAttributes(out);
    out.size = below.size;
    out.blocks = below.blocks;
    return result;
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    if (change.size !== undefined) {
      const copied = this.copyUpData(change.size);
      if (isErr(copied)) return copied;
    }
    return super.setAttributes(change);
  }

  override open(flags: number): OpenFile | Errno {
    const real = this.openReal(flags);
    return isErr(real) ? real : new OverlayOpenFile(this, flags, real as OpenFile, this.dataBelow);
  }

  /** Opens the file that holds the data now. */
  openReal(flags: number): OpenFile | Errno {
    const access = flags & O_ACCMODE;
    const opened = this.dataBelow ? this.lower!.open(O_RDONLY) : this.upper!.open(access);
    return opened as OpenFile | Errno;
  }

  override mappable(): Mappable | Errno {
    return this.dataBelow ? this.lower!.mappable() : this.upper!.mappable();
  }

  /** Copies the first `limit` bytes of the data up. */
  copyUpData(limit = Infinity): 0 | Errno {
    if (!this.dataBelow) return 0;
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    this.changed = true;
    const size = Math.min(limit, this.lower!.size);
    const result = size > 0 ? copyData(this.lower!, this.upper!, size) : 0;
    if (isErr(result)) {
      this.upper!.setAttributes({ size: 0 });
      return result;
    }
    this.dataBelow = false;
    return 0;
  }
}

/** Copies `size` bytes; the times of `to` stay. */
export function copyData(from: Inode, to: Inode, size: number): 0 | Errno {
  const before = emptyAttributes();
  to.getAttributes(before);
  const atime = { ...before.atime };
  const mtime = { ...before.mtime };
  const source = from.open(O_RDONLY) as OpenFile | Errno;
  if (isErr(source)) return source;
  const target = to.open(O_RDWR) as OpenFile | Errno;
  if (isErr(target)) {
    dropFile(source as OpenFile);
    return target;
  }
  const result = pump(source as OpenFile, target as OpenFile, size);
  dropFile(source as OpenFile);
  dropFile(target as OpenFile);
  return isErr(result) ? result : to.setAttributes({ atime, mtime });
}

function pump(source: OpenFile, target: OpenFile, size: number): 0 | Errno {
  const buffer = new Uint8Array(Math.min(COPY_BYTES, size));
  for (let done = 0; done < size; ) {
    const data = source.seek(done, SEEK_DATA);
    // What is left is a hole, or past the end.
    if (data === ENXIO) return target.truncate(size);
    if (data > done) done = Math.min(data, size);
    if (done === size) return target.truncate(size);
    const moved = source.read(new KernelIoVec(buffer, 0, Math.min(buffer.length, size - done)), done);
    if (isErr(moved)) return moved;
    // The lower file was cut short behind our back: the rest reads as zeros, as it would in a mapping.
    if (moved === 0) return target.truncate(size);
    const io = new KernelIoVec(buffer, 0, moved);
    while (io.remaining > 0) {
      const written = target.write(io, done);
      if (isErr(written)) return written;
      if (written === 0) return EIO;
      done += written;
    }
  }
  return 0;
}
