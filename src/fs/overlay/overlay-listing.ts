/**
 * An open directory of an overlay. One that shows a single lower directory hands on that one's listing, minus whiteouts, so
 * that its offsets hold while files are removed; a directory with names of its own is listed from a merged snapshot, made when
 * the listing starts over.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { O_DIRECTORY, O_RDONLY } from '../../abi/fcntl.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { DirectoryEntry, Inode } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { OverlayDirectory } from './overlay-directory.js';

export class OverlayListing extends OpenFile {
  private snapshot: DirectoryEntry[] | undefined = undefined;
  private below: OpenFile | undefined = undefined;

  constructor(
    private readonly directory: OverlayDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    if (from === 0 || (!this.snapshot && !this.below)) {
      const started = this.start();
      if (isErr(started)) return started;
    }
    if (this.below) return this.handOn(this.below, from, sink);
    const entries = this.snapshot!;
    for (let at = from; at < entries.length; at++) {
      const entry = entries[at]!;
      if (this.directory.names?.get(entry.name) === null) continue;
      if (!sink(entry, at + 1)) return 0;
    }
    return 0;
  }

  override fsync(): 0 | Errno {
    return 0;
  }

  override release(): void {
    if (this.below) dropFile(this.below);
    this.below = undefined;
  }

  private start(): 0 | Errno {
    const { directory } = this;
    this.release();
    this.snapshot = undefined;
    if (directory.lowers.length === 1 && !hasOwnNames(directory)) {
      const opened = directory.lowers[0]!.open(O_RDONLY | O_DIRECTORY) as OpenFile | Errno;
      if (isErr(opened)) return opened;
      this.below = opened as OpenFile;
      return 0;
    }
    const merged = mergedEntries(directory);
    if (isErr(merged)) return merged;
    this.snapshot = merged as DirectoryEntry[];
    return 0;
  }

  private handOn(below: OpenFile, from: number, sink: DirectorySink): 0 | Errno {
    const { directory } = this;
    const lower = directory.lowers[0]!.fs;
    return below.readDirectory(from, (entry, next) => {
      if (entry.name === '..') return sink({ ...entry, ino: (directory.parent ?? directory).ino }, next);
      const own = directory.names?.get(entry.name);
      if (own === null) return true;
      if (own !== undefined) return sink({ name: entry.name, ino: own.ino, type: own.type >>> 12 }, next);
      entry.ino = directory.fs.inoOf(lower, entry.ino);
      return sink(entry, next);
    });
  }
}

function hasOwnNames(directory: OverlayDirectory): boolean {
  if (directory.names) for (const inode of directory.names.values()) if (inode !== null) return true;
  return false;
}

function mergedEntries(directory: OverlayDirectory): DirectoryEntry[] | Errno {
  const DT_DIR = 4;
  const entries: DirectoryEntry[] = [
    { name: '.', ino: directory.ino, type: DT_DIR },
    { name: '..', ino: (directory.parent ?? directory).ino, type: DT_DIR },
  ];
  const seen = new Set<ByteString>(['.', '..']);
  for (const [name, inode] of directory.names ?? []) {
    seen.add(name);
    if (inode) entries.push({ name, ino: inode.ino, type: inode.type >>> 12 });
  }
  for (const lower of directory.lowers) {
    const result = listBelow(lower, (entry) => {
      if (seen.has(entry.name)) return true;
      seen.add(entry.name);
      entries.push({ ...entry, ino: directory.fs.inoOf(lower.fs, entry.ino) });
      return true;
    });
    if (isErr(result)) return result;
  }
  return entries;
}

function listBelow(lower: Inode, sink: DirectorySink): 0 | Errno {
  const opened = lower.open(O_RDONLY | O_DIRECTORY) as OpenFile | Errno;
  if (isErr(opened)) return opened;
  const result = (opened as OpenFile).readDirectory(0, sink);
  dropFile(opened as OpenFile);
  return result;
}

/** True when a directory shows no names but '.' and '..'. */
export function isEmptyDirectory(directory: OverlayDirectory): boolean | Errno {
  if (hasOwnNames(directory)) return false;
  let empty = true;
  for (const lower of directory.lowers) {
    const result = listBelow(lower, (entry) => {
      if (entry.name === '.' || entry.name === '..' || directory.names?.get(entry.name) === null) return true;
      empty = false;
      return false;
    });
    if (isErr(result)) return result;
    if (!empty) return false;
  }
  return true;
}
