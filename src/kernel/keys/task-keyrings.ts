/**
 * The key rings of a task (Linux: security/keys/process_keys.c; thread-keyring(7), process-keyring(7), session-keyring(7),
 * user-keyring(7)). All are made when they are first asked for. In Linux the credentials carry them; here the task does, and
 * the process ring is every thread's from the moment it exists.
 */
import type { ByteString, Errno } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { ENOKEY, EPERM } from '../../abi/errno.js';
import {
  KEY_NEED_SEARCH,
  KEY_POS_ALL,
  KEY_POS_SETATTR,
  KEY_REQKEY_DEFL_DEFAULT,
  KEY_USR_ALL,
  KEY_USR_LINK,
  KEY_USR_READ,
  KEY_USR_VIEW,
} from '../../abi/keyctl.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { KEYRING_TYPE } from './key-types.js';
import type { Key } from './key.js';

/** What a task has of its own; `undefined` in a Task stands for none of it. */
export class TaskKeyrings {
  thread: Key | undefined = undefined;
  session: Key | undefined = undefined;
  /** KEY_REQKEY_DEFL_* */
  requestDefault = KEY_REQKEY_DEFL_DEFAULT;

  /** For a new task: its session's ring is the parent's. */
  copyForClone(): TaskKeyrings {
    const copy = new TaskKeyrings();
    copy.session = this.session?.hold();
    copy.requestDefault = this.requestDefault;
    return copy;
  }
}

export function keyringsOf(task: Task): TaskKeyrings {
  task.keyrings ??= new TaskKeyrings();
  return task.keyrings;
}

/** execve: the thread's and the process's rings end. */
export function dropOwnKeyrings(task: Task): void {
  const { keyrings, group } = task;
  keyrings?.thread?.drop();
  if (keyrings) keyrings.thread = undefined;
  dropProcessKeyring(group);
}

export function dropProcessKeyring(group: ThreadGroup): void {
  group.processKeyring?.drop();
  group.processKeyring = undefined;
}

/** exit of a thread. */
export function dropKeyrings(task: Task): void {
  task.keyrings?.thread?.drop();
  task.keyrings?.session?.drop();
  task.keyrings = undefined;
}

function newRing(task: Task, name: ByteString, permissions: number, overrun: boolean): Key | Errno {
  const { cred, machine } = task;
  const key = machine.keys.add({ type: KEYRING_TYPE, description: name, uid: cred.uid, gid: cred.gid, permissions, overrun });
  return isErr(key) ? key : key.hold();
}

export function threadKeyring(task: Task, create: boolean): Key | Errno {
  const own = keyringsOf(task);
  if (own.thread) return own.thread;
  if (!create) return ENOKEY;
  const made = newRing(task, '_tid', KEY_POS_ALL | KEY_USR_VIEW, true);
  if (!isErr(made)) own.thread = made;
  return made;
}

export function processKeyring(task: Task, create: boolean): Key | Errno {
  const { group } = task;
  if (group.processKeyring) return group.processKeyring;
  if (!create) return ENOKEY;
  const made = newRing(task, '_pid', KEY_POS_ALL | KEY_USR_VIEW, true);
  if (!isErr(made)) group.processKeyring = made;
  return made;
}

/** The user's session ring stands in for a session of its own, which `create` makes. */
export function sessionKeyring(task: Task, create: boolean): Key | Errno {
  const own = keyringsOf(task);
  const fallback = userKeyring(task, true);
  if (isErr(fallback)) return fallback;
  if (own.session && !(create && own.session === fallback)) return own.session;
  if (create) return joinSession(task, undefined);
  own.session = fallback.hold();
  return fallback;
}

const USER_PERMISSIONS = (KEY_POS_ALL & ~KEY_POS_SETATTR) | KEY_USR_ALL;

/** `_uid.N`, and `_uid_ses.N`, which links it; both live for as long as the machine. */
export function userKeyring(task: Task, ofSession: boolean): Key | Errno {
  const { keys } = task.machine;
  const { uid } = task.cred;
  const make = (name: ByteString): Key | Errno => {
    const known = keys.userRings.get(name);
    if (known && !known.revoked) return known;
    const made = keys.add({ type: KEYRING_TYPE, description: name, uid, gid: -1, permissions: USER_PERMISSIONS });
    if (isErr(made)) return made;
    known?.drop();
    keys.userRings.set(name, made.hold());
    return made;
  };
  const user = make(`_uid.${uid}`);
  if (isErr(user) || !ofSession) return user;
  const session = make(`_uid_ses.${uid}`);
  if (isErr(session)) return session;
  const linked = session.link(user);
  return isErr(linked) ? linked : session;
}

/** KEYCTL_JOIN_SESSION_KEYRING: a new ring, or the one of that name that the caller may search. */
export function joinSession(task: Task, name: ByteString | undefined): Key | Errno {
  if (name?.startsWith('.')) return EPERM;
  const own = keyringsOf(task);
  const found = name === undefined ? undefined : findNamed(task, name);
  const permissions = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | (name === undefined ? 0 : KEY_USR_LINK);
  const ring = found?.hold() ?? newRing(task, name ?? '_ses', permissions, false);
  if (isErr(ring)) return ring;
  own.session?.drop();
  own.session = ring;
  return ring;
}

function findNamed(task: Task, name: ByteString): Key | undefined {
  if (name === '') return undefined;
  for (const key of task.machine.keys.all()) {
    if (key.type !== KEYRING_TYPE || key.description !== name || key.revoked) continue;
    if (key.permits(task.cred, false, KEY_NEED_SEARCH)) return key;
  }
  return undefined;
}
