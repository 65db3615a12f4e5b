/** An open directory of a mounted overlay: the names of all layers, as they were when reading began (Linux: fs/overlayfs/readdir.c). */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { O_DIRECTORY, O_RDONLY } from '../../abi/fcntl.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { DirectoryEntry, Inode } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { LayeredDirectory } from './layered-directory.js';
import { isWhiteout } from './markers.js';

const DT_CHR = 2;
const DT_DIR = 4;

export class LayeredListing extends OpenFile {
  private entries: readonly DirectoryEntry[] | undefined = undefined;

  constructor(
    private readonly directory: LayeredDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    if (from === 0 || !this.entries) {
      const merged = mergedEntries(this.directory);
      if (isErr(merged)) return merged;
      this.entries = merged as readonly DirectoryEntry[];
    }
    for (let at = from; at < this.entries.length; at++) if (!sink(this.entries[at]!, at + 1)) return 0;
    return 0;
  }

  override fsync(): 0 {
    return 0;
  }
}

/** Names of one directory of a layer, '.' and '..' left out. */
export function namesIn(directory: Inode): DirectoryEntry[] | Errno {
  const opened = directory.open(O_RDONLY | O_DIRECTORY) as OpenFile | Errno;
  if (typeof opened === 'number') return opened;
  const entries: DirectoryEntry[] = [];
  const result = opened.readDirectory(0, (entry) => {
    if (entry.name !== '.' && entry.name !== '..') entries.push({ ...entry });
    return true;
  });
  dropFile(opened);
  return isErr(result) ? result : entries;
}

/** What the directory shows, '.' and '..' first. */
export function mergedEntries(directory: LayeredDirectory): DirectoryEntry[] | Errno {
  const { fs } = directory;
  const entries: DirectoryEntry[] = [
    { name: '.', ino: directory.ino, type: DT_DIR },
    { name: '..', ino: (directory.parent ?? directory).ino, type: DT_DIR },
  ];
  const seen = new Set<ByteString>();
  for (const layer of directory.layers) {
    const names = namesIn(layer);
    if (isErr(names)) return names;
    for (const { name, ino, type } of names as DirectoryEntry[]) {
      if (seen.has(name)) continue;
      seen.add(name);
      const inode = type === DT_CHR ? layer.lookup(name) : undefined;
      if (inode !== undefined && typeof inode !== 'number' && isWhiteout(inode)) continue;
      entries.push({ name, ino: directory.sighted(name)?.ino ?? fs.inoOf(layer.fs, ino), type });
    }
  }
  return entries;
}
