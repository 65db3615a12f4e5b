/**
 * What all inodes of hostfs share: attributes as the host reports them, and ways to reach the host's file again.
 *
 * An inode is reached through its directory's descriptor and its name, and checked by identity, or through the names from the
 * root when that descriptor was given back. A descriptor of its own is held by directories (cached) and by open files.
 */
import { isErr, type ByteString, type Errno, type HostFd } from '../../base/brands.js';
import { EIO, ENOENT, EOPNOTSUPP, EPERM, EROFS, ESTALE } from '../../abi/errno.js';
import { O_PATH } from '../../abi/fcntl.js';
import { S_IFDIR, S_IFMT, S_IROTH, S_ISGID, S_ISUID, S_IXOTH } from '../../abi/stat.js';
import { chmodFd, chownFd, getXattrFd, listXattrFd, removeXattrFd, setXattrFd, utimeFd } from '../../host/file-attributes.js';
import { closeFd, HostStat, statFd, statName } from '../../host/files.js';
import { Inode, type AttributeChange, type InodeAttributes } from '../../vfs/inode.js';
import type { HostDirectory } from './host-directory.js';
import type { HostFs } from './host-fs.js';
import type { ViewRule } from './view-rule.js';

export abstract class HostInode extends Inode {
  readonly stat = new HostStat();
  /** Only what anybody may read is shown; see ViewRule. */
  publicOnly: boolean;

  constructor(
    override readonly fs: HostFs,
    readonly ino: number,
    stat: HostStat,
    /** Where it was seen last; null for the root. */
    public parent: HostDirectory | null,
    public name: ByteString,
    public rule: ViewRule | undefined,
  ) {
    super(fs);
    copyStat(stat, this.stat);
    this.publicOnly = rule?.publicOnly ?? false;
  }

  get mode(): number {
    return this.stat.mode;
  }
  get uid(): number {
    const map = this.fs.mapOwner;
    return map && this.stat.uid === map.hostUid ? map.uid : this.stat.uid;
  }
  get gid(): number {
    const map = this.fs.mapOwner;
    return map && this.stat.gid === map.hostGid ? map.gid : this.stat.gid;
  }
  get size(): number {
    if (!this.fs.stableNames) this.refresh();
    return this.stat.size;
  }

  /** True while something depends on there being one object for this file. */
  get busy(): boolean {
    return false;
  }

  /** A lookup found the file under this name. */
  sawAs(parent: HostDirectory, name: ByteString, stat: HostStat, rule: ViewRule | undefined): void {
    copyStat(stat, this.stat);
    this.parent = parent;
    this.name = name;
    if (rule?.publicOnly) this.publicOnly = true;
  }

  /** False when the view's rule keeps the contents from the guest. `needed`: S_IROTH, S_IXOTH. */
  protected isPublic(needed: number): boolean {
    return !this.publicOnly || (this.stat.mode & needed) === needed;
  }

  getAttributes(out: InodeAttributes): 0 | Errno {
    if (!this.fs.stableNames) {
      const result = this.refresh();
      if (isErr(result)) return result;
    }
    const stat = this.stat;
    out.ino = this.ino;
    out.mode = stat.mode;
    out.nlink = stat.nlink;
    out.uid = this.uid;
    out.gid = this.gid;
    out.rdev = stat.rdev;
    out.size = stat.size;
    out.blksize = stat.blksize;
    out.blocks = stat.blocks;
    out.atime = { sec: stat.atimeSec, nsec: stat.atimeNsec };
    out.mtime = { sec: stat.mtimeSec, nsec: stat.mtimeNsec };
    out.ctime = { sec: stat.ctimeSec, nsec: stat.ctimeNsec };
    return 0;
  }

  /** Brings `stat` up to date. ESTALE: the name stands for another file by now. */
  refresh(): 0 | Errno {
    const fd = this.heldFd();
    const result = fd >= 0 ? statFd(fd, this.fs.scratch) : this.statByName();
    if (isErr(result)) return result;
    if (!this.isSame()) return ESTALE;
    copyStat(this.fs.scratch, this.stat);
    return 0;
  }

  /** True when `scratch` describes this file. The type counts: hosts give the number of a removed file to the next at once. */
  protected isSame(): boolean {
    const { scratch, numbers } = this.fs;
    return numbers.of(scratch) === this.ino && (scratch.mode & S_IFMT) === (this.stat.mode & S_IFMT);
  }

  /** A descriptor that is open anyway, or -1. */
  protected heldFd(): HostFd | -1 {
    return this.parent === null ? this.fs.rootFd : -1;
  }

  private statByName(): 0 | Errno {
    const dir = this.parent!.pathFd();
    if (isErr(dir)) return dir;
    const result = statName(dir, this.name, this.fs.scratch);
    return isErr(result) ? ESTALE : 0;
  }

  /** Names from the root; EIO for a chain that the host has bent into a circle. */
  protected pathNames(): ByteString[] | Errno {
    const names: ByteString[] = [];
    for (let inode: HostInode = this; inode.parent !== null; inode = inode.parent) {
      names.push(inode.name);
      if (names.length > 4096) return EIO;
    }
    return names.reverse();
  }

  /** A new O_PATH descriptor of this very file, the caller's to close. */
  openPathFd(): HostFd | Errno {
    const fd = this.openAnyPathFd();
    if (isErr(fd)) return fd;
    const known = statFd(fd, this.fs.scratch);
    const wrong = isErr(known) ? known : this.isSame() ? 0 : ESTALE;
    if (isErr(wrong)) {
      closeFd(fd);
      return wrong;
    }
    copyStat(this.fs.scratch, this.stat);
    return fd;
  }

  private openAnyPathFd(): HostFd | Errno {
    const parent = this.parent;
    if (parent !== null) {
      const fd = parent.openChild(this.name, O_PATH);
      return fd === ENOENT ? ESTALE : fd;
    }
    return this.fs.openPath([]);
  }

  /** Runs `action` on an O_PATH descriptor of this very file. */
  protected withPathFd<T>(action: (fd: HostFd) => T): T | Errno {
    const fd = this.openPathFd();
    if (isErr(fd)) return fd;
    const result = action(fd);
    closeFd(fd);
    return result;
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    if (this.fs.readOnly) return EROFS;
    const result = this.withPathFd((fd) => this.changeAttributes(fd, change));
    if (!isErr(result)) this.refresh();
    return result;
  }

  /** Owner first: chown clears mode bits that chmod sets. The size is the business of regular files. */
  protected changeAttributes(fd: HostFd, change: AttributeChange): 0 | Errno {
    let result: 0 | Errno = this.changeOwner(fd, change);
    if (isErr(result)) return result;
    if (change.mode !== undefined) {
      if (this.isSymlink) return EOPNOTSUPP;
      result = chmodFd(fd, safeMode(change.mode, this.stat.mode));
      if (isErr(result)) return result;
    }
    if (change.atime !== undefined || change.mtime !== undefined) result = this.changeTimes(fd, change);
    return result;
  }

  protected changeTimes(fd: HostFd, change: AttributeChange): 0 | Errno {
    return utimeFd(fd, change.atime, change.mtime);
  }

  private changeOwner(fd: HostFd, change: AttributeChange): 0 | Errno {
    const map = this.fs.mapOwner;
    let uid = change.uid ?? -1;
    let gid = change.gid ?? -1;
    if (map && uid === map.uid) uid = map.hostUid;
    if (map && gid === map.gid) gid = map.hostGid;
    if (uid === this.stat.uid) uid = -1;
    if (gid === this.stat.gid) gid = -1;
    return uid === -1 && gid === -1 ? 0 : chownFd(fd, uid, gid);
  }

  // Extended attributes: the user's own only; those of the host's security modules are none of the guest's business.

  override getXattr(name: ByteString): Uint8Array | Errno {
    if (!name.startsWith('user.') || this.isSymlink) return EOPNOTSUPP;
    return this.withPathFd((fd) => getXattrFd(fd, name));
  }
  override setXattr(name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
    if (this.fs.readOnly) return EROFS;
    if (!name.startsWith('user.')) return EOPNOTSUPP;
    if (this.isSymlink) return EPERM;
    return this.withPathFd((fd) => setXattrFd(fd, name, value, flags));
  }
  override listXattr(): ByteString[] | Errno {
    if (this.isSymlink) return [];
    const names = this.withPathFd((fd) => listXattrFd(fd));
    if (names === EOPNOTSUPP) return [];
    return isErr(names) ? names : names.filter((name) => name.startsWith('user.'));
  }
  override removeXattr(name: ByteString): 0 | Errno {
    if (this.fs.readOnly) return EROFS;
    if (!name.startsWith('user.')) return EOPNOTSUPP;
    if (this.isSymlink) return EPERM;
    return this.withPathFd((fd) => removeXattrFd(fd, name));
  }

  override evict(): void {
    if (this.parent === null || this.busy) return;
    this.dispose();
    this.fs.forget(this);
  }

  /** Gives back descriptors and caches. */
  dispose(): void {}
}

/** Who may look into a directory whose rule says publicOnly, and who may read a file. */
export const PUBLIC_READ = S_IROTH;
export const PUBLIC_SEARCH = S_IXOTH;

/**
 * The mode a guest may give a host file: set-user-ID and set-group-ID never reach the host, where they would lend the rights
 * of the user who runs skas to anybody. Directories keep set-group-ID, which means inheritance there.
 */
export function safeMode(mode: number, current: number): number {
  const permissions = mode & 0o7777;
  return (current & S_IFMT) === S_IFDIR ? permissions & ~S_ISUID : permissions & ~(S_ISUID | S_ISGID);
}

export function copyStat(from: HostStat, to: HostStat): void {
  to.dev = from.dev;
  to.inoLow = from.inoLow;
  to.inoHigh = from.inoHigh;
  to.nlink = from.nlink;
  to.mode = from.mode;
  to.uid = from.uid;
  to.gid = from.gid;
  to.rdev = from.rdev;
  to.size = from.size;
  to.blksize = from.blksize;
  to.blocks = from.blocks;
  to.atimeSec = from.atimeSec;
  to.atimeNsec = from.atimeNsec;
  to.mtimeSec = from.mtimeSec;
  to.mtimeNsec = from.mtimeNsec;
  to.ctimeSec = from.ctimeSec;
  to.ctimeNsec = from.ctimeNsec;
}
