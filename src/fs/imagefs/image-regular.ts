/** Regular files of an image. Their data lies in pieces of the contents; what no piece covers is zeros. */
import { isErr, type Errno } from '../../base/brands.js';
import { EACCES, EIO, EROFS } from '../../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_TRUNC } from '../../abi/fcntl.js';
import type { IoVec } from '../../mm/io-vec.js';
import { PageCache, type Mappable, type PageFiller } from '../../mm/page-cache.js';
import { preadAddress, preadBytes } from '../../host/files.js';
import { OpenFile } from '../../vfs/open-file.js';
import { ImageInode } from './image-inode.js';

/** At most this much of the caller's memory is faulted in at once. */
const MAX_SPAN = 1 << 20;
/** Numbers per piece: content, offset, at, length. */
const PIECE = 4;

export class ImageRegular extends ImageInode implements PageFiller {
  private pages: Mappable | undefined = undefined;

  get size(): number {
    return this.node[6] as number;
  }
  private get pieces(): readonly number[] {
    return this.node[7] as number[];
  }
  protected override get blocks(): number {
    const { pieces } = this;
    let bytes = 0;
    for (let i = 0; i < pieces.length; i += PIECE) bytes += pieces[i + 3]!;
    return Math.ceil(bytes / 4096) * 8;
  }

  override open(flags: number): OpenFile | Errno {
    if ((flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0) return EROFS;
    return new ImageOpenFile(this, flags);
  }

  override mappable(): Mappable | Errno {
    this.pages ??= { cache: new PageCache(this.fs.physmem, this.size, this) };
    return this.pages;
  }

  fill(offset: number, io: IoVec): number | Errno {
    return this.read(io, offset);
  }

  /** Fills `io` from `position` on; bytes moved, fewer at the end of the file. */
  read(io: IoVec, position: number): number | Errno {
    let at = position;
    while (at < this.size && io.remaining > 0) {
      const moved = this.readPiece(io, at);
      if (isErr(moved)) return at > position ? at - position : moved;
      if (moved === 0) break;
      at += moved;
    }
    return at - position;
  }

  /** Reads from the piece, or the hole, that holds `at`. */
  private readPiece(io: IoVec, at: number): number | Errno {
    const { pieces, size } = this;
    const i = this.pieceAt(at);
    const start = i < pieces.length ? pieces[i + 2]! : size;
    if (at < start) return io.putZeros(Math.min(start - at, MAX_SPAN));
    const end = start + pieces[i + 3]!;
    const span = io.next(Math.min(end - at, MAX_SPAN), true);
    if (isErr(span) || span === 0) return span;
    const fd = this.fs.contents[pieces[i]!]!;
    const from = pieces[i + 1]! + at - start;
    const moved = io.spanHost !== 0 ? preadAddress(fd, io.spanHost, span, from) : preadBytes(fd, io.spanBytes, io.spanOffset, span, from);
    if (isErr(moved)) return moved;
    // The archive was cut short behind our back.
    if (moved === 0) return EIO;
    io.advance(moved);
    return moved;
  }

  /** The first piece that ends behind `at`. */
  private pieceAt(at: number): number {
    const { pieces } = this;
    let low = 0;
    let high = pieces.length / PIECE;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pieces[middle * PIECE + 2]! + pieces[middle * PIECE + 3]! > at) high = middle;
      else low = middle + 1;
    }
    return low * PIECE;
  }

  override dispose(): void {
    this.pages?.cache.dispose();
    this.pages = undefined;
  }
}

class ImageOpenFile extends OpenFile {
  constructor(
    private readonly file: ImageRegular,
    flags: number,
  ) {
    super(file, flags);
  }

  override read(io: IoVec, position: number): number | Errno {
    return this.file.read(io, position);
  }
  override write(): number | Errno {
    return EROFS;
  }
  override mappable(): Mappable | Errno {
    return this.readable ? this.file.mappable() : EACCES;
  }
  override fsync(): 0 | Errno {
    return 0;
  }
}
