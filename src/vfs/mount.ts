/**
 * A file system attached to the tree (Linux: struct mount, fs/mount.h). mount-tree.ts changes the tree, propagation.ts says what
 * happens elsewhere when it changes, mount-list.ts shows it.
 */
import type { ByteString } from '../base/brands.js';
import { MS_RELATIME } from '../abi/mount.js';
import { dropDentries, dropInode, holdInode, rootDentry, type Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import type { MountNamespace } from './mount-namespace.js';
import { dropPath, holdPath, type Path } from './path.js';
import type { PeerGroup } from './propagation.js';

/** Mounts that may exist at a time, in all namespaces (Linux: 100,000 in each). */
const MAX_MOUNTS = 8192;
/** The ids that are never given again begin here, as on Linux. */
const UNIQUE_ID_OFFSET = 0x80000000;

let nextMountId = 1;
let liveMounts = 0;

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
  /** Whose tree it is in; undefined while it is in none. */
  namespace: MountNamespace | undefined = undefined;
  /** What is mounted beneath it is mounted beneath these too, and the other way round ("shared"). */
  peers: PeerGroup | undefined = undefined;
  /** What is mounted beneath these is mounted beneath it too ("slave"). */
  master: PeerGroup | undefined = undefined;
  unbindable = false;
  /** Came from a more privileged namespace: may not be unmounted by itself, and keeps `lockedFlags` (mount_namespaces(7)). */
  locked = false;
  lockedFlags = 0;
  /** umount2(MNT_EXPIRE) was called and nobody has used it since. */
  expiryMark = false;

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
    liveMounts++;
    root.pins++;
    if (root.inode) holdInode(root.inode);
  }

  /** An id that no other mount ever has (STATX_MNT_ID_UNIQUE). */
  get uniqueId(): number {
    return UNIQUE_ID_OFFSET + this.id;
  }
}

/** ENOSPC for one more. */
export function areMountsExhausted(): boolean {
  return liveMounts >= MAX_MOUNTS;
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

/** Hangs a mount that is in no tree at a place, on top of what is there. */
export function linkMount(mount: Mount, place: Path): void {
  mount.mountPoint = place;
  holdPath(place);
  place.mount.children.add(mount);
  place.dentry.mounts ??= [];
  place.dentry.mounts.push(mount);
  place.mount.namespace?.noteChange();
}

export function unlinkMount(mount: Mount): void {
  const place = mount.mountPoint!;
  const { mounts } = place.dentry;
  mounts!.splice(mounts!.indexOf(mount), 1);
  if (mounts!.length === 0) place.dentry.mounts = null;
  place.mount.children.delete(mount);
  mount.mountPoint = null;
  place.mount.namespace?.noteChange();
  dropPath(place);
}

/** Gives a mount's file system back: now, or when its last user is gone. */
export function endMount(mount: Mount): void {
  if (mount.pins > 0) {
    mount.onUnused = () => endMount(mount);
    return;
  }
  mount.onUnused = undefined;
  liveMounts--;
  mount.root.pins--;
  if (mount.root.inode) dropInode(mount.root.inode);
  if (--mount.fs.mountCount > 0) return;
  dropDentries(mount.fs);
  mount.fs.dispose();
}

/** A mount and all beneath it, parents first. */
export function mountsBeneath(mount: Mount): Mount[] {
  const list = [mount];
  for (let i = 0; i < list.length; i++) list.push(...list[i]!.children);
  return list;
}
