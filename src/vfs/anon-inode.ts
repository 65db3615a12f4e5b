/**
 * Files without a name: pipes, sockets, eventfd, epoll, memfd (Linux: fs/anon_inodes.c, pipefs, sockfs). Each has a dentry in
 * an internal mount, so that /proc/PID/fd shows 'pipe:[123]', 'socket:[45]' or 'anon_inode:[eventfd]'.
 */
import type { Timespec } from '../base/clock.js';
import type { Blocking } from '../base/blocking.js';
import type { Errno } from '../base/brands.js';
import { HostClock } from '../base/clock.js';
import { EINVAL } from '../abi/errno.js';
import { S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from '../abi/stat.js';
import { Dentry } from './dentry.js';
import { FileSystem, type FileSystemStatistics } from './file-system.js';
import { fillAttributes, Inode, type AttributeChange, type InodeAttributes } from './inode.js';
import { Mount } from './mount.js';
import type { OpenFile } from './open-file.js';
import { openSpecialFile } from './special-files.js';
import type { Path } from './path.js';

class InternalFileSystem extends FileSystem {
  readonly root: Inode;
  private readonly mountHere: Mount;

  constructor(
    readonly type: string,
    readonly magic: number,
  ) {
    super();
    this.root = new AnonInode(this, 'root', 0o40555, 0, 0);
    this.mountHere = new Mount(this, new Dentry('', null, this.root), null, 0);
    this.mountHere.isInternal = true;
  }

  get mount(): Mount {
    return this.mountHere;
  }

  statistics(): FileSystemStatistics {
    return { type: this.magic, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

let nextIno = 1;
const clock = new HostClock();

/** An inode that no directory names. */
export class AnonInode extends Inode {
  readonly ino: number = nextIno++;
  size = 0;
  private readonly created: Timespec;
  private place: Path | undefined = undefined;

  constructor(
    fs: FileSystem,
    /** 'pipe', 'socket' (shown with the inode's number behind it), or the whole text: 'anon_inode:[eventfd]'. */
    readonly kind: string,
    public mode: number,
    public uid: number,
    public gid: number,
  ) {
    super(fs);
    this.created = clock.realtime();
  }

  /** What /proc/PID/fd shows. */
  get text(): string {
    return this.kind === 'pipe' || this.kind === 'socket' ? `${this.kind}:[${this.ino}]` : this.kind;
  }

  override get defaultPath(): Path | undefined {
    if (this.kind === 'root') return undefined;
    this.place ??= { mount: (this.fs as InternalFileSystem).mount, dentry: new Dentry(this.text, null, this) };
    return this.place;
  }

  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, 1, 4096, this.created);
  }

  /** Opening a pipe again by its descriptor's name (/dev/fd/N, process substitution) is like opening a FIFO. */
  override open(flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
    return this.type === S_IFIFO ? openSpecialFile(this, 0, flags) : super.open(flags);
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    if (change.size !== undefined) return EINVAL;
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }
}

const pipefs = new InternalFileSystem('pipefs', 0x50495045);
const sockfs = new InternalFileSystem('sockfs', 0x534f434b);
const anonfs = new InternalFileSystem('anon_inodefs', 0x09041934);

/**
 * A new inode without a name. kind: 'pipe', 'socket' or the text that /proc/PID/fd shows ('anon_inode:[eventpoll]').
 * mode: defaults to what Linux gives that kind. Its `defaultPath` becomes the path of every file opened on it.
 */
export function anonInode(kind: string, mode?: number, uid = 0, gid = 0): AnonInode {
  if (kind === 'pipe') return new AnonInode(pipefs, kind, mode ?? S_IFIFO | 0o600, uid, gid);
  if (kind === 'socket') return new AnonInode(sockfs, kind, mode ?? S_IFSOCK | 0o777, uid, gid);
  return new AnonInode(anonfs, kind, mode ?? 0o600, uid, gid);
}

/** A place for an inode that has no name, shown as `text` (memfd: '/memfd:name (deleted)'). */
export function anonPath(inode: Inode, text: string): Path {
  return { mount: anonfs.mount, dentry: new Dentry(text, null, inode) };
}

const nsfs = new InternalFileSystem('nsfs', 0x6e736673);

/** The inode of a namespace (fs/nsfs.ts): opened as often as its links are. */
class NamespaceInode extends AnonInode {
  constructor(
    text: string,
    override readonly ino: number,
    private readonly opens: (inode: AnonInode) => OpenFile,
    private readonly unused: () => void,
  ) {
    super(nsfs, text, S_IFREG | 0o444, 0, 0);
  }
  override open(): OpenFile {
    return this.opens(this);
  }
  override evict(): void {
    this.unused();
  }
}

/** `opens` makes the open file; `unused` is told when the last file and mount of it is gone. */
export function namespaceInode(text: string, ino: number, opens: (inode: AnonInode) => OpenFile, unused: () => void): AnonInode {
  return new NamespaceInode(text, ino, opens, unused);
}
