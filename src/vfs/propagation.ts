/**
 * Propagation of mounts (Linux: fs/pnode.c; mount_namespaces(7), "Shared subtrees"). In Linux peers form a ring and slaves a list;
 * here a peer group is an object that knows its members and its slaves.
 */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, ENOSPC } from '../abi/errno.js';
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME } from '../abi/mount.js';
import { isWithin, type Dentry } from './dentry.js';
import { areMountsExhausted, endMount, linkMount, Mount, mountsBeneath, unlinkMount } from './mount.js';
import type { Path } from './path.js';

let nextGroupId = 1;

export class PeerGroup {
  /** As mountinfo shows it: shared:ID, master:ID. */
  readonly id = nextGroupId++;
  readonly members = new Set<Mount>();
  readonly slaves = new Set<Mount>();
}

export type PropagationType = 'shared' | 'slave' | 'private' | 'unbindable';

function joinPeers(mount: Mount, group: PeerGroup): void {
  mount.peers = group;
  group.members.add(mount);
}

function setMaster(mount: Mount, master: PeerGroup | undefined): void {
  mount.master?.slaves.delete(mount);
  mount.master = master;
  master?.slaves.add(mount);
}

/** Slaves of a group that the last member leaves go to that one's master. */
function leavePeers(mount: Mount): void {
  const { peers } = mount;
  if (!peers) return;
  mount.peers = undefined;
  peers.members.delete(mount);
  if (peers.members.size > 0) return;
  for (const slave of [...peers.slaves]) setMaster(slave, mount.master);
}

/** mount --make-shared, --make-slave, --make-private, --make-unbindable. */
export function setPropagation(mount: Mount, type: PropagationType): void {
  if (type === 'shared') {
    mount.unbindable = false;
    if (!mount.peers) joinPeers(mount, new PeerGroup());
    return;
  }
  const { peers } = mount;
  leavePeers(mount);
  if (type !== 'slave') setMaster(mount, undefined);
  else if (peers && peers.members.size > 0) setMaster(mount, peers);
  mount.unbindable = type === 'unbindable';
}

/** move_mount(2) with MOVE_MOUNT_SET_GROUP: `mount`, private so far, follows whom `model` follows and has its peers. */
export function joinGroupOf(model: Mount, mount: Mount): 0 | Errno {
  if (mount.peers || mount.master || (!model.peers && !model.master)) return EINVAL;
  if (model.fs !== mount.fs || !isWithin(mount.root, model.root)) return EINVAL;
  if (model.peers) joinPeers(mount, model.peers);
  setMaster(mount, model.master);
  return 0;
}

/** How a copy of a mount relates to the original. */
export type CopyKind = 'same' | 'peer' | 'slave' | 'shared-slave' | 'slave-of-shared' | 'private';

function cloneMount(old: Mount, root: Dentry, kind: CopyKind): Mount {
  const copy = new Mount(old.fs, root, null, old.flags, old.source);
  copy.lockedFlags = old.lockedFlags;
  const isSlave = kind === 'slave' || kind === 'shared-slave' || (kind === 'slave-of-shared' && old.peers !== undefined);
  if (isSlave) setMaster(copy, old.peers ?? old.master);
  else if (kind !== 'private') {
    if (old.peers) joinPeers(copy, old.peers);
    setMaster(copy, old.master);
  }
  if ((kind === 'shared-slave' || kind === 'peer') && !copy.peers) joinPeers(copy, new PeerGroup());
  return copy;
}

export interface CopyOptions {
  readonly kind: CopyKind;
  /** Also what is mounted beneath. */
  readonly recursive: boolean;
  /** Unbindable mounts too (a new namespace). */
  readonly unbindable?: boolean;
  /** Told of each copy. */
  readonly onCopy?: (old: Mount, copy: Mount) => void;
}

/** A copy of what `mount` shows at and beneath `root`, in no tree yet. ENOSPC: there are too many mounts. */
export function copyTree(mount: Mount, root: Dentry, options: CopyOptions): Mount | Errno {
  if (areMountsExhausted()) return ENOSPC;
  const top = cloneMount(mount, root, options.kind);
  options.onCopy?.(mount, top);
  const pairs: [Mount, Mount][] = [[mount, top]];
  for (let i = 0; options.recursive && i < pairs.length; i++) {
    const [old, copy] = pairs[i]!;
    for (const child of old.children) {
      const { dentry } = child.mountPoint!;
      if ((child.unbindable && !options.unbindable) || (i === 0 && !isWithin(dentry, root))) continue;
      if (areMountsExhausted()) {
        discardTree(top);
        return ENOSPC;
      }
      const childCopy = cloneMount(child, child.root, options.kind);
      childCopy.unbindable = child.unbindable;
      childCopy.locked = child.locked;
      options.onCopy?.(child, childCopy);
      linkMount(childCopy, { mount: copy, dentry });
      pairs.push([child, childCopy]);
    }
  }
  return top;
}

/** Ends a tree that is in no namespace. */
export function discardTree(top: Mount): void {
  for (const mount of mountsBeneath(top).reverse()) {
    forgetPropagation(mount);
    if (mount.mountPoint) unlinkMount(mount);
    endMount(mount);
  }
}

/** A mount that ends has no peers. */
export function forgetPropagation(mount: Mount): void {
  setPropagation(mount, 'private');
}

/** A copy of a tree and where it goes. */
export interface PropagatedCopy {
  readonly mount: Mount;
  readonly place: Path;
}

/** True where `dentry` is seen through `mount`, which is in some tree. */
function shows(mount: Mount, dentry: Dentry): boolean {
  return mount.namespace !== undefined && isWithin(dentry, mount.root);
}

/**
 * Copies `source`, a tree whose mounts are all shared, for each mount that shall have it because it is mounted at `place`
 * (Linux: propagate_mnt).
 */
export function propagateTree(source: Mount, place: Path): PropagatedCopy[] | Errno {
  const copies: PropagatedCopy[] = [];
  const { dentry } = place;
  const copyTo = (target: Mount, from: Mount, kind: CopyKind): Mount | Errno => {
    const copy = copyTree(from, from.root, { kind, recursive: true });
    if (isErr(copy)) return copy;
    if (target.namespace!.owner !== place.mount.namespace?.owner) lockTree(copy);
    copies.push({ mount: copy, place: { mount: target, dentry } });
    return copy;
  };
  const done = spread(place.mount, source, dentry, copyTo);
  if (done === 0) return copies;
  for (const copy of copies) discardTree(copy.mount);
  return done;
}

type CopyTo = (target: Mount, from: Mount, kind: CopyKind) => Mount | Errno;

function spread(at: Mount, source: Mount, dentry: Dentry, copyTo: CopyTo): 0 | Errno {
  const first = at.peers!;
  const seen = new Set([first]);
  for (const peer of [...first.members]) {
    if (peer === at || !shows(peer, dentry)) continue;
    const copy = copyTo(peer, source, 'peer');
    if (isErr(copy)) return copy;
  }
  const work: [PeerGroup, Mount][] = [[first, source]];
  for (const [group, from] of work) {
    for (const slave of [...group.slaves]) {
      const { peers } = slave;
      if (peers && seen.has(peers)) continue;
      let model: Mount | undefined;
      for (const target of peers ? [...peers.members] : [slave]) {
        if (!shows(target, dentry)) continue;
        const copy: Mount | Errno = model ? copyTo(target, model, 'peer') : copyTo(target, from, peers ? 'shared-slave' : 'slave');
        if (isErr(copy)) return copy;
        model ??= copy;
      }
      if (!peers) continue;
      seen.add(peers);
      work.push([peers, model ?? from]);
    }
  }
  return 0;
}

/** All mounts that follow what happens at `mount`: peers, their slaves, and theirs. */
export function followersOf(mount: Mount): Mount[] {
  const list: Mount[] = [];
  const seen = new Set<PeerGroup>();
  const work = mount.peers ? [mount.peers] : [];
  for (const group of work) {
    if (seen.has(group)) continue;
    seen.add(group);
    for (const peer of group.members) if (peer !== mount) list.push(peer);
    for (const slave of group.slaves) {
      if (slave.peers) work.push(slave.peers);
      else if (slave !== mount) list.push(slave);
    }
  }
  return list;
}

const LOCKABLE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
const ATIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;
/** In `lockedFlags`: the times' flags may not change in either direction. */
const LOCKED_ATIME = MS_RELATIME;

/** What a less privileged namespace must not undo of mounts that it got from another (Linux: lock_mnt_tree). */
export function lockTree(top: Mount): void {
  for (const mount of mountsBeneath(top)) {
    mount.lockedFlags |= (mount.flags & LOCKABLE) | LOCKED_ATIME;
    mount.locked = mount !== top;
  }
}

/** EPERM for new flags that drop a locked one. */
export function changesLockedFlags(mount: Mount, flags: number): boolean {
  const { lockedFlags } = mount;
  if ((lockedFlags & LOCKABLE & ~flags) !== 0) return true;
  return (lockedFlags & LOCKED_ATIME) !== 0 && ((flags ^ mount.flags) & ATIME_FLAGS) !== 0;
}
