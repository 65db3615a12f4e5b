/**
 * A loop device: a regular file as a block device (Linux: drivers/block/loop.c; loop(4)). Reads and writes go straight to the
 * file, from `offset` on. No file system of disks is in this kernel: the use of these is images that programs make and look into.
 *
 * Leaves out: partitions, encryption, loop devices upon block devices, direct I/O (a flag that is kept).
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EBADF, EBUSY, EINVAL, ENOSPC, ENXIO } from '../../abi/errno.js';
import { LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_PARTSCAN, LO_FLAGS_READ_ONLY } from '../../abi/loop.js';
import { S_IFREG } from '../../abi/stat.js';
import type { IoVec } from '../../mm/io-vec.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { BoundedIoVec } from '../../vfs/read-write.js';

export const SECTOR = 512;
const SETTABLE_FLAGS = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
const NAME_BYTES = 64;

export class LoopDevice {
  /** The file that holds the blocks; undefined: not in use. */
  backing: OpenFile | undefined = undefined;
  offset = 0;
  /** Bytes after `offset` that are shown; 0: all. */
  sizeLimit = 0;
  /** LO_FLAGS_*. */
  flags = 0;
  fileName = new Uint8Array(NAME_BYTES);
  blockSize = SECTOR;
  readAheadSectors = 256;
  /** Descriptions open of this device. */
  openers = 0;
  private bytes = 0;

  constructor(readonly number: number) {}

  /** In bytes, a multiple of the sector. */
  get size(): number {
    return this.bytes;
  }
  get readOnly(): boolean {
    return (this.flags & LO_FLAGS_READ_ONLY) !== 0;
  }

  /** LOOP_SET_FD; takes a reference of its own. `writable`: the device was opened for writing. */
  attach(file: OpenFile, writable: boolean): 0 | Errno {
    if (this.backing) return EBUSY;
    if (file.inode.type !== S_IFREG) return EINVAL;
    file.references++;
    this.backing = file;
    this.flags = file.writable && writable ? 0 : LO_FLAGS_READ_ONLY;
    this.updateSize();
    return 0;
  }

  /** LOOP_CHANGE_FD: another file of the same size for a device that is read-only. */
  change(file: OpenFile): 0 | Errno {
    if (!this.backing) return ENXIO;
    if (!this.readOnly || file.inode.type !== S_IFREG) return EINVAL;
    if (file.inode.size !== this.backing.inode.size) return EINVAL;
    file.references++;
    dropFile(this.backing);
    this.backing = file;
    return 0;
  }

  /** LOOP_CLR_FD: at once when the caller alone has the device open, else with the last close. */
  clear(): 0 | Errno {
    if (!this.backing) return ENXIO;
    if (this.openers > 1) this.flags |= LO_FLAGS_AUTOCLEAR;
    else this.detach();
    return 0;
  }

  closed(): void {
    if (--this.openers === 0 && (this.flags & LO_FLAGS_AUTOCLEAR) !== 0) this.detach();
  }

  private detach(): void {
    const { backing } = this;
    this.backing = undefined;
    this.offset = this.sizeLimit = this.flags = this.bytes = 0;
    this.blockSize = SECTOR;
    this.fileName = new Uint8Array(NAME_BYTES);
    if (backing) dropFile(backing);
  }

  setStatus(offset: number, sizeLimit: number, flags: number, fileName: Uint8Array): 0 | Errno {
    if (!this.backing) return ENXIO;
    if (offset < 0 || offset > Number.MAX_SAFE_INTEGER || sizeLimit > Number.MAX_SAFE_INTEGER) return EINVAL;
    this.offset = offset;
    this.sizeLimit = sizeLimit;
    this.flags = (this.flags & ~SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS);
    this.fileName = fileName.slice(0, NAME_BYTES);
    this.fileName[NAME_BYTES - 1] = 0;
    this.updateSize();
    return 0;
  }

  setDirectIo(on: boolean): 0 | Errno {
    if (!this.backing) return ENXIO;
    this.flags = on ? this.flags | LO_FLAGS_DIRECT_IO : this.flags & ~LO_FLAGS_DIRECT_IO;
    return 0;
  }

  setBlockSize(size: number): 0 | Errno {
    if (!this.backing) return ENXIO;
    if (size < SECTOR || size > 4096 || (size & (size - 1)) !== 0) return EINVAL;
    this.blockSize = size;
    return 0;
  }

  /** LOOP_SET_CAPACITY: the file may have changed its size. */
  updateSize(): 0 | Errno {
    if (!this.backing) return ENXIO;
    const after = Math.max(0, this.backing.inode.size - this.offset);
    const shown = this.sizeLimit > 0 ? Math.min(after, this.sizeLimit) : after;
    this.bytes = shown - (shown % SECTOR);
    return 0;
  }

  read(io: IoVec, position: number): number | Errno {
    const length = Math.min(io.remaining, this.bytes - position);
    if (length <= 0 || !this.backing) return 0;
    const moved = this.backing.inode.size > this.offset + position ? this.backing.read(bounded(io, length), this.offset + position) : 0;
    if (isErr(moved) || moved > 0) return moved;
    // The file was cut short: the rest of the device reads as zeros.
    return io.putZeros(length);
  }

  write(io: IoVec, position: number): number | Errno {
    if (this.readOnly) return EBADF;
    const length = Math.min(io.remaining, this.bytes - position);
    if (length <= 0 || !this.backing) return io.remaining === 0 ? 0 : ENOSPC;
    return this.backing.write(bounded(io, length), this.offset + position);
  }
}

function bounded(io: IoVec, length: number): IoVec {
  return length < io.remaining ? new BoundedIoVec(io, length) : io;
}
