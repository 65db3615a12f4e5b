/** An open regular file of hostfs. The host's descriptors belong to the inode; see host-regular.ts. */
import { isErr, type Errno } from '../../base/brands.js';
import { EBADF, EINVAL, EROFS } from '../../abi/errno.js';
import { O_ACCMODE, O_DSYNC } from '../../abi/fcntl.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Mappable } from '../../mm/page-cache.js';
import { allocateFd, dataSyncFd, seekFd } from '../../host/files.js';
import { OpenFile } from '../../vfs/open-file.js';
import type { HostRegular } from './host-regular.js';
import { readHost, writeHost } from './host-transfer.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FALLOC_FL_KEEP_SIZE = 1;

export class HostOpenFile extends OpenFile {
  /** The access mode, which no fcntl changes. */
  private readonly access: number;
  private mapsWritable = false;

  constructor(
    readonly file: HostRegular,
    flags: number,
  ) {
    super(file, flags);
    this.access = flags & O_ACCMODE;
  }

  override read(io: IoVec, position: number): number | Errno {
    const { file } = this;
    if (file.cacheLeads) return file.cache!.read(io, position);
    return readHost(file.fdForReading(this.access), io, position, file.stat.size - position);
  }

  override write(io: IoVec, position: number): number | Errno {
    const { file } = this;
    if (file.fs.readOnly) return EROFS;
    const moved = file.cacheLeads ? this.writeThroughCache(io, position) : writeHost(file.fdForWriting(), io, position);
    if (isErr(moved) || moved === 0) return moved;
    if (!file.cacheLeads && file.cache) {
      const { cache } = file;
      if (position + moved > cache.size) cache.truncate(position + moved);
      cache.refresh(position, moved);
      file.restampCache();
    }
    if ((this.flags & O_DSYNC) !== 0) dataSyncFd(file.fdForWriting());
    return moved;
  }

  private writeThroughCache(io: IoVec, position: number): number | Errno {
    const moved = this.file.cache!.write(io, position);
    if (isErr(moved)) return moved;
    const written = this.file.writeBackCache(position, moved);
    return isErr(written) ? written : moved;
  }

  override seek(offset: number, whence: number): number | Errno {
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return super.seek(offset, whence);
    if (!Number.isSafeInteger(offset)) return EINVAL;
    const position = seekFd(this.file.fdForReading(this.access), offset, whence);
    if (!isErr(position)) this.position = position;
    return position;
  }

  override mappable(): Mappable | Errno {
    const pages = this.file.mappable();
    if (isErr(pages) || !this.writable || this.mapsWritable) return pages;
    this.mapsWritable = true;
    this.file.countWritableMapper(1);
    return pages;
  }

  override fsync(): 0 | Errno {
    return this.file.fsync();
  }

  override truncate(size: number): 0 | Errno {
    return this.writable ? this.file.truncate(size) : EINVAL;
  }

  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    const { file } = this;
    if (!this.writable) return EBADF;
    const written = file.writeBackCache();
    if (isErr(written)) return written;
    const result = allocateFd(file.fdForWriting(), mode, offset, length);
    if (isErr(result) || !file.cache) return result;
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + length > file.cache.size) file.cache.truncate(offset + length);
    file.cache.refresh();
    file.restampCache();
    return 0;
  }

  override flush(): 0 | Errno {
    if (!this.mapsWritable) return 0;
    const result = this.file.writeBackCache();
    return isErr(result) ? result : 0;
  }

  override release(): void {
    if (this.mapsWritable) this.file.countWritableMapper(-1);
    this.file.releaseFd(this.access);
  }
}
