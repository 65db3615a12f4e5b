/**
 * Open file description (Linux: struct file, struct file_operations). File descriptors share one after dup and fork.
 *
 * Operations never wait: they return EAGAIN and the caller (vfs/read-write.ts, one loop for every file) sleeps on `queue`
 * until `poll` shows the event, unless O_NONBLOCK is set. So a file that can run dry implements `read`, `poll`, `queue`.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import type { WaitQueue } from '../base/wait-queue.js';
import { EBADF, EFAULT, EINVAL, EISDIR, ENODEV, ENOTDIR, ENOTTY, ENXIO, ESPIPE } from '../abi/errno.js';
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/fcntl.js';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Mappable } from '../mm/page-cache.js';
import type { Credentials } from './credentials.js';
import type { DirectoryEntry, Inode } from './inode.js';
import type { Path } from './path.js';

/** What an ioctl handler may use of its caller. The kernel's Task fits; files must not need more of it. */
export interface IoctlCaller {
  /** Copies between guest memory and the kernel; 0 or EFAULT. */
  copyIn(address: number, target: Uint8Array): 0 | Errno;
  copyOut(address: number, source: Uint8Array): 0 | Errno;
}

const answer = new Uint8Array(4);
const answerView = new DataView(answer.buffer);

/** Stores what an ioctl answers, an int, where its argument points to. */
export function answerInt(caller: IoctlCaller, argument: number, value: number): 0 | Errno {
  answerView.setInt32(0, value, true);
  return isErr(caller.copyOut(argument, answer)) ? EFAULT : 0;
}

/** Takes one directory entry; false: no room, stop before this one. `next` is the offset to continue from after it. */
export type DirectorySink = (entry: DirectoryEntry, next: number) => boolean;

/** Who keeps something about an open file that must go with it: an epoll entry, a flock. */
export interface ReleaseListener {
  onFileRelease(file: OpenFile): void;
}

export abstract class OpenFile {
  /** How many descriptors and kernel users refer to it; `release` runs at zero. */
  references = 1;
  /** File position of lseek(2). */
  position = 0;
  /** Where it was opened; files without a name (pipes, sockets) get one in an internal mount. Set by open. */
  path: Path | undefined = undefined;
  /** `path` is pinned: see `setFilePath` in path.ts. */
  pathHeld = false;
  /** F_SETOWN: a pid, or minus a process group, that SIGIO goes to; F_SETSIG's signal. */
  owner = 0;
  ownerSignal = 0;
  /** F_OWNER_*: what `owner` names; and who set it. */
  ownerType = 1;
  ownerCredentials: Credentials | undefined = undefined;
  /** By the open(2) that made this description (F_CREATED_QUERY). */
  created = false;
  /** Counted in `inode.writers`. */
  countedWriter = false;
  /** Counted in `inode.readers`. */
  countedReader = false;
  /** Its use is no event: opened for a reader of fanotify. */
  isSilent = false;
  /** LANDLOCK_ACCESS_FS_* that it was opened without. */
  landlockDenied = 0;
  /** Told, before `release`, that the last reference is gone. */
  private releaseListeners: Set<ReleaseListener> | undefined = undefined;

  constructor(
    readonly inode: Inode,
    /** Access mode and status flags (O_APPEND, O_NONBLOCK, ...); changed by F_SETFL. */
    public flags: number,
  ) {
    inode.references++;
    this.path = inode.defaultPath;
  }

  get readable(): boolean {
    return (this.flags & O_ACCMODE) !== O_WRONLY;
  }
  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY;
  }
  get nonBlocking(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }
  get appending(): boolean {
    return (this.flags & O_APPEND) !== 0;
  }

  /** False for pipes, sockets, terminals: no position, pread and lseek fail with ESPIPE. */
  get seekable(): boolean {
    return true;
  }

  /**
   * Moves up to `io.remaining` bytes from the file at `position` into `io` and returns how many; 0 at the end of the file.
   * `position` is ignored by files that are not seekable. EAGAIN: nothing now.
   */
  read(_io: IoVec, _position: number): number | Errno {
    return this.inode.isDirectory ? EISDIR : EINVAL;
  }
  /** False for files that have no reading at all: EINVAL even for nothing. Directories have one, which always fails. */
  get hasRead(): boolean {
    return this.inode.isDirectory || this.read !== OpenFile.prototype.read;
  }
  /** As hasRead. */
  get hasWrite(): boolean {
    return this.write !== OpenFile.prototype.write;
  }
  /** As read, the other way. The caller has resolved O_APPEND into `position`. */
  write(_io: IoVec, _position: number): number | Errno {
    return EINVAL;
  }

  /** EPIPE comes with SIGPIPE. */
  get raisesSigpipe(): boolean {
    return true;
  }

  /** A blocking write goes on until all bytes are moved (pipes, stream sockets, terminals). */
  get writesAll(): boolean {
    return !this.seekable;
  }

  /** When a read or write that waits gives up (SO_RCVTIMEO), asked as the wait begins; Infinity: never. */
  waitDeadlineNs(_forWriting: boolean): number {
    return Infinity;
  }

  /** POLL* events that are true now. */
  poll(): number {
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
  }
  /** Woken, with the events as key, when `poll` may have changed; undefined: always ready, epoll refuses it with EPERM. */
  get queue(): WaitQueue | undefined {
    return undefined;
  }

  /** New position or Errno; the default serves regular files. */
  seek(offset: number, whence: number): number | Errno {
    if (!this.seekable) return this.inode.type === 0 ? 0 : ESPIPE; // anonymous inodes: Linux's noop_llseek
    return defaultSeek(this, offset, whence);
  }
  /** Entries from offset `from` (0: the beginning, '.' and '..' included). Returns 0. */
  readDirectory(_from: number, _sink: DirectorySink): 0 | Errno {
    return ENOTDIR;
  }
  ioctl(_caller: IoctlCaller, _request: number, _argument: number): number | Errno | Blocking<number | Errno> {
    return ENOTTY;
  }
  /** F_ADD_SEALS, F_GET_SEALS, F_SETPIPE_SZ, F_GETPIPE_SZ and the like. */
  fileControl(command: number, _argument: number): number | Errno {
    return command === F_SETPIPE_SZ || command === F_GETPIPE_SZ ? EBADF : EINVAL;
  }
  /** What mmap maps. */
  mappable(): Mappable | Errno {
    return ENODEV;
  }
  fsync(): 0 | Errno {
    return EINVAL;
  }
  allocate(_mode: number, _offset: number, _length: number): 0 | Errno {
    return ENODEV;
  }
  truncate(_size: number): 0 | Errno {
    return EINVAL;
  }
  /** Told when F_SETFL changed `flags`. */
  onFlagsChanged(): void {}
  /** Called for each close(2) of a descriptor (POSIX locks, mqueue); not the last reference. */
  flush(): 0 | Errno {
    return 0;
  }
  /** The last reference is gone. */
  release(): void {}

  addReleaseListener(listener: ReleaseListener): void {
    this.releaseListeners ??= new Set();
    this.releaseListeners.add(listener);
  }
  removeReleaseListener(listener: ReleaseListener): void {
    this.releaseListeners?.delete(listener);
  }
  /** Called by dropFile at the last reference. */
  notifyRelease(): void {
    if (!this.releaseListeners) return;
    for (const listener of this.releaseListeners) listener.onFileRelease(this);
    this.releaseListeners = undefined;
  }

  /** Text behind `fdinfo`'s common lines. */
  fdinfo(): string {
    return '';
  }
}

const SEEK_SET = 0;
const SEEK_CUR = 1;
const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** lseek of a file with `size` bytes. */
export function defaultSeek(file: OpenFile, offset: number, whence: number, size = file.inode.size): number | Errno {
  let position: number;
  switch (whence) {
    case SEEK_SET:
      position = offset;
      break;
    case SEEK_CUR:
      position = file.position + offset;
      break;
    case SEEK_END:
      position = size + offset;
      break;
    case SEEK_DATA:
      if (offset < 0 || offset >= size) return ENXIO;
      position = offset;
      break;
    case SEEK_HOLE:
      if (offset < 0 || offset >= size) return ENXIO;
      position = size;
      break;
    default:
      return EINVAL;
  }
  if (position < 0 || position > Number.MAX_SAFE_INTEGER) return EINVAL;
  file.position = position;
  return position;
}
