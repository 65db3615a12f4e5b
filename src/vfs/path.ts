/**
 * A place in the tree of names (Linux: struct path): a dentry as seen through a mount, and its text (fs/d_path.c).
 */
import type { ByteString } from '../base/brands.js';
import { O_ACCMODE, O_PATH, O_RDONLY } from '../abi/fcntl.js';
import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE } from '../abi/inotify.js';
import { dropInode, holdInode, type Dentry } from './dentry.js';
import type { Mount } from './mount.js';
import { notifyFile } from './notify.js';
import type { OpenFile } from './open-file.js';

export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

export function samePath(a: Path, b: Path): boolean {
  return a.dentry === b.dentry && a.mount === b.mount;
}

/** Keeps a place from being dropped from the cache, and its mount from being unmounted. */
export function holdPath(path: Path): void {
  path.dentry.pins++;
  path.mount.pins++;
  path.mount.expiryMark = false;
  if (path.dentry.inode) holdInode(path.dentry.inode);
}

export function dropPath(path: Path): void {
  path.dentry.pins--;
  if (path.dentry.inode) dropInode(path.dentry.inode);
  const { mount } = path;
  if (--mount.pins === 0 && mount.onUnused !== undefined) mount.onUnused();
}

/** Tells an open file where it was opened. */
export function setFilePath(file: OpenFile, path: Path): void {
  holdPath(path);
  if (file.pathHeld) dropPath(file.path!);
  file.path = path;
  file.pathHeld = true;
}

/** Gives back what an open file description held: called once, with its last reference, after `release`. */
export function endFile(file: OpenFile): void {
  const { inode, path } = file;
  if (path && file.pathHeld) {
    if ((file.flags & O_PATH) === 0) {
      const wrote = (file.flags & O_ACCMODE) !== O_RDONLY;
      notifyFile(file, wrote ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    }
    dropPath(path);
  }
  if (file.countedReader) inode.readers--;
  if (file.countedWriter) {
    inode.writers--;
    inode.fs.openWriters--;
  }
  dropInode(inode);
}

/**
 * The text of a place as seen from `root` (Linux: d_path): '/a/b', with ' (deleted)' behind it when the name is gone. Places
 * outside of `root` are shown from the top of the tree.
 */
export function pathString(path: Path, root: Path): ByteString {
  const text = pathText(path, root);
  return path.dentry.deleted ? text + ' (deleted)' : text;
}

/** As `pathString`, but undefined where `root` does not contain it, and without the mark of deletion. */
export function pathWithin(path: Path, root: Path): ByteString | undefined {
  return reaches(path, root) ? pathText(path, root) : undefined;
}

function reaches(path: Path, root: Path): boolean {
  let { mount, dentry } = path;
  for (;;) {
    if (dentry === root.dentry && mount === root.mount) return true;
    if (dentry === mount.root) {
      if (mount.mountPoint === null) return false;
      dentry = mount.mountPoint.dentry;
      mount = mount.mountPoint.mount;
    } else if (dentry.parent === null) {
      return false;
    } else {
      dentry = dentry.parent;
    }
  }
}

function pathText(path: Path, root: Path): ByteString {
  let { mount, dentry } = path;
  if (mount.isInternal) return dentry.name;
  let text = '';
  while (dentry !== root.dentry || mount !== root.mount) {
    if (dentry === mount.root) {
      if (mount.mountPoint === null) break;
      dentry = mount.mountPoint.dentry;
      mount = mount.mountPoint.mount;
    } else {
      text = '/' + dentry.name + text;
      if (dentry.parent === null) break;
      dentry = dentry.parent;
    }
  }
  return text === '' ? '/' : text;
}

/** Where an open file was opened; files without a name get a place of their own. */
export function placeOf(file: OpenFile): Path {
  return file.path!;
}
