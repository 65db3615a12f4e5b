/**
 * Changes of the tree of mounts (Linux: fs/namespace.c): mounting, bind mounts, moving, unmounting, pivot_root. What happens
 * beneath a shared mount happens beneath its peers and slaves as well. Permissions are the callers'.
 */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { EBUSY, EINVAL, ELOOP, ENOENT, ENOSPC, ENOTDIR } from '../abi/errno.js';
import { isWithin, rootDentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import { areMountsExhausted, endMount, linkMount, Mount, mountedOn, mountsBeneath, topOf, unlinkMount } from './mount.js';
import { takeIn } from './mount-namespace.js';
import { pathWithin, type Path } from './path.js';
import { copyTree, discardTree, followersOf, forgetPropagation, propagateTree, setPropagation } from './propagation.js';

/** Puts a tree that is in none at `where`, on top of what is there; both must be directories or neither. */
export function attachTree(tree: Mount, where: Path): 0 | Errno {
  const place = topOf(where);
  if (place.dentry.deleted || place.dentry.inode === null || place.dentry.inode.isSymlink) return ENOENT;
  if (tree.root.inode!.isDirectory !== place.dentry.inode.isDirectory) return ENOTDIR;
  if (place.mount.peers) return attachShared(tree, place);
  graft(tree, place);
  return 0;
}

function attachShared(tree: Mount, place: Path): 0 | Errno {
  const became = mountsBeneath(tree).filter((mount) => !mount.peers);
  for (const mount of became) setPropagation(mount, 'shared');
  const copies = propagateTree(tree, place);
  if (isErr(copies)) {
    for (const mount of became) setPropagation(mount, 'private');
    return copies;
  }
  graft(tree, place);
  for (const copy of copies) tuckUnder(copy.mount, copy.place);
  return 0;
}

function graft(tree: Mount, place: Path): void {
  linkMount(tree, place);
  takeIn(place.mount.namespace, tree);
}

/** A copy that comes by propagation goes beneath what is mounted there already. */
function tuckUnder(copy: Mount, place: Path): void {
  const above = mountedOn(place.mount, place.dentry);
  graft(copy, place);
  if (!above) return;
  unlinkMount(above);
  linkMount(above, { mount: copy, dentry: copy.root });
}

/** Mounts the root of `fs` at `where`. */
export function mountFileSystem(fs: FileSystem, where: Path, flags: number, source?: ByteString): Mount | Errno {
  if (areMountsExhausted()) return ENOSPC;
  const mount = new Mount(fs, rootDentry(fs), null, flags, source);
  const attached = attachTree(mount, where);
  if (attached === 0) return mount;
  endMount(mount);
  return attached;
}

/** True when something beneath `path` may not be taken from what covers it. */
function hasLockedChildren(path: Path): boolean {
  for (const child of path.mount.children) if (child.locked && isWithin(child.mountPoint!.dentry, path.dentry)) return true;
  return false;
}

/** A copy of what is seen at `from`, in no tree; with `recursive`, also what is mounted beneath it. */
export function copyPlace(from: Path, recursive: boolean): Mount | Errno {
  if (from.mount.unbindable || (!recursive && hasLockedChildren(from))) return EINVAL;
  const copy = copyTree(from.mount, from.dentry, { kind: 'same', recursive });
  if (!isErr(copy)) copy.locked = false;
  return copy;
}

/** A bind mount: `from` is shown at `where` too; with `recursive`, also what is mounted beneath it. */
export function bindMount(from: Path, where: Path, recursive: boolean): Mount | Errno {
  const copy = copyPlace(from, recursive);
  if (isErr(copy)) return copy;
  const attached = attachTree(copy, where);
  if (attached === 0) return copy;
  discardTree(copy);
  return attached;
}

/** Takes a mount out of the tree. EBUSY while it is in use, unless `lazy`; EINVAL for the root. */
export function unmount(mount: Mount, lazy: boolean): 0 | Errno {
  if (mount.mountPoint === null) return EINVAL;
  if (!lazy && (mount.pins > 0 || mount.children.size > 0 || isBusyElsewhere(mount))) return EBUSY;
  for (const victim of mountsBeneath(mount).reverse()) unmountEverywhere(victim);
  return 0;
}

/** What propagation would unmount with it is in use (Linux: propagate_mount_busy). */
function isBusyElsewhere(mount: Mount): boolean {
  const { mount: parent, dentry } = mount.mountPoint!;
  for (const follower of followersOf(parent)) {
    const twin = mountedOn(follower, dentry);
    if (twin && twin !== mount && twin.children.size === 0 && twin.pins > 0) return true;
  }
  return false;
}

function unmountEverywhere(mount: Mount): void {
  const { mount: parent, dentry } = mount.mountPoint!;
  const twins = followersOf(parent).map((follower) => mountedOn(follower, dentry));
  removeMount(mount);
  for (const twin of twins) {
    if (!twin || twin === mount || twin.mountPoint === null || twin.locked) continue;
    const above = mountedOn(twin, twin.root);
    if (twin.children.size > (above ? 1 : 0)) continue;
    const place = twin.mountPoint;
    if (above) unlinkMount(above);
    removeMount(twin);
    if (above) linkMount(above, place);
  }
}

function removeMount(mount: Mount): void {
  unlinkMount(mount);
  mount.namespace = undefined;
  forgetPropagation(mount);
  endMount(mount);
}

/** mount --move, and move_mount(2) of a tree that is attached. */
export function moveMount(mount: Mount, where: Path): 0 | Errno {
  const old = mount.mountPoint;
  if (old === null || mount.locked || old.mount.peers) return EINVAL;
  const place = topOf(where);
  if (place.mount.peers && mountsBeneath(mount).some((m) => m.unbindable)) return EINVAL;
  for (let at: Mount | undefined = place.mount; at; at = at.mountPoint?.mount) if (at === mount) return ELOOP;
  if (mount.root.inode!.isDirectory !== place.dentry.inode!.isDirectory) return ENOTDIR;
  unlinkMount(mount);
  const attached = attachTree(mount, place);
  if (attached !== 0) graft(mount, old);
  return attached;
}

/**
 * pivot_root(2): `newRoot`, the root of a mount, becomes the root of the tree, and the old one is mounted at `putOld` beneath it.
 * The caller moves the roots and working directories of tasks from `oldRoot` to the answer.
 */
export function pivotRoot(oldRoot: Path, newRoot: Path, putOld: Path): Path | Errno {
  const wrong = checkPivot(oldRoot, newRoot, putOld);
  if (wrong !== 0) return wrong;
  const { mount } = newRoot;
  const former = oldRoot.mount;
  const namespace = former.namespace!;
  const rootPlace = former.mountPoint;
  mount.locked = former.locked;
  former.locked = false;
  const oldPlace = topOf(putOld);
  unlinkMount(mount);
  if (rootPlace) {
    unlinkMount(former);
    linkMount(mount, rootPlace);
  } else {
    namespace.root = mount;
  }
  linkMount(former, oldPlace.mount === former ? { mount, dentry: mount.root } : oldPlace);
  return { mount, dentry: mount.root };
}

function checkPivot(oldRoot: Path, newRoot: Path, putOld: Path): 0 | Errno {
  const { mount } = newRoot;
  const { namespace, mountPoint } = oldRoot.mount;
  if (putOld.mount.peers || mount.mountPoint?.mount.peers || mountPoint?.mount.peers) return EINVAL;
  if (mount.namespace !== namespace || putOld.mount.namespace !== namespace || mount.locked) return EINVAL;
  if (newRoot.dentry.deleted) return ENOENT;
  if (mount === oldRoot.mount || putOld.mount === oldRoot.mount) return EBUSY;
  if (oldRoot.dentry !== oldRoot.mount.root || newRoot.dentry !== mount.root || mount.mountPoint === null) return EINVAL;
  if (pathWithin(putOld, newRoot) === undefined || pathWithin(newRoot, oldRoot) === undefined) return EINVAL;
  return 0;
}

/** move_mount(2) with MOVE_MOUNT_BENEATH: a tree that is in none goes between `above` and what that is mounted on. */
export function mountBeneath(tree: Mount, above: Mount): 0 | Errno {
  const place = above.mountPoint;
  if (place === null || tree.mountPoint !== null || place.mount.peers || above.locked) return EINVAL;
  if (tree.root.inode!.isDirectory !== above.root.inode!.isDirectory) return ENOTDIR;
  tuckUnder(tree, place);
  return 0;
}
