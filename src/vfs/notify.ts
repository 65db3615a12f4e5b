/**
 * File events (Linux: fs/notify/fsnotify.c). Whoever changes or uses a file tells it here; fs/inotify attaches watches to
 * inodes. Costs one comparison while nobody watches anything.
 */
import type { ByteString } from '../base/brands.js';
import type { Dentry } from './dentry.js';
import { IN_ATTRIB, IN_DELETE_SELF, IN_EXCL_UNLINK, IN_ISDIR } from '../abi/inotify.js';
import { emptyAttributes, type Inode } from './inode.js';
import type { Mount } from './mount.js';
import type { OpenFile } from './open-file.js';

/** Attached to `inode.watches`. */
export interface InodeWatch {
  /** mask: one IN_* event, with IN_ISDIR, and IN_EXCL_UNLINK when it is of a child whose name is gone; name: the child's, or '' for the inode itself; cookie joins the halves of a rename. */
  onEvent(mask: number, name: ByteString, cookie: number): void;
}

/** Is told of everything, whatever is watched: fanotify's. */
export interface EventObserver {
  /** An event of the file at `dentry`, with IN_ISDIR; the mount when it is known. */
  onPlace(mask: number, dentry: Dentry, mount: Mount | undefined): void;
  /** An event of an inode alone, or of a child `name` in directory `inode`. */
  onInode(mask: number, inode: Inode, name: ByteString): void;
}

let observer: EventObserver | undefined;

export function setObserver(wanted: EventObserver | undefined): void {
  observer = wanted;
}

/** Watches that exist at all, so that the common case costs nothing. */
let watchCount = 0;
let lastCookie = 0;

export function attachWatch(inode: Inode, watch: InodeWatch): void {
  inode.watches ??= new Set();
  inode.watches.add(watch);
  // Held, so that the inode stays the same object for as long as it is watched.
  inode.references++;
  watchCount++;
}

export function detachWatch(inode: Inode, watch: InodeWatch): void {
  if (!inode.watches?.delete(watch)) return;
  if (inode.watches.size === 0) inode.watches = undefined;
  watchCount--;
  if (--inode.references === 0) inode.evict();
}

export function newCookie(): number {
  lastCookie = (lastCookie + 1) >>> 0;
  return lastCookie;
}

/** An event of the inode alone, or of a child `name` in directory `inode`. */
export function notifyInode(inode: Inode | null, mask: number, name: ByteString = '', cookie = 0): void {
  if (observer !== undefined && inode) observer.onInode(mask, inode, name);
  tell(inode, mask, name, cookie);
}

function tell(inode: Inode | null, mask: number, name: ByteString, cookie: number): void {
  if (watchCount === 0 || !inode?.watches) return;
  for (const watch of [...inode.watches]) watch.onEvent(mask, name, cookie);
}

/** An event of an open file. */
export function notifyFile(file: OpenFile, mask: number): void {
  if ((watchCount === 0 && observer === undefined) || file.isSilent || !file.path) return;
  notifyDentry(file.path.dentry, mask, file.path.mount);
}

/** An event of the file behind a dentry: tells its directory's watches (with its name), then its own. */
export function notifyDentry(dentry: Dentry, mask: number, mount?: Mount): void {
  if (watchCount === 0 && observer === undefined) return;
  const event = dentry.inode?.isDirectory ? mask + IN_ISDIR : mask;
  if (observer !== undefined && dentry.inode) observer.onPlace(event, dentry, mount);
  if (dentry.parent) tell(dentry.parent.inode, dentry.deleted ? event + IN_EXCL_UNLINK : event, dentry.name, 0);
  tell(dentry.inode, event, '', 0);
}

/** A name of a watched inode was removed: notes whether it was the last. */
export function noteUnlinked(inode: Inode): void {
  if (!inode.watches && observer === undefined) return;
  if (!inode.isDirectory) notifyInode(inode, IN_ATTRIB);
  if (inode.watches) inode.unlinked = inode.isDirectory || linkCount(inode) === 0;
}

function linkCount(inode: Inode): number {
  const attributes = emptyAttributes();
  return inode.getAttributes(attributes) === 0 ? attributes.nlink : 0;
}

/** A user of a watched inode is about to go: the last one, besides the watches, of an inode without names ends it. */
export function notifyEnd(inode: Inode): void {
  if (inode.unlinked && inode.watches !== undefined && inode.references - 1 <= inode.watches.size) notifyInode(inode, IN_DELETE_SELF);
}
