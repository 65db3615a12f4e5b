/**
 * Regular files of hostfs. All opens of a file share one host descriptor for reading and one for writing, so that a guest with
 * ten thousand descriptors costs the host few.
 *
 * Data moves by pread and pwrite between the host's file and guest memory. The page cache serves mappings and exec only:
 * its pages are dropped when the host's file has changed by the time it is opened again, and follow the guest's own writes.
 * While a description that may map the file shared and writable is open, the cache leads: reads and writes go through it.
 */
import { isErr, type ByteString, type Errno, type HostFd } from '../../base/brands.js';
import { EACCES, EINVAL, ENODEV, EROFS, ESTALE } from '../../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '../../abi/fcntl.js';
import type { IoVec } from '../../mm/io-vec.js';
import { PageCache, type Mappable, type PageFiller } from '../../mm/page-cache.js';
import { closeFd, reopen, statFd, syncFd, truncateFd, type HostStat } from '../../host/files.js';
import type { AttributeChange } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { FdHolder } from './fd-cache.js';
import type { HostDirectory } from './host-directory.js';
import { copyStat, HostInode, PUBLIC_READ } from './host-inode.js';
import { HostOpenFile } from './host-open-file.js';
import { readHost, writeHost } from './host-transfer.js';
import type { ViewRule } from './view-rule.js';

export class HostRegular extends HostInode implements FdHolder, PageFiller {
  fdUsed = false;
  fdSlot = -1;
  fdPins = 0;
  private readFd: HostFd | -1 = -1;
  private readUsers = 0;
  private writeFd: HostFd | -1 = -1;
  private writeUsers = 0;
  /** `writeFd` can be read from as well. */
  private writeFdReads = false;
  private pages: Mappable | undefined = undefined;
  /** Version of the data in the cache. */
  private cachedMtimeSec = 0;
  private cachedMtimeNsec = 0;
  /** Open descriptions that asked for a mapping and can write. */
  private writableMappers = 0;

  override get busy(): boolean {
    return this.readUsers + this.writeUsers > 0 || this.pages !== undefined;
  }

  protected override heldFd(): HostFd | -1 {
    return this.readFd >= 0 ? this.readFd : this.writeFd >= 0 ? this.writeFd : super.heldFd();
  }

  override sawAs(parent: HostDirectory, name: ByteString, stat: HostStat, rule: ViewRule | undefined): void {
    super.sawAs(parent, name, stat, rule);
    this.growToCache();
  }

  override refresh(): 0 | Errno {
    const result = super.refresh();
    this.growToCache();
    return result;
  }

  /** While the cache leads, it may hold bytes behind the end of the host's file. */
  private growToCache(): void {
    if (this.writableMappers > 0 && this.pages!.cache.size > this.stat.size) this.stat.size = this.pages!.cache.size;
  }

  // Descriptors.

  override open(flags: number): OpenFile | Errno {
    const access = flags & O_ACCMODE;
    if (access === O_ACCMODE) return EINVAL;
    if (access !== O_WRONLY && !this.isPublic(PUBLIC_READ)) return EACCES;
    if ((access !== O_RDONLY || (flags & O_TRUNC) !== 0) && this.fs.readOnly) return EROFS;
    if (access === O_RDONLY) {
      const held = this.holdReadFd();
      if (isErr(held)) return held;
    } else {
      const held = this.holdWriteFd(access === O_RDWR);
      if (isErr(held)) return held;
    }
    this.revalidateCache();
    return new HostOpenFile(this, flags);
  }

  private holdReadFd(): 0 | Errno {
    if (this.readFd < 0) {
      const fd = this.openData(O_RDONLY);
      if (isErr(fd)) return fd;
      this.readFd = fd;
    }
    this.fs.fds.remove(this);
    this.readUsers++;
    return 0;
  }

  private holdWriteFd(reads: boolean): 0 | Errno {
    if (this.writeFd >= 0 && reads && !this.writeFdReads) return EACCES;
    if (this.writeFd < 0) {
      let fd = this.openData(O_RDWR);
      this.writeFdReads = !isErr(fd);
      if (fd === EACCES && !reads) fd = this.openData(O_WRONLY);
      if (isErr(fd)) return fd;
      this.writeFd = fd;
    }
    this.writeUsers++;
    return 0;
  }

  /** A descriptor with access to the data of this very file. */
  private openData(access: number): HostFd | Errno {
    const held = this.heldFd();
    if (held >= 0) return this.fs.fds.withRoom(() => reopen(this.heldFd(), access));
    if (this.fs.stableNames && this.parent !== null) return this.openStable(access);
    const fd = this.openPathFd();
    if (isErr(fd)) return fd;
    const data = this.fs.fds.withRoom(() => reopen(fd, access));
    closeFd(fd);
    return data;
  }

  /** Nobody exchanges files here, so the name may be opened at once; what was opened is checked all the same. */
  private openStable(access: number): HostFd | Errno {
    const fd = this.parent!.openChild(this.name, access);
    if (isErr(fd)) return fd;
    const known = statFd(fd, this.fs.scratch);
    if (!isErr(known) && this.isSame()) {
      copyStat(this.fs.scratch, this.stat);
      return fd;
    }
    closeFd(fd);
    return ESTALE;
  }

  /** What an open description with these flags reads from. */
  fdForReading(flags: number): HostFd {
    return (flags & O_ACCMODE) === O_RDONLY ? this.readFd : this.writeFd;
  }
  fdForWriting(): HostFd {
    return this.writeFd;
  }

  /** An open description is gone. */
  releaseFd(flags: number): void {
    if ((flags & O_ACCMODE) !== O_RDONLY) {
      if (--this.writeUsers > 0) return;
      closeFd(this.writeFd);
      this.writeFd = -1;
      return;
    }
    if (--this.readUsers > 0) return;
    // In a tree that nobody changes, the next open is spared the host's.
    if (this.fs.stableNames) this.fs.fds.add(this);
    else this.dropFd();
  }

  dropFd(): void {
    if (this.readFd >= 0) closeFd(this.readFd);
    this.readFd = -1;
  }

  // Page cache.

  get cache(): PageCache | undefined {
    return this.pages?.cache;
  }

  /** True while reads and writes must go through the cache. */
  get cacheLeads(): boolean {
    return this.writableMappers > 0;
  }

  override mappable(): Mappable | Errno {
    if (this.pages) return this.pages;
    const { physmem } = this.fs;
    if (!physmem) return ENODEV;
    if (!this.fs.stableNames) this.refresh();
    this.stampCache();
    this.pages = { cache: new PageCache(physmem, this.stat.size, this) };
    return this.pages;
  }

  /** A description that can write has been (by 1) mapped, or such a one (by -1) is gone. */
  countWritableMapper(by: 1 | -1): void {
    if (by < 0) this.writeBackCache();
    this.writableMappers += by;
  }

  writeBackCache(offset?: number, length?: number): 0 | Errno {
    if (!this.pages || this.fs.readOnly || this.writeFd < 0) return 0;
    const result = this.pages.cache.writeBack(offset, length);
    this.restampCache();
    return result;
  }

  private stampCache(): void {
    this.cachedMtimeSec = this.stat.mtimeSec;
    this.cachedMtimeNsec = this.stat.mtimeNsec;
  }

  /** The guest's own write is no reason to read everything again. */
  restampCache(): void {
    if (!this.pages) return;
    super.refresh();
    this.stampCache();
    this.growToCache();
  }

  /** Throws away what the host has changed since it was read. */
  private revalidateCache(): void {
    const { pages } = this;
    if (!pages || this.fs.stableNames || this.cacheLeads) return;
    if (isErr(this.refresh())) return;
    const { stat } = this;
    const { cache } = pages;
    if (cache.size === stat.size && stat.mtimeSec === this.cachedMtimeSec && stat.mtimeNsec === this.cachedMtimeNsec) return;
    if (cache.size !== stat.size) cache.truncate(stat.size);
    cache.refresh();
    this.stampCache();
  }

  fill(offset: number, io: IoVec): number | Errno {
    if (this.readFd < 0 && (this.writeFd < 0 || !this.writeFdReads)) {
      const fd = this.openData(O_RDONLY);
      if (isErr(fd)) return fd;
      this.readFd = fd;
      this.fs.fds.add(this);
    }
    this.fdUsed = true;
    return readHost(this.readFd >= 0 ? this.readFd : this.writeFd, io, offset, io.remaining);
  }

  writeBack(offset: number, io: IoVec): number | Errno {
    return this.writeFd < 0 ? EACCES : writeHost(this.writeFd, io, offset);
  }

  // Attributes.

  protected override changeAttributes(fd: HostFd, change: AttributeChange): 0 | Errno {
    if (change.size !== undefined) {
      const result = this.truncate(change.size, fd);
      if (isErr(result)) return result;
    }
    return super.changeAttributes(fd, change);
  }

  /** `pathFd`: an O_PATH descriptor, for when none with write access is open. */
  truncate(size: number, pathFd: HostFd | -1 = -1): 0 | Errno {
    let fd: HostFd | Errno = this.writeFd;
    if (fd < 0) {
      if (pathFd < 0) return EINVAL;
      fd = this.fs.fds.withRoom(() => reopen(pathFd, O_WRONLY));
      if (isErr(fd)) return fd;
    }
    const result = truncateFd(fd, size);
    if (fd !== this.writeFd) closeFd(fd);
    if (isErr(result)) return result;
    if (this.pages) this.pages.cache.truncate(size);
    this.restampCache();
    return 0;
  }

  fsync(): 0 | Errno {
    const written = this.writeBackCache();
    if (isErr(written)) return written;
    const fd = this.heldFd();
    return fd >= 0 && !this.fs.readOnly ? syncFd(fd) : 0;
  }

  override dispose(): void {
    this.pages?.cache.dispose();
    this.pages = undefined;
    this.fs.fds.remove(this);
    if (this.readUsers === 0) this.dropFd();
  }

  override evict(): void {
    if (this.readUsers + this.writeUsers > 0) return;
    this.dispose();
    this.fs.forget(this);
  }
}
