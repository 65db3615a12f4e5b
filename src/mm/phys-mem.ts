/**
 * Guest RAM: frames of a sparse memfd (Linux: mm/page_alloc.c).
 *
 * Addresses are plenty (1 TiB) and host memory is spent only where touched, so runs are handed out generously. Small runs come
 * from chunks that are used again and again: their memory stays with the host and is zeroed when it must be. Larger runs are
 * given back to the host in bulk. A run never crosses a window. The search for free runs is in phys-mem-chunks.ts.
 *
 * Leaves out: several memfds (the numbering provides for them, see phys-window.ts), NUMA.
 */
import type { Errno, HostAddr, HostFd, PhysAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { KernelBug } from '../base/assert.js';
import { PAGE_SIZE } from '../base/page.js';
import { ENOMEM } from '../abi/errno.js';
import { MFD_CLOEXEC } from '../abi/mman.js';
import { viewOf } from '../host/libc.js';
import { bytesAllocated, close, ftruncate, mapShared, memfdCreate, munmap } from '../host/memory.js';
import { allocateChunks, allocateFromPool, openChunk, type ChunkPool } from './phys-mem-chunks.js';
import { HugePages } from './huge-pages.js';
import { findResident, findTouched, writeZeros } from './phys-residency.js';
import {
  CHUNK_FRAMES,
  CHUNK_MEDIUM,
  CHUNK_SMALL,
  CHUNK_UNUSED,
  FIRST_WINDOW_BYTES,
  PHYS_FILE_SIZE,
  PhysWindow,
  WINDOW_FRAMES,
  WINDOW_SIZE,
} from './phys-window.js';

/** The longest run in frames. */
const MAX_RUN = WINDOW_FRAMES;
/** Runs up to this many frames are cut from chunks whose memory stays with the host. */
const SMALL_RUN = 16;
/** Runs up to this many frames may be made of stale memory unasked: their untouched pages keep it. */
const RECYCLED_RUN = 64;
/** So few stale frames are zeroed without asking which of them have memory. */
const ZERO_BLINDLY = 4;
/**
 * Stale frames kept for reuse before they are given back in bulk: at most 128 MiB, and an eighth of the limit. Zeroing a frame
 * that has memory costs 0.16 us, punching it 0.85 us and touching it again 2.
 */
const STALE_LIMIT = 32768;

/** Something that can give frames back when memory is short (page caches of clean files). */
export interface Reclaimer {
  /** Releases what it can; returns the number of frames. */
  reclaim(): number;
}

export class PhysMem {
  /** Frames with at least one reference. */
  framesInUse = 0;
  readonly reclaimers = new Set<Reclaimer>();
  // Internal, for phys-mem-chunks.ts.
  readonly windows: PhysWindow[] = [];
  readonly small: ChunkPool = { kind: CHUNK_SMALL, open: [], current: -1, rotor: 0 };
  readonly medium: ChunkPool = { kind: CHUNK_MEDIUM, open: [], current: -1, rotor: 0 };
  staleFrames = 0;
  private readonly hugePages = new HugePages();
  private readonly staleLimit: number;
  /** Frames that may be handed out before the host is asked how much is really used. */
  private allowance: number;

  private constructor(
    /** The memfd, for stub processes. */
    readonly fd: HostFd,
    readonly limitBytes: number,
  ) {
    this.allowance = Math.floor(limitBytes / PAGE_SIZE);
    this.staleLimit = Math.min(STALE_LIMIT, Math.floor(this.allowance / 8));
  }

  /** limitBytes: at most this much host memory is used. */
  static create(limitBytes: number): PhysMem | Errno {
    const fd = memfdCreate('skas-physmem', MFD_CLOEXEC);
    if (isErr(fd)) return fd;
    const sized = ftruncate(fd, PHYS_FILE_SIZE);
    if (isErr(sized)) {
      close(fd);
      return sized;
    }
    return new PhysMem(fd, limitBytes);
  }

  /** Which memfd holds an address (0: `fd`, the only one yet), and where. */
  fileOf(address: PhysAddr): number {
    return Math.floor(address / PHYS_FILE_SIZE);
  }
  fileOffset(address: PhysAddr): number {
    return address % PHYS_FILE_SIZE;
  }

  /**
   * Allocates `pages` contiguous zeroed frames with one reference each; the physical address, or ENOMEM.
   * alignPages: a power of two up to 512.
   */
  allocate(pages: number, alignPages = 1): PhysAddr | Errno {
    return this.allocateRun(pages, alignPages, true, pages <= RECYCLED_RUN);
  }

  /** As `allocate`, but the frames may hold old data: the caller overwrites every byte before a guest can see them. */
  allocateDirty(pages: number): PhysAddr | Errno {
    return this.allocateRun(pages, 1, false, true);
  }

  /** As `allocate`, for frames that will all be touched soon: they get their memory now. */
  allocateBacked(pages: number): PhysAddr | Errno {
    const { staleFrames } = this;
    const address = this.allocateRun(pages, 1, true, true);
    if (isErr(address)) return address;
    // Where nothing was stale nothing has memory: asking the host would take a tenth of the time.
    if (this.staleFrames !== staleFrames) this.back(address, pages);
    else
      for (let done = 0; done < pages; done += CHUNK_FRAMES)
        this.giveMemory(address + done * PAGE_SIZE, Math.min(CHUNK_FRAMES, pages - done));
    return address;
  }

  /** Gives zeroed memory to those frames that have none: cheaper than the page faults would be. */
  back(address: PhysAddr, pages: number): void {
    for (let done = 0; done < pages; done += CHUNK_FRAMES) {
      const count = Math.min(CHUNK_FRAMES, pages - done);
      const touched = this.touched(address + done * PAGE_SIZE, count);
      for (let i = 0; i < count; ) {
        let end = i + 1;
        while (end < count && touched[end] === touched[i]) end++;
        if (touched[i] === 0) this.giveMemory(address + (done + i) * PAGE_SIZE, end - i);
        i = end;
      }
    }
  }

  /** Gives zeroed memory to at most CHUNK_FRAMES frames that have none. */
  private giveMemory(address: PhysAddr, pages: number): void {
    const offset = this.fileOffset(address);
    const isChunk = pages === CHUNK_FRAMES && address % (CHUNK_FRAMES * PAGE_SIZE) === 0;
    if (!isChunk || !this.hugePages.give(this.fd, offset, this.hostAddress(address))) writeZeros(this.fd, offset, pages * PAGE_SIZE);
  }

  /** `pages` zeroed frames exactly at `address` when they are free there; otherwise ENOMEM. For runs that should follow another. */
  allocateAt(address: PhysAddr, pages: number): PhysAddr | Errno {
    const window = this.windows[Math.floor(address / WINDOW_SIZE)];
    if (!window) return ENOMEM;
    const first = (address - window.base) / PAGE_SIZE;
    if (first + pages > WINDOW_FRAMES || window.findFree(first, first + pages, pages, 1) < 0) return ENOMEM;
    if (!this.charge(pages)) return ENOMEM;
    return this.take(window, first, pages, true, pages > SMALL_RUN ? CHUNK_MEDIUM : CHUNK_SMALL);
  }

  /** `recycle`: stale memory is welcome. */
  private allocateRun(pages: number, align: number, zeroed: boolean, recycle: boolean): PhysAddr | Errno {
    if (pages < 1 || pages > MAX_RUN) return ENOMEM;
    if (!this.charge(pages)) return ENOMEM;
    if (pages >= CHUNK_FRAMES) return allocateChunks(this, pages, zeroed, recycle);
    return allocateFromPool(this, pages <= SMALL_RUN ? this.small : this.medium, pages, align, zeroed);
  }

  /** Internal: maps window `index`. */
  openWindow(index: number): PhysWindow | Errno {
    const base = index * WINDOW_SIZE;
    const length = index === 0 ? FIRST_WINDOW_BYTES : WINDOW_SIZE;
    const host = mapShared(this.fd, base, length, CHUNK_FRAMES * PAGE_SIZE);
    if (isErr(host)) return host;
    const window = new PhysWindow(base, this.fd, base, host, viewOf(host, length));
    this.windows[index] = window;
    return window;
  }

  /** Internal: marks free frames as used, cleans them when `zeroed`. */
  take(window: PhysWindow, first: number, count: number, zeroed: boolean, kind: number): PhysAddr {
    window.references.fill(1, first, first + count);
    this.framesInUse += count;
    for (let at = first; at < first + count; ) {
      const chunk = Math.floor(at / CHUNK_FRAMES);
      const end = Math.min(first + count, (chunk + 1) * CHUNK_FRAMES);
      if (window.chunkFree[chunk] === CHUNK_FRAMES) {
        window.unusedChunks--;
        window.chunkClass[chunk] = kind;
      }
      window.chunkFree[chunk]! -= end - at;
      const stale = window.takeStale(chunk, at, end);
      this.staleFrames -= stale;
      if (zeroed && stale > 0) this.clean(window, at, end, stale);
      at = end;
    }
    return window.base + first * PAGE_SIZE;
  }

  /** Zeroes frames of one chunk of which `stale` may hold old data: only those that have memory. */
  private clean(window: PhysWindow, first: number, end: number, stale: number): void {
    if (stale <= ZERO_BLINDLY) {
      window.zero(first, end - first);
      return;
    }
    const touched = this.touched(window.base + first * PAGE_SIZE, end - first);
    for (let i = first; i < end; i++) {
      if (touched[i - first] === 0) continue;
      let last = i + 1;
      while (last < end && touched[last - first] === 1) last++;
      window.zero(i, last - i);
      i = last;
    }
  }

  /** One more reference to each of `pages` frames. */
  hold(address: PhysAddr, pages: number): void {
    const window = this.windowOf(address);
    const references = window.references;
    const first = (address - window.base) / PAGE_SIZE;
    for (let i = first; i < first + pages; i++) {
      if (references[i] === 0) throw new KernelBug(`hold of a free frame ${address.toString(16)}+${i - first}`);
      references[i]!++;
    }
  }

  /** One reference less; frames without any are zeroed or punched before they are used again. */
  release(address: PhysAddr, pages: number): void {
    const window = this.windowOf(address);
    const references = window.references;
    const stale = window.stale;
    let at = (address - window.base) / PAGE_SIZE;
    const last = at + pages;
    while (at < last) {
      const chunk = Math.floor(at / CHUNK_FRAMES);
      const end = Math.min(last, (chunk + 1) * CHUNK_FRAMES);
      let freed = 0;
      for (; at < end; at++) {
        const count = references[at]!;
        if (count === 0) throw new KernelBug(`release of a free frame ${(window.base + at * PAGE_SIZE).toString(16)}`);
        references[at] = count - 1;
        if (count > 1) continue;
        stale[at] = 1;
        freed++;
      }
      if (freed > 0) this.chunkFreed(window, chunk, freed);
    }
    if (this.staleFrames > this.staleLimit) this.trim();
  }

  private chunkFreed(window: PhysWindow, chunk: number, freed: number): void {
    const before = window.chunkFree[chunk]!;
    window.chunkFree[chunk] = before + freed;
    this.framesInUse -= freed;
    this.staleFrames += freed;
    window.staleFrames += freed;
    window.chunkStale[chunk]! += freed;
    if (before + freed === CHUNK_FRAMES) {
      window.unusedChunks++;
      window.chunkClass[chunk] = CHUNK_UNUSED;
    } else if (before === 0) {
      openChunk(this, window, chunk);
    }
  }

  /** Gives the host memory of all unreferenced frames back. */
  trim(): void {
    if (this.staleFrames === 0) return;
    for (const window of this.windows) if (window.staleFrames > 0) window.punchStale();
    this.staleFrames = 0;
  }

  /** Bytes of host memory behind the frames now. */
  hostBytesUsed(): number {
    const used = bytesAllocated(this.fd);
    return isErr(used) ? 0 : used;
  }

  /** True when more host memory is used than allowed, after everything that can be given back has been: guests must die. */
  isOverLimit(): boolean {
    if (this.hostBytesUsed() <= this.limitBytes) return false;
    this.reclaim();
    return this.hostBytesUsed() > this.limitBytes;
  }

  private reclaim(): void {
    for (const reclaimer of this.reclaimers) reclaimer.reclaim();
    this.trim();
  }

  /** True while far more frames are handed out than may be backed: runs should then be short. */
  get isScarce(): boolean {
    return this.framesInUse * PAGE_SIZE > this.limitBytes * 2;
  }

  /** Takes `pages` from the allowance. When it runs out the host is asked; false: the limit is reached. */
  private charge(pages: number): boolean {
    this.allowance -= pages;
    return this.allowance >= 0 || this.recharge(pages);
  }

  private recharge(pages: number): boolean {
    const limit = Math.floor(this.limitBytes / PAGE_SIZE);
    if (this.framesInUse + pages > limit) {
      let left = limit - this.hostBytesUsed() / PAGE_SIZE;
      if (left < limit / 16) {
        this.trim();
        left = limit - this.hostBytesUsed() / PAGE_SIZE;
      }
      if (left < 1) {
        this.reclaim();
        left = limit - this.hostBytesUsed() / PAGE_SIZE;
      }
      if (left < 1) {
        this.allowance = 0;
        return false;
      }
      this.allowance = Math.max(0, Math.floor(left) - pages);
      return true;
    }
    this.allowance = limit - this.framesInUse - pages;
    return true;
  }

  references(address: PhysAddr): number {
    const window = this.windowOf(address);
    return window.references[Math.floor((address - window.base) / PAGE_SIZE)]!;
  }

  /** Length in frames of the run from `address`, at most `pages`, whose frames all have exactly one reference (or all have more). */
  runOfOwned(address: PhysAddr, pages: number, owned: boolean): number {
    const window = this.windowOf(address);
    const first = (address - window.base) / PAGE_SIZE;
    let i = first;
    while (i < first + pages && (window.references[i] === 1) === owned) i++;
    return i - first;
  }

  /**
   * Which of up to 512 frames have ever been touched: 1 in the byte of each, 0 otherwise; valid until the next call. Frames that
   * have not been read as zero.
   */
  touched(address: PhysAddr, pages: number): Uint8Array {
    return findTouched(this.fd, this.fileOffset(address), this.hostAddress(address), pages);
  }

  /** Which of up to 512 frames have memory now: bit 0 in the byte of each; valid until the next call. */
  resident(address: PhysAddr, pages: number): Uint8Array {
    return findResident(this.hostAddress(address), pages);
  }

  /** Gives back the memory of frames that stay in use: they read as zero then, in every mapping. */
  clear(address: PhysAddr, pages: number): void {
    const window = this.windowOf(address);
    window.punch((address - window.base) / PAGE_SIZE, pages);
  }

  windowOf(address: PhysAddr): PhysWindow {
    const window = this.windows[Math.floor(address / WINDOW_SIZE)];
    if (!window) throw new KernelBug(`no frame at ${address.toString(16)}`);
    return window;
  }

  /** The window that holds `address`. Neither a frame nor a run crosses a window. */
  window(address: PhysAddr): Uint8Array {
    return this.windowOf(address).bytes;
  }
  /** Offset of `address` within its window. */
  windowOffset(address: PhysAddr): number {
    return address % WINDOW_SIZE;
  }
  /** Host address of a frame, for host calls that move data. */
  hostAddress(address: PhysAddr): HostAddr {
    const window = this.windowOf(address);
    return window.host + (address - window.base);
  }
  /** A little-endian 32-bit atomic view of the same windows (futex words, shared flags). */
  words(address: PhysAddr): Int32Array {
    return this.windowOf(address).words;
  }

  dispose(): void {
    for (const window of this.windows) if (window) munmap(window.host, window.bytes.byteLength);
    this.windows.length = 0;
    close(this.fd);
  }
}
