/** A file system attached to the tree (Linux: struct mount). */
import type { Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import type { Path } from './path.js';

export class Mount {
  constructor(
    readonly fs: FileSystem,
    readonly root: Dentry,
    /** Where it is mounted; null for the root of the tree and for internal mounts. */
    public mountPoint: Path | null,
    public flags: number,
  ) {}
}
