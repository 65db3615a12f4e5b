/**
 * Page cache: file contents in physmem (Linux: mm/filemap.c, mm/shmem.c).
 *
 * One cache per host file or in-memory file, shared by all that map or read it. Pages of a file with a filler are read when
 * needed, with read-ahead; those of an in-memory file are the file, and holes have no frame. Frames are reserved by the chunk
 * (2 MiB of file, or the whole of a small one) in contiguous runs, so that mapping a library's text is one host mapping.
 *
 * A page that is mapped shared and writable counts as dirty for as long as it is mapped, since guests write to it unseen.
 * page-cache-access.ts has reading and writing, page-cache-sync.ts write-back and reclaim.
 * Leaves out: write-back in the background (fs calls `writeBack` from fsync, msync and close).
 */
import type { Errno, PhysAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { ENOMEM } from '../abi/errno.js';
import type { IoVec } from './io-vec.js';
import * as access from './page-cache-access.js';
import { CHUNK_BYTES, CHUNK_PAGES, Chunk, DIRTY, EXPOSED, follows, VALID } from './page-cache-chunk.js';
import * as keeping from './page-cache-sync.js';
import { PhysIoVec } from './phys-io-vec.js';
import type { PhysMem, Reclaimer } from './phys-mem.js';
import { dropTwins, TwinMap } from './text-twins.js';

/** What a file must offer to be mapped or executed. */
export interface Mappable {
  readonly cache: PageCache;
  /** F_SEAL_WRITE, F_SEAL_FUTURE_WRITE: no new shared mapping may be written. */
  readonly isWriteSealed?: boolean;
}

/** Fills cache pages from where the file's data lies; a file that lives in memory has none. */
export interface PageFiller {
  /** Reads file bytes [offset, offset+length) to the start of the span; returns bytes read (the rest is zero) or Errno. */
  fill(offset: number, io: IoVec): number | Errno;
  /** Writes back dirty bytes; absent for read-only files. */
  writeBack?(offset: number, io: IoVec): number | Errno;
}

/** Something that maps a cache: an address space. */
export interface CacheMapper {
  /** Unmaps file bytes [from, to); `alsoCopies`: private copies of them too. The bytes are going away. */
  unmapCache(cache: PageCache, from: number, to: number, alsoCopies: boolean): void;
}

/** Pages read at once when a page of a file is missed; doubled while misses are sequential. */
const READ_AHEAD = 32;
const MAX_READ_AHEAD = 256;

let nextId = 1;

export class PageCache implements Reclaimer {
  /** Unique for the life of the kernel: names the file in futex keys. */
  readonly id = nextId++;
  /** Pages that hold data. */
  residentPages = 0;
  /** Internal: pieces of the file by number. */
  readonly chunks = new Map<number, Chunk>();
  private readonly mappers = new Map<CacheMapper, number>();
  /** Internal: mappings that are shared and writable, or may become so. */
  sharedWriters = 0;
  /** Internal: patched pages of text. */
  readonly twins: TwinMap;
  private nextMiss = -1;
  private readAhead = READ_AHEAD;
  /** Internal: while not zero, nothing is reclaimed, for somebody moves data. */
  busy = 0;
  private disposed = false;
  /** Dispose with the last mapping (shared anonymous memory). */
  readonly ownedByMappings: boolean;

  // The run that `prepare` found.
  /** First page of the run. */
  runFirst = 0;
  runPages = 0;
  runPhys: PhysAddr = 0;

  constructor(
    readonly physmem: PhysMem,
    /** File size in bytes; the cache answers reads below it only. */
    public size: number,
    readonly filler?: PageFiller,
    options: { ownedByMappings?: boolean } = {},
  ) {
    this.ownedByMappings = options.ownedByMappings ?? false;
    this.twins = new TwinMap(physmem);
    if (filler) physmem.reclaimers.add(this);
  }

  // Mapping.

  /** A mapping of the file begins or (`by` -1) ends. */
  countMapping(mapper: CacheMapper, sharedWritable: boolean, by: 1 | -1): void {
    const count = (this.mappers.get(mapper) ?? 0) + by;
    if (count > 0) this.mappers.set(mapper, count);
    else this.mappers.delete(mapper);
    if (sharedWritable) this.sharedWriters += by;
    if (sharedWritable && by > 0) this.bytesChange(0, Infinity);
    if (this.ownedByMappings && this.mappers.size === 0) this.dispose();
  }

  /** Somebody maps it shared and writable (F_SEAL_WRITE is then EBUSY). */
  get hasSharedWriters(): boolean {
    return this.sharedWriters > 0;
  }

  /** Internal: the bytes of pages [first, last) change: patched versions of them go away. */
  bytesChange(first: number, last: number): void {
    if (this.twins.size > 0) dropTwins(this, first, last);
  }

  /** Internal: unmaps pages [first, last) everywhere; private copies stay. */
  unmapPages(first: number, last: number): void {
    const end = Math.min(last * PAGE_SIZE, Number.MAX_SAFE_INTEGER);
    for (const mapper of [...this.mappers.keys()]) mapper.unmapCache(this, first * PAGE_SIZE, end, false);
  }

  /**
   * Makes page `page` present (the caller has checked that it lies in the file), and finds the longest run of contiguous valid
   * frames around it within [low, high): runFirst, runPages, runPhys. Never crosses a chunk of 2 MiB.
   * `expose`: the run is going to be mapped shared and writable.
   */
  prepare(page: number, low: number, high: number, expose: boolean): 0 | Errno {
    const chunkFirst = page - (page % CHUNK_PAGES);
    const chunk = this.reserve(page);
    if (isErr(chunk)) return chunk;
    const index = page - chunkFirst;
    const end = Math.min(high - chunkFirst, chunk.frames.length, Math.ceil(this.size / PAGE_SIZE) - chunkFirst);
    if ((chunk.states[index]! & VALID) === 0) {
      const filled = this.filler ? this.fillAround(chunk, chunkFirst, index) : this.validate(chunk, index, index + 1);
      if (isErr(filled)) return filled;
    }
    const { frames, states } = chunk;
    let first = index;
    const lowest = Math.max(0, low - chunkFirst);
    let last = index + 1;
    if (this.filler) {
      while (first > lowest && (states[first - 1]! & VALID) !== 0 && follows(frames[first - 1]!, frames[first]!)) first--;
      while (last < end && (states[last]! & VALID) !== 0 && follows(frames[last - 1]!, frames[last]!)) last++;
    } else {
      while (first > lowest && follows(frames[first - 1]!, frames[first]!)) first--;
      while (last < end && follows(frames[last - 1]!, frames[last]!)) last++;
      this.validate(chunk, first, last);
    }
    if (expose) for (let i = first; i < last; i++) states[i]! |= EXPOSED;
    this.runFirst = chunkFirst + first;
    this.runPages = last - first;
    this.runPhys = frames[first]!;
    return 0;
  }

  /** True when `page` could be mapped without reading. */
  isValid(page: number): boolean {
    const chunk = this.chunks.get(Math.floor(page / CHUNK_PAGES));
    return chunk !== undefined && ((chunk.states[page % CHUNK_PAGES] ?? 0) & VALID) !== 0;
  }

  /** The first page from `page` on that could be mapped without reading; `last` when there is none below it. */
  nextValid(page: number, last: number): number {
    let at = page;
    while (at < last) {
      const chunk = this.chunks.get(Math.floor(at / CHUNK_PAGES));
      const chunkFirst = at - (at % CHUNK_PAGES);
      const end = chunk ? Math.min(last - chunkFirst, chunk.states.length) : 0;
      for (let i = at - chunkFirst; i < end; i++) if ((chunk!.states[i]! & VALID) !== 0) return chunkFirst + i;
      at = chunkFirst + CHUNK_PAGES;
    }
    return last;
  }

  /** Marks pages whose frames are mapped already as open to writes (mprotect of a shared mapping). */
  expose(first: number, pages: number): void {
    for (let page = first; page < first + pages; page++) {
      const chunk = this.chunks.get(Math.floor(page / CHUNK_PAGES));
      if (chunk && page % CHUNK_PAGES < chunk.states.length) chunk.states[page % CHUNK_PAGES]! |= EXPOSED;
    }
  }

  /** Internal: the chunk of `page`, with a frame for it, and probably for the `wanted` pages from it on. */
  reserve(page: number, wanted = 1): Chunk | Errno {
    const number = Math.floor(page / CHUNK_PAGES);
    let chunk = this.chunks.get(number);
    if (!chunk) this.chunks.set(number, (chunk = new Chunk()));
    const index = page % CHUNK_PAGES;
    if (index < chunk.frames.length && chunk.frames[index]! >= 0) return chunk;
    return this.reserveRun(chunk, number * CHUNK_PAGES, index, wanted);
  }

  /** Gives frames to `index` and to as many pages around it as are worth having in one run. */
  private reserveRun(chunk: Chunk, chunkFirst: number, index: number, wanted: number): Chunk | Errno {
    if (index === 0 && chunk.frames.length === 0 && this.isStreamed(chunkFirst)) {
      const run = this.physmem.allocateBacked(CHUNK_PAGES);
      if (!isErr(run)) return chunk.fill(run);
    }
    const pagesInFile = Math.min(CHUNK_PAGES, Math.max(index + wanted, Math.ceil(this.size / PAGE_SIZE) - chunkFirst));
    // Files that are written sequentially grow page by page: take twice as much each time.
    const ahead = this.filler || this.ownedByMappings ? 0 : Math.min(index, CHUNK_PAGES - index - 1);
    const want = Math.min(CHUNK_PAGES, Math.max(pagesInFile, index + wanted + ahead));
    chunk.grow(want);
    const frames = chunk.frames;
    let first = index;
    while (first > 0 && frames[first - 1]! < 0) first--;
    let last = index + 1;
    while (last < want && frames[last]! < 0) last++;
    const before = first > 0 ? frames[first - 1]! + PAGE_SIZE : -1;
    let run = before >= 0 && before % CHUNK_BYTES !== 0 ? this.physmem.allocateAt(before, last - first) : (ENOMEM as number);
    if (isErr(run)) run = this.filler ? this.physmem.allocateDirty(last - first) : this.physmem.allocate(last - first);
    if (isErr(run)) {
      run = this.filler ? this.physmem.allocateDirty(1) : this.physmem.allocate(1);
      if (isErr(run)) return run;
      first = index;
      last = index + 1;
    }
    for (let i = first; i < last; i++) frames[i] = run + (i - first) * PAGE_SIZE;
    return chunk;
  }

  /** A file in memory that was written up to `page`, where a chunk begins, and the one before it filled: more is likely to come. */
  private isStreamed(page: number): boolean {
    return (
      page > 0 &&
      !this.filler &&
      !this.ownedByMappings &&
      !this.physmem.isScarce &&
      this.isValid(page - 1) &&
      this.isValid(page - CHUNK_PAGES)
    );
  }

  /** Internal: pages [first, last) of a chunk hold their data now. */
  validate(chunk: Chunk, first: number, last: number): 0 {
    const states = chunk.states;
    for (let i = first; i < last; i++) {
      if ((states[i]! & VALID) !== 0) continue;
      states[i]! |= VALID;
      this.residentPages++;
    }
    return 0;
  }

  // Filling.

  /** Internal: reads page `index` of a chunk, and some behind it that are missing too. */
  fillAround(chunk: Chunk, chunkFirst: number, index: number): 0 | Errno {
    const page = chunkFirst + index;
    this.readAhead = page === this.nextMiss ? Math.min(this.readAhead * 2, MAX_READ_AHEAD) : READ_AHEAD;
    const aligned = index - (index % READ_AHEAD);
    const end = Math.min(chunk.frames.length, aligned + this.readAhead, Math.ceil(this.size / PAGE_SIZE) - chunkFirst);
    const { frames, states } = chunk;
    let first = index;
    while (first > aligned && (states[first - 1]! & VALID) === 0 && follows(frames[first - 1]!, frames[first]!)) first--;
    let last = index + 1;
    while (last < end && (states[last]! & VALID) === 0 && follows(frames[last - 1]!, frames[last]!)) last++;
    this.nextMiss = chunkFirst + last;
    return this.fillRun(chunk, chunkFirst, first, last);
  }

  /** Internal: reads pages [first, last) of a chunk, whose frames are contiguous. */
  fillRun(chunk: Chunk, chunkFirst: number, first: number, last: number): 0 | Errno {
    const window = this.physmem.windowOf(chunk.frames[first]!);
    const offset = chunk.frames[first]! - window.base;
    const length = (last - first) * PAGE_SIZE;
    const io = new PhysIoVec(window, offset, length);
    this.bytesChange(chunkFirst + first, chunkFirst + last);
    this.busy++;
    const position = (chunkFirst + first) * PAGE_SIZE;
    let done = 0;
    while (done < length && position + done < this.size) {
      const moved = this.filler!.fill(position + done, io);
      if (isErr(moved)) {
        this.busy--;
        return moved;
      }
      if (moved === 0) break;
      done += moved;
      io.seek(offset + done);
    }
    this.busy--;
    const valid = Math.min(done, Math.max(0, this.size - position));
    window.bytes.fill(0, offset + valid, offset + length);
    return this.validate(chunk, first, last);
  }

  // Access by read, write and the like.

  /** Copies from the file at `position` to `io`; bytes moved, 0 at the end of the file. */
  read(io: IoVec, position: number): number | Errno {
    return access.read(this, io, position);
  }
  /** Copies all of `io` into the file at `position`, growing it; bytes moved, short at a fault. */
  write(io: IoVec, position: number): number | Errno {
    return access.write(this, io, position);
  }

  // Size and holes.

  /** Sets the file's size. Pages behind it are unmapped everywhere: touching them is SIGBUS then. */
  truncate(size: number): 0 | Errno {
    const old = this.size;
    this.size = size;
    if (size >= old) return 0;
    const firstGone = pageUp(size);
    for (const mapper of [...this.mappers.keys()]) mapper.unmapCache(this, firstGone, Number.MAX_SAFE_INTEGER, true);
    this.dropPages(firstGone / PAGE_SIZE, Infinity);
    if (size % PAGE_SIZE !== 0) this.zeroBytes(size, firstGone);
    return 0;
  }

  /** Makes a hole: bytes read as zero, frames return. Within the file's size. */
  punch(offset: number, length: number): 0 | Errno {
    const end = offset + length;
    const firstPage = Math.ceil(offset / PAGE_SIZE);
    const lastPage = Math.floor(end / PAGE_SIZE);
    if (lastPage < firstPage) {
      this.zeroBytes(offset, end);
      return 0;
    }
    this.zeroBytes(offset, firstPage * PAGE_SIZE);
    this.zeroBytes(lastPage * PAGE_SIZE, end);
    for (const mapper of [...this.mappers.keys()]) mapper.unmapCache(this, firstPage * PAGE_SIZE, lastPage * PAGE_SIZE, false);
    this.dropPages(firstPage, lastPage);
    return 0;
  }

  /** Zeroes bytes of one page, where that page holds data. */
  private zeroBytes(from: number, to: number): void {
    const page = Math.floor(from / PAGE_SIZE);
    if (from >= to || !this.isValid(page)) return;
    this.bytesChange(page, page + 1);
    const chunk = this.chunks.get(Math.floor(page / CHUNK_PAGES))!;
    const frame = chunk.frames[page % CHUNK_PAGES]!;
    const window = this.physmem.windowOf(frame);
    const offset = frame - window.base + (from % PAGE_SIZE);
    window.bytes.fill(0, offset, offset + (to - from));
    chunk.states[page % CHUNK_PAGES]! |= DIRTY;
  }

  /** Gives up the frames of pages [first, last). */
  private dropPages(first: number, last: number): void {
    this.twins.dropRange(first, last);
    for (const [number, chunk] of this.chunks) {
      const base = number * CHUNK_PAGES;
      const from = Math.max(0, first - base);
      const to = Math.min(chunk.frames.length, last - base);
      if (from >= to) continue;
      this.releaseFrames(chunk, from, to);
      if (from === 0 && to === chunk.frames.length) this.chunks.delete(number);
    }
  }

  /** Internal: gives up the frames of pages [from, to) of a chunk. */
  releaseFrames(chunk: Chunk, from: number, to: number): void {
    const { frames, states } = chunk;
    for (let i = from; i < to; ) {
      if (frames[i]! < 0) {
        i++;
        continue;
      }
      let end = i + 1;
      while (end < to && follows(frames[end - 1]!, frames[end]!)) end++;
      for (let k = i; k < end; k++) if ((states[k]! & VALID) !== 0) this.residentPages--;
      this.physmem.release(frames[i]!, end - i);
      frames.fill(-1, i, end);
      states.fill(0, i, end);
      i = end;
    }
  }

  // Keeping in step with where the data lies.

  /** Writes dirty pages of [offset, offset+length) back. The first error is returned after all have been tried. */
  writeBack(offset = 0, length = Infinity): 0 | Errno {
    return keeping.writeBack(this, offset, length);
  }
  /** The data of [offset, offset+length) changed behind the cache (a write went to the file directly): clean pages are read again. */
  refresh(offset = 0, length = Infinity): void {
    keeping.refresh(this, offset, length);
  }
  /** Gives up clean chunks that nobody maps. */
  reclaim(): number {
    return keeping.reclaim(this);
  }

  /** Gives up everything; dirty pages are lost (call `writeBack` first). */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const mapper of [...this.mappers.keys()]) mapper.unmapCache(this, 0, Number.MAX_SAFE_INTEGER, false);
    this.dropPages(0, Infinity);
    this.physmem.reclaimers.delete(this);
  }
}
