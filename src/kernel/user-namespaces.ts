/** Making and entering user namespaces, and writing their maps (Linux: kernel/user_namespace.c; user_namespaces(7)). */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, ENOSPC, EPERM } from '../abi/errno.js';
import { CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN } from '../abi/capability.js';
import { ALL_CAPABILITIES, capableIn, hasOwnCapability, type Credentials } from '../vfs/credentials.js';
import { topOf } from '../vfs/mount.js';
import { samePath } from '../vfs/path.js';
import { gidIn, MAX_LEVEL, toKernelGid, toKernelUid, uidIn, UserNamespace, type IdExtent, type IdMap } from '../vfs/user-namespace.js';
import type { Task } from './task.js';

/** Lines that a map may have. */
const MAX_EXTENTS = 340;
const MAX_ID = 0xffffffff;

/** Credentials of one who made or entered `ns`: all capabilities, in it (Linux: set_cred_user_ns). */
function credentialsIn(cred: Credentials, ns: UserNamespace): Credentials {
  return {
    ...cred,
    userNs: ns,
    securebits: 0,
    inheritable: 0,
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    bounding: ALL_CAPABILITIES,
    ambient: 0,
  };
}

/** A new namespace made by `task`: its credentials there. EPERM in a chroot, or for one who has no id in his own namespace. */
export function createUserNamespace(task: Task): Credentials | Errno {
  const { cred } = task;
  const parent = cred.userNs;
  if (parent.level >= MAX_LEVEL) return ENOSPC;
  if (isChrooted(task)) return EPERM;
  if (uidIn(parent, cred.euid) < 0 || gidIn(parent, cred.egid) < 0) return EPERM;
  const ns = new UserNamespace(parent, cred.euid, cred.egid, hasOwnCapability(cred, CAP_SETFCAP));
  return credentialsIn(cred, ns);
}

function isChrooted(task: Task): boolean {
  const { root } = task.nsproxy.mnt;
  return !samePath(task.fs.root, topOf({ mount: root, dentry: root.root }));
}

/** setns(2) into a user namespace. */
export function credentialsForEntering(task: Task, ns: UserNamespace): Credentials | Errno {
  const { cred } = task;
  if (ns === cred.userNs || task.group.tasks.size > 1 || task.fs.users > 1) return EINVAL;
  return capableIn(cred, ns, CAP_SYS_ADMIN) ? credentialsIn(cred, ns) : EPERM;
}

export type MapKind = 'uid' | 'gid';

/** A write to /proc/PID/uid_map or gid_map: once only, by one who may. */
export function writeIdMap(writer: Credentials, ns: UserNamespace, kind: MapKind, text: string): 0 | Errno {
  const { parent } = ns;
  if (parent === null || (kind === 'uid' ? ns.uidMap : ns.gidMap).length > 0) return EPERM;
  if (!capableIn(writer, ns, CAP_SYS_ADMIN)) return EPERM;
  if (writer.userNs !== ns && writer.userNs !== parent) return EPERM;
  const lines = parseMap(text);
  if (isErr(lines)) return lines;
  if (!mayMap(writer, ns, parent, kind, lines as readonly MapLine[])) return EPERM;
  const map = translate(parent, kind, lines as readonly MapLine[]);
  if (isErr(map)) return map;
  if (kind === 'uid') ns.uidMap = map as IdMap;
  else ns.gidMap = map as IdMap;
  return 0;
}

type MapLine = Omit<IdExtent, 'kernelFirst'>;

function parseMap(text: string): readonly MapLine[] | Errno {
  if (text.length >= 4096) return EINVAL;
  const lines: MapLine[] = [];
  const given = text.split('\0')[0]!;
  for (const line of given.replace(/\n$/, '').split('\n')) {
    const match = /^\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*$/.exec(line);
    if (!match) return EINVAL;
    const [first, lowerFirst, count] = match.slice(1).map(Number) as [number, number, number];
    if (count === 0 || first + count > MAX_ID || lowerFirst + count > MAX_ID) return EINVAL;
    if (lines.some((other) => overlaps(first, count, other.first, other.count))) return EINVAL;
    if (lines.some((other) => overlaps(lowerFirst, count, other.lowerFirst, other.count))) return EINVAL;
    lines.push({ first, lowerFirst, count });
    if (lines.length > MAX_EXTENTS) return EINVAL;
  }
  return lines;
}

function overlaps(a: number, aCount: number, b: number, bCount: number): boolean {
  return a < b + bCount && b < a + aCount;
}

/** Linux: new_idmap_permitted, verify_root_map. */
function mayMap(writer: Credentials, ns: UserNamespace, parent: UserNamespace, kind: MapKind, lines: readonly MapLine[]): boolean {
  if (kind === 'uid' && lines.some(({ lowerFirst }) => lowerFirst === 0)) {
    const may = writer.userNs === ns ? ns.creatorHadSetfcap : capableIn(writer, parent, CAP_SETFCAP);
    if (!may) return false;
  }
  const [only] = lines;
  if (lines.length === 1 && only!.count === 1 && writer.euid === ns.uid) {
    if (kind === 'uid' && toKernelUid(parent, only!.lowerFirst) === writer.euid) return true;
    if (kind === 'gid' && !ns.setgroupsAllowed && toKernelGid(parent, only!.lowerFirst) === writer.egid) return true;
  }
  return capableIn(writer, parent, kind === 'uid' ? CAP_SETUID : CAP_SETGID);
}

/** The lines with the kernel's ids; EPERM where the parent does not have all of a line's in one piece. */
function translate(parent: UserNamespace, kind: MapKind, lines: readonly MapLine[]): IdMap | Errno {
  const above = kind === 'uid' ? parent.uidMap : parent.gidMap;
  const map: IdExtent[] = [];
  for (const line of lines) {
    const { lowerFirst, count } = line;
    if (parent.parent === null) {
      map.push({ ...line, kernelFirst: lowerFirst });
      continue;
    }
    const within = above.find(({ first, count: size }) => lowerFirst >= first && lowerFirst + count <= first + size);
    if (!within) return EPERM;
    map.push({ ...line, kernelFirst: within.kernelFirst + lowerFirst - within.first });
  }
  return map;
}

/** A map as a reader of `viewer` sees it: the second column is the viewer's parent's or its own view (user_namespaces(7)). */
export function idMapText(ns: UserNamespace, viewer: UserNamespace, kind: MapKind): string {
  if (ns.parent === null) return formatLine(0, 0, MAX_ID);
  const lower = viewer === ns ? ns.parent : viewer;
  const shown = (id: number): number => {
    const own = kind === 'uid' ? uidIn(lower, id) : gidIn(lower, id);
    return own < 0 ? MAX_ID : own;
  };
  return (kind === 'uid' ? ns.uidMap : ns.gidMap)
    .map(({ first, kernelFirst, count }) => formatLine(first, shown(kernelFirst), count))
    .join('');
}

function formatLine(first: number, lower: number, count: number): string {
  return `${String(first).padStart(10)} ${String(lower).padStart(10)} ${String(count).padStart(10)}\n`;
}

/** A write to /proc/PID/setgroups: "deny" only before gid_map is written, "allow" only where it is. */
export function writeSetgroups(writer: Credentials, ns: UserNamespace, text: string): 0 | Errno {
  if (!capableIn(writer, ns, CAP_SYS_ADMIN)) return EPERM;
  const word = text.trim();
  if (word === 'allow') return ns.setgroupsAllowed ? 0 : EPERM;
  if (word !== 'deny') return EINVAL;
  if (!ns.setgroupsAllowed) return 0;
  if (ns.parent === null || ns.gidMap.length > 0) return EPERM;
  ns.setgroupsAllowed = false;
  return 0;
}

/** setgroups(2) is allowed only once gid_map is written and not denied. */
export function maySetGroups(ns: UserNamespace): boolean {
  return ns.parent === null || (ns.setgroupsAllowed && ns.gidMap.length > 0);
}
