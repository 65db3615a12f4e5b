/**
 * A name in the tree, with the inode it stands for, and the cache of names (Linux: struct dentry, fs/dcache.c).
 *
 * A file system has one root dentry; every other one hangs in `children` of its parent while it is cached ("hashed"). An
 * unhashed dentry stays valid for those who still hold it: an open file that was unlinked, a directory that is somebody's cwd.
 * A dentry without an inode is negative: the name is known not to exist (only where names are stable, see FileSystem).
 *
 * Here references are counted for open files and working directories only ("pins"); unpinned leaves are dropped when a file
 * system caches more than DENTRY_LIMIT names.
 */
import type { ByteString, Errno } from '../base/brands.js';
import { ENAMETOOLONG, ENOENT } from '../abi/errno.js';
import { NAME_MAX } from '../abi/fs.js';
import type { FileSystem } from './file-system.js';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';
import { notifyEnd } from './notify.js';

/** Cached names per file system before unused ones are dropped. */
export const DENTRY_LIMIT = 40_000;

export class Dentry {
  /** Cached names of a directory; null while there are none. */
  children: Map<ByteString, Dentry> | null = null;
  /** What is mounted on this dentry, through whatever mount, in order of mounting; null: nothing. */
  mounts: Mount[] | null = null;
  /** Open files, working directories and mounts that refer to it. */
  pins = 0;
  /** In `parent.children`. */
  hashed = false;
  /** The name was removed (unlink, rmdir, a rename over it); shown as "(deleted)". */
  deleted = false;
  /** Used since the cache was last trimmed. */
  recent = true;

  constructor(
    public name: ByteString,
    public parent: Dentry | null,
    /** null: known not to exist. */
    public inode: Inode | null,
  ) {}
}

/** One more user of an inode: a cached name, an open file, a mount. */
export function holdInode(inode: Inode): void {
  inode.references++;
}

/** One user less; the last one evicts. */
export function dropInode(inode: Inode): void {
  // Told while this reference still counts: the watches give theirs back on hearing it, and the inode must not end twice.
  if (inode.watches !== undefined) notifyEnd(inode);
  if (--inode.references === 0) inode.evict();
}

/** The dentry of a file system's root directory (Linux: s_root). */
export function rootDentry(fs: FileSystem): Dentry {
  if (fs.rootDentry === undefined) {
    fs.rootDentry = new Dentry('', null, fs.root);
    holdInode(fs.root);
  }
  return fs.rootDentry;
}

/**
 * The dentry of `name` in directory `parent`: from the cache, or looked up. It may be negative (`inode === null`). `name` is a
 * single component, neither '.' nor '..'. An Errno is a failure other than ENOENT.
 */
export function lookupChild(parent: Dentry, name: ByteString): Dentry | Errno {
  const cached = parent.children === null ? undefined : parent.children.get(name);
  if (cached !== undefined && parent.inode!.fs.stableNames) {
    cached.recent = true;
    return cached;
  }
  return lookupUncached(parent, name, cached);
}

function lookupUncached(parent: Dentry, name: ByteString, cached: Dentry | undefined): Dentry | Errno {
  if (name.length > NAME_MAX) return ENAMETOOLONG;
  const directory = parent.inode!;
  const found = parent.deleted ? ENOENT : directory.lookup(name);
  if (typeof found !== 'number') {
    if (cached !== undefined && cached.inode === found) return cached;
    if (cached !== undefined) unhash(cached);
    return addChild(parent, name, found);
  }
  if (found !== ENOENT) return found as Errno;
  if (cached !== undefined) markDeleted(cached);
  return directory.fs.stableNames && !parent.deleted ? addChild(parent, name, null) : new Dentry(name, parent, null);
}

/** Puts a name into the cache, in place of the one that was there. */
export function addChild(parent: Dentry, name: ByteString, inode: Inode | null): Dentry {
  const { fs } = parent.inode!;
  if (fs.cachedDentries > DENTRY_LIMIT) trimDentries(fs);
  const old = parent.children?.get(name);
  if (old) unhash(old);
  const dentry = new Dentry(name, parent, inode);
  if (inode) holdInode(inode);
  hash(dentry);
  return dentry;
}

function hash(dentry: Dentry): void {
  const parent = dentry.parent!;
  parent.children ??= new Map();
  parent.children.set(dentry.name, dentry);
  parent.inode!.fs.cachedDentries++;
  dentry.hashed = true;
}

/** Takes a dentry out of the cache; those who hold it may go on using it. */
function unhash(dentry: Dentry): void {
  if (!dentry.hashed) return;
  const parent = dentry.parent!;
  parent.children!.delete(dentry.name);
  parent.inode!.fs.cachedDentries--;
  dentry.hashed = false;
  if (dentry.inode) dropInode(dentry.inode);
}

/** The name is gone from the file system. */
export function markDeleted(dentry: Dentry): void {
  dentry.deleted = true;
  unhash(dentry);
  if (dentry.children) for (const child of [...dentry.children.values()]) unhash(child);
}

/** rename: `dentry` takes over another place; what was there is deleted. */
export function moveDentry(dentry: Dentry, parent: Dentry, name: ByteString): void {
  const old = parent.children?.get(name);
  if (old && old !== dentry) markDeleted(old);
  const wasHashed = dentry.hashed;
  if (wasHashed) {
    dentry.parent!.children!.delete(dentry.name);
    dentry.parent!.inode!.fs.cachedDentries--;
  } else if (dentry.inode) {
    holdInode(dentry.inode);
  }
  dentry.parent = parent;
  dentry.name = name;
  hash(dentry);
}

/** rename with RENAME_EXCHANGE. */
export function exchangeDentries(a: Dentry, b: Dentry): void {
  const { parent, name } = a;
  a.parent!.children!.delete(a.name);
  b.parent!.children!.delete(b.name);
  a.parent = b.parent;
  a.name = b.name;
  b.parent = parent;
  b.name = name;
  a.parent!.children!.set(a.name, a);
  b.parent!.children!.set(b.name, b);
}

/** True when `dentry` is `ancestor` or lies beneath it. */
export function isWithin(dentry: Dentry, ancestor: Dentry): boolean {
  for (let at: Dentry | null = dentry; at; at = at.parent) if (at === ancestor) return true;
  return false;
}

/** Drops names that nobody used since the last time, and if that is too little, all that nobody needs. */
function trimDentries(fs: FileSystem): void {
  const goal = Math.floor(DENTRY_LIMIT / 2);
  for (let round = 0; round < 3 && fs.cachedDentries > goal; round++) trimBelow(rootDentry(fs), goal);
}

function trimBelow(directory: Dentry, goal: number): void {
  if (directory.children === null) return;
  for (const child of [...directory.children.values()]) {
    if (child.children !== null && child.children.size > 0) trimBelow(child, goal);
    const needed = child.pins > 0 || child.mounts !== null || (child.children !== null && child.children.size > 0);
    if (needed) continue;
    if (child.recent) child.recent = false;
    else if (directory.inode!.fs.cachedDentries > goal) unhash(child);
  }
}

/** Takes every name out of the cache that is not held (unmount). */
export function dropDentries(fs: FileSystem): void {
  const { rootDentry: root } = fs;
  if (!root) return;
  dropBelow(root);
  fs.rootDentry = undefined;
  dropInode(fs.root);
}

function dropBelow(directory: Dentry): void {
  if (!directory.children) return;
  for (const child of [...directory.children.values()]) {
    dropBelow(child);
    unhash(child);
  }
}
