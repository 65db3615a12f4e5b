/**
 * STUB_REQUEST as the kernel sees it: the queue of address-space operations, written straight into the page that the stub reads.
 *
 *   +0     entry 0   { nr, six arguments, unused }  8 bytes each
 *   +64    entry 1
 *   ...
 *   +3904  entry 61: the last operation
 *   +3968  structs that operations point to: sigaction (32 bytes), stack_t (24 bytes)
 *
 * Adjacent operations merge, so that a page-by-page caller costs one entry.
 */
import type { PhysAddr } from '../../base/brands.js';
import { MAP_FIXED, MAP_POPULATE, MAP_SHARED } from '../../abi/mman.js';
import { NR } from '../../abi/syscall-numbers.js';
import { frameBytes, type FrameStore } from '../frames.js';
import { STUB_REQUEST } from './layout.js';

export const ENTRY_SIZE = 64;
/** Operations that `map`, `unmap` and `protect` may queue; the rest is for those of a clone and its child. */
const QUEUE_ENTRIES = 50;
const SIGACTION_OFFSET = 3968;
const STACK_OFFSET = SIGACTION_OFFSET + 32;
const HIGH = 4294967296;
const NONE = -1;

export class RequestPage {
  /** Operations queued. */
  count = 0;
  private readonly words: Uint32Array;
  // The last operation, for merging.
  private lastNr = NONE;
  private lastStart = 0;
  private lastEnd = 0;
  private lastProt = 0;
  private lastPhysEnd = 0;
  private lastFlags = 0;

  constructor(
    frames: FrameStore,
    readonly frame: PhysAddr,
    private readonly physmemFd: number,
  ) {
    const bytes = frameBytes(frames, frame, 4096);
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, 1024);
  }

  get isFull(): boolean {
    return this.count >= QUEUE_ENTRIES;
  }

  reset(): void {
    this.count = 0;
    this.lastNr = NONE;
  }

  map(address: number, length: number, prot: number, phys: PhysAddr, populate = false): void {
    const flags = populate ? MAP_SHARED | MAP_FIXED | MAP_POPULATE : MAP_SHARED | MAP_FIXED;
    if (
      this.lastNr === NR.mmap &&
      this.lastEnd === address &&
      this.lastProt === prot &&
      this.lastPhysEnd === phys &&
      this.lastFlags === flags
    ) {
      this.extend(address + length);
      this.lastPhysEnd = phys + length;
      return;
    }
    // A mapping replaces what is there: unmapping just that before is wasted.
    if (this.lastNr === NR.munmap && this.lastStart >= address && this.lastEnd <= address + length) this.count--;
    this.add(NR.mmap, address, length, prot, flags, this.physmemFd, phys);
    this.remember(NR.mmap, address, length, prot);
    this.lastFlags = flags;
    this.lastPhysEnd = phys + length;
  }

  unmap(address: number, length: number): void {
    if (this.lastNr === NR.munmap && this.lastEnd === address) {
      this.extend(address + length);
      return;
    }
    this.add(NR.munmap, address, length, 0, 0, 0, 0);
    this.remember(NR.munmap, address, length, 0);
  }

  protect(address: number, length: number, prot: number): void {
    if (this.lastNr === NR.mprotect && this.lastEnd === address && this.lastProt === prot) {
      this.extend(address + length);
      return;
    }
    this.add(NR.mprotect, address, length, prot, 0, 0, 0);
    this.remember(NR.mprotect, address, length, prot);
  }

  /** Any other system call. */
  call(nr: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): void {
    this.add(nr, a, b, c, d, e, f);
    this.lastNr = NONE;
  }

  /** Stores a struct sigaction; returns its address in the stub process. */
  storeSigaction(handler: number, flags: number, restorer: number): number {
    const word = SIGACTION_OFFSET / 4;
    this.put(word, handler);
    this.put(word + 2, flags);
    this.put(word + 4, restorer);
    this.put(word + 6, 0); // nothing blocked
    return STUB_REQUEST + SIGACTION_OFFSET;
  }

  /** Stores a stack_t; returns its address in the stub process. */
  storeSignalStack(base: number, size: number): number {
    const word = STACK_OFFSET / 4;
    this.put(word, base);
    this.put(word + 2, 0);
    this.put(word + 4, size);
    return STUB_REQUEST + STACK_OFFSET;
  }

  private remember(nr: number, address: number, length: number, prot: number): void {
    this.lastNr = nr;
    this.lastStart = address;
    this.lastEnd = address + length;
    this.lastProt = prot;
  }

  /** Grows the last operation up to `end`. */
  private extend(end: number): void {
    this.lastEnd = end;
    this.put(((this.count - 1) * ENTRY_SIZE) / 4 + 4, end - this.lastStart);
  }

  private add(nr: number, a: number, b: number, c: number, d: number, e: number, f: number): void {
    const word = (this.count++ * ENTRY_SIZE) / 4;
    this.put(word, nr);
    this.put(word + 2, a);
    this.put(word + 4, b);
    this.put(word + 6, c);
    this.put(word + 8, d);
    this.put(word + 10, e);
    this.put(word + 12, f);
  }

  private put(word: number, value: number): void {
    this.words[word] = value;
    this.words[word + 1] = Math.floor(value / HIGH);
  }
}
