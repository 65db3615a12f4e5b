/**
 * What a stream socket has received: bytes, and marks on those that came with descriptors or credentials (Linux: the chain of
 * struct sk_buff in unix_stream_read_generic). A read never goes over the edge of a mark, so that two messages' descriptors are
 * never mixed and a byte is never given with another one's credentials.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN } from '../../abi/errno.js';
import type { Ucred } from '../../abi/socket-struct.js';
import { PipeBuffer } from '../../fs/pipe-buffer.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { putInFlight } from './in-flight.js';

export interface StreamMark {
  /** Count of bytes received before it. */
  readonly start: number;
  readonly end: number;
  /** References held here; empty once they have been received. */
  files: readonly OpenFile[];
  readonly credentials: Ucred | undefined;
}

export class StreamQueue {
  private readonly buffer = new PipeBuffer();
  private readonly marks: StreamMark[] = [];
  /** Bytes ever read. */
  private taken = 0;

  get length(): number {
    return this.buffer.used;
  }

  /** Bytes ever read, and ever received. */
  get position(): number {
    return this.taken;
  }
  get end(): number {
    return this.taken + this.buffer.used;
  }

  /** Copies bytes from `offset` behind the next one; marks do not matter. */
  peekAt(io: IoVec, offset: number, max: number): number | Errno {
    return this.buffer.copyTo(io, offset, max);
  }

  /** Appends what fits below `limit` bytes. EAGAIN when nothing does. */
  append(io: IoVec, limit: number, files: readonly OpenFile[], credentials: Ucred | undefined): number | Errno {
    const { buffer } = this;
    const room = limit - buffer.used;
    if (room <= 0) return EAGAIN;
    if (io.remaining > buffer.room && buffer.capacity < limit) buffer.resize(limit);
    const start = this.taken + buffer.used;
    const moved = buffer.append(io, room);
    if (isErr(moved) || moved === 0) return moved;
    if (files.length > 0 || credentials) {
      putInFlight(files);
      this.marks.push({ start, end: start + moved, files: files.slice(), credentials });
    }
    return moved;
  }

  /** The mark on the next byte, if it has one. */
  get mark(): StreamMark | undefined {
    const first = this.marks[0];
    return first && first.start <= this.taken ? first : undefined;
  }

  /**
   * Moves bytes to `io`, at most to the edge of a mark; `peek`: they stay. Descriptors of `mark` are the caller's to take,
   * with the first bytes: the mark goes when its last byte does.
   */
  take(io: IoVec, peek: boolean, most = Infinity): number | Errno {
    const { mark } = this;
    const edge = mark?.end ?? this.marks[0]?.start ?? Infinity;
    const max = Math.min(io.remaining, edge - this.taken, most);
    if (peek) return this.buffer.copyTo(io, 0, max);
    const moved = this.buffer.remove(io, max);
    if (isErr(moved)) return moved;
    this.taken += moved;
    if (mark && this.taken >= mark.end) this.marks.shift();
    return moved;
  }

  /** Drops the next byte. */
  skip(): void {
    this.buffer.skip(1);
    this.taken++;
  }

  *files(): Generator<OpenFile> {
    for (const mark of this.marks) yield* mark.files;
  }

  /** Throws everything away; the files are the caller's to drop. */
  clear(): OpenFile[] {
    const files = [...this.files()];
    this.marks.length = 0;
    this.taken += this.buffer.used;
    this.buffer.dispose();
    return files;
  }
}
