/** What /proc/PID/mounts, mountinfo and statmount(2) say of mounts (Linux: fs/proc_namespace.c). */
import type { ByteString } from '../base/brands.js';
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME } from '../abi/mount.js';
import { mountsBeneath, type Mount } from './mount.js';
import { pathString, pathWithin, type Path } from './path.js';

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
  /** 'shared:1 master:2', '' for a private one. */
  propagation: string;
  /** Options of the file system: 'rw,size=1024k'. */
  fsOptions: string;
}

/** The mounts of a tree, oldest first. */
export function inOrder(top: Mount): Mount[] {
  return mountsBeneath(top).sort((a, b) => a.id - b.id);
}

/** The mounts of the namespace of `root` that are visible beneath it. */
export function listMounts(root: Path): MountListing[] {
  const list: MountListing[] = [];
  for (const mount of inOrder(root.mount.namespace?.root ?? root.mount)) {
    const path = pathWithin({ mount, dentry: mount.root }, root);
    if (path !== undefined) list.push(describeMount(mount, path));
  }
  return list;
}

/** Path of a mount's root within its file system. */
export function rootPathOf(mount: Mount): ByteString {
  if (mount.root.parent === null && mount.root.name !== '') return mount.root.name;
  let text = '';
  for (let at = mount.root; at.parent; at = at.parent) text = '/' + at.name + text;
  if (mount.root.deleted) text += '//deleted';
  return text === '' ? '/' : text;
}

function describeMount(mount: Mount, path: ByteString): MountListing {
  const readOnly = mount.fs.readOnly;
  return {
    mount,
    parentId: mount.mountPoint?.mount.id ?? mount.id,
    path,
    rootPath: rootPathOf(mount),
    options: mountOptions(mount.flags),
    propagation: propagationText(mount),
    fsOptions: (readOnly ? 'ro' : 'rw') + mount.fs.mountOptions(),
  };
}

function propagationText(mount: Mount): string {
  const fields: string[] = [];
  if (mount.peers) fields.push(`shared:${mount.peers.id}`);
  if (mount.master) fields.push(`master:${mount.master.id}`);
  if (mount.unbindable) fields.push('unbindable');
  return fields.join(' ');
}

const OPTION_NAMES: readonly [number, string][] = [
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_NOATIME, 'noatime'],
  [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'],
  [MS_NOSYMFOLLOW, 'nosymfollow'],
];

export function mountOptions(flags: number): string {
  const options = [(flags & MS_RDONLY) !== 0 ? 'ro' : 'rw'];
  for (const [flag, name] of OPTION_NAMES) if ((flags & flag) !== 0) options.push(name);
  return options.join(',');
}

/** Where a mount is mounted, as seen from `root`. */
export function mountPointText(mount: Mount, root: Path): ByteString {
  return pathString({ mount, dentry: mount.root }, root);
}
