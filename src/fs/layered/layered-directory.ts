/** Directories of a mounted overlay (Linux: fs/overlayfs/namei.c, dir.c): what a name shows, and what changes leave in the upper one. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } from '../../abi/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../abi/fs.js';
import { S_IFDIR, S_IFLNK } from '../../abi/stat.js';
import { exchangeDentries, moveDentry, type Dentry } from '../../vfs/dentry.js';
import type { CreateAttributes, Inode, InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { DirectoryEntry } from '../../vfs/inode.js';
import { LayeredInode, makeIn, upperChild } from './layered-inode.js';
import { LayeredListing, mergedEntries, namesIn } from './layered-listing.js';
import { createIn, isOpaque, isWhiteout, removeIn, setOpaque, whiteOut } from './markers.js';

interface Found {
  readonly upper: Dentry | undefined;
  readonly below: readonly Inode[];
}

export class LayeredDirectory extends LayeredInode {
  /** Set while the base class is made, so no initializer may come after. */
  declare upperDentry: Dentry | undefined;
  /** Children that somebody refers to, by the names they were seen under. */
  private readonly inSight = new Map<ByteString, LayeredInode>();

  protected override setUpper(dentry: Dentry): void {
    super.setUpper(dentry);
    this.upperDentry = dentry;
    dentry.pins++;
  }

  override forget(): void {
    if (this.upperDentry) this.upperDentry.pins--;
    this.upperDentry = undefined;
    super.forget();
  }

  /** Top first. */
  get layers(): readonly Inode[] {
    return this.upper ? [this.upper, ...this.below] : this.below;
  }
  private get isMerged(): boolean {
    return this.layers.length > 1;
  }

  sighted(name: ByteString): LayeredInode | undefined {
    return this.inSight.get(name);
  }
  lostSight(name: ByteString, child: LayeredInode): void {
    if (this.inSight.get(name) === child) this.inSight.delete(name);
  }
  private sawAs(name: ByteString, child: LayeredInode): LayeredInode {
    if (child.parent !== this || child.name !== name) child.parent?.lostSight(child.name, child);
    child.parent = this;
    child.name = name;
    this.inSight.set(name, child);
    return child;
  }

  /** Merged directories have no true count: 1 means unknown. */
  override getAttributes(out: InodeAttributes): 0 | Errno {
    const result = super.getAttributes(out);
    if (this.isMerged) out.nlink = 1;
    return result;
  }

  override lookup(name: ByteString): LayeredInode | Errno {
    const found = this.find(name);
    if (typeof found === 'number') return found;
    const { upper, below } = found;
    const known = upper ? this.fs.byUpper.get(upper.inode!) : this.inSight.get(name);
    if (known && !known.isGone && (upper || (!known.upper && known.below[0] === below[0]))) return this.sawAs(name, known);
    return this.sawAs(name, this.fs.make(upper, below, this, name));
  }

  private find(name: ByteString): Found | Errno {
    const upper = this.upperDentry && upperChild(this.upperDentry, name);
    if (typeof upper === 'number') return upper;
    if (!upper) return this.findBelow(name);
    const inode = upper.inode!;
    if (isWhiteout(inode)) return ENOENT;
    if (!inode.isDirectory || isOpaque(inode, this.fs.prefix)) return { upper, below: [] };
    const below = this.findBelow(name);
    if (typeof below === 'number') return below === ENOENT ? { upper, below: [] } : below;
    return { upper, below: below.below[0]!.isDirectory ? below.below : [] };
  }

  private findBelow(name: ByteString): Found | Errno {
    const below: Inode[] = [];
    for (const layer of this.below) {
      const inode = layer.lookup(name);
      if (inode === ENOENT) continue;
      if (typeof inode === 'number') return inode;
      if (isWhiteout(inode)) break;
      if (!inode.isDirectory && below.length > 0) break;
      below.push(inode);
      if (!inode.isDirectory || isOpaque(inode, this.fs.prefix)) break;
    }
    return below.length === 0 ? ENOENT : { upper: undefined, below };
  }

  private isBelow(name: ByteString): boolean {
    return typeof this.findBelow(name) !== 'number';
  }

  override open(flags: number): OpenFile {
    return new LayeredListing(this, flags);
  }

  // Changes.

  /** The upper directory with a whiteout of that name taken away; `wasCovered`: there was one. */
  private openPlace(name: ByteString): { directory: Dentry; wasCovered: boolean } | Errno {
    const there = this.find(name);
    if (there !== ENOENT) return typeof there === 'number' ? there : EEXIST;
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    const directory = this.upperDentry!;
    const marker = upperChild(directory, name);
    if (typeof marker === 'number') return marker;
    const removed = marker ? removeIn(directory, marker) : 0;
    return isErr(removed) ? removed : { directory, wasCovered: marker !== undefined };
  }

  private add(name: ByteString, attributes: CreateAttributes, target: ByteString): LayeredInode | Errno {
    const place = this.openPlace(name);
    if (typeof place === 'number') return place;
    const { directory, wasCovered } = place;
    const made = createIn(directory, name, makeIn(directory.inode!, name, attributes, target));
    if (typeof made === 'number') {
      if (wasCovered) whiteOut(directory, name);
      return made;
    }
    if (made.inode!.isDirectory && wasCovered) setOpaque(made.inode!, this.fs.prefix);
    return this.sawAs(name, this.fs.make(made, [], this, name));
  }

  override create(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    return this.add(name, attributes, '');
  }
  override mkdir(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    return this.add(name, { ...attributes, mode: S_IFDIR | (attributes.mode & 0o7777) }, '');
  }
  override symlink(name: ByteString, target: ByteString, attributes: CreateAttributes): Inode | Errno {
    return this.add(name, { ...attributes, mode: S_IFLNK | 0o777 }, target);
  }

  override tmpfile(attributes: CreateAttributes): Inode | Errno {
    const { work } = this.fs;
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    const name = this.fs.temporaryName();
    const made = createIn(work!, name, work!.inode!.create(name, attributes));
    if (typeof made === 'number') return made;
    const inode = this.fs.make(made, [], this, name);
    inode.parent = null;
    removeIn(work!, made);
    return inode;
  }

  override link(name: ByteString, target: Inode): 0 | Errno {
    if (!(target instanceof LayeredInode)) return EINVAL;
    const copied = target.copyUp();
    if (isErr(copied)) return copied;
    const place = this.openPlace(name);
    if (typeof place === 'number') return place;
    const { directory, wasCovered } = place;
    const linked = directory.inode!.link(name, target.upper!);
    if (linked !== 0) {
      if (wasCovered) whiteOut(directory, name);
      return linked;
    }
    createIn(directory, name, target.upper!);
    this.sawAs(name, target);
    return 0;
  }

  /** Takes a name away that shows `child`. */
  private remove(name: ByteString, child: LayeredInode): 0 | Errno {
    const copied = this.copyUp();
    if (isErr(copied)) return copied;
    const directory = this.upperDentry!;
    const above = upperChild(directory, name);
    if (typeof above === 'number') return above;
    const removed = above ? removeIn(directory, above) : 0;
    if (isErr(removed)) return removed;
    const covered = this.isBelow(name) ? whiteOut(directory, name) : 0;
    if (isErr(covered)) return covered;
    this.lostSight(name, child);
    if (child.parent === this && child.name === name) child.isGone = child.upper === undefined || child.isDirectory;
    return 0;
  }

  override unlink(name: ByteString): 0 | Errno {
    const child = this.lookup(name);
    if (typeof child === 'number') return child;
    return child.isDirectory ? EISDIR : this.remove(name, child);
  }

  override rmdir(name: ByteString): 0 | Errno {
    const child = this.lookup(name);
    if (typeof child === 'number') return child;
    if (!(child instanceof LayeredDirectory)) return ENOTDIR;
    const emptied = child.empty();
    return isErr(emptied) ? emptied : this.remove(name, child);
  }

  /** Takes the whiteouts out of a directory that shows no names; ENOTEMPTY when it shows one. */
  private empty(): 0 | Errno {
    const shown = mergedEntries(this);
    if (isErr(shown)) return shown;
    if ((shown as DirectoryEntry[]).length > 2) return ENOTEMPTY;
    if (!this.upperDentry) return 0;
    const markers = namesIn(this.upperDentry.inode!);
    if (isErr(markers)) return markers;
    for (const { name } of markers as DirectoryEntry[]) {
      const marker = upperChild(this.upperDentry, name);
      if (typeof marker === 'number') return marker;
      const removed = marker ? removeIn(this.upperDentry, marker) : 0;
      if (isErr(removed)) return removed;
    }
    return 0;
  }

  override rename(name: ByteString, newParent: Inode, newName: ByteString, flags: number): 0 | Errno {
    if (!(newParent instanceof LayeredDirectory)) return EINVAL;
    const source = this.lookup(name);
    if (typeof source === 'number') return source;
    const target = newParent.lookup(newName);
    if (typeof target === 'number' && target !== ENOENT) return target;
    const replaced = typeof target === 'number' ? undefined : target;
    if (replaced && (flags & RENAME_NOREPLACE) !== 0) return EEXIST;
    const isExchange = (flags & RENAME_EXCHANGE) !== 0;
    if (isExchange && !replaced) return ENOENT;
    if (isBoundBelow(source) || (isExchange && isBoundBelow(replaced!))) return EXDEV;
    for (const inode of [this, newParent, source, ...(isExchange ? [replaced!] : [])]) {
      const copied = inode.copyUp();
      if (isErr(copied)) return copied;
    }
    return isExchange ? this.exchange(name, source, newParent, newName, replaced!) : this.move(name, source, newParent, newName, replaced);
  }

  private move(
    name: ByteString,
    source: LayeredInode,
    newParent: LayeredDirectory,
    newName: ByteString,
    replaced: LayeredInode | undefined,
  ): 0 | Errno {
    if (replaced && replaced.isDirectory !== source.isDirectory) return source.isDirectory ? ENOTDIR : EISDIR;
    const emptied = replaced instanceof LayeredDirectory ? replaced.empty() : 0;
    if (isErr(emptied)) return emptied;
    const from = this.upperDentry!;
    const to = newParent.upperDentry!;
    const moved = upperChild(from, name) as Dentry;
    const there = upperChild(to, newName);
    if (typeof there === 'number') return there;
    // A whiteout, or an empty directory: neither can be replaced by just anything.
    const cleared = there && there.inode!.type !== source.type ? removeIn(to, there) : 0;
    if (isErr(cleared)) return cleared;
    const done = from.inode!.rename(name, to.inode!, newName, 0);
    if (done !== 0) return done;
    moveDentry(moved, to, newName);
    if (source.isDirectory && newParent.isMerged) setOpaque(source.upper!, this.fs.prefix);
    if (replaced) {
      newParent.lostSight(newName, replaced);
      if (!replaced.upper || replaced.isDirectory) replaced.isGone = true;
    }
    const covered = this.isBelow(name) ? whiteOut(from, name) : 0;
    newParent.sawAs(newName, source);
    return covered;
  }

  private exchange(
    name: ByteString,
    source: LayeredInode,
    other: LayeredDirectory,
    otherName: ByteString,
    target: LayeredInode,
  ): 0 | Errno {
    const from = this.upperDentry!;
    const to = other.upperDentry!;
    const first = upperChild(from, name) as Dentry;
    const second = upperChild(to, otherName) as Dentry;
    const done = from.inode!.rename(name, to.inode!, otherName, RENAME_EXCHANGE);
    if (done !== 0) return done;
    exchangeDentries(first, second);
    if (source.isDirectory && other.isMerged) setOpaque(source.upper!, this.fs.prefix);
    if (target.isDirectory && this.isMerged) setOpaque(target.upper!, this.fs.prefix);
    this.lostSight(name, source);
    other.lostSight(otherName, target);
    other.sawAs(otherName, source);
    this.sawAs(name, target);
    return 0;
  }
}

/** A directory that lower layers have too cannot be renamed without a redirect. */
function isBoundBelow(inode: LayeredInode): boolean {
  return inode.isDirectory && inode.below.length > 0;
}
