/** A mounted instance of a file system (Linux: struct super_block). */
import type { ByteString, Errno } from '../base/brands.js';
import type { Inode } from './inode.js';
import { INITIAL_USER_NAMESPACE, type UserNamespace } from './user-namespace.js';

/** What statfs(2) reports. */
export interface FileSystemStatistics {
  /** Magic number, as in statfs(2). */
  type: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  /** Without those that are kept for the administrator; default: all that are free. */
  blocksAvailable?: number;
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
  /** Changed by mount -o remount,ro. */
  readOnly: boolean = false;
  /** What it shows cannot be written by anybody (a host directory given read-only). */
  readonly alwaysReadOnly: boolean = false;
  /** Whose mount it is: only there its set-user-ID programs count (Linux: s_user_ns). */
  userNs: UserNamespace = INITIAL_USER_NAMESPACE;
  abstract readonly root: Inode;
  abstract statistics(): FileSystemStatistics;

  /** False when names may change behind our back, so that a cached dentry must be looked up again (host directories). */
  readonly stableNames: boolean = true;

  /** Made by `rootDentry` in dentry.ts. */
  rootDentry: import('./dentry.js').Dentry | undefined = undefined;
  /** Names in the dentry cache. */
  cachedDentries = 0;
  /** Files open for writing. */
  openWriters = 0;
  /** Mounts of it that exist; the last unmount disposes. */
  mountCount = 0;

  /** `namesOf` answers: files can be opened by handles (open_by_handle_at). */
  readonly findsByNumber: boolean = false;
  /** The names that lead from the root to the inode of this number; undefined: none does. */
  namesOf(_ino: number): ByteString[] | undefined {
    return undefined;
  }

  /** Options behind rw or ro in /proc/mounts, with a comma in front of each: ',size=1024k'. */
  mountOptions(): string {
    return '';
  }

  /** mount -o remount with the options of the call; EINVAL: not understood. */
  remount(_options: string): 0 | Errno {
    return 0;
  }

  /** Writes what is dirty to where it lasts. */
  sync(): 0 | Errno {
    return 0;
  }

  /** Called at unmount. */
  dispose(): void {}
}
