/**
 * VMA: a range of guest addresses with one policy (Linux: struct vm_area_struct). It says what an access means; which frames are
 * there already is told by the extents (extent.ts).
 */
import type { ByteString, GuestAddr } from '../base/brands.js';
import { PROT_WRITE } from '../abi/mman.js';
import type { MappedFile } from './address-space.js';
import type { PageCache } from './page-cache.js';

// Vma.flags.
export const VM_SHARED = 1;
export const VM_GROWSDOWN = 2;
/** MADV_DONTFORK. */
export const VM_DONTCOPY = 4;
export const VM_WIPEONFORK = 8;
export const VM_LOCKED = 16;
export const VM_DONTDUMP = 32;
export const VM_NORESERVE = 64;
/** mremap(2) refuses it, munmap and mprotect do not (the vdso). */
export const VM_DONTEXPAND = 128;
export const VM_SEQUENTIAL = 256;
export const VM_RANDOM = 512;
export const VM_HUGEPAGE = 1024;
export const VM_NOHUGEPAGE = 2048;
export const VM_LOCKONFAULT = 8192;
/** mseal(2). */
export const VM_SEALED = 16384;

export class Vma {
  // Where the last copy-on-write ended, and its length in pages: a stream of writes gets longer copies.
  lastCopyEnd = 0;
  copyPages = 0;

  constructor(
    public start: GuestAddr,
    public end: GuestAddr,
    public prot: number,
    /** PROT_* bits that mprotect may set. */
    public readonly maxProt: number,
    public flags: number,
    /** What is mapped; absent for private anonymous memory. */
    public readonly cache: PageCache | undefined,
    /** Byte offset of `start` in the cache. */
    public offset: number,
    public readonly file: MappedFile | undefined,
    public name: ByteString,
  ) {}

  get isShared(): boolean {
    return (this.flags & VM_SHARED) !== 0;
  }
  get pages(): number {
    return (this.end - this.start) / 4096;
  }
  /** Counted for RLIMIT_DATA: private, writable, not a stack. */
  get isData(): boolean {
    return (this.prot & PROT_WRITE) !== 0 && (this.flags & (VM_SHARED | VM_GROWSDOWN)) === 0;
  }

  /** Offset in the cache of a guest address. */
  offsetOf(address: GuestAddr): number {
    return this.offset + (address - this.start);
  }

  /** Guest address of an offset in the cache. */
  addressOf(offset: number): GuestAddr {
    return this.start + (offset - this.offset);
  }

  /** A VMA with the same policy for a part of this one (or what a move makes of it). */
  derive(start: GuestAddr, end: GuestAddr, offset: number): Vma {
    return new Vma(start, end, this.prot, this.maxProt, this.flags, this.cache, offset, this.file, this.name);
  }

  /** True when `next`, which begins where this one ends, continues it. */
  continuedBy(next: Vma): boolean {
    return (
      this.end === next.start &&
      this.prot === next.prot &&
      this.flags === next.flags &&
      this.maxProt === next.maxProt &&
      this.cache === next.cache &&
      this.name === next.name &&
      this.file?.mappable === next.file?.mappable &&
      (this.cache === undefined || this.offset + (this.end - this.start) === next.offset)
    );
  }
}
