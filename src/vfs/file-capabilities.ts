/**
 * The extended attribute security.capability (Linux: struct vfs_ns_cap_data, security/commoncap.c; capabilities(7), "File
 * capabilities"). Revision 3 names the root user of the namespace in which it counts; revision 2 counts everywhere.
 */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, EPERM } from '../abi/errno.js';
import {
  VFS_CAP_FLAGS_EFFECTIVE,
  VFS_CAP_REVISION_2,
  VFS_CAP_REVISION_3,
  VFS_CAP_REVISION_MASK,
  XATTR_CAPS_SZ_2,
  XATTR_CAPS_SZ_3,
} from '../abi/capability.js';
import { ALL_CAPABILITIES, type Credentials } from './credentials.js';
import type { Inode } from './inode.js';
import { uidIn, toKernelUid, type UserNamespace } from './user-namespace.js';

export const CAPABILITY_XATTR = 'security.capability';

export interface FileCapabilities {
  readonly permitted: number;
  readonly inheritable: number;
  /** The program has them without asking for them. */
  readonly effective: boolean;
}

interface Attribute extends FileCapabilities {
  /** Kernel's id of the root user that it was set for. */
  readonly rootUid: number;
}

const HIGH_PART = Math.floor(ALL_CAPABILITIES / 4294967296);

function decode(bytes: Uint8Array): Attribute | Errno {
  if (bytes.length < 4) return EINVAL;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0, true);
  const revision = (magic & VFS_CAP_REVISION_MASK) >>> 0;
  const size = revision === VFS_CAP_REVISION_3 ? XATTR_CAPS_SZ_3 : revision === VFS_CAP_REVISION_2 ? XATTR_CAPS_SZ_2 : -1;
  if (bytes.length !== size) return EINVAL;
  const set = (at: number): number => view.getUint32(at, true) + (view.getUint32(at + 8, true) & HIGH_PART) * 4294967296;
  return {
    permitted: set(4),
    inheritable: set(8),
    effective: (magic & VFS_CAP_FLAGS_EFFECTIVE) !== 0,
    rootUid: revision === VFS_CAP_REVISION_3 ? view.getUint32(20, true) : 0,
  };
}

/** What a program of `inode` gets in namespace `ns`; undefined: nothing. */
export function fileCapabilities(inode: Inode, ns: UserNamespace): FileCapabilities | undefined {
  const bytes = inode.getXattr(CAPABILITY_XATTR);
  if (isErr(bytes)) return undefined;
  const attribute = decode(bytes as Uint8Array);
  if (isErr(attribute)) return undefined;
  for (let at: UserNamespace | null = ns; at; at = at.parent) if (uidIn(at, attribute.rootUid) === 0) return attribute;
  return undefined;
}

/** The value to store for one that `cred` sets: beneath the first namespace it becomes revision 3. EINVAL for a malformed one. */
export function capabilitiesToStore(cred: Credentials, value: Uint8Array): Uint8Array | Errno {
  const attribute = decode(value);
  if (isErr(attribute)) return attribute;
  const ns = cred.userNs;
  if (ns.parent === null) return value;
  const root = toKernelUid(ns, attribute.rootUid);
  if (root < 0) return EPERM;
  return withRoot(value, VFS_CAP_REVISION_3, root);
}

/** The stored value as `cred` is shown it: revision 2 where it was set for its own root. */
export function capabilitiesToShow(cred: Credentials, stored: Uint8Array): Uint8Array {
  const attribute = decode(stored);
  if (isErr(attribute) || stored.length !== XATTR_CAPS_SZ_3) return stored;
  const root = uidIn(cred.userNs, attribute.rootUid);
  if (root === 0) return withRoot(stored, VFS_CAP_REVISION_2, 0).subarray(0, XATTR_CAPS_SZ_2);
  return root < 0 ? stored : withRoot(stored, VFS_CAP_REVISION_3, root);
}

function withRoot(value: Uint8Array, revision: number, root: number): Uint8Array {
  const bytes = new Uint8Array(XATTR_CAPS_SZ_3);
  bytes.set(value.subarray(0, XATTR_CAPS_SZ_3));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (revision | (view.getUint32(0, true) & VFS_CAP_FLAGS_EFFECTIVE)) >>> 0, true);
  view.setUint32(20, root, true);
  return bytes;
}
