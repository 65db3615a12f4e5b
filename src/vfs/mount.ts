/**
 * A file system attached to the tree, and the tree of mounts (Linux: struct mount, fs/namespace.c). One mount namespace per
 * machine; propagation between mounts (shared, slave) is left out: every mount is private.
 */
import type { ByteString, Errno } from '../base/brands.js';
import { EBUSY, EINVAL, ELOOP, ENOTDIR } from '../abi/errno.js';
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME } from '../abi/mount.js';
import { dropDentries, isWithin, rootDentry, type Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import { dropPath, holdPath, pathWithin, type Path } from './path.js';

let nextMountId = 1;

export class Mount {
  readonly id = nextMountId++;
  /** Mounts upon this one, in order of mounting. */
  readonly children = new Set<Mount>();
  /** Open files, working directories and walks that refer to it. */
  pins = 0;
  /** Set when it was unmounted in use: called once nothing refers to it any more. */
  onUnused: (() => void) | undefined = undefined;
  /** Holds files without a name (pipes, sockets): its dentries' names are their whole text. */
  isInternal = false;

  constructor(
    readonly fs: FileSystem,
    readonly root: Dentry,
    /** Where it is mounted; null for the root of the tree and for internal mounts. */
    public mountPoint: Path | null,
    /** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, ... */
    public flags: number,
    /** First column of /proc/mounts. */
    readonly source: ByteString = fs.type,
  ) {
    fs.mountCount++;
    root.pins++;
  }
}

/** A mount of the whole of `fs` that is not yet in any tree: the machine's root. */
export function rootMount(fs: FileSystem, flags = MS_RELATIME, source?: ByteString): Mount {
  return new Mount(fs, rootDentry(fs), null, flags, source);
}

/** The mount on top of a place, or undefined. */
export function mountedOn(mount: Mount, dentry: Dentry): Mount | undefined {
  const { mounts } = dentry;
  if (mounts === null) return undefined;
  for (let i = mounts.length - 1; i >= 0; i--) if (mounts[i]!.mountPoint!.mount === mount) return mounts[i];
  return undefined;
}

/** True when something is mounted on this dentry, by whatever mount it is reached. */
export function isMountPoint(dentry: Dentry): boolean {
  return dentry.mounts !== null;
}

/** Follows mounts upward from a place: what is seen there. */
export function topOf(path: Path): Path {
  let { mount, dentry } = path;
  for (let above = mountedOn(mount, dentry); above; above = mountedOn(mount, dentry)) {
    mount = above;
    dentry = above.root;
  }
  return mount === path.mount ? path : { mount, dentry };
}

/** Puts a mount into the tree at `where`; both must be directories or neither. */
export function attachMount(mount: Mount, where: Path): 0 | Errno {
  const place = topOf(where);
  if (place.dentry.deleted || place.dentry.inode === null) return EINVAL;
  if (mount.root.inode!.isDirectory !== place.dentry.inode.isDirectory) return ENOTDIR;
  mount.mountPoint = place;
  holdPath(place);
  place.mount.children.add(mount);
  place.dentry.mounts ??= [];
  place.dentry.mounts.push(mount);
  return 0;
}

/** Mounts the root of `fs` at `where`. */
export function mountFileSystem(fs: FileSystem, where: Path, flags: number, source?: ByteString): Mount | Errno {
  const mount = new Mount(fs, rootDentry(fs), null, flags, source);
  const attached = attachMount(mount, where);
  if (attached === 0) return mount;
  endMount(mount);
  return attached;
}

/** A bind mount: `from` is shown at `where` too; with `recursive`, also what is mounted beneath it. */
export function bindMount(from: Path, where: Path, recursive: boolean): Mount | Errno {
  const copy = new Mount(from.mount.fs, from.dentry, null, from.mount.flags, from.mount.source);
  const below = recursive ? [...from.mount.children].filter((m) => isWithin(m.mountPoint!.dentry, from.dentry)) : [];
  const attached = attachMount(copy, where);
  if (attached !== 0) {
    endMount(copy);
    return attached;
  }
  for (const child of below) {
    if (child === copy) continue;
    const bound = bindMount({ mount: child, dentry: child.root }, { mount: copy, dentry: child.mountPoint!.dentry }, true);
    if (typeof bound === 'number') return bound;
  }
  return copy;
}

/** Takes a mount out of the tree. EBUSY while it is in use, unless `lazy`; EINVAL for the root. */
export function unmount(mount: Mount, lazy: boolean): 0 | Errno {
  if (mount.mountPoint === null) return EINVAL;
  if (!lazy && (mount.pins > 0 || mount.children.size > 0)) return EBUSY;
  for (const child of [...mount.children]) unmount(child, true);
  detachMount(mount);
  endMount(mount);
  return 0;
}

function detachMount(mount: Mount): void {
  const place = mount.mountPoint!;
  const { mounts } = place.dentry;
  mounts!.splice(mounts!.indexOf(mount), 1);
  if (mounts!.length === 0) place.dentry.mounts = null;
  place.mount.children.delete(mount);
  mount.mountPoint = null;
  dropPath(place);
}

/** Gives a mount's file system back: now, or when its last user is gone. */
function endMount(mount: Mount): void {
  if (mount.pins > 0) {
    mount.onUnused = () => endMount(mount);
    return;
  }
  mount.onUnused = undefined;
  mount.root.pins--;
  if (--mount.fs.mountCount > 0) return;
  dropDentries(mount.fs);
  mount.fs.dispose();
}

/** mount --move. */
export function moveMount(mount: Mount, where: Path): 0 | Errno {
  if (mount.mountPoint === null) return EINVAL;
  for (let at: Mount | undefined = topOf(where).mount; at; at = at.mountPoint?.mount) if (at === mount) return ELOOP;
  const old = mount.mountPoint;
  detachMount(mount);
  const attached = attachMount(mount, where);
  if (attached !== 0) attachMount(mount, old);
  return attached;
}

/**
 * pivot_root(2): `newRoot`, the root of a mount, becomes the root of the tree, and the old one is mounted at `putOld` beneath it.
 * The caller moves the roots and working directories of tasks from `oldRoot` to the answer.
 */
export function pivotRoot(oldRoot: Path, newRoot: Path, putOld: Path): Path | Errno {
  const { mount } = newRoot;
  if (newRoot.dentry !== mount.root || mount.mountPoint === null || oldRoot.dentry !== oldRoot.mount.root) return EINVAL;
  if (mount === oldRoot.mount || putOld.mount === oldRoot.mount) return EBUSY;
  if (pathWithin(putOld, newRoot) === undefined || oldRoot.mount.mountPoint !== null) return EINVAL;
  if (putOld.dentry === mount.root) return EBUSY;
  detachMount(mount);
  const attached = attachMount(oldRoot.mount, putOld);
  return attached !== 0 ? attached : { mount, dentry: mount.root };
}

/** One line of /proc/mounts and mountinfo. */
export interface MountListing {
  mount: Mount;
  parentId: number;
  /** Path of the mount point as seen from `root`. */
  path: ByteString;
  /** Path of the mount's root within its file system: '/' unless it is a bind mount. */
  rootPath: ByteString;
  /** 'rw,nosuid,relatime' */
  options: string;
  /** Options of the file system: 'rw,size=1024k'. */
  fsOptions: string;
}

/** The mounts that are visible beneath `root`, parents first. */
export function listMounts(root: Path): MountListing[] {
  const list: MountListing[] = [];
  const add = (mount: Mount): void => {
    const path = pathWithin({ mount, dentry: mount.root }, root);
    if (path !== undefined) list.push(describeMount(mount, path));
    for (const child of mount.children) add(child);
  };
  add(root.mount);
  return list;
}

function describeMount(mount: Mount, path: ByteString): MountListing {
  let rootPath = '';
  for (let at = mount.root; at.parent; at = at.parent) rootPath = '/' + at.name + rootPath;
  const readOnly = mount.fs.readOnly;
  return {
    mount,
    parentId: mount.mountPoint?.mount.id ?? mount.id,
    path,
    rootPath: rootPath === '' ? '/' : rootPath,
    options: (readOnly ? 'ro' : '') + mountOptions(mount.flags).slice(readOnly ? 2 : 0),
    fsOptions: (readOnly ? 'ro' : 'rw') + mount.fs.mountOptions(),
  };
}

const OPTION_NAMES: readonly [number, string][] = [
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_NOATIME, 'noatime'],
  [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'],
];

function mountOptions(flags: number): string {
  const options = [(flags & MS_RDONLY) !== 0 ? 'ro' : 'rw'];
  for (const [flag, name] of OPTION_NAMES) if ((flags & flag) !== 0) options.push(name);
  return options.join(',');
}
