/**
 * An unpacked image as it is kept: an index that tells of every inode, and the contents (plain tar archives) that hold the data
 * of its files. Written by unpack.ts, shown to guests by fs/imagefs. The index is a file of two lines of JSON: what is needed to
 * decide whether it is still good, and what is needed to show it.
 *
 * A node is [mode, uid, gid, seconds, nanoseconds, links, ...what its type needs]:
 *   directory      [name, node, name, node, ...]
 *   regular file   size, [content, offset, at, length, ...]
 *   link           target
 *   device         major, minor
 */
import type { ByteString } from '../base/brands.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/stat.js';
import type { TreeNode } from './image-tree.js';

/** Changes when files of an earlier version of skas cannot be read any more. */
export const INDEX_VERSION = 1;

export type IndexNode = [
  mode: number,
  uid: number,
  gid: number,
  sec: number,
  nsec: number,
  links: number,
  first?: number | ByteString | (ByteString | number)[],
  second?: number | number[],
];

/** A file that holds data. */
export interface IndexContent {
  path: string;
  size: number;
}

/** What an image says about the program to run (image-spec, config.md). */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  env: string[];
  user: string;
  workingDir: string;
}

export interface ImageIndex {
  version: number;
  /** Absent for a plain archive. */
  config?: ImageConfig;
  contents: IndexContent[];
  /** The first is the root. */
  nodes: IndexNode[];
  /** Node number -> name -> value, as bytes. */
  xattrs: Record<string, Record<ByteString, ByteString>>;
}

export function formatIndex({ version, config, contents, nodes, xattrs }: ImageIndex): string {
  return `${JSON.stringify({ version, config, contents })}\n${JSON.stringify({ nodes, xattrs })}\n`;
}

/** Of a file that formatIndex made; throws what JSON.parse throws for any other. */
export function parseIndex(text: string): ImageIndex {
  const end = text.indexOf('\n');
  return { ...(JSON.parse(text.slice(0, end)) as object), ...(JSON.parse(text.slice(end + 1)) as object) } as ImageIndex;
}

/** Turns a tree into nodes, each inode once however many names it has. */
export function indexTree(root: TreeNode): Pick<ImageIndex, 'nodes' | 'xattrs'> {
  const nodes: IndexNode[] = [];
  const xattrs: ImageIndex['xattrs'] = {};
  const numbers = new Map<TreeNode, number>();
  const add = (node: TreeNode): number => {
    const number = nodes.length;
    const { sec, nsec } = node.mtime;
    nodes.push([node.mode, node.uid, node.gid, sec, nsec, 1, ...payload(node)] as IndexNode);
    numbers.set(node, number);
    if (node.xattrs.size > 0) xattrs[number] = Object.fromEntries(node.xattrs);
    return number;
  };
  const todo = [root];
  add(root);
  for (let directory = todo.pop(); directory; directory = todo.pop()) {
    const indexed = nodes[numbers.get(directory)!]!;
    const names = indexed[6] as (ByteString | number)[];
    indexed[5] = 2;
    for (const [name, child] of directory.children!) {
      const known = numbers.get(child);
      const number = known ?? add(child);
      if (known !== undefined) nodes[known]![5]++;
      if (child.children) {
        indexed[5]++;
        todo.push(child);
      }
      names.push(name, number);
    }
  }
  return { nodes, xattrs };
}

function payload(node: TreeNode): unknown[] {
  switch (node.mode & S_IFMT) {
    case S_IFDIR:
      return [[]];
    case S_IFREG:
      return [node.size, node.extents.flatMap(({ content, offset, at, length }) => [content, offset, at, length])];
    case S_IFLNK:
      return [node.target];
    case S_IFCHR:
    case S_IFBLK:
      return [...node.device];
    default:
      return [];
  }
}
