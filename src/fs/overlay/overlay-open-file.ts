/** An open regular file of an overlay: hands everything on to the file that holds the data, and follows it when it is copied up. */
import { isErr, type Errno } from '../../base/brands.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Mappable } from '../../mm/page-cache.js';
import { EINVAL } from '../../abi/errno.js';
import { dropFile } from '../../vfs/fd-table.js';
import { OpenFile } from '../../vfs/open-file.js';
import type { Inode } from '../../vfs/inode.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** A regular file that may be copied up while it is open. */
export interface CopiedOnWrite extends Inode {
  /** The data is still the lower file's. */
  readonly dataBelow: boolean;
  /** Opens the file that holds the data now. */
  openReal(flags: number): OpenFile | Errno;
  /** Copies the first `limit` bytes of the data up. */
  copyUpData(limit?: number): 0 | Errno;
}

export class OverlayOpenFile extends OpenFile {
  constructor(
    private readonly file: CopiedOnWrite,
    flags: number,
    private real: OpenFile,
    private realBelow: boolean,
  ) {
    super(file, flags);
  }

  /** The open file that holds the data now. */
  private current(): OpenFile | Errno {
    if (this.realBelow === this.file.dataBelow) return this.real;
    const next = this.file.openReal(this.flags);
    if (isErr(next)) return next;
    dropFile(this.real);
    this.real = next as OpenFile;
    this.realBelow = false;
    return this.real;
  }

  /** The same, for a change of the data. */
  private writableReal(): OpenFile | Errno {
    const copied = this.file.copyUpData();
    return isErr(copied) ? copied : this.current();
  }

  override read(io: IoVec, position: number): number | Errno {
    const real = this.realBelow === this.file.dataBelow ? this.real : this.current();
    return typeof real === 'number' ? real : real.read(io, position);
  }

  override write(io: IoVec, position: number): number | Errno {
    const real = this.writableReal();
    return typeof real === 'number' ? real : real.write(io, position);
  }

  override seek(offset: number, whence: number): number | Errno {
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return super.seek(offset, whence);
    const real = this.current();
    if (typeof real === 'number') return real;
    const position = real.seek(offset, whence);
    if (!isErr(position)) this.position = position;
    return position;
  }

  /** A description that can write may be mapped shared and writable, so its data comes up. */
  override mappable(): Mappable | Errno {
    const real = this.writable ? this.writableReal() : this.current();
    return typeof real === 'number' ? real : real.mappable();
  }

  override truncate(size: number): 0 | Errno {
    if (!this.writable) return EINVAL;
    const copied = this.file.copyUpData(size);
    if (isErr(copied)) return copied;
    const real = this.current();
    return typeof real === 'number' ? real : real.truncate(size);
  }

  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    const real = this.writableReal();
    return typeof real === 'number' ? real : real.allocate(mode, offset, length);
  }

  override fsync(): 0 | Errno {
    return this.realBelow ? 0 : this.real.fsync();
  }

  override release(): void {
    dropFile(this.real);
  }
}
