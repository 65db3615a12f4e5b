/** Keeping a page cache in step with where the file's data lies: write-back, refresh, reclaim (Linux: mm/page-writeback.c, mm/truncate.c). */
import type { Errno } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { CHUNK_PAGES, DIRTY, EXPOSED, follows, VALID, type Chunk } from './page-cache-chunk.js';
import type { PageCache } from './page-cache.js';
import { PhysIoVec } from './phys-io-vec.js';

export function writeBack(cache: PageCache, offset: number, length: number): 0 | Errno {
  if (!cache.filler?.writeBack) return 0;
  let result: 0 | Errno = 0;
  for (const [number, chunk] of cache.chunks) {
    const base = number * CHUNK_PAGES;
    const { states, frames } = chunk;
    const to = Math.min(states.length, Math.ceil((offset + length) / PAGE_SIZE) - base);
    for (let i = Math.max(0, Math.floor(offset / PAGE_SIZE) - base); i < to; ) {
      if (!isDirty(states[i]!)) {
        i++;
        continue;
      }
      let end = i + 1;
      while (end < to && isDirty(states[end]!) && follows(frames[end - 1]!, frames[end]!)) end++;
      const written = writeRun(cache, chunk, base, i, end);
      if (isErr(written)) result = written;
      i = end;
    }
  }
  return result;
}

function isDirty(state: number): boolean {
  return (state & (DIRTY | EXPOSED)) !== 0;
}

/** Writes pages [first, last) of a chunk, as far as the file goes. */
function writeRun(cache: PageCache, chunk: Chunk, chunkFirst: number, first: number, last: number): 0 | Errno {
  const position = (chunkFirst + first) * PAGE_SIZE;
  const length = Math.min((last - first) * PAGE_SIZE, cache.size - position);
  const keep = cache.sharedWriters > 0 ? VALID | EXPOSED : VALID;
  for (let i = first; i < last; i++) chunk.states[i]! &= keep;
  const window = cache.physmem.windowOf(chunk.frames[first]!);
  const offset = chunk.frames[first]! - window.base;
  const io = new PhysIoVec(window, offset, Math.max(0, length));
  let done = 0;
  while (done < length) {
    const moved = cache.filler!.writeBack!(position + done, io);
    if (isErr(moved) || moved === 0) {
      for (let i = first; i < last; i++) chunk.states[i]! |= DIRTY;
      return isErr(moved) ? moved : 0;
    }
    done += moved;
    io.seek(offset + done);
  }
  return 0;
}

export function refresh(cache: PageCache, offset: number, length: number): void {
  if (!cache.filler) return;
  for (const [number, chunk] of cache.chunks) {
    const base = number * CHUNK_PAGES;
    const to = Math.min(chunk.states.length, Math.ceil((offset + length) / PAGE_SIZE) - base);
    for (let i = Math.max(0, Math.floor(offset / PAGE_SIZE) - base); i < to; i++) {
      if ((chunk.states[i]! & (VALID | DIRTY)) !== VALID) continue;
      if (cache.physmem.references(chunk.frames[i]!) > 1) cache.fillRun(chunk, base, i, i + 1);
      else {
        chunk.states[i] = 0;
        cache.residentPages--;
      }
    }
  }
}

export function reclaim(cache: PageCache): number {
  if (cache.busy > 0) return 0;
  let freed = 0;
  for (const [number, chunk] of cache.chunks) {
    if (!isReclaimable(cache, chunk)) continue;
    for (const frame of chunk.frames) if (frame >= 0) freed++;
    cache.twins.dropRange(number * CHUNK_PAGES, (number + 1) * CHUNK_PAGES);
    cache.releaseFrames(chunk, 0, chunk.frames.length);
    cache.chunks.delete(number);
  }
  return freed;
}

function isReclaimable(cache: PageCache, chunk: Chunk): boolean {
  for (let i = 0; i < chunk.frames.length; i++) {
    if (isDirty(chunk.states[i]!)) return false;
    if (chunk.frames[i]! >= 0 && cache.physmem.references(chunk.frames[i]!) > 1) return false;
  }
  return true;
}
