/**
 * The tree that archives make when they are unpacked one over the other, as names and attributes only: nothing is made on the
 * host, so no name can lead out of it, and owners, modes and devices are kept whoever runs this.
 *
 * Paths are taken as beneath the root, symbolic links on the way included (as every container engine does); `..` in the name
 * of an entry is refused. Whiteouts are those of OCI layers (image-spec, layer.md): they hide what lower layers brought.
 */
import type { ByteString } from '../base/brands.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../abi/stat.js';
import { ArchiveError } from './archive-error.js';
import { printable, type TarEntry, type TarEntryType } from './tar-reader.js';

/** Where data of a file lies: `length` bytes at `offset` of content `content` belong at `at` of the file. */
export interface Extent {
  content: number;
  offset: number;
  at: number;
  length: number;
}

export interface TreeNode {
  /** Type and permission bits. */
  mode: number;
  uid: number;
  gid: number;
  mtime: { sec: number; nsec: number };
  /** Major and minor number of a device. */
  device: readonly [number, number];
  /** Of a symbolic link. */
  target: ByteString;
  size: number;
  /** In order; what they leave out is a hole. */
  extents: Extent[];
  xattrs: ReadonlyMap<ByteString, ByteString>;
  /** Of a directory. */
  children: Map<ByteString, TreeNode> | undefined;
  /** The layer that brought it. */
  layer: number;
}

const MODES: Readonly<Record<Exclude<TarEntryType, 'hardlink'>, number>> = {
  file: S_IFREG,
  symlink: S_IFLNK,
  char: S_IFCHR,
  block: S_IFBLK,
  directory: S_IFDIR,
  fifo: S_IFIFO,
};

const MAX_PATH = 4096;
const MAX_NAME = 255;
const MAX_LINKS = 40;
/** Links on the way could lead deeper than any name is long. */
const MAX_DEPTH = MAX_PATH / 2;
/** Files, directories and so on of one image. */
const MAX_ENTRIES = 1_000_000;
const MAX_ID = 2 ** 32 - 2;
const NO_XATTRS: ReadonlyMap<ByteString, ByteString> = new Map();

export class ImageTree {
  readonly root = newDirectory(0);
  private entries = 0;
  /** The directory that the last entry was put into: the next one is mostly its neighbour. */
  private lastPath: ByteString | undefined = undefined;
  private lastDirectory: TreeNode = this.root;

  /** Puts one entry of layer `layer` in its place; `content`: number of the content that holds its data. */
  apply(entry: TarEntry, layer: number, content: number, whiteouts: boolean): void {
    if (++this.entries > MAX_ENTRIES) throw new ArchiveError(`has more than ${MAX_ENTRIES} entries`);
    const names = namesOf(entry.name, entry.name);
    const name = names.pop();
    if (name === undefined) {
      if (entry.type === 'directory') setAttributes(this.root, entry, layer);
      return;
    }
    const parent = this.directoryFor(names, entry, layer);
    if (whiteouts && name.startsWith('.wh.')) this.whiteOut(parent, name.slice('.wh.'.length), layer);
    else if (entry.type === 'hardlink') this.link(parent, name, entry);
    else this.put(parent, name, entry, layer, content);
  }

  /** mkdir -p of a path of the image's configuration, and what every machine needs. */
  makeDirectory(path: ByteString, mode: number): void {
    const names = namesOf(path, path);
    const entry = { name: path, mtime: this.root.mtime };
    const name = names.pop();
    if (name === undefined) return;
    const parent = this.directoryFor(names, entry, this.root.layer);
    if (parent.children!.has(name)) return;
    const made = newDirectory(parent.layer);
    made.mode = S_IFDIR | mode;
    made.mtime = entry.mtime;
    parent.children!.set(name, made);
  }

  /** The directory that `names` lead to; made where it is missing. */
  private directoryFor(names: readonly ByteString[], entry: Pick<TarEntry, 'name' | 'mtime'>, layer: number): TreeNode {
    const path = names.join('/');
    if (path === this.lastPath) return this.lastDirectory;
    const found = this.walk(names, entry, layer);
    this.lastPath = path;
    this.lastDirectory = found;
    return found;
  }

  private walk(names: readonly ByteString[], entry: Pick<TarEntry, 'name' | 'mtime'>, layer: number): TreeNode {
    const way = [this.root];
    const todo = [...names].reverse();
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') {
        if (way.length > 1) way.pop();
        continue;
      }
      const at = way[way.length - 1]!;
      let next = at.children!.get(name);
      if (!next) {
        if (++this.entries > MAX_ENTRIES) throw new ArchiveError(`has more than ${MAX_ENTRIES} entries`);
        next = newDirectory(layer);
        next.mtime = entry.mtime;
        at.children!.set(name, next);
      }
      if (next.children) {
        if (way.push(next) > MAX_DEPTH) throw new ArchiveError(`has directories too deep: ${printable(entry.name)}`);
        continue;
      }
      if (next.mode !== LINK_MODE) throw new ArchiveError(`has an entry below a file: ${printable(entry.name)}`);
      if (++links > MAX_LINKS) throw new ArchiveError(`has an entry behind too many symbolic links: ${printable(entry.name)}`);
      if (next.target.startsWith('/')) way.length = 1;
      for (const step of next.target.split('/').reverse()) if (step !== '' && step !== '.') todo.push(step);
    }
    return way[way.length - 1]!;
  }

  private put(parent: TreeNode, name: ByteString, entry: TarEntry, layer: number, content: number): void {
    const old = parent.children!.get(name);
    if (old) {
      if (old.children && entry.type === 'directory') {
        setAttributes(old, entry, layer);
        return;
      }
      // What was remembered may have led through it.
      this.lastPath = undefined;
    }
    const node = newNode(entry, layer);
    if (entry.type === 'file') {
      node.size = entry.size;
      node.extents = extentsOf(entry, content);
    } else if (entry.type === 'symlink') {
      if (entry.linkName === '' || entry.linkName.length >= MAX_PATH)
        throw new ArchiveError(`has a link to nowhere: ${printable(entry.name)}`);
      node.target = entry.linkName;
      node.size = entry.linkName.length;
    } else if (entry.type === 'char' || entry.type === 'block') {
      node.device = [entry.devMajor & 0xfff, entry.devMinor & 0xfffff];
    }
    parent.children!.set(name, node);
  }

  private link(parent: TreeNode, name: ByteString, entry: TarEntry): void {
    const names = namesOf(entry.linkName, entry.name);
    const last = names.pop();
    const target = last === undefined ? undefined : this.walk(names, entry, parent.layer).children!.get(last);
    if (!target || target.children) throw new ArchiveError(`has a hard link to what is not there: ${printable(entry.name)}`);
    this.lastPath = undefined;
    parent.children!.set(name, target);
  }

  /** `.wh.NAME` hides NAME, `.wh..wh..opq` all of a directory; other names that begin with `.wh..wh.` are of no meaning to us. */
  private whiteOut(parent: TreeNode, hidden: ByteString, layer: number): void {
    this.lastPath = undefined;
    if (hidden === '.wh..opq') {
      hideLower(parent, layer);
      return;
    }
    const node = hidden.startsWith('.wh.') ? undefined : parent.children!.get(hidden);
    if (node && !hideLower(node, layer)) parent.children!.delete(hidden);
  }
}

const LINK_MODE = S_IFLNK | 0o777;

/** Takes away what layers below `layer` brought beneath `node`; false: nothing is left of the node itself. */
function hideLower(node: TreeNode, layer: number): boolean {
  if (!node.children) return node.layer === layer;
  for (const [name, child] of node.children) if (!hideLower(child, layer)) node.children.delete(name);
  return node.layer === layer || node.children.size > 0;
}

function newDirectory(layer: number): TreeNode {
  return {
    mode: S_IFDIR | 0o755,
    uid: 0,
    gid: 0,
    mtime: { sec: 0, nsec: 0 },
    device: [0, 0],
    target: '',
    size: 0,
    extents: [],
    xattrs: NO_XATTRS,
    children: new Map(),
    layer,
  };
}

function newNode(entry: TarEntry, layer: number): TreeNode {
  const node = newDirectory(layer);
  if (entry.type !== 'directory') node.children = undefined;
  setAttributes(node, entry, layer);
  return node;
}

function setAttributes(node: TreeNode, entry: TarEntry, layer: number): void {
  const type = MODES[entry.type as Exclude<TarEntryType, 'hardlink'>];
  node.mode = entry.type === 'symlink' ? LINK_MODE : type | (entry.mode & 0o7777);
  if (!isId(entry.uid) || !isId(entry.gid)) throw new ArchiveError(`has an impossible owner: ${printable(entry.name)}`);
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.mtime = entry.mtime;
  node.xattrs = entry.xattrs.size > 0 ? entry.xattrs : NO_XATTRS;
  node.layer = layer;
}

function isId(id: number): boolean {
  return id >= 0 && id <= MAX_ID;
}

function extentsOf(entry: TarEntry, content: number): Extent[] {
  if (!entry.runs) return entry.size > 0 ? [{ content, offset: entry.offset, at: 0, length: entry.size }] : [];
  const extents: Extent[] = [];
  let { offset } = entry;
  for (const { at, length } of entry.runs) {
    if (length > 0) extents.push({ content, offset, at, length });
    offset += length;
  }
  return extents;
}

/** The components of an entry's path, taken as beneath the root. */
function namesOf(path: ByteString, shown: ByteString): ByteString[] {
  if (path.length > MAX_PATH || path.includes('\0')) throw new ArchiveError(`has an impossible name: ${printable(shown)}`);
  const names: ByteString[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') throw new ArchiveError(`has a name that leads out of it: ${printable(shown)}`);
    if (name.length > MAX_NAME) throw new ArchiveError(`has a name of more than ${MAX_NAME} bytes: ${printable(shown)}`);
    names.push(name);
  }
  return names;
}
