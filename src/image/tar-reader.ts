/**
 * Reads what a tar archive holds, without touching the data of files: each entry says where in the archive its data lies.
 * Understood: ustar, pax (long names, big numbers, sub-second times, extended attributes), GNU long names, GNU sparse files in
 * all four formats. Left out: multi-volume and incremental archives.
 */
import type { ByteString } from '../base/brands.js';
import { ArchiveError } from './archive-error.js';
import type { ByteSource } from './byte-source.js';
import { count, parsePax, PaxValues, type PaxRecord } from './pax.js';
import { BLOCK_BYTES, parseHeader, sparseRuns, type SparseRun, type TarHeader } from './tar-header.js';

export type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

export interface TarEntry {
  type: TarEntryType;
  name: ByteString;
  linkName: ByteString;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  mtime: { sec: number; nsec: number };
  devMajor: number;
  devMinor: number;
  xattrs: ReadonlyMap<ByteString, ByteString>;
  /** Of a file. */
  size: number;
  /** Offset of a file's data in the source. */
  offset: number;
  /** The data that is there, in order, holes between; undefined: all of it. */
  runs: SparseRun[] | undefined;
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  D: 'directory',
  S: 'file',
};

/** Longest pax header, long name and sparse map. */
const MAX_HEADER_BYTES = 1 << 20;
const MAX_RUNS = 1 << 16;

/** `needsEnd`: an archive without its end mark counts as cut off. */
export function* readTar(source: ByteSource, needsEnd: boolean): Generator<TarEntry> {
  yield* new TarReader(source, needsEnd).entries();
}

class TarReader {
  private position = 0;
  private readonly block = Buffer.alloc(BLOCK_BYTES);
  private globals: PaxRecord[] = [];

  constructor(
    private readonly source: ByteSource,
    private readonly needsEnd: boolean,
  ) {}

  *entries(): Generator<TarEntry> {
    let locals: PaxRecord[] = [];
    let longName: ByteString | undefined;
    let longLink: ByteString | undefined;
    for (let header = this.next(); header; header = this.next()) {
      switch (header.type) {
        case 'g':
          this.globals = [...this.globals, ...parsePax(this.body(header))].slice(-1000);
          continue;
        case 'x':
        case 'X':
          locals = parsePax(this.body(header));
          continue;
        case 'L':
          longName = untilZero(this.body(header));
          continue;
        case 'K':
          longLink = untilZero(this.body(header));
          continue;
        case 'V':
          this.skip(header.size);
          continue;
        case 'M':
          throw new ArchiveError('is one volume of several: join them first');
      }
      if (longName !== undefined) header.name = longName;
      if (longLink !== undefined) header.linkName = longLink;
      yield this.entry(header, new PaxValues(this.globals, locals));
      locals = [];
      longName = longLink = undefined;
    }
  }

  /** The next header; undefined at the end. */
  private next(): TarHeader | undefined {
    const got = this.source.read(this.block, this.position);
    if (got === 0 && !this.needsEnd) return undefined;
    if (got < BLOCK_BYTES) throw new ArchiveError('is cut off: get it again');
    this.position += BLOCK_BYTES;
    return parseHeader(this.block);
  }

  /** The data behind a header, for the headers that describe the next one. */
  private body(header: TarHeader): ByteString {
    if (header.size < 0 || header.size > MAX_HEADER_BYTES) throw new ArchiveError('is damaged (a header of impossible length)');
    const data = Buffer.alloc(header.size);
    if (this.source.read(data, this.position) < header.size) throw new ArchiveError('is cut off: get it again');
    this.skip(header.size);
    return data.toString('latin1');
  }

  /** Moves over `size` bytes of data and their padding. */
  private skip(size: number): void {
    this.position += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (this.position > this.source.length) {
      // Only the padding of the last file may be missing.
      if (size < 0 || this.needsEnd || this.position - this.source.length >= BLOCK_BYTES)
        throw new ArchiveError('is cut off: get it again');
    }
  }

  private entry(header: TarHeader, pax: PaxValues): TarEntry {
    const name = pax.text('GNU.sparse.name') ?? pax.text('path') ?? header.name;
    let type = TYPES[header.type] ?? 'file';
    if (type === 'file' && name.endsWith('/')) type = 'directory';
    const entry: TarEntry = {
      type,
      name,
      linkName: pax.text('linkpath') ?? header.linkName,
      mode: header.mode,
      uid: pax.number('uid') ?? header.uid,
      gid: pax.number('gid') ?? header.gid,
      mtime: pax.time('mtime') ?? { sec: Math.max(0, header.mtime), nsec: 0 },
      devMajor: header.devMajor,
      devMinor: header.devMinor,
      xattrs: pax.xattrs,
      size: 0,
      offset: 0,
      runs: undefined,
    };
    if (type === 'file' || header.type === 'D') this.locate(entry, header, pax);
    return entry;
  }

  /** Finds the data of a file and moves over it. */
  private locate(entry: TarEntry, header: TarHeader, pax: PaxValues): void {
    const stored = pax.number('size') ?? header.size;
    if (stored < 0) throw new ArchiveError(`is damaged (${printable(entry.name)} has an impossible size)`);
    if (header.sparse) this.readOldSparse(entry, header.sparse);
    entry.offset = this.position;
    this.skip(stored);
    if (header.sparse) checkRuns(entry, stored);
    else if (isSparse(pax)) this.readPaxSparse(entry, pax, stored);
    else entry.size = stored;
  }

  private readOldSparse(entry: TarEntry, sparse: NonNullable<TarHeader['sparse']>): void {
    const runs = [...sparse.runs];
    for (let more = sparse.extended; more; ) {
      if (this.source.read(this.block, this.position) < BLOCK_BYTES) throw new ArchiveError('is cut off: get it again');
      this.position += BLOCK_BYTES;
      for (const run of sparseRuns(this.block, 0, 21)) runs.push(run);
      more = this.block[504] !== 0;
      if (runs.length > MAX_RUNS) throw new ArchiveError(`has a file of more than ${MAX_RUNS} pieces: ${printable(entry.name)}`);
    }
    entry.runs = runs;
    entry.size = sparse.realSize;
  }

  private readPaxSparse(entry: TarEntry, pax: PaxValues, stored: number): void {
    let numbers = pax.pairs;
    let mapBytes = 0;
    const list = pax.text('GNU.sparse.map');
    if (pax.number('GNU.sparse.major') === 1) [numbers, mapBytes] = this.readMap(entry, stored);
    else if (list !== undefined) numbers = list.split(',').map(count);
    if (numbers.length > 2 * MAX_RUNS) throw new ArchiveError(`has a file of more than ${MAX_RUNS} pieces: ${printable(entry.name)}`);
    entry.runs = [];
    for (let i = 0; i + 1 < numbers.length; i += 2) entry.runs.push({ at: numbers[i]!, length: numbers[i + 1]! });
    entry.offset += mapBytes;
    entry.size = pax.number('GNU.sparse.realsize') ?? pax.number('GNU.sparse.size') ?? -1;
    checkRuns(entry, stored - mapBytes);
  }

  /** Format 1.0: the map stands before the data, as lines of decimal numbers: how many runs, then offset and length of each. */
  private readMap(entry: TarEntry, stored: number): [numbers: number[], bytes: number] {
    const data = Buffer.alloc(Math.min(stored, MAX_HEADER_BYTES));
    this.source.read(data, entry.offset);
    const text = data.toString('latin1');
    const numbers: number[] = [];
    let at = 0;
    for (let left = 1; left > 0; left--) {
      const end = text.indexOf('\n', at);
      const value = end < 0 ? -1 : count(text.slice(at, end));
      if (value < 0 || (at === 0 && value > MAX_RUNS))
        throw new ArchiveError(`is damaged (${printable(entry.name)} has an impossible map)`);
      if (at === 0) left += value * 2;
      else numbers.push(value);
      at = end + 1;
    }
    return [numbers, Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES];
  }
}

function isSparse(pax: PaxValues): boolean {
  return pax.pairs.length > 0 || pax.text('GNU.sparse.map') !== undefined || pax.text('GNU.sparse.major') !== undefined;
}

/** Runs are in order, inside of the file, and use no more data than is there. */
function checkRuns(entry: TarEntry, stored: number): void {
  let end = 0;
  let used = 0;
  for (const { at, length } of entry.runs!) {
    if (at < end || length < 0) end = Infinity;
    else end = at + length;
    used += length;
    if (end > entry.size || used > stored) throw new ArchiveError(`is damaged (${printable(entry.name)} has an impossible map)`);
  }
  if (entry.size < 0) throw new ArchiveError(`is damaged (${printable(entry.name)} has an impossible size)`);
}

function untilZero(text: ByteString): ByteString {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A name as an error message shows it: one line, not too long. */
export function printable(name: ByteString): string {
  const shown = Buffer.from(name, 'latin1')
    .toString('utf8')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}
