/**
 * An open directory of hostfs (getdents64(2)). The host's offsets are 64-bit hashes on some file systems, so the guest sees
 * the ordinal number of the entry instead, '.' and '..' first; the host's offset of each chunk's beginning is kept to seek back.
 */
import { isErr, type ByteString, type Errno, type HostFd } from '../../base/brands.js';
import { EINVAL } from '../../abi/errno.js';
import { addressOf } from '../../host/libc.js';
import { closeFd, listFd, seekFd } from '../../host/files.js';
import type { DirectoryEntry } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { HostDirectory } from './host-directory.js';
import { shows } from './view-rule.js';

const CHUNK_BYTES = 32768;
const chunkBytes = Buffer.alloc(CHUNK_BYTES);
const chunkView = new DataView(chunkBytes.buffer, chunkBytes.byteOffset, CHUNK_BYTES);
const CHUNK = addressOf(chunkBytes);

const SEEK_SET = 0;
const DT_DIR = 4;
/** '.' and '..' have the ordinal numbers 0 and 1. */
const DOTS = 2;

/** Offset of the fields of struct linux_dirent64. */
const D_OFF = 8;
const D_RECLEN = 16;
const D_TYPE = 18;
const D_NAME = 19;

interface Chunk {
  /** Ordinal number of its first entry. */
  first: number;
  /** The host's offset to continue from. */
  hostOffset: bigint;
}

export class HostListing extends OpenFile {
  private entries: DirectoryEntry[] = [];
  /** Where each chunk read so far begins; the last one is still to be read. */
  private readonly chunks: Chunk[] = [{ first: DOTS, hostOffset: 0n }];
  /** Index in `chunks` of what `entries` holds; -1: nothing. */
  private current = -1;
  /** Index in `chunks` of what the host's descriptor reads next; -1: that must be sought. */
  private next = 0;
  /** The last of `chunks` was found to have no entry. It stays so until another is read. */
  private ended = false;
  private readonly device: number;

  constructor(
    private readonly directory: HostDirectory,
    flags: number,
    private readonly fd: HostFd,
  ) {
    super(directory, flags);
    this.device = directory.stat.dev;
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const { directory } = this;
    if (from === 0) {
      this.rewind();
      if (!sink({ name: '.', ino: directory.ino, type: DT_DIR }, 1)) return 0;
    }
    if (from <= 1 && !sink({ name: '..', ino: (directory.parent ?? directory).ino, type: DT_DIR }, DOTS)) return 0;
    for (let at = Math.max(from, DOTS); ; ) {
      const held = this.load(at);
      if (isErr(held)) return held;
      if (held === 0) return 0;
      const first = this.chunks[this.current]!.first;
      for (let i = at - first; i < this.entries.length; i++, at++) {
        if (!sink(this.entries[i]!, at + 1)) return 0;
      }
    }
  }

  override seek(offset: number, whence: number): number | Errno {
    if (whence === 2) return EINVAL;
    return super.seek(offset, whence);
  }

  override fsync(): 0 | Errno {
    return 0;
  }

  override release(): void {
    closeFd(this.fd);
  }

  private rewind(): void {
    if (this.current < 0 && !this.ended) return; // nothing was read yet
    this.chunks.length = 1;
    this.current = -1;
    this.next = -1;
    this.ended = false;
    this.entries = [];
  }

  /** Makes `entries` hold entry number `at`; 0 when there is none, 1 when there is. */
  private load(at: number): 0 | 1 | Errno {
    let index = this.chunks.length - 1;
    while (index > 0 && this.chunks[index]!.first > at) index--;
    for (; ; index++) {
      if (index !== this.current) {
        const read = this.readChunk(index);
        if (isErr(read) || read === 0) return read as 0 | Errno;
      }
      if (at < this.chunks[index]!.first + this.entries.length) return 1;
    }
  }

  /** Reads chunk `index` from the host; bytes read. */
  private readChunk(index: number): number | Errno {
    const chunk = this.chunks[index]!;
    if (this.ended && index === this.chunks.length - 1) return 0;
    if (index !== this.next) {
      const sought = seekFd(this.fd, chunk.hostOffset, SEEK_SET);
      if (isErr(sought)) return sought;
    }
    this.next = -1;
    const length = listFd(this.fd, CHUNK, CHUNK_BYTES);
    this.ended = length === 0;
    if (isErr(length) || length === 0) return length;
    const end = this.parse(length);
    this.current = index;
    this.next = index + 1;
    this.chunks.length = index + 1;
    this.chunks.push({ first: chunk.first + this.entries.length, hostOffset: end });
    return length;
  }

  /** Turns the chunk into entries; returns the host's offset behind it. */
  private parse(length: number): bigint {
    const { directory } = this;
    this.entries = [];
    let last = 0;
    for (let at = 0; at < length; at += chunkView.getUint16(at + D_RECLEN, true)) {
      last = at;
      const name = nameAt(at + D_NAME);
      if (name === '.' || name === '..' || !shows(directory.rule, name)) continue;
      this.entries.push({ name, ino: this.inoAt(at), type: chunkBytes[at + D_TYPE]! });
    }
    return chunkView.getBigInt64(last + D_OFF, true);
  }

  private inoAt(at: number): number {
    return this.directory.fs.numbers.number(this.device, chunkView.getUint32(at, true), chunkView.getUint32(at + 4, true));
  }
}

/** A directory of which the view shows nothing: the host is not asked, and need not let us look. */
export class EmptyListing extends OpenFile {
  constructor(
    private readonly directory: HostDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 {
    const { ino, parent } = this.directory;
    if (from <= 0 && !sink({ name: '.', ino, type: DT_DIR }, 1)) return 0;
    if (from <= 1) sink({ name: '..', ino: (parent ?? this.directory).ino, type: DT_DIR }, DOTS);
    return 0;
  }

  override fsync(): 0 {
    return 0;
  }
}

function nameAt(start: number): ByteString {
  return chunkBytes.toString('latin1', start, chunkBytes.indexOf(0, start));
}
