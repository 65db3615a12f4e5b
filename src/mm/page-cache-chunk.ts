/** A piece of a file in the page cache: which frames hold its pages, and in what state they are. */
import type { PhysAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { WINDOW_SIZE } from './phys-window.js';

/** Pages of a chunk: 2 MiB of file. */
export const CHUNK_PAGES = 512;
export const CHUNK_BYTES = CHUNK_PAGES * PAGE_SIZE;

// Page states.
/** The frame holds the file's data. */
export const VALID = 1;
export const DIRTY = 2;
/** Mapped shared and writable since the last write-back that found no such mapping. */
export const EXPOSED = 4;

/** Both arrays have the same length: a power of two up to 512, grown with the file. A frame of -1: none. */
export class Chunk {
  frames = new Float64Array(0);
  states = new Uint8Array(0);

  grow(pages: number): void {
    if (pages <= this.frames.length) return;
    let size = Math.max(1, this.frames.length);
    while (size < pages) size *= 2;
    const frames = new Float64Array(size).fill(-1);
    frames.set(this.frames);
    const states = new Uint8Array(size);
    states.set(this.states);
    this.frames = frames;
    this.states = states;
  }

  /** Gives an empty chunk all its frames: the run at `phys`. */
  fill(phys: PhysAddr): this {
    this.grow(CHUNK_PAGES);
    for (let i = 0; i < CHUNK_PAGES; i++) this.frames[i] = phys + i * PAGE_SIZE;
    return this;
  }
}

/** True when `next` is the frame behind `frame`, in the same window. */
export function follows(frame: PhysAddr, next: PhysAddr): boolean {
  return next === frame + PAGE_SIZE && next % WINDOW_SIZE !== 0;
}
