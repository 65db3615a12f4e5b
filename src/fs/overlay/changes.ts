/** What an overlay holds beyond its lower layers. Changed times of directories count for nothing; so does a file that only moved back. */
import { isErr, type ByteString } from '../../base/brands.js';
import { O_DIRECTORY, O_RDONLY } from '../../abi/fcntl.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { OverlayDirectory } from './overlay-directory.js';
import type { OverlayInode } from './overlay-inode.js';

export interface OverlayChange {
  /** From the overlay's root: '/a/b'. */
  path: ByteString;
  kind: 'added' | 'modified' | 'deleted';
  /** What is there now; undefined when deleted. */
  inode: OverlayInode | undefined;
}

export function* changesOf(root: OverlayInode): Generator<OverlayChange> {
  if (root.changed) yield { path: '/', kind: 'modified', inode: root };
  if (root instanceof OverlayDirectory) yield* changesBelow(root, '');
}

function* changesBelow(directory: OverlayDirectory, path: ByteString): Generator<OverlayChange> {
  if (!directory.names) return;
  for (const [name, inode] of [...directory.names]) {
    const at = `${path}/${name}`;
    if (inode === null) {
      yield { path: at, kind: 'deleted', inode: undefined };
      continue;
    }
    const lowers = directory.lowers.map((lower) => lower.lookup(name)).filter((found) => !isErr(found));
    if (inode.lower && lowers[0] === inode.lower) {
      if (inode.changed) yield { path: at, kind: 'modified', inode };
      if (inode instanceof OverlayDirectory) yield* changesBelow(inode, at);
      continue;
    }
    yield { path: at, kind: lowers.length > 0 ? 'modified' : 'added', inode };
    if (inode instanceof OverlayDirectory) yield* everythingBelow(inode, at);
  }
}

/** A directory that is not the one below at its place: all in it is added. */
function* everythingBelow(directory: OverlayDirectory, path: ByteString): Generator<OverlayChange> {
  const listing = directory.open(O_RDONLY | O_DIRECTORY) as OpenFile;
  const names: ByteString[] = [];
  listing.readDirectory(0, (entry) => {
    if (entry.name !== '.' && entry.name !== '..') names.push(entry.name);
    return true;
  });
  dropFile(listing);
  for (const name of names) {
    const inode = directory.lookup(name);
    if (isErr(inode)) continue;
    yield { path: `${path}/${name}`, kind: 'added', inode: inode as OverlayInode };
    if (inode instanceof OverlayDirectory) yield* everythingBelow(inode, `${path}/${name}`);
  }
}
