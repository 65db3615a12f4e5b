/**
 * What all inodes of an overlay share: where attributes come from, and copying up.
 *
 * Until it is changed an inode shows its lower one. `copyUp` makes an upper inode with the same attributes, which then holds
 * all changes of attributes; the data of a regular file stays below until it is written (overlay-regular.ts).
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../abi/stat.js';
import { dropInode, holdInode } from '../../vfs/dentry.js';
import { emptyAttributes, Inode, type AttributeChange, type CreateAttributes, type InodeAttributes } from '../../vfs/inode.js';
import type { OverlayDirectory } from './overlay-directory.js';
import type { OverlayFs } from './overlay-fs.js';

export abstract class OverlayInode extends Inode {
  readonly ino: number;
  upper: Inode | undefined = undefined;
  private upperName = '';
  /** Names in changed directories that stand for this inode. */
  pins = 0;
  /** Names made minus names removed, on top of the lower inode's count. */
  linkDelta = 0;
  private lowerLinks = -1;
  /** Attributes or data were changed, not only times by a change in a directory. */
  changed = false;
  /** Evicted: another object stands for the lower inode by now. */
  dead = false;

  constructor(
    override readonly fs: OverlayFs,
    /** Top first; empty for what was made here. Only directories have several. */
    readonly lowers: readonly Inode[],
    /** Where it was seen last; null for the root and for what has no name. */
    public parent: OverlayDirectory | null,
    public name: ByteString,
  ) {
    super(fs);
    const lower = lowers[0];
    this.ino = lower ? fs.inoOf(lower.fs, lower.ino) : fs.newIno();
    for (const inode of lowers) holdInode(inode);
    if (lower) fs.known.set(lower, this);
  }

  get lower(): Inode | undefined {
    return this.lowers[0];
  }
  /** The inode that attributes come from. */
  protected get real(): Inode {
    return this.upper ?? this.lowers[0]!;
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
  get nlink(): number {
    if (this.lowerLinks < 0) this.lowerLinks = this.lowers.length > 0 ? linksOf(this.lowers[0]!) : 0;
    return this.countLinks(this.lowerLinks);
  }
  /** `below`: the lower inode's count. */
  protected countLinks(below: number): number {
    return below + this.linkDelta;
  }

  /** A lookup found the inode under this name. */
  sawAs(parent: OverlayDirectory, name: ByteString): void {
    this.parent = parent;
    this.name = name;
  }

  getAttributes(out: InodeAttributes): 0 | Errno {
    const result = this.real.getAttributes(out);
    out.ino = this.ino;
    out.nlink = this.upper ? this.nlink : this.countLinks(out.nlink);
    return result;
  }

  override setAttributes(change: AttributeChange): 0 | Errno {
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    this.changed = true;
    return this.upper!.setAttributes(change);
  }

  /** Makes the upper inode of a new file. */
  makeUpper(attributes: CreateAttributes, target: ByteString = ''): 0 | Errno {
    const { root } = this.fs.upper;
    const name = this.fs.newUpperName();
    const type = attributes.mode & S_IFMT;
    const made =
      type === S_IFDIR
        ? root.mkdir(name, attributes)
        : type === S_IFLNK
          ? root.symlink(name, target, attributes)
          : root.create(name, attributes);
    if (isErr(made)) return made;
    this.upper = made as Inode;
    this.upperName = name;
    holdInode(this.upper);
    return 0;
  }

  /** Gives the inode an upper one with the attributes of the lower, and keeps it in the tree of changes. */
  copyUp(): 0 | Errno {
    if (this.upper) return 0;
    const lower = this.lower!;
    const attributes = emptyAttributes();
    const known = lower.getAttributes(attributes);
    if (isErr(known)) return known;
    const target = this.isSymlink ? lower.readlink() : '';
    if (isErr(target)) return target;
    const made = this.makeUpper(attributes, target as ByteString);
    if (isErr(made)) return made;
    this.upper!.setAttributes({ atime: attributes.atime, mtime: attributes.mtime });
    this.copyXattrs(lower);
    this.onCopyUp();
    this.pin();
    return 0;
  }

  protected onCopyUp(): void {}

  private copyXattrs(lower: Inode): void {
    const names = lower.listXattr();
    if (isErr(names)) return;
    for (const name of names as ByteString[]) {
      const value = lower.getXattr(name);
      if (!isErr(value)) this.upper!.setXattr(name, value as Uint8Array, 0);
    }
  }

  /** Makes the directories above refer to this object, where they still show the lower name. */
  pin(): void {
    const { parent } = this;
    if (parent === null || this.pins > 0 || !parent.adopt(this.name, this)) return;
    parent.pin();
  }

  override getXattr(name: ByteString): Uint8Array | Errno {
    return this.real.getXattr(name);
  }
  override listXattr(): ByteString[] | Errno {
    return this.real.listXattr();
  }
  override setXattr(name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    this.changed = true;
    return this.upper!.setXattr(name, value, flags);
  }
  override removeXattr(name: ByteString): 0 | Errno {
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    this.changed = true;
    return this.upper!.removeXattr(name);
  }

  /** Keeps what the tree of changes needs: what has a name there, and what names below lead to though it is no longer as it is there. */
  override evict(): void {
    if (this.pins > 0 || this.dead || this === (this.fs.root as OverlayInode)) return;
    const differs = this.upper !== undefined || this.linkDelta !== 0;
    if (!this.isDirectory && this.lower && differs && this.nlink > 0) return;
    this.destroy();
  }

  protected destroy(): void {
    this.dead = true;
    for (const inode of this.lowers) {
      if (this.fs.known.get(inode) === this) this.fs.known.delete(inode);
      dropInode(inode);
    }
    if (!this.upper) return;
    const { root } = this.fs.upper;
    if (this.isDirectory) root.rmdir(this.upperName);
    else root.unlink(this.upperName);
    dropInode(this.upper);
  }
}

const scratch = emptyAttributes();

function linksOf(inode: Inode): number {
  return isErr(inode.getAttributes(scratch)) ? 1 : scratch.nlink;
}
