/**
 * File events (Linux: fs/notify/fsnotify.c). Whoever changes or uses a file tells it here; fs/inotify attaches watches to
 * inodes. Costs one comparison while nobody watches anything.
 */
import type { ByteString } from '../base/brands.js';
import type { Dentry } from './dentry.js';
import type { Inode } from './inode.js';
import { IN_ISDIR } from '../abi/inotify.js';

/** Attached to `inode.watches`. */
export interface InodeWatch {
  /** mask: one IN_* event, with IN_ISDIR; name: the child's, or '' for the inode itself; cookie joins the halves of a rename. */
  onEvent(mask: number, name: ByteString, cookie: number): void;
}

/** Watches that exist at all, so that the common case costs nothing. */
let watchCount = 0;
let lastCookie = 0;

export function attachWatch(inode: Inode, watch: InodeWatch): void {
  inode.watches ??= new Set();
  inode.watches.add(watch);
  watchCount++;
}

export function detachWatch(inode: Inode, watch: InodeWatch): void {
  if (!inode.watches?.delete(watch)) return;
  if (inode.watches.size === 0) inode.watches = undefined;
  watchCount--;
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
  if (dentry.parent && !dentry.deleted) notifyInode(dentry.parent.inode, event, dentry.name);
  notifyInode(dentry.inode, event);
}
