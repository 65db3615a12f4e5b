/** What all inodes of a mounted overlay share: whose attributes show, and copying up (Linux: fs/overlayfs/inode.c, copy_up.c). */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EROFS } from '../../abi/errno.js';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../abi/stat.js';
import { dropInode, holdInode, lookupChild, type Dentry } from '../../vfs/dentry.js';
import { emptyAttributes, Inode, type AttributeChange, type CreateAttributes, type InodeAttributes } from '../../vfs/inode.js';
import type { LayeredDirectory } from './layered-directory.js';
import type { LayeredFs } from './layered-fs.js';
import { createIn, removeIn } from './markers.js';

/** Makes an inode of the right kind in a directory. */
export function makeIn(directory: Inode, name: ByteString, attributes: CreateAttributes, target: ByteString): Inode | Errno {
  switch (attributes.mode & S_IFMT) {
    case S_IFDIR:
      return directory.mkdir(name, attributes);
    case S_IFLNK:
      return directory.symlink(name, target, attributes);
    default:
      return directory.create(name, attributes);
  }
}

export abstract class LayeredInode extends Inode {
  readonly ino: number;
  upper: Inode | undefined = undefined;
  /** Its last name was removed: another object stands for what has that name now. */
  isGone = false;
  private forgotten = false;

  constructor(
    override readonly fs: LayeredFs,
    upper: Dentry | undefined,
    /** Top first; only directories have several. */
    readonly below: readonly Inode[],
    /** Where it was seen last; null for the root and for what never had a name. */
    public parent: LayeredDirectory | null,
    public name: ByteString,
  ) {
    super(fs);
    const shown = below[0] ?? upper!.inode!;
    this.ino = fs.inoOf(shown.fs, shown.ino);
    for (const inode of below) holdInode(inode);
    if (upper) this.setUpper(upper);
  }

  protected setUpper({ inode }: Dentry): void {
    this.upper = inode!;
    holdInode(this.upper);
    this.fs.byUpper.set(this.upper, this);
  }

  /** The inode that attributes come from. */
  get real(): Inode {
    return this.upper ?? this.below[0]!;
  }
  get mode(): number {
    return this.real.mode;
  }
  get uid(): number {
    return this.real.uid;
  }
  get gid(): number {
    return this.real.gid;
  }
  get size(): number {
    return this.real.size;
  }

  getAttributes(out: InodeAttributes): 0 | Errno {
    const result = this.real.getAttributes(out);
    out.ino = this.ino;
    return result;
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    const copied = this.copyUp(change.size);
    return isErr(copied) ? copied : this.upper!.setAttributes(change);
  }

  /** Makes the upper inode, in the place that the path to it has there; of data the first `limit` bytes. */
  copyUp(limit = Infinity): 0 | Errno {
    if (this.upper) return 0;
    const { parent, fs } = this;
    if (fs.alwaysReadOnly) return EROFS;
    if (parent === null || this.isGone) return this.copyUpNameless(limit);
    const above = parent.copyUp();
    if (isErr(above)) return above;
    const directory = parent.upperDentry!;
    const times = emptyAttributes();
    directory.inode!.getAttributes(times);
    const { atime, mtime } = times;
    const made = this.copyTo(directory, this.name, limit);
    if (typeof made === 'number') return made;
    this.setUpper(made);
    directory.inode!.setAttributes({ atime, mtime });
    return 0;
  }

  /** An open file that has no name any more is copied to one in the work directory that goes at once. */
  private copyUpNameless(limit: number): 0 | Errno {
    const { work } = this.fs;
    if (!work) return EROFS;
    const made = this.copyTo(work, this.fs.temporaryName(), limit);
    if (typeof made === 'number') return made;
    this.setUpper(made);
    return removeIn(work, made);
  }

  private copyTo(directory: Dentry, name: ByteString, limit: number): Dentry | Errno {
    const lower = this.below[0]!;
    const attributes = emptyAttributes();
    const known = lower.getAttributes(attributes);
    if (isErr(known)) return known;
    const { atime, mtime } = attributes;
    const target = this.isSymlink ? lower.readlink() : '';
    if (typeof target === 'number') return target;
    const made = createIn(directory, name, makeIn(directory.inode!, name, attributes, target));
    if (typeof made === 'number') return made;
    const filled = this.fill(made.inode!, lower, limit);
    if (isErr(filled)) {
      removeIn(directory, made);
      return filled;
    }
    made.inode!.setAttributes({ atime, mtime });
    return made;
  }

  /** Gives a new upper inode what the lower one has. */
  protected fill(upper: Inode, lower: Inode, _limit: number): 0 | Errno {
    const names = lower.listXattr();
    if (isErr(names)) return 0;
    for (const name of names as ByteString[]) {
      if (name.startsWith(this.fs.prefix) && !name.startsWith(`${this.fs.prefix}overlay.`)) continue;
      const value = lower.getXattr(name);
      if (!isErr(value)) upper.setXattr(name, value as Uint8Array, 0);
    }
    return 0;
  }

  /** An attribute that would be a mark of this overlay's is kept under another name (Linux: ovl_escape_xattr). */
  private nameBelow(name: ByteString): ByteString {
    const { prefix } = this.fs;
    return name.startsWith(prefix) ? `${prefix}overlay.${name.slice(prefix.length)}` : name;
  }

  override getXattr(name: ByteString): Uint8Array | Errno {
    return this.real.getXattr(this.nameBelow(name));
  }
  override listXattr(): ByteString[] | Errno {
    const names = this.real.listXattr();
    if (isErr(names)) return names;
    const { prefix } = this.fs;
    const escaped = `${prefix}overlay.`;
    const shown = (names as ByteString[]).filter((name) => !name.startsWith(prefix) || name.startsWith(escaped));
    return shown.map((name) => (name.startsWith(escaped) ? prefix + name.slice(escaped.length) : name));
  }
  override setXattr(name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
    const copied = this.copyUp();
    return isErr(copied) ? copied : this.upper!.setXattr(this.nameBelow(name), value, flags);
  }
  override removeXattr(name: ByteString): 0 | Errno {
    const copied = this.copyUp();
    return isErr(copied) ? copied : this.upper!.removeXattr(this.nameBelow(name));
  }

  override evict(): void {
    if (this !== (this.fs.root as LayeredInode)) this.forget();
  }

  /** Lets go of the layers' inodes. */
  forget(): void {
    if (this.forgotten) return;
    this.forgotten = true;
    this.isGone = true;
    this.parent?.lostSight(this.name, this);
    for (const inode of this.below) dropInode(inode);
    if (!this.upper) return;
    if (this.fs.byUpper.get(this.upper) === this) this.fs.byUpper.delete(this.upper);
    dropInode(this.upper);
  }
}

/** The name in an upper directory; undefined when it has none. */
export function upperChild(directory: Dentry, name: ByteString): Dentry | Errno | undefined {
  const found = lookupChild(directory, name);
  if (typeof found === 'number') return found;
  return found.inode === null ? undefined : found;
}
