/** A place in the tree of names (Linux: struct path): a dentry as seen through a mount. */
import type { Dentry } from './dentry.js';
import type { Mount } from './mount.js';

export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}
