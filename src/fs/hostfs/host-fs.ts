/**
 * hostfs: a directory (or one file) of the host as a file system (Linux: fs/hostfs, fs/9p do the like).
 *
 * Every host call names a single component below a descriptor of its directory, and follows no link (host/files.ts), so the
 * guest never leaves the root: `..` is the guest's own affair (dentries), symbolic links are walked by the guest, and a
 * directory that the host renames away takes along only who already stands in it.
 *
 * In Linux a file system owns its inodes; here the host may change everything at any time. So attributes are asked for anew at
 * each use, a file is recognised by (device, inode number), and ESTALE answers when a name now stands for another file. With
 * `assumeStable` (system directories, which nobody changes while a machine runs) names and attributes are cached instead.
 *
 * Permissions: the guest's are checked by the path walk, from the attributes shown; the host's by the host, as the user who
 * runs skas. `mapOwner` shows that user's files as belonging to a guest user.
 */
import { isErr, type ByteString, type Errno, type HostFd } from '../../base/brands.js';
import type { PhysMem } from '../../mm/phys-mem.js';
import { statFileSystem } from '../../host/file-attributes.js';
import { closeFd, HostStat, openBeneath, openRoot, statFd } from '../../host/files.js';
import { EPERM } from '../../abi/errno.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.js';
import { FdCache } from './fd-cache.js';
import { HostDirectory } from './host-directory.js';
import type { HostInode } from './host-inode.js';
import { HostNode, HostSymlink } from './host-node.js';
import { HostRegular } from './host-regular.js';
import { isKernelFileSystem } from './kernel-file-systems.js';
import { InodeNumbers } from './inode-numbers.js';
import type { ViewRule } from './view-rule.js';

/** The host user who runs skas, and the guest user as whom that user's files are shown. */
export interface OwnerMap {
  hostUid: number;
  hostGid: number;
  uid: number;
  gid: number;
}

export interface HostFsOptions {
  /** Default true. */
  readOnly?: boolean;
  mapOwner?: OwnerMap;
  /** Names and attributes do not change while the machine runs; only with readOnly. */
  assumeStable?: boolean;
  rule?: ViewRule;
  /** Holds the page cache; without one, files cannot be mapped or executed. */
  physmem?: PhysMem;
  /** Host descriptors kept for later. */
  maxCachedFds?: number;
}

/** UML's hostfs. */
const HOSTFS_SUPER_MAGIC = 0x00c0ffee;
/** Inodes remembered by identity; beyond it, those that nobody has open are forgotten, oldest first. */
const MAX_INODES = 65536;

export class HostFs extends FileSystem {
  readonly type = 'hostfs';
  override readOnly: boolean;
  override readonly alwaysReadOnly: boolean;
  override readonly stableNames: boolean;
  readonly root: HostInode;
  readonly rootFd: HostFd;
  readonly fds: FdCache;
  readonly numbers = new InodeNumbers();
  readonly mapOwner: OwnerMap | undefined;
  readonly physmem: PhysMem | undefined;
  /** Filled by every stat of this file system, and valid until the next. */
  readonly scratch = new HostStat();
  /** Devices known to be no kernel's own; only where nothing is mounted meanwhile (overlay hosts give each layer a device). */
  readonly trustedDevices = new Set<number>();
  private readonly inodes = new Map<number, HostInode>();

  /** Use `HostFs.open`. */
  private constructor(rootFd: HostFd, rootStat: HostStat, options: HostFsOptions) {
    super();
    this.readOnly = options.readOnly ?? true;
    this.alwaysReadOnly = this.readOnly;
    this.stableNames = this.readOnly && (options.assumeStable ?? false);
    this.mapOwner = options.mapOwner;
    this.physmem = options.physmem;
    this.rootFd = rootFd;
    this.fds = new FdCache(options.maxCachedFds);
    this.root = this.make(rootStat, null, '', options.rule);
    this.inodes.set(this.root.ino, this.root);
  }

  /** `rootPath`: a host path; symbolic links in it are followed, once, now. EPERM: one of the host kernel's own file systems. */
  static open(rootPath: ByteString, options: HostFsOptions = {}): HostFs | Errno {
    const fd = openRoot(rootPath);
    if (isErr(fd)) return fd;
    const stat = new HostStat();
    const known = isKernelFileSystem(fd) ? EPERM : statFd(fd, stat);
    if (isErr(known)) {
      closeFd(fd);
      return known;
    }
    return new HostFs(fd, stat, options);
  }

  /** The inode of what `scratch` describes, found as `name` in `parent`. */
  inodeFor(parent: HostDirectory, name: ByteString, rule: ViewRule | undefined): HostInode {
    const stat = this.scratch;
    const ino = this.numbers.of(stat);
    const known = this.inodes.get(ino);
    if (known && (known.stat.mode & S_IFMT) === (stat.mode & S_IFMT)) {
      known.sawAs(parent, name, stat, rule);
      return known;
    }
    const inode = this.make(stat, parent, name, rule);
    if (this.inodes.size >= MAX_INODES) this.forgetSome();
    this.inodes.set(ino, inode);
    return inode;
  }

  /** The inode that `scratch` describes, if it is known. */
  knownInode(): HostInode | undefined {
    return this.inodes.get(this.numbers.of(this.scratch));
  }

  forget(inode: HostInode): void {
    if (this.inodes.get(inode.ino) === inode) this.inodes.delete(inode.ino);
  }

  /** An O_PATH descriptor, the caller's to close, of what the names lead to. */
  openPath(names: readonly ByteString[]): HostFd | Errno {
    return this.fds.withRoom(() => openBeneath(this.rootFd, names));
  }

  statistics(): FileSystemStatistics {
    const host = statFileSystem(this.rootFd);
    if (isErr(host)) {
      return { type: HOSTFS_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
    }
    return { ...host, type: HOSTFS_SUPER_MAGIC };
  }

  override sync(): 0 | Errno {
    for (const inode of this.inodes.values()) {
      if (inode instanceof HostRegular) {
        const result = inode.writeBackCache();
        if (isErr(result)) return result;
      }
    }
    return 0;
  }

  override dispose(): void {
    this.sync();
    for (const inode of this.inodes.values()) inode.dispose();
    this.inodes.clear();
    this.fds.clear();
    closeFd(this.rootFd);
  }

  private make(stat: HostStat, parent: HostDirectory | null, name: ByteString, rule: ViewRule | undefined): HostInode {
    const ino = this.numbers.of(stat);
    switch (stat.mode & S_IFMT) {
      case S_IFDIR:
        return new HostDirectory(this, ino, stat, parent, name, rule);
      case S_IFREG:
        return new HostRegular(this, ino, stat, parent, name, rule);
      case S_IFLNK:
        return new HostSymlink(this, ino, stat, parent, name, rule);
      default:
        return new HostNode(this, ino, stat, parent, name, rule);
    }
  }

  private forgetSome(): void {
    let left = MAX_INODES / 8;
    for (const [ino, inode] of this.inodes) {
      if (left-- === 0) break;
      if (inode.references === 0 && !inode.busy) this.inodes.delete(ino);
    }
  }
}
