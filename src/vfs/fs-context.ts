/** A task's place in the tree (Linux: struct fs_struct). Shared by tasks cloned with CLONE_FS. */
import { dropPath, holdPath, type Path } from './path.js';

export class FsContext {
  /** Tasks that share it; `release` gives one up. */
  users = 1;
  private rootPath: Path;
  private cwdPath: Path;

  constructor(
    root: Path,
    cwd: Path,
    public umask: number,
  ) {
    this.rootPath = root;
    this.cwdPath = cwd;
    holdPath(root);
    holdPath(cwd);
  }

  get root(): Path {
    return this.rootPath;
  }
  set root(path: Path) {
    holdPath(path);
    dropPath(this.rootPath);
    this.rootPath = path;
  }

  get cwd(): Path {
    return this.cwdPath;
  }
  set cwd(path: Path) {
    holdPath(path);
    dropPath(this.cwdPath);
    this.cwdPath = path;
  }

  copy(): FsContext {
    return new FsContext(this.root, this.cwd, this.umask);
  }

  /** A task that shared it is gone; the last one gives the places back. */
  release(): void {
    if (--this.users > 0) return;
    dropPath(this.rootPath);
    dropPath(this.cwdPath);
  }
}
