/**
 * The kinds of inodes that /proc is made of (Linux: fs/proc/generic.c, fs/seq_file.c): directories whose names are computed,
 * files whose text is made when it is read, and links. Nothing is stored: an inode knows how to answer.
 */
import type { ByteString, Errno } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { bytesOf } from '../../base/bytes.js';
import type { Timespec } from '../../base/clock.js';
import { EACCES, EINVAL, ENOENT } from '../../abi/errno.js';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../abi/stat.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Credentials } from '../../vfs/credentials.js';
import type { FileSystem } from '../../vfs/file-system.js';
import { fillAttributes, Inode, type AttributeChange, type InodeAttributes } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { Path } from '../../vfs/path.js';

/** Whose files these are; asked each time, since a process may change its identity. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

const START: Timespec = { sec: Math.floor(Date.now() / 1000), nsec: 0 };
const MAX_WRITE_BYTES = 65536;

export abstract class ProcInode extends Inode {
  readonly size = 0;
  constructor(
    fs: FileSystem,
    readonly ino: number,
    readonly mode: number,
    private readonly owner: () => Owner,
  ) {
    super(fs);
  }
  get uid(): number {
    return this.owner().uid;
  }
  get gid(): number {
    return this.owner().gid;
  }
  protected get linkCount(): number {
    return 1;
  }

  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, this.linkCount, 1024, START);
  }

  /** Truncating on open (`>` in a shell) is accepted, all else belongs to the kernel. */
  override setAttributes(change: AttributeChange): 0 | Errno {
    const onlySize = change.mode === undefined && change.uid === undefined && change.gid === undefined;
    return onlySize ? 0 : super.setAttributes(change);
  }
}

/** One name of a computed directory. */
export interface ProcEntry {
  readonly name: ByteString;
  readonly ino: number;
  /** S_IFDIR, S_IFREG, S_IFLNK. */
  readonly type: number;
  /** Its own place, growing along the list, so that a reader misses nothing when entries before it vanish; default: the index. */
  readonly place?: number;
}

/** What a directory holds at this moment. */
export interface DirectorySource {
  lookup(name: ByteString): Inode | Errno;
  list(): Iterable<ProcEntry>;
  /** Inode number of '..'. */
  readonly parentIno: number;
  /** Directories in it, for the link count; default: none. */
  directories?(): number;
}

export class ProcDirectory extends ProcInode {
  constructor(
    fs: FileSystem,
    ino: number,
    permissions: number,
    owner: () => Owner,
    readonly source: DirectorySource,
  ) {
    super(fs, ino, S_IFDIR | permissions, owner);
  }
  protected override get linkCount(): number {
    return 2 + (this.source.directories?.() ?? 0);
  }
  override lookup(name: ByteString): Inode | Errno {
    return this.source.lookup(name);
  }
  override open(flags: number): OpenFile {
    return new ProcDirectoryFile(this, flags);
  }
}

class ProcDirectoryFile extends OpenFile {
  constructor(
    private readonly directory: ProcDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const { source, ino } = this.directory;
    if (from <= 0 && !sink({ name: '.', ino, type: S_IFDIR >> 12 }, 1)) return 0;
    if (from <= 1 && !sink({ name: '..', ino: source.parentIno, type: S_IFDIR >> 12 }, 2)) return 0;
    let offset = 2;
    for (const entry of source.list()) {
      const at = entry.place === undefined ? offset : entry.place + 2;
      offset = at + 1;
      if (at < from) continue;
      if (!sink({ name: entry.name, ino: entry.ino, type: entry.type >> 12 }, offset)) return 0;
    }
    return 0;
  }
}

/** The text of a file, made anew for each reading from its beginning; Errno: cannot be read by this caller. */
export type TextSource = () => ByteString | Errno;
/** What a write does with the whole text written. */
export type TextSink = (text: ByteString) => 0 | Errno;

export class ProcText extends ProcInode {
  constructor(
    fs: FileSystem,
    ino: number,
    permissions: number,
    owner: () => Owner,
    readonly source: TextSource,
    readonly sink?: TextSink,
  ) {
    super(fs, ino, S_IFREG | permissions, owner);
  }
  override open(flags: number): OpenFile {
    return new ProcTextFile(this, flags);
  }
}

export class ProcTextFile extends OpenFile {
  private text: Uint8Array | undefined = undefined;

  constructor(
    private readonly node: ProcText,
    flags: number,
  ) {
    super(node, flags);
  }

  override read(io: IoVec, position: number): number | Errno {
    if (this.text === undefined || position === 0) {
      const text = this.node.source();
      if (isErr(text)) return text;
      this.text = bytesOf(text as ByteString);
    }
    return position >= this.text.length ? 0 : io.put(this.text, position);
  }

  override write(io: IoVec): number | Errno {
    if (!this.node.sink) return EACCES;
    if (io.remaining > MAX_WRITE_BYTES) return EINVAL;
    const bytes = new Uint8Array(io.remaining);
    const count = io.take(bytes);
    if (isErr(count)) return count;
    const done = this.node.sink(Buffer.from(bytes.buffer, 0, count).toString('latin1'));
    return isErr(done) ? done : count;
  }

  /** As `>` in a shell does: nothing to do. */
  override truncate(): 0 {
    return 0;
  }
}

/** A symbolic link whose target is text. */
export class ProcLink extends ProcInode {
  constructor(
    fs: FileSystem,
    ino: number,
    owner: () => Owner,
    private readonly target: () => ByteString | Errno,
  ) {
    super(fs, ino, S_IFLNK | 0o777, owner);
  }
  override readlink(): ByteString | Errno {
    return this.target();
  }
}

/** A link that leads to a place, whatever its text says (Linux: proc_pid_link, "magic links" of path_resolution(7)). */
export class ProcMagicLink extends ProcInode {
  constructor(
    fs: FileSystem,
    ino: number,
    permissions: number,
    owner: () => Owner,
    private readonly place: () => Path | Errno,
    private readonly text: () => ByteString | Errno,
  ) {
    super(fs, ino, S_IFLNK | permissions, owner);
  }
  override readlink(): ByteString | Errno {
    return this.text();
  }
  override followLink(_cred: Credentials): Path | Errno {
    return this.place();
  }
}

/** A directory of fixed names. */
export function fixedDirectory(nodes: ReadonlyMap<ByteString, Inode>, parentIno: number): DirectorySource {
  return {
    parentIno,
    lookup: (name) => nodes.get(name) ?? ENOENT,
    *list() {
      for (const [name, node] of nodes) yield { name, ino: node.ino, type: node.type };
    },
  };
}

/** As `fixedDirectory`, for nodes that are made when somebody first looks. */
export function lazyDirectory(make: () => ReadonlyMap<ByteString, Inode>, parentIno: number): DirectorySource {
  let made: DirectorySource | undefined;
  const source = (): DirectorySource => (made ??= fixedDirectory(make(), parentIno));
  return { parentIno, lookup: (name) => source().lookup(name), list: () => source().list() };
}
