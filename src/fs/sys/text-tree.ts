/**
 * Trees of small read-only files, as sysfs and cgroup2 are (Linux: fs/kernfs). Described by plain objects; the inodes of a
 * directory are made when somebody first looks into it, so that a machine whose guests never do pays nothing.
 */
import type { ByteString } from '../../base/brands.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno } from '../proc/inode-numbers.js';
import { fixedDirectory, lazyDirectory, ProcDirectory, ProcLink, ProcText, ROOT_OWNER, type DirectorySource } from '../proc/nodes.js';

/** A symbolic link among the files. */
export class LinkTo {
  constructor(readonly target: ByteString) {}
}

/** A directory whose names change: described again when `version` has another text. */
export class ChangingTree {
  constructor(
    readonly version: () => string,
    readonly describe: () => TextTree,
  ) {}
}

/** Text (a newline is added), text made when it is read (as it is), a link, or a directory. */
export type TextNode = string | number | (() => ByteString) | LinkTo | ChangingTree | TextTree;
export interface TextTree {
  readonly [name: string]: TextNode;
}

const owner = (): typeof ROOT_OWNER => ROOT_OWNER;

/** The directory that `describe` describes, asked once. */
export function textDirectory(fs: FileSystem, describe: () => TextTree, parentIno?: number): Inode {
  const ino = fixedIno();
  return new ProcDirectory(
    fs,
    ino,
    0o555,
    owner,
    lazyDirectory(() => nodesOf(fs, describe(), ino), parentIno ?? ino),
  );
}

function nodesOf(fs: FileSystem, tree: TextTree, ino: number): Map<ByteString, Inode> {
  const make = (node: TextNode): Inode => {
    if (node instanceof LinkTo) return new ProcLink(fs, fixedIno(), owner, () => node.target);
    if (node instanceof ChangingTree) return changingDirectory(fs, node, ino);
    if (typeof node === 'object') return textDirectory(fs, () => node, ino);
    return new ProcText(fs, fixedIno(), 0o444, owner, typeof node === 'function' ? node : () => `${node}\n`);
  };
  return new Map(Object.entries(tree).map(([name, node]) => [name, make(node)]));
}

function changingDirectory(fs: FileSystem, { version, describe }: ChangingTree, parentIno: number): Inode {
  const ino = fixedIno();
  let shown: string | undefined;
  let source = fixedDirectory(new Map(), parentIno);
  const current = (): DirectorySource => {
    const wanted = version();
    if (wanted !== shown) source = fixedDirectory(nodesOf(fs, describe(), ino), parentIno);
    shown = wanted;
    return source;
  };
  return new ProcDirectory(fs, ino, 0o555, owner, {
    parentIno,
    lookup: (name) => current().lookup(name),
    list: () => current().list(),
  });
}
