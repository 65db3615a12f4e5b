/**
 * Inode: what every file system implements (Linux: struct inode, struct inode_operations). One of the kernel's few interfaces
 * with several implementations; file-system-contract.ts is run against each.
 *
 * Operations are synchronous, return a value or an Errno, and never check permissions: the path walk and namei.ts have
 * done that. Names are single components: never '', '.', '..', never with a slash, at most 255 bytes.
 */
import type { ByteString, Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import type { Timespec } from '../base/clock.js';
import { EINVAL, ELOOP, ENODEV, ENOTDIR, ENXIO, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../abi/stat.js';
import type { FileSystem } from './file-system.js';
import type { OpenFile } from './open-file.js';
import type { Credentials } from './credentials.js';

/** What stat reports (Linux: struct kstat). */
export interface InodeAttributes {
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Device number of a character or block device: makedev(3). */
  rdev: number;
  size: number;
  blksize: number;
  /** In units of 512 bytes. */
  blocks: number;
  atime: Timespec;
  mtime: Timespec;
  ctime: Timespec;
}

/** What `getAttributes` answers for an inode that takes up no blocks and knows one time (Linux: generic_fillattr). */
export function fillAttributes(out: InodeAttributes, inode: Inode, nlink: number, blksize: number, time: Timespec, rdev = 0): 0 {
  out.ino = inode.ino;
  out.mode = inode.mode;
  out.nlink = nlink;
  out.uid = inode.uid;
  out.gid = inode.gid;
  out.rdev = rdev;
  out.size = inode.size;
  out.blksize = blksize;
  out.blocks = 0;
  out.atime = out.mtime = out.ctime = time;
  return 0;
}

/** A record for `getAttributes` to fill. */
export function emptyAttributes(): InodeAttributes {
  const zero = { sec: 0, nsec: 0 };
  return {
    ino: 0,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: 0,
    blocks: 0,
    atime: zero,
    mtime: zero,
    ctime: zero,
  };
}

/** A change of attributes (Linux: struct iattr); absent members stay. */
export interface AttributeChange {
  /** Permission bits (07777); bits of the type are ignored. */
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: Timespec;
  mtime?: Timespec;
}

/** What an inode is created with. */
export interface CreateAttributes {
  /** Type and permission bits, umask applied. */
  mode: number;
  uid: number;
  gid: number;
  rdev: number;
}

/** One directory entry as getdents64 gives it. */
export interface DirectoryEntry {
  name: ByteString;
  ino: number;
  /** DT_*: (mode & S_IFMT) >> 12. */
  type: number;
}

export abstract class Inode {
  constructor(readonly fs: FileSystem) {}

  /** Cached names, open files and mounts that use it: see `holdInode` and `dropInode` in dentry.ts. */
  references = 0;
  /** Programs that run from it: opening for writing is then ETXTBSY. */
  writeDenied = 0;
  /** Descriptions open for writing: execve is then ETXTBSY. */
  writers = 0;
  /** Those that are open for reading only. */
  readers = 0;
  /** FS_*_FL: see inode-flags.ts. */
  fileFlags = 0;
  /** Its last name is gone; kept for inodes that are watched only. */
  unlinked = false;
  /** inotify's: see notify.ts. */
  watches: Set<import('./notify.js').InodeWatch> | undefined = undefined;
  /** See leases.ts. */
  leases: import('./leases.js').InodeLeases | undefined = undefined;
  /** flock's and fcntl's: see locks.ts. */
  locks: import('./locks.js').InodeLocks | undefined = undefined;

  /** True where `fileFlags` can be set. */
  get keepsFlags(): boolean {
    return false;
  }

  /** Where an unnamed file (pipe, socket, ...) appears to be; see anon-inode.ts. */
  get defaultPath(): import('./path.js').Path | undefined {
    return undefined;
  }

  /** Unique within the file system for the life of the inode. */
  abstract readonly ino: number;
  /** Type and permission bits, current. */
  abstract readonly mode: number;
  abstract readonly uid: number;
  abstract readonly gid: number;
  /** In bytes, current; 0 where it has no meaning. */
  abstract readonly size: number;

  get type(): number {
    return this.mode & S_IFMT;
  }
  get isDirectory(): boolean {
    return this.type === S_IFDIR;
  }
  get isSymlink(): boolean {
    return this.type === S_IFLNK;
  }

  /** Fills `out`; current values. */
  abstract getAttributes(out: InodeAttributes): 0 | Errno;

  /** Applies a change; sets ctime (and mtime with size). */
  setAttributes(_change: AttributeChange): 0 | Errno {
    return EPERM;
  }

  // Directories.

  /** The child, or ENOENT. */
  lookup(_name: ByteString): Inode | Errno {
    return ENOTDIR;
  }
  /** Creates a regular file, FIFO, socket or device node; EEXIST when the name is taken. */
  create(_name: ByteString, _attributes: CreateAttributes): Inode | Errno {
    return this.isDirectory ? EPERM : ENOTDIR;
  }
  mkdir(_name: ByteString, _attributes: CreateAttributes): Inode | Errno {
    return this.isDirectory ? EPERM : ENOTDIR;
  }
  symlink(_name: ByteString, _target: ByteString, _attributes: CreateAttributes): Inode | Errno {
    return this.isDirectory ? EPERM : ENOTDIR;
  }
  /** A second name for `target`, an inode of this file system. */
  link(_name: ByteString, _target: Inode): 0 | Errno {
    return EPERM;
  }
  unlink(_name: ByteString): 0 | Errno {
    return this.isDirectory ? EPERM : ENOTDIR;
  }
  rmdir(_name: ByteString): 0 | Errno {
    return this.isDirectory ? EPERM : ENOTDIR;
  }
  /** Moves a child to `newParent` (same file system). flags: RENAME_NOREPLACE, RENAME_EXCHANGE (renameat2(2)). */
  rename(_name: ByteString, _newParent: Inode, _newName: ByteString, _flags: number): 0 | Errno {
    return EPERM;
  }
  /** An unnamed regular file (O_TMPFILE). */
  tmpfile(_attributes: CreateAttributes): Inode | Errno {
    return EOPNOTSUPP;
  }

  // Symbolic links.

  readlink(): ByteString | Errno {
    return EINVAL;
  }
  /** For magic links of /proc (fd, exe, cwd): the place itself, instead of a path to walk. `undefined`: an ordinary link. */
  followLink(_cred: Credentials): import('./path.js').Path | Errno | undefined {
    return this.isSymlink ? undefined : ELOOP;
  }

  // Opening.

  /**
   * A new open file description; the caller has checked permissions and handles O_CREAT, O_EXCL, O_TRUNC, O_CLOEXEC.
   * `flags`: as given to open(2). A FIFO may have to wait.
   */
  open(_flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    return ENXIO;
  }

  // Extended attributes.

  getXattr(_name: ByteString): Uint8Array | Errno {
    return EOPNOTSUPP;
  }
  setXattr(_name: ByteString, _value: Uint8Array, _flags: number): 0 | Errno {
    return EOPNOTSUPP;
  }
  listXattr(): ByteString[] | Errno {
    return EOPNOTSUPP;
  }
  removeXattr(_name: ByteString): 0 | Errno {
    return EOPNOTSUPP;
  }

  /** Size for access by mm and exec without opening. ENODEV: cannot be mapped or executed. */
  mappable(): import('../mm/page-cache.js').Mappable | Errno {
    return ENODEV;
  }

  /** Called when the last dentry, open file and mapping that refer to the inode are gone. */
  evict(): void {}
}
