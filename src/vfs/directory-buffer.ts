/** Directory entries as getdents(2) and getdents64(2) lay them out (Linux: fs/readdir.c). */
import type { Errno } from '../base/brands.js';
import { EINVAL, ENOENT, ENOTDIR } from '../abi/errno.js';
import type { DirectoryEntry } from './inode.js';
import type { OpenFile } from './open-file.js';

/** Bytes filled by one call at most. */
const BUFFER_SIZE = 65536;
const buffer = new Uint8Array(BUFFER_SIZE);
const view = new DataView(buffer.buffer);

const HEADER_64 = 19;
const HEADER_OLD = 18;

/** The bytes that `readEntries` filled. */
export const entryBytes = buffer;

/**
 * Fills `entryBytes` from the directory's position on and moves it; returns the number of bytes, 0 at the end, EINVAL when
 * `count` has no room for the first entry. `wide`: struct linux_dirent64, else linux_dirent with the type in its last byte.
 */
export function readEntries(file: OpenFile, count: number, wide: boolean): number | Errno {
  if (!file.inode.isDirectory) return ENOTDIR;
  if (file.path?.dentry.deleted) return ENOENT;
  const room = Math.min(count, BUFFER_SIZE);
  let used = 0;
  let refused = false;
  const sink = (entry: DirectoryEntry, next: number): boolean => {
    const length = entryLength(entry.name.length, wide);
    if (used + length > room) {
      refused = true;
      return false;
    }
    putEntry(used, length, entry, next, wide);
    used += length;
    file.position = next;
    return true;
  };
  const result = file.readDirectory(file.position, sink);
  if (used > 0) return used;
  if (result !== 0) return result;
  return refused ? EINVAL : 0;
}

function entryLength(nameLength: number, wide: boolean): number {
  return ((wide ? HEADER_64 + nameLength + 1 : HEADER_OLD + nameLength + 2) + 7) & ~7;
}

function putEntry(at: number, length: number, entry: DirectoryEntry, next: number, wide: boolean): void {
  const { name } = entry;
  view.setUint32(at, entry.ino % 4294967296, true);
  view.setUint32(at + 4, Math.floor(entry.ino / 4294967296), true);
  view.setUint32(at + 8, next % 4294967296, true);
  view.setUint32(at + 12, Math.floor(next / 4294967296), true);
  view.setUint16(at + 16, length, true);
  let to = at + (wide ? HEADER_64 : HEADER_OLD);
  if (wide) buffer[at + 18] = entry.type;
  for (let i = 0; i < name.length; i++) buffer[to++] = name.charCodeAt(i);
  buffer.fill(0, to, at + length);
  if (!wide) buffer[at + length - 1] = entry.type;
}
