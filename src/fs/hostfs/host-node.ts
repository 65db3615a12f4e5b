/**
 * Symbolic links, and what is never opened on the host: FIFOs, sockets and devices. They are shown with their attributes; a
 * guest that opens one does not touch the host's object. A FIFO works among the processes of the machine (as on a network
 * file system); a device is refused, as on a mount with nodev.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import { EACCES } from '../../abi/errno.js';
import { S_IFBLK, S_IFCHR } from '../../abi/stat.js';
import { utimeName } from '../../host/file-attributes.js';
import { readlinkFd, readlinkName } from '../../host/files.js';
import type { AttributeChange } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { openSpecialFile } from '../../vfs/special-files.js';
import { HostInode } from './host-inode.js';

export class HostSymlink extends HostInode {
  private target: ByteString | undefined = undefined;

  override readlink(): ByteString | Errno {
    if (this.target !== undefined) return this.target;
    const target = this.fs.stableNames ? this.readByName() : this.withPathFd((fd) => readlinkFd(fd));
    if (!isErr(target) && this.fs.stableNames) this.target = target;
    return target;
  }

  private readByName(): ByteString | Errno {
    const dir = this.parent!.pathFd();
    return isErr(dir) ? dir : readlinkName(dir, this.name);
  }

  protected override changeTimes(_fd: number, change: AttributeChange): 0 | Errno {
    const dir = this.parent!.pathFd();
    return isErr(dir) ? dir : utimeName(dir, this.name, change.atime, change.mtime);
  }
}

export class HostNode extends HostInode {
  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    return this.type === S_IFCHR || this.type === S_IFBLK ? EACCES : openSpecialFile(this, 0, flags);
  }
}
