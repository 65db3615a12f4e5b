/**
 * A gibibyte of guest RAM: the kernel's mapping of it and the state of its frames (Linux: mem_map, struct page).
 *
 * A physical address is `file * 2^40 + offset in that file`; windows are numbered by address / 2^30, so a window lies in one file.
 * Each frame has a reference count, and a flag that says its memory may hold old data although nobody refers to it.
 */
import type { HostAddr, HostFd, PhysAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { memset, punchHole } from '../host/memory.js';

/** Bytes of one memfd, and the distance of two in physical addresses. */
export const PHYS_FILE_SIZE = 2 ** 40;
export const WINDOW_SIZE = 2 ** 30;
export const WINDOW_FRAMES = WINDOW_SIZE / PAGE_SIZE;
/** Frames of a chunk: the 2 MiB units in which runs are laid out. */
export const CHUNK_FRAMES = 512;
export const WINDOW_CHUNKS = WINDOW_FRAMES / CHUNK_FRAMES;
/**
 * Bytes in use of the first window. V8 answers 32 MiB of new memory outside its heap with collections, which take longer than
 * all else that a small guest needs; so small guests live in a window that does not cause one.
 */
export const FIRST_WINDOW_BYTES = 30 * 2 ** 20;

/** What a partly used chunk is cut into. */
export const CHUNK_UNUSED = 0;
export const CHUNK_SMALL = 1;
export const CHUNK_MEDIUM = 2;
export const CHUNK_WHOLE = 3;

export class PhysWindow {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;
  /** The same bytes, for latin1 decoding. */
  readonly buffer: Buffer;
  /** References by frame. */
  readonly references = new Uint32Array(WINDOW_FRAMES);
  /** 1: the frame may hold old data. Set when the last reference goes. */
  readonly stale = new Uint8Array(WINDOW_FRAMES);
  /** Frames without a reference, by chunk. */
  readonly chunkFree = new Uint16Array(WINDOW_CHUNKS).fill(CHUNK_FRAMES);
  readonly chunkClass = new Uint8Array(WINDOW_CHUNKS);
  /** Chunks without any reference. */
  unusedChunks = WINDOW_CHUNKS;
  /** Frames whose `stale` is set; of them by chunk. */
  staleFrames = 0;
  readonly chunkStale = new Uint16Array(WINDOW_CHUNKS);

  constructor(
    /** Physical address of its first byte. */
    readonly base: PhysAddr,
    readonly fd: HostFd,
    readonly fileOffset: number,
    readonly host: HostAddr,
    /** The mapping: all of the window, or its beginning. */
    buffer: ArrayBuffer,
  ) {
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.buffer = Buffer.from(buffer);
    this.close(buffer.byteLength / PAGE_SIZE);
  }

  /** Frames from `end` on are nobody's: the window is mapped up to there. `end`: whole chunks. */
  private close(end: number): void {
    this.references.fill(1, end);
    this.chunkFree.fill(0, end / CHUNK_FRAMES);
    this.chunkClass.fill(CHUNK_WHOLE, end / CHUNK_FRAMES);
    this.unusedChunks = end / CHUNK_FRAMES;
  }

  /** First frame of a run of `count` free frames within [from, to), aligned to `align`; -1 when there is none. */
  findFree(from: number, to: number, count: number, align: number): number {
    const references = this.references;
    let start = Math.ceil(from / align) * align;
    while (start + count <= to) {
      let i = start + count - 1;
      while (i >= start && references[i] === 0) i--;
      if (i < start) return start;
      start = Math.ceil((i + 1) / align) * align;
    }
    return -1;
  }

  /** How many of the frames of one chunk may hold old data. They are going to be used: their marks are taken off. */
  takeStale(chunk: number, first: number, end: number): number {
    if (this.chunkStale[chunk] === 0) return 0;
    let found = 0;
    for (let i = first; i < end; i++) found += this.stale[i]!;
    this.stale.fill(0, first, end);
    this.chunkStale[chunk]! -= found;
    this.staleFrames -= found;
    return found;
  }

  zero(first: number, count: number): void {
    memset(this.host + first * PAGE_SIZE, 0, count * PAGE_SIZE);
  }

  /** Gives the host memory of the frames back; they read as zero then, in every mapping. */
  punch(first: number, count: number): void {
    punchHole(this.fd, this.fileOffset + first * PAGE_SIZE, count * PAGE_SIZE);
  }

  /** Gives back the memory of every stale frame, neighbours together. */
  punchStale(): void {
    const stale = this.stale;
    for (let i = stale.indexOf(1); i >= 0; ) {
      let end = stale.indexOf(0, i);
      if (end < 0) end = WINDOW_FRAMES;
      this.punch(i, end - i);
      i = stale.indexOf(1, end);
    }
    stale.fill(0);
    this.chunkStale.fill(0);
    this.staleFrames = 0;
  }
}
