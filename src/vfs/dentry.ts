/** A name in the tree, with the inode it stands for (Linux: struct dentry). */
import type { ByteString } from '../base/brands.js';
import type { Inode } from './inode.js';

export class Dentry {
  readonly children = new Map<ByteString, Dentry>();

  constructor(
    public name: ByteString,
    public parent: Dentry | null,
    /** null: known not to exist. */
    public inode: Inode | null,
  ) {}
}
