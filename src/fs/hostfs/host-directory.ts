/** Directories of hostfs: lookup and the operations on names, one host call each. */
import { isErr, type ByteString, type Errno, type HostFd } from '../../base/brands.js';
import { EACCES, EINVAL, ENOENT, EPERM, EROFS, ESTALE, EXDEV } from '../../abi/errno.js';
import { O_CREAT, O_EXCL, O_PATH, O_RDWR } from '../../abi/fcntl.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.js';
import { chmodFd, chownFd } from '../../host/file-attributes.js';
import {
  closeFd,
  linkFd,
  mkdirName,
  mknodName,
  openListing,
  openName,
  renameName,
  rmdirName,
  statFd,
  statName,
  symlinkName,
  unlinkName,
} from '../../host/files.js';
import type { CreateAttributes, Inode, InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { FdHolder } from './fd-cache.js';
import { HostInode, PUBLIC_READ, PUBLIC_SEARCH, safeMode } from './host-inode.js';
import { EmptyListing, HostListing } from './host-listing.js';
import { isKernelFileSystem } from './kernel-file-systems.js';
import { childRule, SHOWN_EMPTY, shows } from './view-rule.js';

export class HostDirectory extends HostInode implements FdHolder {
  fdUsed = false;
  fdSlot = -1;
  fdPins = 0;
  private fd: HostFd | -1 = -1;

  /** An O_PATH descriptor of the directory, valid until the next call that may open one. Not the caller's to close. */
  pathFd(): HostFd | Errno {
    if (this.fd >= 0) {
      this.fdUsed = true;
      return this.fd;
    }
    if (this.parent === null) return this.fs.rootFd;
    const names = this.pathNames();
    if (isErr(names)) return names;
    const fd = this.fs.openPath(names);
    if (isErr(fd)) return fd === ENOENT ? ESTALE : fd;
    const known = statFd(fd, this.fs.scratch);
    if (isErr(known) || !this.isSame()) {
      closeFd(fd);
      return isErr(known) ? known : ESTALE;
    }
    this.fd = fd;
    this.fs.fds.add(this);
    return fd;
  }

  dropFd(): void {
    if (this.fd >= 0) closeFd(this.fd);
    this.fd = -1;
  }

  protected override heldFd(): HostFd | -1 {
    return this.fd >= 0 ? this.fd : super.heldFd();
  }

  override dispose(): void {
    this.fs.fds.remove(this);
    this.dropFd();
  }

  /** openat in this directory; the descriptor is the caller's. */
  openChild(name: ByteString, flags: number, mode = 0): HostFd | Errno {
    return this.fs.fds.withRoom(() => {
      const dir = this.pathFd();
      return isErr(dir) ? dir : openName(dir, name, flags, mode);
    });
  }

  override lookup(name: ByteString): HostInode | Errno {
    if (!shows(this.rule, name)) return ENOENT;
    if (!this.isPublic(PUBLIC_SEARCH)) return EACCES;
    const dir = this.pathFd();
    if (isErr(dir)) return dir;
    const result = statName(dir, name, this.fs.scratch);
    if (isErr(result)) return result;
    const mounted = this.fs.scratch.dev !== this.stat.dev && !this.fs.trustedDevices.has(this.fs.scratch.dev);
    return mounted ? this.lookupMounted(name) : this.fs.inodeFor(this, name, childRule(this.rule, name));
  }

  /** Another host file system begins here: the host kernel's own are shown as empty directories. */
  private lookupMounted(name: ByteString): HostInode | Errno {
    const fd = this.openChild(name, O_PATH);
    if (isErr(fd)) return fd;
    const known = statFd(fd, this.fs.scratch);
    const isKernels = isKernelFileSystem(fd);
    closeFd(fd);
    if (isErr(known)) return known;
    if (!isKernels && this.fs.stableNames) this.fs.trustedDevices.add(this.fs.scratch.dev);
    if (!isKernels) return this.fs.inodeFor(this, name, childRule(this.rule, name));
    return (this.fs.scratch.mode & S_IFMT) === S_IFDIR ? this.fs.inodeFor(this, name, SHOWN_EMPTY) : EACCES;
  }

  /** Without the count of subdirectories that are not shown. */
  override getAttributes(out: InodeAttributes): 0 | Errno {
    const result = super.getAttributes(out);
    if (this.rule === SHOWN_EMPTY) out.nlink = 2;
    return result;
  }

  override open(flags: number): OpenFile | Errno {
    if (this.rule === SHOWN_EMPTY) return new EmptyListing(this, flags);
    if (!this.isPublic(PUBLIC_READ)) return EACCES;
    const fd = this.fs.fds.withRoom(() => {
      const dir = this.pathFd();
      return isErr(dir) ? dir : openListing(dir);
    });
    return isErr(fd) ? fd : new HostListing(this, flags, fd);
  }

  // Changes.

  /** The directory's descriptor, if `name` may be changed. */
  private changeFd(name: ByteString): HostFd | Errno {
    if (this.fs.readOnly) return EROFS;
    if (!shows(this.rule, name)) return EACCES;
    return this.pathFd();
  }

  override create(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    const dir = this.changeFd(name);
    if (isErr(dir)) return dir;
    const type = attributes.mode & S_IFMT;
    // A device node on the host would be the host's device.
    if (type === S_IFCHR || type === S_IFBLK) return EPERM;
    const mode = safeMode(attributes.mode, attributes.mode);
    if (type !== S_IFREG) return this.finish(dir, name, mknodName(dir, name, type | mode), attributes);
    const fd = this.openChild(name, O_RDWR | O_CREAT | O_EXCL, mode);
    if (isErr(fd)) return fd;
    closeFd(fd);
    return this.finish(this.pathFd(), name, 0, attributes);
  }

  override mkdir(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    const dir = this.changeFd(name);
    if (isErr(dir)) return dir;
    const mode = safeMode(attributes.mode, S_IFDIR);
    return this.finish(dir, name, mkdirName(dir, name, mode), { ...attributes, mode: S_IFDIR | mode });
  }

  override symlink(name: ByteString, target: ByteString, attributes: CreateAttributes): Inode | Errno {
    const dir = this.changeFd(name);
    return isErr(dir) ? dir : this.finish(dir, name, symlinkName(dir, name, target), attributes);
  }

  /** Gives a new file the mode (the host's umask took some of it) and, where the host lets us, the owner that was asked for. */
  private finish(dir: HostFd | Errno, name: ByteString, made: 0 | Errno, attributes: CreateAttributes): Inode | Errno {
    if (isErr(made)) return made;
    if (isErr(dir)) return dir;
    const inode = this.lookup(name);
    if (isErr(inode)) return inode;
    const wanted = safeMode(attributes.mode, inode.stat.mode);
    const owned = inode.uid === attributes.uid && inode.gid === attributes.gid;
    if ((inode.stat.mode & 0o777) === (wanted & 0o777) && owned) return inode;
    const fd = inode.openPathFd();
    if (isErr(fd)) return fd;
    if (!owned && process.geteuid?.() === 0) chownFd(fd, this.toHostUid(attributes.uid), this.toHostGid(attributes.gid));
    if (!inode.isSymlink) chmodFd(fd, wanted | (inode.stat.mode & 0o2000 & (inode.isDirectory ? 0o2000 : 0)));
    closeFd(fd);
    inode.refresh();
    return inode;
  }

  private toHostUid(uid: number): number {
    const map = this.fs.mapOwner;
    return map && uid === map.uid ? map.hostUid : uid;
  }
  private toHostGid(gid: number): number {
    const map = this.fs.mapOwner;
    return map && gid === map.gid ? map.hostGid : gid;
  }

  override link(name: ByteString, target: Inode): 0 | Errno {
    const dir = this.changeFd(name);
    if (isErr(dir)) return dir;
    if (!(target instanceof HostInode) || target.fs !== this.fs) return EXDEV;
    const fd = target.openPathFd();
    if (isErr(fd)) return fd;
    const again = this.pathFd();
    const result = isErr(again) ? again : linkFd(fd, again, name);
    closeFd(fd);
    return result;
  }

  override unlink(name: ByteString): 0 | Errno {
    const dir = this.changeFd(name);
    return isErr(dir) ? dir : unlinkName(dir, name);
  }

  override rmdir(name: ByteString): 0 | Errno {
    const dir = this.changeFd(name);
    return isErr(dir) ? dir : rmdirName(dir, name);
  }

  override rename(name: ByteString, newParent: Inode, newName: ByteString, flags: number): 0 | Errno {
    if (!(newParent instanceof HostDirectory) || newParent.fs !== this.fs) return EXDEV;
    if (name === '' || newName === '') return EINVAL;
    const from = this.changeFd(name);
    if (isErr(from)) return from;
    // Opening the second descriptor must not cost the first.
    this.fdPins++;
    const to = newParent.changeFd(newName);
    this.fdPins--;
    if (isErr(to)) return to;
    const result = renameName(from, name, to, newName, flags);
    if (isErr(result)) return result;
    newParent.noteMoved(newName);
    if (flags !== 0) this.noteMoved(name);
    return 0;
  }

  /** Tells the inode that now has this name, if it is known, where it lives. */
  private noteMoved(name: ByteString): void {
    const dir = this.pathFd();
    if (isErr(dir) || isErr(statName(dir, name, this.fs.scratch))) return;
    this.fs.knownInode()?.sawAs(this, name, this.fs.scratch, undefined);
  }
}
