/** Changes of identity (Linux: kernel/sys.c, security/commoncap.c; credentials(7), capabilities(7)). */
import { EINVAL, EPERM } from '../abi/errno.js';
import type { Errno } from '../base/brands.js';
import {
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MAC_OVERRIDE,
  CAP_MKNOD,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
} from '../abi/capability.js';
import { hasOwnCapability, type Credentials } from '../vfs/credentials.js';
import { difference, intersection, isSubset, union } from './capability-sets.js';
import { maySetGroups } from './user-namespaces.js';
import type { Task } from './task.js';

/** An id that means "leave it". */
export const UNCHANGED = 0xffffffff;

export const SECBIT_KEEP_CAPS = 1 << 4;
const SECBIT_NO_SETUID_FIXUP = 1 << 2;

/** Capabilities that go and come with the file-system user (Linux: CAP_FS_SET). */
const FS_CAPABILITIES = [
  CAP_CHOWN,
  CAP_MKNOD,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MAC_OVERRIDE,
].reduce((set, capability) => set + 2 ** capability, 0);

/** Makes `cred` the task's. Losing or gaining identity makes the process undumpable and forgets its parent-death signal. */
export function commit(task: Task, cred: Credentials): 0 {
  const old = task.cred;
  const changed = old.euid !== cred.euid || old.egid !== cred.egid || old.fsuid !== cred.fsuid || old.fsgid !== cred.fsgid;
  if (changed || gainsCapabilities(old, cred)) {
    task.group.dumpable = 0;
    task.group.parentDeathSignal = 0;
  }
  task.cred = cred;
  return 0;
}

/** Beneath the own namespace, in one that it made, all capabilities are its own already (Linux: cred_cap_issubset). */
function gainsCapabilities(old: Credentials, cred: Credentials): boolean {
  if (cred.userNs === old.userNs) return !isSubset(cred.permitted, old.permitted);
  for (let ns = cred.userNs; ns.parent !== null; ns = ns.parent) if (ns.parent === old.userNs && ns.uid === old.euid) return false;
  return true;
}

/** After execve: not where the identity that the program was started with, or what it got, is more than its user's own. */
export function staysDumpable(old: Credentials, cred: Credentials): boolean {
  if (old.euid !== old.uid || old.egid !== old.gid) return false;
  const changed = old.euid !== cred.euid || old.egid !== cred.egid || old.fsuid !== cred.fsuid || old.fsgid !== cred.fsgid;
  return !changed && !gainsCapabilities(old, cred);
}

/** Capabilities follow the user ids between root and others (Linux: cap_emulate_setxuid). */
function fixCapabilities(old: Credentials, cred: Credentials): Credentials {
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return cred;
  let { permitted, effective, ambient } = cred;
  const root = old.userNs.rootUid;
  const wasRoot = old.uid === root || old.euid === root || old.suid === root;
  const isRoot = cred.uid === root || cred.euid === root || cred.suid === root;
  if (wasRoot && !isRoot) {
    if ((old.securebits & SECBIT_KEEP_CAPS) === 0) {
      permitted = 0;
      effective = 0;
    }
    ambient = 0;
  }
  if (old.euid === root && cred.euid !== root) effective = 0;
  if (old.euid !== root && cred.euid === root) effective = permitted;
  return { ...cred, permitted, effective, ambient };
}

export function setuid(task: Task, uid: number): 0 | Errno {
  if (uid === UNCHANGED) return EINVAL;
  const old = task.cred;
  if (hasOwnCapability(old, CAP_SETUID)) return commit(task, fixCapabilities(old, { ...old, uid, euid: uid, suid: uid, fsuid: uid }));
  if (uid !== old.uid && uid !== old.suid) return EPERM;
  return commit(task, fixCapabilities(old, { ...old, euid: uid, fsuid: uid }));
}

export function setgid(task: Task, gid: number): 0 | Errno {
  if (gid === UNCHANGED) return EINVAL;
  const old = task.cred;
  if (hasOwnCapability(old, CAP_SETGID)) return commit(task, { ...old, gid, egid: gid, sgid: gid, fsgid: gid });
  if (gid !== old.gid && gid !== old.sgid) return EPERM;
  return commit(task, { ...old, egid: gid, fsgid: gid });
}

export function setreuid(task: Task, ruid: number, euid: number): 0 | Errno {
  const old = task.cred;
  const may = hasOwnCapability(old, CAP_SETUID);
  const uid = ruid === UNCHANGED ? old.uid : ruid;
  const effective = euid === UNCHANGED ? old.euid : euid;
  if (!may && uid !== old.uid && uid !== old.euid) return EPERM;
  if (!may && effective !== old.uid && effective !== old.euid && effective !== old.suid) return EPERM;
  const setsSaved = ruid !== UNCHANGED || (euid !== UNCHANGED && euid !== old.uid);
  return commit(task, fixCapabilities(old, { ...old, uid, euid: effective, suid: setsSaved ? effective : old.suid, fsuid: effective }));
}

export function setregid(task: Task, rgid: number, egid: number): 0 | Errno {
  const old = task.cred;
  const may = hasOwnCapability(old, CAP_SETGID);
  const gid = rgid === UNCHANGED ? old.gid : rgid;
  const effective = egid === UNCHANGED ? old.egid : egid;
  if (!may && gid !== old.gid && gid !== old.egid) return EPERM;
  if (!may && effective !== old.gid && effective !== old.egid && effective !== old.sgid) return EPERM;
  const setsSaved = rgid !== UNCHANGED || (egid !== UNCHANGED && egid !== old.gid);
  return commit(task, { ...old, gid, egid: effective, sgid: setsSaved ? effective : old.sgid, fsgid: effective });
}

export function setresuid(task: Task, ruid: number, euid: number, suid: number): 0 | Errno {
  const old = task.cred;
  const isOwn = (id: number): boolean => id === UNCHANGED || id === old.uid || id === old.euid || id === old.suid;
  if (!hasOwnCapability(old, CAP_SETUID) && !(isOwn(ruid) && isOwn(euid) && isOwn(suid))) return EPERM;
  const pick = (id: number, current: number): number => (id === UNCHANGED ? current : id);
  const effective = pick(euid, old.euid);
  return commit(
    task,
    fixCapabilities(old, { ...old, uid: pick(ruid, old.uid), euid: effective, suid: pick(suid, old.suid), fsuid: effective }),
  );
}

export function setresgid(task: Task, rgid: number, egid: number, sgid: number): 0 | Errno {
  const old = task.cred;
  const isOwn = (id: number): boolean => id === UNCHANGED || id === old.gid || id === old.egid || id === old.sgid;
  if (!hasOwnCapability(old, CAP_SETGID) && !(isOwn(rgid) && isOwn(egid) && isOwn(sgid))) return EPERM;
  const pick = (id: number, current: number): number => (id === UNCHANGED ? current : id);
  const effective = pick(egid, old.egid);
  return commit(task, { ...old, gid: pick(rgid, old.gid), egid: effective, sgid: pick(sgid, old.sgid), fsgid: effective });
}

/** Returns the old id, whether or not it could be changed. */
export function setfsuid(task: Task, fsuid: number): number {
  const old = task.cred;
  const allowed = [old.uid, old.euid, old.suid, old.fsuid].includes(fsuid) || hasOwnCapability(old, CAP_SETUID);
  if (!allowed || fsuid === UNCHANGED) return old.fsuid;
  let { effective } = old;
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) === 0) {
    const root = old.userNs.rootUid;
    if (old.fsuid === root && fsuid !== root) effective = difference(effective, FS_CAPABILITIES);
    if (old.fsuid !== root && fsuid === root) effective = union(effective, intersection(FS_CAPABILITIES, old.permitted));
  }
  commit(task, { ...old, fsuid, effective });
  return old.fsuid;
}

export function setfsgid(task: Task, fsgid: number): number {
  const old = task.cred;
  const allowed = [old.gid, old.egid, old.sgid, old.fsgid].includes(fsgid) || hasOwnCapability(old, CAP_SETGID);
  if (allowed && fsgid !== UNCHANGED) commit(task, { ...old, fsgid });
  return old.fsgid;
}

export function setgroups(task: Task, groups: readonly number[]): 0 | Errno {
  if (!hasOwnCapability(task.cred, CAP_SETGID) || !maySetGroups(task.cred.userNs)) return EPERM;
  return commit(task, { ...task.cred, groups: [...groups].sort((a, b) => a - b) });
}

/** capset(2): sets only shrink, but for what CAP_SETPCAP may make inheritable. */
export function setCapabilities(task: Task, effective: number, permitted: number, inheritable: number): 0 | Errno {
  const old = task.cred;
  const mayInherit = hasOwnCapability(old, CAP_SETPCAP) ? union(old.inheritable, old.bounding) : union(old.inheritable, old.permitted);
  if (!isSubset(inheritable, mayInherit)) return EPERM;
  if (!isSubset(inheritable, union(old.inheritable, old.bounding))) return EPERM;
  if (!isSubset(permitted, old.permitted) || !isSubset(effective, permitted)) return EPERM;
  const ambient = intersection(old.ambient, intersection(permitted, inheritable));
  return commit(task, { ...old, effective, permitted, inheritable, ambient });
}
