/**
 * overlay as a guest mounts it (Linux: fs/overlayfs; Documentation/filesystems/overlayfs.rst): directories of any file systems, one
 * over the other, of which only the uppermost is written to. What is changed is found in the upper directory in Linux' own form, so
 * that programs that make images of it find what they expect. The machine's root is another thing: ../overlay.
 *
 * Left out: redirects (a directory that is also below cannot be renamed: EXDEV, as with redirect_dir=off), metadata-only copies,
 * the index of hard links, origins (a file that was copied up gets another inode number once it has been forgotten), data layers.
 */
import type { ByteString } from '../../base/brands.js';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../abi/stat.js';
import type { Dentry } from '../../vfs/dentry.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { endMount, Mount } from '../../vfs/mount.js';
import type { Path } from '../../vfs/path.js';
import { LayeredDirectory } from './layered-directory.js';
import type { LayeredInode } from './layered-inode.js';
import { LayeredNode, LayeredRegular } from './layered-files.js';

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
/** Distance between the inode numbers of file systems. */
const LAYER_INO = 2 ** 44;

export interface LayeredOptions {
  /** Top first. */
  readonly lowers: readonly Path[];
  readonly upper: Path | undefined;
  /** A directory of ours in the work directory. */
  readonly work: Dentry | undefined;
  /** Marks are attributes of user.overlay, not trusted.overlay. */
  readonly userXattr: boolean;
  /** As /proc/mounts shows them. */
  readonly text: ByteString;
}

export class LayeredFs extends FileSystem {
  readonly type = 'overlay';
  override readonly stableNames: boolean;
  override readonly alwaysReadOnly: boolean;
  readonly root: LayeredDirectory;
  readonly work: Dentry | undefined;
  /** Of the attributes that hold marks. */
  readonly prefix: ByteString;
  /** The inode that shows one of the upper directory: hard links there stay hard links. */
  readonly byUpper = new WeakMap<Inode, LayeredInode>();
  private readonly layers = new Map<FileSystem, number>();
  /** Keep the layers alive, wherever they may be unmounted. */
  private readonly held: Mount[];
  private nextTemporary = 1;

  /** Overlays one upon the other, this one included; and the layers that a name may have to be looked for in. */
  readonly depth: number;
  readonly layerCount: number;

  constructor(private readonly options: LayeredOptions) {
    super();
    const { lowers, upper, work, userXattr } = options;
    ({ depth: this.depth, layerCount: this.layerCount } = heightOf(lowers, upper));
    const places = [...(upper ? [upper] : []), ...lowers];
    this.held = places.map(({ mount, dentry }) => new Mount(mount.fs, dentry, null, mount.flags));
    this.alwaysReadOnly = upper === undefined;
    this.readOnly = this.alwaysReadOnly;
    this.stableNames = places.every(({ mount }) => mount.fs.stableNames);
    this.work = work;
    if (work) work.pins++;
    this.prefix = userXattr ? 'user.overlay.' : 'trusted.overlay.';
    for (const { mount } of lowers) if (!this.layers.has(mount.fs)) this.layers.set(mount.fs, this.layers.size);
    if (upper && !this.layers.has(upper.mount.fs)) this.layers.set(upper.mount.fs, this.layers.size);
    const below = lowers.map(({ dentry }) => dentry.inode!);
    this.root = new LayeredDirectory(this, upper?.dentry, below, null, '');
  }

  /** The inode that shows these; `below` are directories but for the first without an upper one. */
  make(upper: Dentry | undefined, below: readonly Inode[], parent: LayeredDirectory, name: ByteString): LayeredInode {
    const real = upper?.inode ?? below[0]!;
    switch (real.mode & S_IFMT) {
      case S_IFDIR:
        return new LayeredDirectory(this, upper, below, parent, name);
      case S_IFREG:
        return new LayeredRegular(this, upper, below, parent, name);
      default:
        return new LayeredNode(this, upper, below, parent, name);
    }
  }

  /** The number shown for an inode of a layer. */
  inoOf(layer: FileSystem, ino: number): number {
    return ino + (this.layers.get(layer) ?? 0) * LAYER_INO;
  }
  /** A free name in the work directory. */
  temporaryName(): ByteString {
    return `#${(this.nextTemporary++).toString(16)}`;
  }

  override mountOptions(): string {
    return this.options.text;
  }

  override sync(): ReturnType<FileSystem['sync']> {
    return this.options.upper?.mount.fs.sync() ?? 0;
  }

  statistics(): FileSystemStatistics {
    const { upper, lowers } = this.options;
    return { ...(upper ?? lowers[0]!).mount.fs.statistics(), type: OVERLAYFS_SUPER_MAGIC };
  }

  override dispose(): void {
    this.root.forget();
    if (this.work) this.work.pins--;
    for (const mount of this.held.splice(0)) endMount(mount);
  }
}

/** What an overlay of these would come to. */
export function heightOf(lowers: readonly Path[], upper: Path | undefined): { depth: number; layerCount: number } {
  let depth = 0;
  let layerCount = 0;
  for (const { mount } of upper ? [upper, ...lowers] : lowers) {
    const { fs } = mount;
    depth = Math.max(depth, fs instanceof LayeredFs ? fs.depth : 0);
    layerCount += fs instanceof LayeredFs ? fs.layerCount : 1;
  }
  return { depth: depth + 1, layerCount };
}
