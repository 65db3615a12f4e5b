/**
 * File events (Linux: fs/notify/fsnotify.c). Whoever changes or uses a file tells it here; fs/inotify attaches watches to
 * inodes. Costs one comparison while nobody watches anything.
 */
import type { ByteString } from '../base/brands.js';
import type { Dentry } from './dentry.js';
import { IN_ATTRIB, IN_DELETE_SELF, IN_EXCL_UNLINK, IN_ISDIR } from '../abi/inotify.js';
import { emptyAttributes, type Inode } from './inode.js';

/** Attached to `inode.watches`. */
export interface InodeWatch {
  /** mask: one IN_* event, with IN_ISDIR, and IN_EXCL_UNLINK when it is of a child whose name is gone; name: the child's, or '' for the inode itself; cookie joins the halves of a rename. */
  onEvent(mask: number, name: ByteString, cookie: number): void;
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
  if (watchCount === 0 || !inode?.watches) return;
  for (const watch of [...inode.watches]) watch.onEvent(mask, name, cookie);
}

/** An event of the file behind a dentry: tells its directory's watches (with its name), then its own. */
export function notifyDentry(dentry: Dentry, mask: number): void {
  if (watchCount === 0) return;
  const event = dentry.inode?.isDirectory ? mask + IN_ISDIR : mask;
  if (dentry.parent) notifyInode(dentry.parent.inode, dentry.deleted ? event + IN_EXCL_UNLINK : event, dentry.name);
  notifyInode(dentry.inode, event);
}

/** A name of a watched inode was removed: notes whether it was the last. */
export function noteUnlinked(inode: Inode): void {
  if (!inode.watches) return;
  if (!inode.isDirectory) notifyInode(inode, IN_ATTRIB);
  inode.unlinked = inode.isDirectory || linkCount(inode) === 0;
}

function linkCount(inode: Inode): number {
  const attributes = emptyAttributes();
  return inode.getAttributes(attributes) === 0 ? attributes.nlink : 0;
}

/** A user of a watched inode is about to go: the last one, besides the watches, of an inode without names ends it. */
export function notifyEnd(inode: Inode): void {
  if (inode.unlinked && inode.watches !== undefined && inode.references - 1 <= inode.watches.size) notifyInode(inode, IN_DELETE_SELF);
}
