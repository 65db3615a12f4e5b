/**
 * One 512-byte header of a tar archive: ustar (POSIX.1-1988), pax, old and new GNU (tar(5), GNU tar's "Basic Tar Format").
 * Text is taken as bytes (latin1), because names in archives are bytes.
 */
import type { ByteString } from '../base/brands.js';
import { ArchiveError } from './archive-error.js';

export const BLOCK_BYTES = 512;

/** A run of a sparse file's data: `length` bytes that belong at `at` of the file. */
export interface SparseRun {
  at: number;
  length: number;
}

export interface TarHeader {
  name: ByteString;
  linkName: ByteString;
  /** Type flag; '0' for the old NUL. */
  type: string;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes that follow the header. */
  size: number;
  mtime: number;
  devMajor: number;
  devMinor: number;
  /** Old GNU sparse format: what the header itself lists. */
  sparse: { runs: SparseRun[]; extended: boolean; realSize: number } | undefined;
}

/** undefined: a block of zeros, which ends an archive. */
export function parseHeader(block: Buffer): TarHeader | undefined {
  const sum = blockSum(block);
  if (sum === 0) return undefined;
  if (octal(block, 148, 8) !== sum + 8 * 0x20)
    throw new ArchiveError('is not a tar archive, or is damaged (a header has a wrong checksum)');
  const magic = block.toString('latin1', 257, 265);
  const isUstar = magic.startsWith('ustar\0');
  const isGnu = magic === 'ustar  \0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const type = String.fromCharCode(block[156]! || 0x30);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    type,
    mode: number(block, 100, 8) % 0o10000,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    devMajor: isUstar || isGnu ? number(block, 329, 8) : 0,
    devMinor: isUstar || isGnu ? number(block, 337, 8) : 0,
    sparse: type === 'S' ? oldSparse(block) : undefined,
  };
}

function oldSparse(block: Buffer): NonNullable<TarHeader['sparse']> {
  return { runs: sparseRuns(block, 386, 4), extended: block[482] !== 0, realSize: number(block, 483, 12) };
}

/** `count` entries of old GNU sparse maps; an empty one ends the list. */
export function sparseRuns(block: Buffer, start: number, count: number): SparseRun[] {
  const runs: SparseRun[] = [];
  for (let i = 0; i < count; i++) {
    const at = start + i * 24;
    if (block[at] === 0 && block[at + 12] === 0) break;
    runs.push({ at: number(block, at, 12), length: number(block, at + 12, 12) });
  }
  return runs;
}

/** Sum of all bytes but those of the checksum. */
function blockSum(block: Buffer): number {
  let sum = 0;
  for (let i = 0; i < 148; i++) sum += block[i]!;
  for (let i = 156; i < BLOCK_BYTES; i++) sum += block[i]!;
  return sum;
}

function text(block: Buffer, start: number, length: number): ByteString {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end < 0 || end > start + length ? start + length : end);
}

function octal(block: Buffer, start: number, length: number): number {
  const digits = /^[ ]*([0-7]*)[ \0]*/.exec(block.toString('latin1', start, start + length))![1]!;
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Octal, or base-256 where the first bit is set (GNU); -1 for what no file has. */
function number(block: Buffer, start: number, length: number): number {
  if ((block[start]! & 0x80) === 0) return octal(block, start, length);
  if (block[start] === 0xff) return -1;
  let value = block[start]! & 0x7f;
  for (let i = start + 1; i < start + length; i++) value = value * 256 + block[i]!;
  return Number.isSafeInteger(value) ? value : -1;
}
