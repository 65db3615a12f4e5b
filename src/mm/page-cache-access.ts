/**
 * Reading and writing a file through its page cache (Linux: filemap_read, generic_perform_write).
 *
 * Data moves between the caller's IoVec and the frames themselves, a run of contiguous frames at a time. What has no frame reads
 * as zero in a file that lives in memory; a page of any other file is filled first, unless a write covers all of it.
 */
import type { Errno } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { EFBIG } from '../abi/errno.js';
import type { IoVec } from './io-vec.js';
import { CHUNK_PAGES, DIRTY, follows, VALID, type Chunk } from './page-cache-chunk.js';
import type { PageCache } from './page-cache.js';

export function read(cache: PageCache, io: IoVec, position: number): number | Errno {
  return moveAll(cache, io, position, readSome);
}

export function write(cache: PageCache, io: IoVec, position: number): number | Errno {
  return moveAll(cache, io, position, writeSome);
}

/** Moves a run at a time until a step moves nothing; an error after bytes were moved is left for the next call to meet. */
function moveAll(cache: PageCache, io: IoVec, position: number, step: typeof readSome): number | Errno {
  let done = 0;
  cache.busy++;
  while (io.remaining > 0) {
    const moved = step(cache, io, position + done);
    if (isErr(moved)) {
      cache.busy--;
      return done > 0 ? done : moved;
    }
    if (moved === 0) break;
    done += moved;
  }
  cache.busy--;
  return done;
}

/** Moves what one run holds; 0 at the end of the file. */
function readSome(cache: PageCache, io: IoVec, position: number): number | Errno {
  if (position >= cache.size) return 0;
  const page = Math.floor(position / PAGE_SIZE);
  const inPage = position % PAGE_SIZE;
  const length = Math.min(io.remaining, cache.size - position);
  if (!cache.filler && !cache.isValid(page)) return io.putZeros(Math.min(length, PAGE_SIZE - inPage));
  const pages = Math.ceil((inPage + length) / PAGE_SIZE);
  const ready = cache.filler ? cache.prepare(page, page, page + pages, false) : findRun(cache, page, pages);
  if (isErr(ready)) return ready;
  const window = cache.physmem.windowOf(cache.runPhys);
  return io.put(window.bytes, cache.runPhys - window.base + inPage, Math.min(length, cache.runPages * PAGE_SIZE - inPage));
}

/** The run of valid contiguous frames from `page`, which is valid, on. */
function findRun(cache: PageCache, page: number, pages: number): 0 {
  const chunk = cache.chunks.get(Math.floor(page / CHUNK_PAGES))!;
  const index = page % CHUNK_PAGES;
  const end = Math.min(index + pages, chunk.frames.length);
  let last = index + 1;
  while (last < end && (chunk.states[last]! & VALID) !== 0 && follows(chunk.frames[last - 1]!, chunk.frames[last]!)) last++;
  cache.runFirst = page;
  cache.runPages = last - index;
  cache.runPhys = chunk.frames[index]!;
  return 0;
}

function writeSome(cache: PageCache, io: IoVec, position: number): number | Errno {
  const page = Math.floor(position / PAGE_SIZE);
  const inPage = position % PAGE_SIZE;
  if (position + io.remaining > Number.MAX_SAFE_INTEGER) return EFBIG;
  const wanted = Math.min(CHUNK_PAGES, Math.ceil((inPage + io.remaining) / PAGE_SIZE));
  const chunk = cache.reserve(page, wanted);
  if (isErr(chunk)) return chunk;
  const index = page % CHUNK_PAGES;
  const { frames } = chunk;
  // Pages of a file in memory are zero as long as they are not valid: the whole run can be written to.
  let last = index + 1;
  const end = cache.filler ? last : Math.min(frames.length, index + wanted);
  while (last < end && follows(frames[last - 1]!, frames[last]!)) last++;
  const length = Math.min(io.remaining, (last - index) * PAGE_SIZE - inPage);
  if (cache.filler && (chunk.states[index]! & VALID) === 0) {
    const ready = beforePartialWrite(cache, chunk, page, index, inPage, length);
    if (isErr(ready)) return ready;
  }
  cache.bytesChange(page, page + last - index);
  const window = cache.physmem.windowOf(frames[index]!);
  const moved = io.take(window.bytes, frames[index]! - window.base + inPage, length);
  if (isErr(moved)) return moved;
  const written = Math.ceil((inPage + moved) / PAGE_SIZE);
  cache.validate(chunk, index, index + written);
  for (let i = index; i < index + written; i++) chunk.states[i]! |= DIRTY;
  if (position + moved > cache.size) cache.size = position + moved;
  return moved;
}

/** Brings a page that is not valid yet into a state where part of it may be overwritten. */
function beforePartialWrite(cache: PageCache, chunk: Chunk, page: number, index: number, inPage: number, length: number): 0 | Errno {
  if (page * PAGE_SIZE < cache.size && (inPage > 0 || length < PAGE_SIZE)) {
    return cache.fillAround(chunk, page - index, index);
  }
  const window = cache.physmem.windowOf(chunk.frames[index]!);
  const offset = chunk.frames[index]! - window.base;
  window.bytes.fill(0, offset, offset + PAGE_SIZE);
  return 0;
}
