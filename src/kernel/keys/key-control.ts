/** The operations of keyctl(2) on keys (Linux: security/keys/keyctl.c). Copying in and out is syscalls/keys.ts'. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import { EACCES, EAGAIN, EEXIST, EINVAL, ENOENT, ENOKEY, ENOTDIR, EOPNOTSUPP, EPERM } from '../../abi/errno.js';
import {
  KEY_NEED_LINK,
  KEY_NEED_READ,
  KEY_NEED_SEARCH,
  KEY_NEED_SETATTR,
  KEY_NEED_VIEW,
  KEY_NEED_WRITE,
  KEY_REQKEY_DEFL_GROUP_KEYRING,
  KEY_REQKEY_DEFL_NO_CHANGE,
  KEY_REQKEY_DEFL_PROCESS_KEYRING,
  KEY_REQKEY_DEFL_REQUESTOR_KEYRING,
  KEY_REQKEY_DEFL_THREAD_KEYRING,
  KEYCTL_MOVE_EXCL,
} from '../../abi/keyctl.js';
import { hasCapability, inGroup } from '../../vfs/credentials.js';
import { shownGid, shownUid, toKernelGid, toKernelUid } from '../../vfs/user-namespace.js';
import type { Task } from '../task.js';
import { lookupKey, type KeyRef } from './key-lookup.js';
import { linkKey, updateKey } from './key-making.js';
import { searchRing } from './key-search.js';
import { keyTypeOf } from './key-types.js';
import { indexOf, type Key } from './key.js';
import { joinSession, keyringsOf, processKeyring, threadKeyring } from './task-keyrings.js';

const ALL_PERMISSIONS = 0x3f3f3f3f;

function serialOf(found: KeyRef | Errno): number | Errno {
  return isErr(found) ? found : found.key.serial;
}

export function getKeyringId(task: Task, id: number, create: boolean): number | Errno {
  return serialOf(lookupKey(task, id, KEY_NEED_SEARCH, { create }));
}

export function joinSessionKeyring(task: Task, name: ByteString | undefined): number | Errno {
  const ring = joinSession(task, name);
  return isErr(ring) ? ring : ring.serial;
}

export function update(task: Task, id: number, payload: Uint8Array): 0 | Errno {
  const found = lookupKey(task, id, KEY_NEED_WRITE);
  return isErr(found) ? found : updateKey(found.key, payload);
}

export function revoke(task: Task, id: number): 0 | Errno {
  let found = lookupKey(task, id, KEY_NEED_WRITE);
  if (found === EACCES) found = lookupKey(task, id, KEY_NEED_SETATTR);
  if (isErr(found)) return found;
  found.key.revoke();
  return 0;
}

export function invalidate(task: Task, id: number): 0 | Errno {
  const found = lookupKey(task, id, KEY_NEED_SEARCH);
  if (isErr(found)) return found;
  found.key.invalidate();
  return 0;
}

/** -1 leaves an id as it is. */
export function chown(task: Task, id: number, uid: number, gid: number): 0 | Errno {
  const { cred, machine } = task;
  const newUid = uid === -1 ? -1 : toKernelUid(cred.userNs, uid >>> 0);
  const newGid = gid === -1 ? -1 : toKernelGid(cred.userNs, gid >>> 0);
  if ((uid !== -1 && newUid < 0) || (gid !== -1 && newGid < 0)) return EINVAL;
  if (uid === -1 && gid === -1) return 0;
  const found = lookupKey(task, id, KEY_NEED_SETATTR, { create: true, partial: true });
  if (isErr(found)) return found;
  const { key } = found;
  if (!hasCapability(cred, CAP_SYS_ADMIN)) {
    if (uid !== -1 && newUid !== key.uid) return EACCES;
    if (gid !== -1 && newGid !== key.gid && !inGroup(cred, newGid)) return EACCES;
  }
  const moved = uid === -1 ? 0 : machine.keys.chown(key, newUid);
  if (isErr(moved)) return moved;
  if (gid !== -1) key.gid = newGid;
  return 0;
}

export function setPermissions(task: Task, id: number, permissions: number): 0 | Errno {
  if ((permissions & ~ALL_PERMISSIONS) !== 0) return EINVAL;
  const found = lookupKey(task, id, KEY_NEED_SETATTR, { create: true, partial: true });
  if (isErr(found)) return found;
  if (found.key.uid !== task.cred.fsuid && !hasCapability(task.cred, CAP_SYS_ADMIN)) return EACCES;
  found.key.permissions = permissions;
  return 0;
}

/** Type, owner, permissions and name; without its final NUL. */
export function describe(task: Task, id: number): ByteString | Errno {
  const found = lookupKey(task, id, KEY_NEED_VIEW, { partial: true });
  if (isErr(found)) return found;
  const { type, uid, gid, permissions, description } = found.key;
  const { userNs } = task.cred;
  const group = gid < 0 ? gid : shownGid(userNs, gid);
  return `${type.name};${shownUid(userNs, uid)};${group};${permissions.toString(16).padStart(8, '0')};${description}`;
}

/** There is no security module: an empty label. */
export function securityLabel(task: Task, id: number): ByteString | Errno {
  const found = lookupKey(task, id, KEY_NEED_VIEW, { partial: true });
  return isErr(found) ? found : '';
}

export function clear(task: Task, id: number): 0 | Errno {
  const found = lookupKey(task, id, KEY_NEED_WRITE, { create: true });
  if (isErr(found)) return found;
  if (!found.key.links) return ENOTDIR;
  found.key.clear();
  return 0;
}

export function link(task: Task, id: number, ringId: number): 0 | Errno {
  const ring = lookupKey(task, ringId, KEY_NEED_WRITE, { create: true });
  if (isErr(ring)) return ring;
  const found = lookupKey(task, id, KEY_NEED_LINK, { create: true });
  return isErr(found) ? found : linkKey(ring.key, found.key);
}

export function unlink(task: Task, id: number, ringId: number): 0 | Errno {
  const ring = lookupKey(task, ringId, KEY_NEED_WRITE);
  if (isErr(ring)) return ring;
  const found = lookupKey(task, id, 0, { partial: true, unlink: true });
  if (isErr(found)) return found;
  if (!ring.key.links) return ENOTDIR;
  return ring.key.unlink(found.key) ? 0 : ENOENT;
}

export function move(task: Task, id: number, fromId: number, toId: number, flags: number): 0 | Errno {
  if ((flags & ~KEYCTL_MOVE_EXCL) !== 0) return EINVAL;
  const found = lookupKey(task, id, KEY_NEED_LINK, { create: true });
  if (isErr(found)) return found;
  const from = lookupKey(task, fromId, KEY_NEED_WRITE);
  if (isErr(from)) return from;
  const to = lookupKey(task, toId, KEY_NEED_WRITE, { create: true });
  if (isErr(to)) return to;
  return moveBetween(found.key, from.key, to.key, (flags & KEYCTL_MOVE_EXCL) !== 0);
}

function moveBetween(key: Key, from: Key, to: Key, exclusive: boolean): 0 | Errno {
  if (from === to) return 0;
  if (!from.links || !to.links) return ENOTDIR;
  if (from.links.get(key.index) !== key) return ENOENT;
  if (exclusive && to.links.has(key.index)) return EEXIST;
  const linked = linkKey(to, key);
  if (!isErr(linked)) from.unlink(key);
  return linked;
}

export function search(task: Task, ringId: number, typeName: ByteString, description: ByteString, destinationId: number): number | Errno {
  const ring = lookupKey(task, ringId, KEY_NEED_SEARCH);
  if (isErr(ring)) return ring;
  const destination = destinationId === 0 ? undefined : lookupKey(task, destinationId, KEY_NEED_WRITE, { create: true });
  if (isErr(destination)) return destination;
  const type = keyTypeOf(typeName);
  if (!type) return ENOKEY;
  if (!ring.key.links) return ENOTDIR;
  const found = searchRing(task, ring.key, ring.possessed, indexOf(type, description));
  if (isErr(found)) return found === EAGAIN ? ENOKEY : found;
  if (!destination) return found.serial;
  if (!found.permits(task.cred, ring.possessed, KEY_NEED_LINK)) return EACCES;
  const linked = linkKey(destination.key, found);
  return isErr(linked) ? linked : found.serial;
}

/** The contents; of a ring the serial numbers of its keys. */
export function read(task: Task, id: number): Uint8Array | Errno {
  const found = lookupKey(task, id, 0);
  if (isErr(found)) return ENOKEY;
  const { key, possessed } = found;
  if (key.failure !== 0) return key.failure;
  // Who can find a key may read it too.
  if (!key.permits(task.cred, possessed, KEY_NEED_READ) && !possessed) return EACCES;
  if (!key.type.canRead) return EOPNOTSUPP;
  const state = key.state(task.machine.clock.monotonicNs());
  if (state !== 0) return state;
  if (!key.links) return key.payload;
  return new Uint8Array(Uint32Array.from([...key.links.values()], ({ serial }) => serial).buffer);
}

/** In seconds from now; 0: never. */
export function setTimeout(task: Task, id: number, seconds: number): 0 | Errno {
  const found = lookupKey(task, id, KEY_NEED_SETATTR, { create: true, partial: true });
  if (isErr(found)) return found;
  found.key.expiresNs = seconds === 0 ? Infinity : task.machine.clock.monotonicNs() + seconds * 1e9;
  return 0;
}

/** What was set before. */
export function setRequestDefault(task: Task, wanted: number): number | Errno {
  const own = keyringsOf(task);
  const before = own.requestDefault;
  if (wanted === KEY_REQKEY_DEFL_NO_CHANGE) return before;
  if (wanted < 0 || wanted > KEY_REQKEY_DEFL_REQUESTOR_KEYRING || wanted === KEY_REQKEY_DEFL_GROUP_KEYRING) return EINVAL;
  if (wanted === KEY_REQKEY_DEFL_REQUESTOR_KEYRING) return EINVAL;
  const made =
    wanted === KEY_REQKEY_DEFL_THREAD_KEYRING
      ? threadKeyring(task, true)
      : wanted === KEY_REQKEY_DEFL_PROCESS_KEYRING
        ? processKeyring(task, true)
        : 0;
  if (isErr(made)) return made;
  own.requestDefault = wanted;
  return before;
}

/** The parent's session becomes the caller's: a parent of one thread and of the same user. */
export function sessionToParent(task: Task): 0 | Errno {
  const session = task.keyrings?.session;
  const parent = task.group.parent?.leader;
  if (!session) return ENOKEY;
  if (!parent || parent.group === task.machine.init || parent.group.tasks.size !== 1) return EPERM;
  const mine = task.cred;
  const { uid, euid, suid, gid, egid, sgid, userNs } = parent.cred;
  if (userNs !== mine.userNs || [uid, euid, suid].some((id) => id !== mine.euid)) return EPERM;
  if ([gid, egid, sgid].some((id) => id !== mine.egid)) return EPERM;
  const theirs = keyringsOf(parent);
  const old = theirs.session;
  theirs.session = session.hold();
  old?.drop();
  return 0;
}
