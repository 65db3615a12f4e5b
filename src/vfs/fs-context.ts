/** A task's place in the tree (Linux: struct fs_struct). Shared by tasks cloned with CLONE_FS. */
import type { Path } from './path.js';

export class FsContext {
  constructor(
    public root: Path,
    public cwd: Path,
    public umask: number,
  ) {}

  copy(): FsContext {
    return new FsContext(this.root, this.cwd, this.umask);
  }
}
