/**
 * add_key and request_key (Linux: security/keys/key.c, request_key.c). Left out: asking user space for a key (request-key(8)):
 * what is not found becomes a negative key at once, as when that program has no rule for it.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EACCES, EAGAIN, EINVAL, ENODEV, ENOKEY, ENOTDIR, EOPNOTSUPP } from '../../abi/errno.js';
import {
  KEY_NEED_LINK,
  KEY_NEED_WRITE,
  KEY_POS_LINK,
  KEY_POS_READ,
  KEY_POS_SEARCH,
  KEY_POS_SETATTR,
  KEY_POS_VIEW,
  KEY_POS_WRITE,
  KEY_REQKEY_DEFL_PROCESS_KEYRING,
  KEY_REQKEY_DEFL_SESSION_KEYRING,
  KEY_REQKEY_DEFL_THREAD_KEYRING,
  KEY_REQKEY_DEFL_USER_KEYRING,
  KEY_REQKEY_DEFL_USER_SESSION_KEYRING,
  KEY_USR_VIEW,
} from '../../abi/keyctl.js';
import type { Task } from '../task.js';
import { lookupKey, type KeyRef } from './key-lookup.js';
import { checkCycle, searchOwnRings } from './key-search.js';
import { KEYRING_TYPE, keyTypeOf, type KeyType } from './key-types.js';
import { indexOf, type Key } from './key.js';
import { sessionKeyring, userKeyring } from './task-keyrings.js';

/** How long a key that could not be got is known not to exist (Linux: key_negative_timeout). */
const NEGATIVE_NS = 60e9;

function defaultPermissions(type: KeyType): number {
  let permissions = KEY_POS_VIEW | KEY_POS_SEARCH | KEY_POS_LINK | KEY_POS_SETATTR | KEY_USR_VIEW;
  if (type.canRead) permissions |= KEY_POS_READ;
  if (type === KEYRING_TYPE || type.canUpdate) permissions |= KEY_POS_WRITE;
  return permissions;
}

/** Makes a key in a ring, or gives one of that type and name new contents. Its serial number. */
export function addKey(task: Task, typeName: ByteString, description: ByteString, payload: Uint8Array, ringId: number): number | Errno {
  const ring = lookupKey(task, ringId, KEY_NEED_WRITE, { create: true });
  if (isErr(ring)) return ring;
  const type = keyTypeOf(typeName);
  if (!type) return ENODEV;
  const { key: into } = ring;
  if (!into.links) return ENOTDIR;
  if (!type.isValidLength(payload.length) || description === '') return EINVAL;
  const known = type.canUpdate ? into.links.get(indexOf(type, description)) : undefined;
  if (known && !known.revoked && !known.invalidated) return replacePayload(task, { key: known, possessed: ring.possessed }, payload);
  const made = makeKey(task, type, description);
  if (isErr(made)) return made;
  const { serial } = made.hold();
  const stored = made.setPayload(payload);
  const filled = isErr(stored) ? stored : into.link(made);
  made.drop(); // gone, unless it was linked
  return isErr(filled) ? filled : serial;
}

function makeKey(task: Task, type: KeyType, description: ByteString): Key | Errno {
  const { fsuid: uid, fsgid: gid } = task.cred;
  return task.machine.keys.add({ type, description, uid, gid, permissions: defaultPermissions(type) });
}

function replacePayload(task: Task, { key, possessed }: KeyRef, payload: Uint8Array): number | Errno {
  if (!key.permits(task.cred, possessed, KEY_NEED_WRITE)) return EACCES;
  const updated = updateKey(key, payload);
  return isErr(updated) ? updated : key.serial;
}

/** KEYCTL_UPDATE: new contents, which do not expire. */
export function updateKey(key: Key, payload: Uint8Array): 0 | Errno {
  if (!key.type.canUpdate) return EOPNOTSUPP;
  if (!key.type.isValidLength(payload.length)) return EINVAL;
  const stored = key.setPayload(payload);
  if (isErr(stored)) return stored;
  key.failure = 0;
  key.expiresNs = Infinity;
  return 0;
}

/** Links `key` into a ring that the caller may write to (Linux: key_link). */
export function linkKey(ring: Key, key: Key): 0 | Errno {
  if (!ring.links) return ENOTDIR;
  const cycle = key.links ? checkCycle(ring, key) : 0;
  return cycle !== 0 ? cycle : ring.link(key);
}

/** The task's key of that type and name. `create`: one that is not found is noted as not to be had. */
export function requestKey(task: Task, typeName: ByteString, description: ByteString, create: boolean, ringId: number): number | Errno {
  const ring = ringId === 0 ? undefined : lookupKey(task, ringId, KEY_NEED_WRITE, { create: true });
  if (isErr(ring)) return ring;
  const type = keyTypeOf(typeName);
  if (!type) return ENOKEY;
  const found = searchOwnRings(task, indexOf(type, description));
  if (!isErr(found)) {
    if (!ring) return found.serial;
    if (!found.permits(task.cred, true, KEY_NEED_LINK)) return EACCES;
    const linked = linkKey(ring.key, found);
    return isErr(linked) ? linked : found.serial;
  }
  if (found !== EAGAIN) return found;
  if (!create || type === KEYRING_TYPE) return create ? EACCES : ENOKEY;
  const destination = ring?.key ?? defaultRing(task);
  return isErr(destination) ? destination : noteMissing(task, type, description, destination);
}

/** Linux: construct_get_dest_keyring. */
function defaultRing(task: Task): Key | Errno {
  const session = (): Key | Errno => sessionKeyring(task, false);
  const { keyrings, group } = task;
  const wanted = keyrings?.requestDefault ?? 0;
  let ring: Key | Errno | undefined;
  if (wanted === KEY_REQKEY_DEFL_THREAD_KEYRING) ring = keyrings?.thread;
  else if (wanted === KEY_REQKEY_DEFL_PROCESS_KEYRING) ring = group.processKeyring;
  else if (wanted === KEY_REQKEY_DEFL_SESSION_KEYRING) ring = session();
  else if (wanted === KEY_REQKEY_DEFL_USER_KEYRING) ring = userKeyring(task, false);
  else if (wanted === KEY_REQKEY_DEFL_USER_SESSION_KEYRING) ring = userKeyring(task, true);
  else ring = keyrings?.thread ?? group.processKeyring ?? session();
  ring ??= session();
  if (isErr(ring)) return ring;
  return ring.permits(task.cred, true, KEY_NEED_WRITE) ? ring : EACCES;
}

function noteMissing(task: Task, type: KeyType, description: ByteString, ring: Key): Errno {
  if (!ring.links) return ENOTDIR;
  const made = makeKey(task, type, description);
  if (isErr(made)) return made;
  made.hold();
  made.failure = ENOKEY;
  made.expiresNs = task.machine.clock.monotonicNs() + NEGATIVE_NS;
  const linked = ring.link(made);
  made.drop();
  return isErr(linked) ? linked : ENOKEY;
}
