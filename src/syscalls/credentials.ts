/** User and group ids, capabilities (credentials(7), setresuid(2), capget(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { _LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2, _LINUX_CAPABILITY_VERSION_3 } from '../abi/capability.js';
import { CAP_DATA, CAP_HEADER } from '../abi/system-struct.js';
import * as identity from '../kernel/identity.js';
import { address, int, ptr, syscall, uint, type SyscallDefinition } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { ALL_CAPABILITIES } from '../vfs/credentials.js';
import { shownGid, shownUid, toKernelGid, toKernelUid, type UserNamespace } from '../vfs/user-namespace.js';
import { intersection } from '../kernel/capability-sets.js';

type Translate = (ns: UserNamespace, id: number) => number;

/** An id that a guest gave, as the kernel has it: -1 where its namespace has no such id; UNCHANGED stays. */
function given(task: Task, id: number, translate: Translate): number {
  return id === identity.UNCHANGED ? id : translate(task.cred.userNs, id);
}

/** A call that takes ids of one kind: EINVAL for those that mean nobody. */
function setter(name: string, translate: Translate, set: (task: Task, id: number) => number): SyscallDefinition {
  return syscall(name, [uint], (task, id) => {
    const own = given(task, id, translate);
    return own < 0 ? EINVAL : set(task, own);
  });
}

function setter2(name: string, translate: Translate, set: (task: Task, a: number, b: number) => number): SyscallDefinition {
  return syscall(name, [uint, uint], (task, first, second) => {
    const a = given(task, first, translate);
    const b = given(task, second, translate);
    return a < 0 || b < 0 ? EINVAL : set(task, a, b);
  });
}

function setter3(name: string, translate: Translate, set: (task: Task, a: number, b: number, c: number) => number): SyscallDefinition {
  return syscall(name, [uint, uint, uint], (task, first, second, third) => {
    const a = given(task, first, translate);
    const b = given(task, second, translate);
    const c = given(task, third, translate);
    return a < 0 || b < 0 || c < 0 ? EINVAL : set(task, a, b, c);
  });
}

export const getuid = syscall('getuid', [], (task) => shownUid(task.cred.userNs, task.cred.uid));
export const geteuid = syscall('geteuid', [], (task) => shownUid(task.cred.userNs, task.cred.euid));
export const getgid = syscall('getgid', [], (task) => shownGid(task.cred.userNs, task.cred.gid));
export const getegid = syscall('getegid', [], (task) => shownGid(task.cred.userNs, task.cred.egid));
export const setuid = setter('setuid', toKernelUid, identity.setuid);
export const setgid = setter('setgid', toKernelGid, identity.setgid);
export const setreuid = setter2('setreuid', toKernelUid, identity.setreuid);
export const setregid = setter2('setregid', toKernelGid, identity.setregid);
export const setresuid = setter3('setresuid', toKernelUid, identity.setresuid);
export const setresgid = setter3('setresgid', toKernelGid, identity.setresgid);
/** These two answer the old id, whatever they did. */
export const setfsuid = syscall('setfsuid', [uint], (task, id) => {
  const own = given(task, id, toKernelUid);
  return shownUid(task.cred.userNs, own < 0 ? task.cred.fsuid : identity.setfsuid(task, own));
});
export const setfsgid = syscall('setfsgid', [uint], (task, id) => {
  const own = given(task, id, toKernelGid);
  return shownGid(task.cred.userNs, own < 0 ? task.cred.fsgid : identity.setfsgid(task, own));
});

function storeIds(task: Task, places: readonly number[], ids: readonly number[]): 0 | Errno {
  for (let i = 0; i < places.length; i++) {
    const stored = task.mm.writeU32(places[i]!, ids[i]!);
    if (isErr(stored)) return stored;
  }
  return 0;
}

export const getresuid = syscall('getresuid', [address, address, address], (task, real, effective, saved) => {
  const { uid, euid, suid, userNs } = task.cred;
  return storeIds(
    task,
    [real, effective, saved],
    [uid, euid, suid].map((id) => shownUid(userNs, id)),
  );
});

export const getresgid = syscall('getresgid', [address, address, address], (task, real, effective, saved) => {
  const { gid, egid, sgid, userNs } = task.cred;
  return storeIds(
    task,
    [real, effective, saved],
    [gid, egid, sgid].map((id) => shownGid(userNs, id)),
  );
});

const NGROUPS_MAX = 65536;

export const getgroups = syscall('getgroups', [int, address], (task, count, at) => {
  const { groups, userNs } = task.cred;
  if (count < 0) return EINVAL;
  if (count === 0) return groups.length;
  if (count < groups.length) return EINVAL;
  const list = Uint32Array.from(groups, (gid) => shownGid(userNs, gid));
  const stored = task.copyOut(at, new Uint8Array(list.buffer));
  return isErr(stored) ? stored : groups.length;
});

export const setgroups = syscall('setgroups', [int, address], (task, count, at) => {
  if (count < 0 || count > NGROUPS_MAX) return EINVAL;
  const list = new Uint32Array(count);
  if (count > 0 && isErr(task.copyIn(at, new Uint8Array(list.buffer)))) return EFAULT;
  const groups = [...list].map((gid) => toKernelGid(task.cred.userNs, gid));
  return groups.includes(-1) ? EINVAL : identity.setgroups(task, groups);
});

/** Words of capability sets that a header's version has; 0 for an unknown one, which is answered with ours. */
function wordsOf(task: Task, headerAt: number, version: number): 0 | 1 | 2 {
  if (version === _LINUX_CAPABILITY_VERSION_1) return 1;
  if (version === _LINUX_CAPABILITY_VERSION_2 || version === _LINUX_CAPABILITY_VERSION_3) return 2;
  task.mm.writeU32(headerAt, _LINUX_CAPABILITY_VERSION_3);
  return 0;
}

export const capget = syscall('capget', [ptr(CAP_HEADER), address], (task, headerAt, dataAt) => {
  const header = task.mm.readStruct(headerAt, CAP_HEADER);
  if (isErr(header)) return header;
  const words = wordsOf(task, headerAt, header.version);
  if (words === 0) return dataAt === 0 ? 0 : EINVAL;
  if (header.pid < 0) return EINVAL;
  const target = header.pid === 0 ? task : taskByPid(task, header.pid);
  if (!target) return ESRCH;
  if (dataAt === 0) return 0;
  const { effective, permitted, inheritable } = target.cred;
  for (let word = 0; word < words; word++) {
    const part = (set: number): number => Math.floor(set / 4294967296 ** word) % 4294967296;
    const data = { effective: part(effective), permitted: part(permitted), inheritable: part(inheritable) };
    const stored = task.mm.writeStruct(dataAt + word * CAP_DATA.size, CAP_DATA, data);
    if (isErr(stored)) return stored;
  }
  return 0;
});

export const capset = syscall('capset', [ptr(CAP_HEADER), address], (task, headerAt, dataAt) => {
  const header = task.mm.readStruct(headerAt, CAP_HEADER);
  if (isErr(header)) return header;
  const words = wordsOf(task, headerAt, header.version);
  if (words === 0) return EINVAL;
  if (header.pid !== 0 && header.pid !== task.nsTid) return EPERM;
  const sets = { effective: 0, permitted: 0, inheritable: 0 };
  for (let word = 0; word < words; word++) {
    const data = task.mm.readStruct(dataAt + word * CAP_DATA.size, CAP_DATA);
    if (isErr(data)) return data;
    const scale = 4294967296 ** word;
    sets.effective += data.effective * scale;
    sets.permitted += data.permitted * scale;
    sets.inheritable += data.inheritable * scale;
  }
  const known = (set: number): number => intersection(set, ALL_CAPABILITIES);
  return identity.setCapabilities(task, known(sets.effective), known(sets.permitted), known(sets.inheritable));
});
