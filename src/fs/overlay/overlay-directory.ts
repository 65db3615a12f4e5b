/** Directories of an overlay: names made, moved and removed here cover those of the lower directories. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } from '../../abi/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../abi/fs.js';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/stat.js';
import type { CreateAttributes, Inode } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { OverlayInode } from './overlay-inode.js';
import { isEmptyDirectory, OverlayListing } from './overlay-listing.js';
import { OverlayNode } from './overlay-node.js';
import { OverlayRegular } from './overlay-regular.js';

export class OverlayDirectory extends OverlayInode {
  /** Names that do not show what is below: an inode, or null for a whiteout. */
  names: Map<ByteString, OverlayInode | null> | undefined = undefined;

  /** Merged directories of several layers have no true count: 1 means unknown, as Linux's overlay shows it. */
  protected override countLinks(below: number): number {
    if (this.lowers.length > 1) return 1;
    return this.lowers.length === 0 ? 2 + this.linkDelta : below + this.linkDelta;
  }

  override lookup(name: ByteString): OverlayInode | Errno {
    const own = this.names?.get(name);
    if (own === null) return ENOENT;
    if (own !== undefined) return own;
    return this.lookupBelow(name);
  }

  /** What the lower layers show under `name`. */
  lookupBelow(name: ByteString): OverlayInode | Errno {
    const { lowers } = this;
    if (lowers.length === 1) {
      const found = lowers[0]!.lookup(name);
      return isErr(found) ? found : this.fs.inodeFor([found as Inode], this, name);
    }
    const found: Inode[] = [];
    for (const lower of lowers) {
      const inode = lower.lookup(name);
      if (inode === ENOENT) continue;
      if (isErr(inode)) return inode;
      const isDirectory = (inode as Inode).isDirectory;
      if (found.length > 0 && !isDirectory) break;
      found.push(inode as Inode);
      if (!isDirectory) break;
    }
    return found.length === 0 ? ENOENT : this.fs.inodeFor(found, this, name);
  }

  private isBelow(name: ByteString): boolean {
    return this.lowers.some((lower) => lower.lookup(name) !== ENOENT);
  }

  /** Refers to `inode` by name from now on, if the name still showed what is below. */
  adopt(name: ByteString, inode: OverlayInode): boolean {
    if (this.names?.has(name)) return false;
    this.names ??= new Map();
    this.names.set(name, inode);
    inode.pins++;
    return true;
  }

  override open(flags: number): OpenFile | Errno {
    return new OverlayListing(this, flags);
  }

  // Changes.

  /** Makes ready for a change of names. */
  private beforeChange(): 0 | Errno {
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    this.names ??= new Map();
    return 0;
  }

  private touch(): void {
    this.upper!.setAttributes({ mtime: this.fs.now() });
  }

  private setName(name: ByteString, inode: OverlayInode): void {
    this.names!.set(name, inode);
    inode.pins++;
    inode.sawAs(this, name);
    if (inode.isDirectory) this.linkDelta++;
  }

  /** Takes a name away; the inode may be evicted by it. */
  private clearName(name: ByteString, inode: OverlayInode): void {
    if (this.names!.get(name) === inode) inode.pins--;
    if (this.isBelow(name)) this.names!.set(name, null);
    else this.names!.delete(name);
    if (inode.isDirectory) this.linkDelta--;
  }

  private mayCreate(name: ByteString): 0 | Errno {
    const there = this.lookup(name);
    if (!isErr(there)) return EEXIST;
    return there === ENOENT ? this.beforeChange() : there;
  }

  private add(name: ByteString, attributes: CreateAttributes, target?: ByteString): OverlayInode | Errno {
    const may = this.mayCreate(name);
    if (isErr(may)) return may;
    const inode = this.make(attributes, target);
    if (isErr(inode)) return inode;
    (inode as OverlayInode).linkDelta += (inode as OverlayInode).isDirectory ? 0 : 1;
    this.setName(name, inode as OverlayInode);
    this.touch();
    return inode;
  }

  /** A new inode without a name. */
  private make(attributes: CreateAttributes, target?: ByteString): OverlayInode | Errno {
    const type = attributes.mode & S_IFMT;
    const inode: OverlayInode =
      type === S_IFDIR
        ? new OverlayDirectory(this.fs, [], null, '')
        : type === S_IFREG
          ? new OverlayRegular(this.fs, [], null, '')
          : new OverlayNode(this.fs, [], null, '');
    const made = inode.makeUpper(attributes, target);
    return isErr(made) ? made : inode;
  }

  override create(name: ByteString, attributes: CreateAttributes): OverlayInode | Errno {
    return this.add(name, attributes);
  }
  override mkdir(name: ByteString, attributes: CreateAttributes): OverlayInode | Errno {
    return this.add(name, { ...attributes, mode: S_IFDIR | (attributes.mode & 0o7777) });
  }
  override symlink(name: ByteString, target: ByteString, attributes: CreateAttributes): OverlayInode | Errno {
    return this.add(name, { ...attributes, mode: S_IFLNK | 0o777 }, target);
  }
  override tmpfile(attributes: CreateAttributes): OverlayInode | Errno {
    return this.make({ ...attributes, mode: S_IFREG | (attributes.mode & 0o7777) });
  }

  override link(name: ByteString, target: Inode): 0 | Errno {
    if (!(target instanceof OverlayInode) || target.fs !== this.fs) return EXDEV;
    const may = this.mayCreate(name);
    if (isErr(may)) return may;
    const copied = target.copyUp();
    if (isErr(copied)) return copied;
    target.linkDelta++;
    this.setName(name, target);
    target.upper!.setAttributes({});
    this.touch();
    return 0;
  }

  override unlink(name: ByteString): 0 | Errno {
    const inode = this.lookup(name);
    if (isErr(inode)) return inode;
    if ((inode as OverlayInode).isDirectory) return EISDIR;
    return this.remove(name, inode as OverlayInode);
  }

  override rmdir(name: ByteString): 0 | Errno {
    const inode = this.lookup(name);
    if (isErr(inode)) return inode;
    if (!(inode instanceof OverlayDirectory)) return ENOTDIR;
    const empty = isEmptyDirectory(inode);
    if (isErr(empty)) return empty;
    return empty ? this.remove(name, inode) : ENOTEMPTY;
  }

  private remove(name: ByteString, inode: OverlayInode): 0 | Errno {
    const ready = this.beforeChange();
    if (isErr(ready)) return ready;
    this.dropName(name, inode);
    this.touch();
    return 0;
  }

  /** Removes a name for good. */
  private dropName(name: ByteString, inode: OverlayInode): void {
    this.clearName(name, inode);
    if (!inode.isDirectory) inode.linkDelta--;
    if (inode.references === 0) inode.evict();
  }

  override rename(name: ByteString, newParent: Inode, newName: ByteString, flags: number): 0 | Errno {
    if (!(newParent instanceof OverlayDirectory) || newParent.fs !== this.fs) return EXDEV;
    const source = this.lookup(name);
    if (isErr(source)) return source;
    const target = newParent.lookup(newName);
    if (isErr(target) && target !== ENOENT) return target;
    const moved = source as OverlayInode;
    const there = isErr(target) ? undefined : (target as OverlayInode);
    if (moved === there) return 0;
    const may = mayRename(moved, newParent, there, flags);
    if (isErr(may)) return may;
    const ready = this.beforeChange();
    if (isErr(ready)) return ready;
    const newReady = newParent.beforeChange();
    if (isErr(newReady)) return newReady;
    this.clearName(name, moved);
    if (there) {
      if (flags & RENAME_EXCHANGE) newParent.clearName(newName, there);
      else newParent.dropName(newName, there);
    }
    newParent.setName(newName, moved);
    if (there && flags & RENAME_EXCHANGE) this.setName(name, there);
    this.touch();
    newParent.touch();
    return 0;
  }

  /** Whiteouts in a removed directory hold nothing; names cannot be left. */
  protected override destroy(): void {
    this.names = undefined;
    super.destroy();
  }
}

function mayRename(source: OverlayInode, newParent: OverlayDirectory, there: OverlayInode | undefined, flags: number): 0 | Errno {
  for (let at: OverlayDirectory | null = newParent; at; at = at.parent) if (at === source) return EINVAL;
  if (flags & RENAME_EXCHANGE) return there ? 0 : ENOENT;
  if (!there) return 0;
  if (flags & RENAME_NOREPLACE) return EEXIST;
  if (!source.isDirectory) return there.isDirectory ? EISDIR : 0;
  if (!(there instanceof OverlayDirectory)) return ENOTDIR;
  const empty = isEmptyDirectory(there);
  if (isErr(empty)) return empty;
  return empty ? 0 : ENOTEMPTY;
}
