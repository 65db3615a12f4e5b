/** Regular files of tmpfs, with holes, seals and allocation (Linux: mm/shmem.c, mm/memfd.c). */
import { isErr, type Errno } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { EBUSY, EFBIG, EINVAL, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP, EPERM } from '../../abi/errno.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
} from '../../abi/fcntl.js';
import { SEEK_DATA, SEEK_HOLE } from '../../abi/fs.js';
import type { IoVec } from '../../mm/io-vec.js';
import { PageCache, type Mappable } from '../../mm/page-cache.js';
import { changesAccessTime } from '../../vfs/access-time.js';
import type { CreateAttributes } from '../../vfs/inode.js';
import { OpenFile } from '../../vfs/open-file.js';
import { BoundedIoVec } from '../../vfs/read-write.js';
import type { Tmpfs } from './tmpfs.js';
import { TmpfsInode } from './tmpfs-inode.js';

const MAX_SIZE = Number.MAX_SAFE_INTEGER;

export class TmpfsRegular extends TmpfsInode implements Mappable {
  /** F_SEAL_*; only memfds that allow it can change theirs. */
  seals = F_SEAL_SEAL;
  private data: PageCache | undefined = undefined;
  private countedPages = 0;

  constructor(fs: Tmpfs, attributes: CreateAttributes) {
    super(fs, attributes);
  }

  override get size(): number {
    return this.data === undefined ? 0 : this.data.size;
  }
  override get pages(): number {
    return this.data === undefined ? 0 : this.data.residentPages;
  }

  get isWriteSealed(): boolean {
    return (this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0;
  }

  /** The file's contents; made when first needed. */
  get cache(): PageCache {
    this.data ??= new PageCache(this.fs.physmem, 0);
    return this.data;
  }

  override mappable(): Mappable {
    return this;
  }

  override open(flags: number): OpenFile {
    return new TmpfsOpenFile(this, flags);
  }

  override free(): void {
    this.data?.dispose();
    this.data = undefined;
    this.fs.charge(-this.countedPages);
    this.countedPages = 0;
  }

  read(io: IoVec, position: number): number | Errno {
    return this.data === undefined ? 0 : this.data.read(io, position);
  }

  write(io: IoVec, position: number): number | Errno {
    let source = io;
    const { fs, seals } = this;
    let length = io.remaining;
    if (length === 0) return 0;
    if ((seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return EPERM;
    if (position >= MAX_SIZE) return EFBIG;
    if ((seals & F_SEAL_GROW) !== 0 && position + length > this.size) {
      if (position >= this.size) return EPERM;
      length = this.size - position;
    }
    if (length > fs.pagesFree * PAGE_SIZE - PAGE_SIZE) {
      length = this.roomFor(position, length);
      if (length === 0) return fs.full();
    }
    length = Math.min(length, MAX_SIZE - position);
    if (length < io.remaining) source = new BoundedIoVec(io, length);
    const written = this.cache.write(source, position);
    this.count();
    if (written > 0) this.modified();
    return written === ENOMEM ? fs.full() : written;
  }

  /** How many of `length` bytes at `position` the file system has pages for. */
  private roomFor(position: number, length: number): number {
    let free = this.fs.pagesFree;
    const { cache } = this;
    for (let page = Math.floor(position / PAGE_SIZE); page * PAGE_SIZE < position + length; page++) {
      if (cache.isValid(page)) continue;
      if (free-- === 0) return Math.max(0, page * PAGE_SIZE - position);
    }
    return length;
  }

  /** Brings the file system's count of pages up to date. */
  private count(): void {
    const now = this.pages;
    this.fs.charge(now - this.countedPages);
    this.countedPages = now;
  }

  override resize(size: number): 0 | Errno {
    if (size === this.size) return 0;
    if (size > MAX_SIZE) return EFBIG;
    if ((this.seals & F_SEAL_SHRINK) !== 0 && size < this.size) return EPERM;
    if ((this.seals & F_SEAL_GROW) !== 0 && size > this.size) return EPERM;
    const result = this.cache.truncate(size);
    this.count();
    return result;
  }

  allocate(mode: number, offset: number, length: number): 0 | Errno {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return EOPNOTSUPP;
    const end = offset + length;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) return this.punch(offset, Math.min(end, this.size));
    if (end > MAX_SIZE) return EFBIG;
    if ((this.seals & F_SEAL_GROW) !== 0 && end > this.size) return EPERM;
    if (this.roomForPages(offset, end) === false) return this.fs.full();
    if (end > this.size && (mode & FALLOC_FL_KEEP_SIZE) === 0) {
      const grown = this.cache.truncate(end);
      if (isErr(grown)) return grown;
    }
    const reserved = this.reserve(offset, Math.min(end, this.size));
    this.count();
    this.ctime = this.fs.now();
    return reserved;
  }

  private roomForPages(offset: number, end: number): boolean {
    const pages = Math.ceil(end / PAGE_SIZE) - Math.floor(offset / PAGE_SIZE);
    if (pages <= this.fs.pagesFree) return pages * PAGE_SIZE <= this.fs.physmem.limitBytes;
    return pages - this.pages <= this.fs.pagesFree && this.roomFor(offset, end - offset) === end - offset;
  }

  /** Gives every page of [offset, end) a frame of zeros where it has none. */
  private reserve(offset: number, end: number): 0 | Errno {
    const { cache } = this;
    const last = Math.ceil(end / PAGE_SIZE);
    for (let page = Math.floor(offset / PAGE_SIZE); page < last; page = cache.runFirst + cache.runPages) {
      const ready = cache.prepare(page, page, last, false);
      if (isErr(ready)) return ENOSPC;
    }
    return 0;
  }

  private punch(offset: number, end: number): 0 | Errno {
    if ((this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return EPERM;
    if (offset >= end) return 0;
    const result = this.cache.punch(offset, end - offset);
    this.count();
    this.modified();
    return result;
  }

  /** First offset >= `from` that lies in data (or a hole); the file's size when there is none. */
  findContent(from: number, data: boolean): number {
    const { size, cache } = this;
    const last = Math.ceil(size / PAGE_SIZE);
    for (let page = Math.floor(from / PAGE_SIZE); page < last; page++) {
      if (cache.isValid(page) === data) return Math.max(from, page * PAGE_SIZE);
    }
    return size;
  }

  addSeals(seals: number): 0 | Errno {
    if ((seals & ~(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return EINVAL;
    if ((this.seals & F_SEAL_SEAL) !== 0) return EPERM;
    if ((seals & F_SEAL_WRITE) !== 0 && (this.seals & F_SEAL_WRITE) === 0 && this.data?.hasSharedWriters) return EBUSY;
    this.seals |= seals;
    return 0;
  }
}

class TmpfsOpenFile extends OpenFile {
  constructor(
    override readonly inode: TmpfsRegular,
    flags: number,
  ) {
    super(inode, flags);
  }

  override read(io: IoVec, position: number): number | Errno {
    const moved = this.inode.read(io, position);
    if (moved >= 0) this.noteAccess();
    return moved;
  }

  private noteAccess(): void {
    const { inode } = this;
    const now = inode.fs.now();
    if (changesAccessTime(this, inode, now)) inode.atime = now;
  }

  override write(io: IoVec, position: number): number | Errno {
    return this.inode.write(io, position);
  }

  override seek(offset: number, whence: number): number | Errno {
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return super.seek(offset, whence);
    const { size } = this.inode;
    if (offset < 0 || offset >= size) return ENXIO;
    const found = this.inode.findContent(offset, whence === SEEK_DATA);
    if (whence === SEEK_DATA && found >= size) return ENXIO;
    this.position = found;
    return found;
  }

  override mappable(): Mappable {
    return this.inode;
  }
  override truncate(size: number): 0 | Errno {
    return this.inode.setAttributes({ size });
  }
  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    return this.inode.allocate(mode, offset, length);
  }
  override fsync(): 0 {
    return 0;
  }
  override fileControl(command: number, argument: number): number | Errno {
    if (command === F_GET_SEALS) return this.inode.seals;
    if (command !== F_ADD_SEALS) return super.fileControl(command, argument);
    return this.writable ? this.inode.addSeals(argument) : EPERM;
  }
}
