/**
 * Who a task is (Linux: struct cred). Immutable: a change of identity makes a new one. Ids are those of the first user namespace;
 * capabilities count in `userNs` and beneath it (Linux: security/commoncap.c, cap_capable).
 */
import { gidIn, INITIAL_USER_NAMESPACE, uidIn, type UserNamespace } from './user-namespace.js';

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly egid: number;
  readonly suid: number;
  readonly sgid: number;
  readonly fsuid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  /** Capability sets: bit n is CAP_ n (41 capabilities, so two 32-bit halves in a number: test with `hasCapability`). */
  readonly effective: number;
  readonly permitted: number;
  readonly inheritable: number;
  readonly bounding: number;
  readonly ambient: number;
  readonly securebits: number;
  readonly userNs: UserNamespace;
  /** The newest layer of its Landlock restrictions: see landlock.ts. */
  readonly landlock?: import('./landlock.js').LandlockLayer;
}

/** Every capability up to CAP_CHECKPOINT_RESTORE (40). */
export const ALL_CAPABILITIES = 2 ** 41 - 1;

function isEffective(cred: Credentials, capability: number): boolean {
  return Math.floor(cred.effective / 2 ** capability) % 2 === 1;
}

/** Over the whole machine: in the first user namespace (Linux: capable). */
export function hasCapability(cred: Credentials, capability: number): boolean {
  return cred.userNs.parent === null && isEffective(cred, capability);
}

/** In the task's own user namespace (Linux: ns_capable(current_user_ns(), ...)). */
export function hasOwnCapability(cred: Credentials, capability: number): boolean {
  return isEffective(cred, capability);
}

/** Over what `ns` owns (Linux: ns_capable): in it, in an ancestor, or as the one who made it or an ancestor of it. */
export function capableIn(cred: Credentials, ns: UserNamespace, capability: number): boolean {
  const own = cred.userNs;
  for (let at = ns; ; at = at.parent) {
    if (at === own) return isEffective(cred, capability);
    if (at.level <= own.level || at.parent === null) return false;
    if (at.parent === own && at.uid === cred.euid) return true;
  }
}

/** Over a file: its owner and group must mean something in the caller's namespace (Linux: capable_wrt_inode_uidgid). */
export function capableOver(inode: { readonly uid: number; readonly gid: number }, cred: Credentials, capability: number): boolean {
  if (!isEffective(cred, capability)) return false;
  const ns = cred.userNs;
  return ns.parent === null || (uidIn(ns, inode.uid) >= 0 && gidIn(ns, inode.gid) >= 0);
}

/** Root with every capability. */
export const ROOT_CREDENTIALS: Credentials = {
  uid: 0,
  gid: 0,
  euid: 0,
  egid: 0,
  suid: 0,
  sgid: 0,
  fsuid: 0,
  fsgid: 0,
  groups: [0],
  effective: ALL_CAPABILITIES,
  permitted: ALL_CAPABILITIES,
  inheritable: 0,
  bounding: ALL_CAPABILITIES,
  ambient: 0,
  securebits: 0,
  userNs: INITIAL_USER_NAMESPACE,
};

/** An ordinary user without capabilities. */
export function userCredentials(uid: number, gid: number, groups: readonly number[] = [gid]): Credentials {
  if (uid === 0) return { ...ROOT_CREDENTIALS, gid, egid: gid, sgid: gid, fsgid: gid, groups };
  return {
    uid,
    gid,
    euid: uid,
    egid: gid,
    suid: uid,
    sgid: gid,
    fsuid: uid,
    fsgid: gid,
    groups,
    effective: 0,
    permitted: 0,
    inheritable: 0,
    bounding: ALL_CAPABILITIES,
    ambient: 0,
    securebits: 0,
    userNs: INITIAL_USER_NAMESPACE,
  };
}

/** True when `gid` is the file-system group or one of the supplementary groups. */
export function inGroup(cred: Credentials, gid: number): boolean {
  return cred.fsgid === gid || cred.groups.includes(gid);
}

/** Those that access(2) asks with: the real user and group, and what execve would leave of the capabilities. */
export function realCredentials(cred: Credentials): Credentials {
  const effective = cred.uid === cred.userNs.rootUid ? cred.permitted : 0;
  if (cred.fsuid === cred.uid && cred.fsgid === cred.gid && cred.effective === effective) return cred;
  return { ...cred, fsuid: cred.uid, fsgid: cred.gid, effective };
}
