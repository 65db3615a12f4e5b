/**
 * Directories of tmpfs (Linux: fs/libfs.c simple_* and simple_offset_*). A Map keeps entries in order of insertion; each has a
 * number that only grows, and that number is its offset for getdents: it stays right while entries come and go.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EEXIST, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EISDIR } from '../../abi/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../abi/fs.js';
import { S_IFMT, S_IFREG } from '../../abi/stat.js';
import { changesAccessTime } from '../../vfs/access-time.js';
import type { CreateAttributes, Inode } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { Tmpfs } from './tmpfs.js';
import { TmpfsRegular } from './tmpfs-file.js';
import { TmpfsInode } from './tmpfs-inode.js';
import { TmpfsSpecial, TmpfsSymlink } from './tmpfs-nodes.js';

interface Entry {
  readonly inode: TmpfsInode;
  readonly offset: number;
}

/** Offsets 0 and 1 are '.' and '..'. */
const FIRST_OFFSET = 2;
const SEEK_SET = 0;
const SEEK_CUR = 1;
/** What each entry adds to a directory's size. */
const ENTRY_SIZE = 20;

export class TmpfsDirectory extends TmpfsInode {
  readonly entries = new Map<ByteString, Entry>();
  private nextOffset = FIRST_OFFSET;

  constructor(
    fs: Tmpfs,
    attributes: CreateAttributes,
    /** undefined for the root. */
    public parent: TmpfsDirectory | undefined,
  ) {
    super(fs, attributes);
    this.nlink = 2;
  }

  override get size(): number {
    return (this.entries.size + 2) * ENTRY_SIZE;
  }

  override lookup(name: ByteString): Inode | Errno {
    const entry = this.entries.get(name);
    return entry === undefined ? ENOENT : entry.inode;
  }

  private get isFull(): boolean {
    return this.fs.usedInodes >= this.fs.maxInodes;
  }

  private add(name: ByteString, inode: TmpfsInode): void {
    this.entries.set(name, { inode, offset: this.nextOffset++ });
    this.modified();
    if (inode instanceof TmpfsDirectory) this.nlink++;
  }

  private remove(name: ByteString, inode: TmpfsInode): void {
    this.entries.delete(name);
    this.modified();
    if (inode instanceof TmpfsDirectory) this.nlink--;
  }

  override create(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    if (this.entries.has(name)) return EEXIST;
    if (this.nlink === 0) return ENOENT;
    if (this.isFull) return this.fs.full();
    const isRegular = (attributes.mode & S_IFMT) === S_IFREG;
    const inode = isRegular ? new TmpfsRegular(this.fs, attributes) : new TmpfsSpecial(this.fs, attributes);
    this.add(name, inode);
    return inode;
  }

  override mkdir(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    if (this.entries.has(name)) return EEXIST;
    if (this.nlink === 0) return ENOENT;
    if (this.isFull) return this.fs.full();
    const inode = new TmpfsDirectory(this.fs, attributes, this);
    this.add(name, inode);
    return inode;
  }

  override symlink(name: ByteString, target: ByteString, attributes: CreateAttributes): Inode | Errno {
    if (this.entries.has(name)) return EEXIST;
    if (this.nlink === 0) return ENOENT;
    if (this.isFull || this.fs.pagesFree === 0) return this.fs.full();
    const inode = new TmpfsSymlink(this.fs, attributes, target);
    this.add(name, inode);
    return inode;
  }

  override tmpfile(attributes: CreateAttributes): Inode | Errno {
    if (this.isFull) return this.fs.full();
    const inode = new TmpfsRegular(this.fs, attributes);
    inode.nlink = 0;
    return inode;
  }

  override link(name: ByteString, target: Inode): 0 | Errno {
    if (!(target instanceof TmpfsInode)) return EINVAL;
    if (this.entries.has(name)) return EEXIST;
    if (this.nlink === 0) return ENOENT;
    target.nlink++;
    target.ctime = this.fs.now();
    this.add(name, target);
    return 0;
  }

  override unlink(name: ByteString): 0 | Errno {
    const entry = this.entries.get(name);
    if (!entry) return ENOENT;
    if (entry.inode instanceof TmpfsDirectory) return EISDIR;
    this.remove(name, entry.inode);
    entry.inode.dropName();
    return 0;
  }

  override rmdir(name: ByteString): 0 | Errno {
    const entry = this.entries.get(name);
    if (!entry) return ENOENT;
    if (!(entry.inode instanceof TmpfsDirectory)) return ENOTDIR;
    if (entry.inode.entries.size > 0) return ENOTEMPTY;
    this.remove(name, entry.inode);
    entry.inode.dropName(2);
    return 0;
  }

  override rename(name: ByteString, newParent: Inode, newName: ByteString, flags: number): 0 | Errno {
    const source = this.entries.get(name)?.inode;
    if (!source) return ENOENT;
    if (!(newParent instanceof TmpfsDirectory)) return EINVAL;
    if (newParent.nlink === 0) return ENOENT;
    const target = newParent.entries.get(newName)?.inode;
    if (target && (flags & RENAME_NOREPLACE) !== 0) return EEXIST;
    if ((flags & RENAME_EXCHANGE) !== 0) return target ? this.exchange(name, source, newParent, newName, target) : ENOENT;
    if (source === target) return 0;
    if (target) {
      const replaced = source instanceof TmpfsDirectory ? newParent.rmdir(newName) : newParent.unlink(newName);
      if (isErr(replaced)) return replaced;
    }
    this.remove(name, source);
    newParent.add(newName, source);
    if (source instanceof TmpfsDirectory) source.parent = newParent;
    source.ctime = this.fs.now();
    return 0;
  }

  private exchange(name: ByteString, source: TmpfsInode, newParent: TmpfsDirectory, newName: ByteString, target: TmpfsInode): 0 {
    this.remove(name, source);
    newParent.remove(newName, target);
    this.add(name, target);
    newParent.add(newName, source);
    if (source instanceof TmpfsDirectory) source.parent = newParent;
    if (target instanceof TmpfsDirectory) target.parent = this;
    source.ctime = target.ctime = this.fs.now();
    return 0;
  }

  override open(flags: number): OpenFile {
    return new TmpfsDirectoryFile(this, flags);
  }

  /** The file system is gone: every file gives its memory back. */
  disposeTree(): void {
    for (const { inode } of this.entries.values()) {
      if (inode instanceof TmpfsDirectory) inode.disposeTree();
      // One that is still open goes with its last reference, as if it had been unlinked.
      inode.nlink = 0;
      if (inode.references === 0) inode.evict();
    }
    this.entries.clear();
  }
}

class TmpfsDirectoryFile extends OpenFile {
  // Where the last call stopped, so that reading a large directory does not begin anew each time.
  private iterator: Iterator<[ByteString, Entry]> | undefined = undefined;
  private iteratorOffset = -1;
  /** Taken from the iterator, and refused by the sink. */
  private refused: [ByteString, Entry] | undefined = undefined;

  constructor(
    override readonly inode: TmpfsDirectory,
    flags: number,
  ) {
    super(inode, flags);
  }

  /** Offsets of entries have no end. */
  override seek(offset: number, whence: number): number | Errno {
    return whence === SEEK_SET || whence === SEEK_CUR ? super.seek(offset, whence) : EINVAL;
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const { inode } = this;
    const now = inode.fs.now();
    if (changesAccessTime(this, inode, now)) inode.atime = now;
    if (from <= 0 && !sink({ name: '.', ino: inode.ino, type: 4 }, 1)) return 0;
    if (from <= 1 && !sink({ name: '..', ino: (inode.parent ?? inode).ino, type: 4 }, FIRST_OFFSET)) return 0;
    let offset = Math.max(from, FIRST_OFFSET);
    const iterator = this.resume(offset);
    for (let item = this.refused ?? next(iterator); item; item = next(iterator)) {
      this.refused = undefined;
      const [name, entry] = item;
      if (entry.offset < offset || inode.entries.get(name) !== entry) continue;
      if (!sink({ name, ino: entry.inode.ino, type: entry.inode.type >> 12 }, entry.offset + 1)) {
        this.iterator = iterator;
        this.iteratorOffset = offset;
        this.refused = item;
        return 0;
      }
      offset = entry.offset + 1;
    }
    this.iterator = undefined;
    return 0;
  }

  /** The iterator that stands at `offset`. */
  private resume(offset: number): Iterator<[ByteString, Entry]> {
    if (this.iterator !== undefined && this.iteratorOffset === offset) return this.iterator;
    this.refused = undefined;
    return this.inode.entries.entries();
  }

  override fsync(): 0 {
    return 0;
  }
}

function next(iterator: Iterator<[ByteString, Entry]>): [ByteString, Entry] | undefined {
  const step = iterator.next();
  return step.done ? undefined : step.value;
}
