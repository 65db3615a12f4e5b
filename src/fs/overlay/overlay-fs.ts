/**
 * overlay: directories of other file systems, seen through a layer in memory that takes all changes (Linux: fs/overlayfs).
 *
 * In Linux the upper layer is a directory tree that must outlive the mount, so whiteouts are device nodes, opaque directories
 * carry an xattr, and renames need a redirect. Here the upper layer lives as long as the overlay, so the tree of changes is
 * the inodes themselves: a changed directory has a map of names (an inode, or null for a whiteout), an opaque directory is one
 * without lower directories, and renaming a directory moves one object, lower layers and all. `upper` only stores what the
 * inodes hold: each changed inode owns one inode there, under a name of no meaning.
 *
 * Inode numbers of the first lower layer show through; a file keeps its number when it is copied up.
 */
import { HostClock, type Clock, type Timespec } from '../../base/clock.js';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { changesOf, type OverlayChange } from './changes.js';
import { OverlayDirectory } from './overlay-directory.js';
import type { OverlayInode } from './overlay-inode.js';
import { OverlayNode } from './overlay-node.js';
import { OverlayRegular } from './overlay-regular.js';

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
/** Numbers of inodes that have no lower one begin here. */
const CREATED_INO = 2 ** 47;
/** Distance between the numbers of lower layers. */
const LAYER_INO = 2 ** 44;
const LAYERS_BY_OFFSET = 8;

export class OverlayFs extends FileSystem {
  readonly type = 'overlay';
  override readonly stableNames: boolean;
  /** A directory, or a regular file where that is what is covered. */
  readonly root: OverlayInode;
  /** Top first. */
  readonly lowerRoots: readonly Inode[];
  /** The inode that stands for a lower one: hard links below stay hard links, and open files stay the same file. */
  readonly known = new WeakMap<Inode, OverlayInode>();
  private readonly layers = new Map<FileSystem, number>();
  private nextIno = CREATED_INO;
  private nextUpper = 1;

  /** `lowers`: top first, never changed. `upper`: an empty, writable file system in memory that nobody else uses. */
  constructor(
    private readonly lowers: readonly (FileSystem | Inode)[],
    readonly upper: FileSystem,
    private readonly clock: Clock = new HostClock(),
  ) {
    super();
    this.lowerRoots = lowers.map((lower) => (lower instanceof FileSystem ? lower.root : lower));
    this.stableNames = this.lowerRoots.every((root) => root.fs.stableNames);
    for (const root of this.lowerRoots) if (!this.layers.has(root.fs)) this.layers.set(root.fs, this.layers.size);
    this.root = this.make(this.lowerRoots, null, '');
  }

  /** The inode that shows lower inodes, top first (more than one: directories that are merged), found as `name` in `parent`. */
  inodeFor(lowers: readonly Inode[], parent: OverlayDirectory, name: string): OverlayInode {
    const known = this.known.get(lowers[0]!);
    if (known) {
      known.sawAs(parent, name);
      return known;
    }
    return this.make(lowers, parent, name);
  }

  private make(lowers: readonly Inode[], parent: OverlayDirectory | null, name: string): OverlayInode {
    switch (lowers[0]!.mode & S_IFMT) {
      case S_IFDIR:
        return new OverlayDirectory(this, lowers, parent, name);
      case S_IFREG:
        return new OverlayRegular(this, lowers, parent, name);
      default:
        return new OverlayNode(this, lowers, parent, name);
    }
  }

  /** The number shown for a lower inode's. */
  inoOf(lower: FileSystem, ino: number): number {
    const layer = this.layers.get(lower) ?? 0;
    return layer === 0 || layer >= LAYERS_BY_OFFSET ? ino : ino + layer * LAYER_INO;
  }
  newIno(): number {
    return this.nextIno++;
  }
  /** A name in `upper` that is free. */
  newUpperName(): string {
    return `#${this.nextUpper++}`;
  }
  now(): Timespec {
    return this.clock.realtime();
  }

  /** What differs from the lower layers, parents before children. */
  changes(): Generator<OverlayChange> {
    return changesOf(this.root);
  }

  /**
   * What the first lower layer holds is in use, and what the upper one can take is free. Linux reports the upper layer alone, where
   * that is a directory of a disk on which the lower ones lie too; alone, ours in memory would say that a full root is empty.
   */
  statistics(): FileSystemStatistics {
    const upper = this.upper.statistics();
    const lower = this.lowerRoots[0]!.fs.statistics();
    const used = Math.ceil(((lower.blocks - lower.blocksFree) * lower.blockSize) / upper.blockSize);
    return {
      ...upper,
      type: OVERLAYFS_SUPER_MAGIC,
      blocks: upper.blocks === 0 ? 0 : upper.blocks + used,
      files: upper.files + lower.files - lower.filesFree,
    };
  }

  override dispose(): void {
    this.upper.dispose();
    for (const lower of this.lowers) if (lower instanceof FileSystem && lower.mountCount === 0) lower.dispose();
  }
}
