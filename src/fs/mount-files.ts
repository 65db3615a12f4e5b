/** The descriptors of the mount API (Linux: fs/fsopen.c, fs/namespace.c): a file system being set up, and a tree in no namespace. */
import type { ByteString, Errno } from '../base/brands.js';
import { EBUSY, EINVAL, ENODATA } from '../abi/errno.js';
import { O_PATH, O_RDWR } from '../abi/fcntl.js';
import { anonInode } from '../vfs/anon-inode.js';
import type { FileSystem } from '../vfs/file-system.js';
import type { Mount } from '../vfs/mount.js';
import { OpenFile } from '../vfs/open-file.js';
import { setFilePath, type Path } from '../vfs/path.js';
import { discardTree } from '../vfs/propagation.js';

/** Options that belong to every file system, whatever else it knows. */
const COMMON_FLAGS: ReadonlySet<ByteString> = new Set(['ro', 'rw', 'sync', 'async', 'dirsync', 'lazytime', 'nolazytime', 'mand', 'nomand']);
/** As much as the data page of mount(2) holds. */
const MOST_OPTIONS = 4094;

/** fsopen(2) and fspick(2). */
export class FsContextFile extends OpenFile {
  source: ByteString = '';
  private options: ByteString = '';
  /** Asked for by the flag "ro"; undefined: nothing was said. */
  readOnly: boolean | undefined = undefined;
  /** Made by FSCONFIG_CMD_CREATE, or picked; taken by fsmount(2). */
  made: FileSystem | undefined = undefined;
  isMounted = false;
  hasFailed = false;

  /** `picked`: the mount whose file system is to be reconfigured. */
  constructor(
    readonly type: ByteString,
    readonly picked: Mount | undefined,
  ) {
    super(anonInode('anon_inode:[fscontext]'), O_RDWR);
  }

  override get seekable(): boolean {
    return false;
  }
  /** Messages of the file system: there are none. */
  override read(): Errno {
    return ENODATA;
  }

  /** The options set so far, as the data of mount(2); they are used up. */
  takeOptions(): ByteString {
    const { options } = this;
    this.options = '';
    return options;
  }

  /** FSCONFIG_SET_*: EBUSY once it is made, EINVAL for what cannot be right. */
  set(key: ByteString, value: ByteString | undefined): 0 | Errno {
    if (this.made || this.hasFailed) return EBUSY;
    if (COMMON_FLAGS.has(key)) {
      if (key === 'ro' || key === 'rw') this.readOnly = key === 'ro';
      return 0;
    }
    if (key === '' || key.includes(',')) return EINVAL;
    if (key === 'source') {
      if (value === undefined || this.source !== '') return EINVAL;
      this.source = value;
      return 0;
    }
    const option = value === undefined ? key : `${key}=${value}`;
    if (value?.includes(',') || this.options.length + option.length + 1 > MOST_OPTIONS) return EINVAL;
    this.options += (this.options === '' ? '' : ',') + option;
    return 0;
  }

  override release(): void {
    if (this.made && !this.isMounted && this.made.mountCount === 0) this.made.dispose();
  }
}

/** fsmount(2) and open_tree(2): a place, and with OPEN_TREE_CLONE the tree that ends with it unless it was mounted. */
export class TreeFile extends OpenFile {
  constructor(
    place: Path,
    private readonly owned: Mount | undefined,
  ) {
    super(place.dentry.inode!, O_PATH);
    setFilePath(this, place);
  }

  override release(): void {
    const { owned } = this;
    if (owned && owned.namespace === undefined && owned.mountPoint === null) discardTree(owned);
  }
}
