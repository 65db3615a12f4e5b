/** A mounted instance of a file system (Linux: struct super_block). */
import type { Errno } from '../base/brands.js';
import type { Inode } from './inode.js';

/** What statfs(2) reports. */
export interface FileSystemStatistics {
  /** Magic number, as in statfs(2). */
  type: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  files: number;
  filesFree: number;
  nameMax: number;
}

let nextDevice = 1;

export abstract class FileSystem {
  /** As in /proc/mounts: 'tmpfs', 'overlay', 'proc', ... */
  abstract readonly type: string;
  /** st_dev of its files: an anonymous device, major 0. */
  readonly device: number = nextDevice++;
  readonly readOnly: boolean = false;
  abstract readonly root: Inode;
  abstract statistics(): FileSystemStatistics;

  /** False when names may change behind our back, so that a cached dentry must be looked up again (host directories). */
  readonly stableNames: boolean = true;

  /** Writes what is dirty to where it lasts. */
  sync(): 0 | Errno {
    return 0;
  }

  /** Called at unmount. */
  dispose(): void {}
}
