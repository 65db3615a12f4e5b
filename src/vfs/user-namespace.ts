/**
 * User namespaces (Linux: kernel/user_namespace.c; user_namespaces(7)). The kernel knows users and groups by their ids in the
 * first namespace; a namespace says which of its ids these are. Ids are translated where they come from a guest and where they
 * go to one. -1 stands for "has none".
 */
import { Namespace } from './namespace.js';

/** Shown for a user or group that has no id in a namespace. */
const OVERFLOW_ID = 65534;
/** Nesting that Linux allows. */
export const MAX_LEVEL = 32;

/** A line of /proc/PID/uid_map. */
export interface IdExtent {
  /** First id in the namespace. */
  readonly first: number;
  /** The same in its parent. */
  readonly lowerFirst: number;
  readonly count: number;
  /** The same in the first namespace. */
  readonly kernelFirst: number;
}

export type IdMap = readonly IdExtent[];

export class UserNamespace extends Namespace {
  readonly kind = 'user';
  readonly level: number;
  /** Empty: not written yet. */
  uidMap: IdMap = [];
  gidMap: IdMap = [];
  /** /proc/PID/setgroups */
  setgroupsAllowed: boolean;

  /** `uid`, `gid`: its creator's effective ones, in the first namespace. */
  constructor(
    readonly parent: UserNamespace | null,
    readonly uid: number,
    readonly gid: number,
    /** The creator had CAP_SETFCAP: maps may name the parent's root. */
    readonly creatorHadSetfcap: boolean,
  ) {
    super('user', parent, parent === null);
    this.level = parent === null ? 0 : parent.level + 1;
    this.setgroupsAllowed = parent === null || parent.setgroupsAllowed;
    parent?.hold();
  }

  /** Its root user among the kernel's ids, -1 when none is mapped. */
  get rootUid(): number {
    return this.parent === null ? 0 : toKernel(this.uidMap, 0);
  }

  protected override onUnused(): void {
    this.parent?.drop();
  }
}

export const INITIAL_USER_NAMESPACE = new UserNamespace(null, 0, 0, true);

function toKernel(map: IdMap, id: number): number {
  for (const { first, count, kernelFirst } of map) if (id >= first && id < first + count) return kernelFirst + id - first;
  return -1;
}

function fromKernel(map: IdMap, id: number): number {
  for (const { first, count, kernelFirst } of map) if (id >= kernelFirst && id < kernelFirst + count) return first + id - kernelFirst;
  return -1;
}

/** The kernel's id for a user as a task of `ns` names it (Linux: make_kuid). */
export function toKernelUid(ns: UserNamespace, uid: number): number {
  return ns.parent === null ? uid : toKernel(ns.uidMap, uid);
}
export function toKernelGid(ns: UserNamespace, gid: number): number {
  return ns.parent === null ? gid : toKernel(ns.gidMap, gid);
}
/** Linux: from_kuid. */
export function uidIn(ns: UserNamespace, uid: number): number {
  return ns.parent === null ? uid : fromKernel(ns.uidMap, uid);
}
export function gidIn(ns: UserNamespace, gid: number): number {
  return ns.parent === null ? gid : fromKernel(ns.gidMap, gid);
}
/** As a guest is shown it (Linux: from_kuid_munged). */
export function shownUid(ns: UserNamespace, uid: number): number {
  if (ns.parent === null) return uid;
  const id = fromKernel(ns.uidMap, uid);
  return id < 0 ? OVERFLOW_ID : id;
}
export function shownGid(ns: UserNamespace, gid: number): number {
  if (ns.parent === null) return gid;
  const id = fromKernel(ns.gidMap, gid);
  return id < 0 ? OVERFLOW_ID : id;
}

/** `ns` is `ancestor` or lies beneath it. */
export function isUserNamespaceWithin(ns: UserNamespace, ancestor: UserNamespace): boolean {
  for (let at: UserNamespace | null = ns; at; at = at.parent) if (at === ancestor) return true;
  return false;
}
