/**
 * Trees of small read-only files, as sysfs and cgroup2 are (Linux: fs/kernfs). Described by plain objects; the inodes of a
 * directory are made when somebody first looks into it, so that a machine whose guests never do pays nothing.
 */
import type { ByteString } from '../../base/brands.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno } from '../proc/inode-numbers.js';
import { lazyDirectory, ProcDirectory, ProcLink, ProcText, ROOT_OWNER } from '../proc/nodes.js';

/** A symbolic link among the files. */
export class LinkTo {
  constructor(readonly target: ByteString) {}
}

/** Text (a newline is added), text made when it is read (as it is), a link, or a directory. */
export type TextNode = string | number | (() => ByteString) | LinkTo | TextTree;
export interface TextTree {
  readonly [name: string]: TextNode;
}

const owner = (): typeof ROOT_OWNER => ROOT_OWNER;

/** The directory that `describe` describes, asked once. */
export function textDirectory(fs: FileSystem, describe: () => TextTree, parentIno?: number): Inode {
  const ino = fixedIno();
  const make = (node: TextNode): Inode => {
    if (node instanceof LinkTo) return new ProcLink(fs, fixedIno(), owner, () => node.target);
    if (typeof node === 'object') return textDirectory(fs, () => node, ino);
    return new ProcText(fs, fixedIno(), 0o444, owner, typeof node === 'function' ? node : () => `${node}\n`);
  };
  const nodes = (): Map<ByteString, Inode> => new Map(Object.entries(describe()).map(([name, node]) => [name, make(node)]));
  return new ProcDirectory(fs, ino, 0o555, owner, lazyDirectory(nodes, parentIno ?? ino));
}
