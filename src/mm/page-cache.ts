/** Page cache: file contents in physmem (Linux: mm/filemap.c). SKELETON */
import type { Errno } from '../base/brands.js';
import type { IoVec } from './io-vec.js';

/** What a file must offer to be mapped or executed. */
export interface Mappable {
  readonly cache: PageCache;
}

/** Fills cache pages from where the file's data lies; a file that lives in memory has none. */
export interface PageFiller {
  /** Reads file bytes [offset, offset+length) to the start of the span; returns bytes read (the rest is zero) or Errno. */
  fill(offset: number, io: IoVec): number | Errno;
  /** Writes back dirty bytes; absent for read-only files. */
  writeBack?(offset: number, io: IoVec): number | Errno;
}

export declare class PageCache {
  /** File size in bytes; the cache answers reads below it only. */
  size: number;
  read(io: IoVec, position: number): number | Errno;
  write(io: IoVec, position: number): number | Errno;
  truncate(size: number): 0 | Errno;
  /** Makes a hole: bytes read as zero, frames return. */
  punch(offset: number, length: number): 0 | Errno;
  /** Frames held, in pages. */
  readonly residentPages: number;
  dispose(): void;
}
