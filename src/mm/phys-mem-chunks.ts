/**
 * Where runs of frames lie: the search for chunks with room (Linux: the free areas of mm/page_alloc.c).
 *
 * Small and medium runs are cut from the chunks of two pools, each searched from where the last run ended; longer runs take whole
 * chunks, and what is left of their last one joins the medium pool. A list of open chunks may name some that have been filled
 * or given up since: they are passed over when their turn comes. Counting frames and cleaning them is `take`'s, in phys-mem.ts.
 */
import type { Errno, PhysAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { ENOMEM } from '../abi/errno.js';
import type { PhysMem } from './phys-mem.js';
import {
  CHUNK_FRAMES,
  CHUNK_MEDIUM,
  CHUNK_SMALL,
  CHUNK_WHOLE,
  PHYS_FILE_SIZE,
  type PhysWindow,
  WINDOW_CHUNKS,
  WINDOW_SIZE,
} from './phys-window.js';

/** Chunks looked at before a fresh one is opened. */
const SEARCH_LIMIT = 8;

/** Chunks of one size class with free frames, and where the search goes on. */
export interface ChunkPool {
  readonly kind: number;
  /** Global chunk numbers. */
  readonly open: number[];
  current: number;
  /** Frame within `current`. */
  rotor: number;
}

/** `pages` frames, fewer than a chunk, from one of `pool`. */
export function allocateFromPool(physmem: PhysMem, pool: ChunkPool, pages: number, align: number, zeroed: boolean): PhysAddr | Errno {
  for (let tries = 0; tries < SEARCH_LIMIT; tries++) {
    if (pool.current < 0) {
      const next = nextChunk(physmem, pool);
      if (isErr(next)) return next;
      pool.current = next;
      pool.rotor = 0;
    }
    const window = physmem.windows[Math.floor(pool.current / WINDOW_CHUNKS)]!;
    const start = (pool.current % WINDOW_CHUNKS) * CHUNK_FRAMES;
    let found = window.findFree(start + pool.rotor, start + CHUNK_FRAMES, pages, align);
    if (found < 0 && pool.rotor > 0) found = window.findFree(start, start + CHUNK_FRAMES, pages, align);
    if (found >= 0) {
      pool.rotor = found + pages - start;
      return physmem.take(window, found, pages, zeroed, pool.kind);
    }
    pool.current = -1;
  }
  const fresh = findChunks(physmem, 1, pool.kind === CHUNK_SMALL);
  if (isErr(fresh)) return fresh;
  pool.current = fresh;
  pool.rotor = pages;
  return physmem.take(
    physmem.windows[Math.floor(fresh / WINDOW_CHUNKS)]!,
    (fresh % WINDOW_CHUNKS) * CHUNK_FRAMES,
    pages,
    zeroed,
    pool.kind,
  );
}

/** A chunk of the pool that has become partly free again, or an unused one. */
function nextChunk(physmem: PhysMem, pool: ChunkPool): number | Errno {
  while (pool.open.length > 0) {
    const chunk = pool.open.pop()!;
    const window = physmem.windows[Math.floor(chunk / WINDOW_CHUNKS)]!;
    const index = chunk % WINDOW_CHUNKS;
    if (window.chunkClass[index] === pool.kind && window.chunkFree[index]! > 0) return chunk;
  }
  return findChunks(physmem, 1, pool.kind === CHUNK_SMALL);
}

/** `pages` frames from whole chunks. `recycle`: stale memory is welcome. */
export function allocateChunks(physmem: PhysMem, pages: number, zeroed: boolean, recycle: boolean): PhysAddr | Errno {
  const chunk = findChunks(physmem, Math.ceil(pages / CHUNK_FRAMES), recycle);
  if (isErr(chunk)) return chunk;
  const window = physmem.windows[Math.floor(chunk / WINDOW_CHUNKS)]!;
  const first = chunk % WINDOW_CHUNKS;
  const address = physmem.take(window, first * CHUNK_FRAMES, pages, zeroed, CHUNK_WHOLE);
  if (pages % CHUNK_FRAMES > 0) openChunk(physmem, window, first + Math.floor(pages / CHUNK_FRAMES));
  return address;
}

/**
 * The first of `count` consecutive unused chunks of one window, as a global chunk number. One without stale frames, unless
 * `recycle`; then one with stale frames rather.
 */
function findChunks(physmem: PhysMem, count: number, recycle: boolean): number | Errno {
  if (count === 1 && recycle && physmem.staleFrames > 0) {
    const stale = findStaleChunk(physmem);
    if (stale >= 0) return stale;
  }
  for (let w = 0; w < PHYS_FILE_SIZE / WINDOW_SIZE; w++) {
    const window = physmem.windows[w] ?? physmem.openWindow(w);
    if (isErr(window)) return window;
    if (window.unusedChunks < count) continue;
    let run = 0;
    for (let i = 0; i < WINDOW_CHUNKS; i++) {
      run = window.chunkFree[i] === CHUNK_FRAMES && (recycle || window.chunkStale[i] === 0) ? run + 1 : 0;
      if (run === count) return w * WINDOW_CHUNKS + i - count + 1;
    }
  }
  return ENOMEM;
}

/** An unused chunk most of whose frames are stale; -1 when there is none. */
function findStaleChunk(physmem: PhysMem): number {
  for (const window of physmem.windows) {
    if (window.staleFrames < CHUNK_FRAMES / 2) continue;
    for (let i = 0; i < WINDOW_CHUNKS; i++) {
      if (window.chunkFree[i] === CHUNK_FRAMES && window.chunkStale[i]! > CHUNK_FRAMES / 2) {
        return (window.base / WINDOW_SIZE) * WINDOW_CHUNKS + i;
      }
    }
  }
  return -1;
}

/** A chunk that was full has free frames. */
export function openChunk(physmem: PhysMem, window: PhysWindow, chunk: number): void {
  if (window.chunkClass[chunk] === CHUNK_WHOLE) window.chunkClass[chunk] = CHUNK_MEDIUM;
  const pool = window.chunkClass[chunk] === CHUNK_SMALL ? physmem.small : physmem.medium;
  pool.open.push((window.base / WINDOW_SIZE) * WINDOW_CHUNKS + chunk);
}
