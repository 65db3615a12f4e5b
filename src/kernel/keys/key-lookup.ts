/** The key that a call names, with the rights that the call needs (Linux: security/keys/process_keys.c, lookup_user_key). */
import { isErr, type Errno } from '../../base/brands.js';
import { EACCES, EINVAL, ENOKEY } from '../../abi/errno.js';
import {
  KEY_SPEC_GROUP_KEYRING,
  KEY_SPEC_PROCESS_KEYRING,
  KEY_SPEC_REQKEY_AUTH_KEY,
  KEY_SPEC_REQUESTOR_KEYRING,
  KEY_SPEC_SESSION_KEYRING,
  KEY_SPEC_THREAD_KEYRING,
  KEY_SPEC_USER_KEYRING,
  KEY_SPEC_USER_SESSION_KEYRING,
} from '../../abi/keyctl.js';
import type { Task } from '../task.js';
import { isPossessed } from './key-search.js';
import type { Key } from './key.js';
import { processKeyring, sessionKeyring, threadKeyring, userKeyring } from './task-keyrings.js';

export interface LookupOptions {
  /** Rings that do not exist yet are made. */
  readonly create?: boolean;
  /** Keys that cannot be used any more, or never could, will do. */
  readonly partial?: boolean;
  /** As `partial`, and no right is needed: to take a link away. */
  readonly unlink?: boolean;
}

/** A key and whether the task possesses it (Linux: key_ref_t). */
export interface KeyRef {
  readonly key: Key;
  readonly possessed: boolean;
}

function special(task: Task, id: number, create: boolean): Key | Errno {
  switch (id) {
    case KEY_SPEC_THREAD_KEYRING:
      return threadKeyring(task, create);
    case KEY_SPEC_PROCESS_KEYRING:
      return processKeyring(task, create);
    case KEY_SPEC_SESSION_KEYRING:
      return sessionKeyring(task, create);
    case KEY_SPEC_USER_KEYRING:
      return userKeyring(task, false);
    case KEY_SPEC_USER_SESSION_KEYRING:
      return userKeyring(task, true);
    case KEY_SPEC_REQKEY_AUTH_KEY:
    case KEY_SPEC_REQUESTOR_KEYRING:
      return ENOKEY; // no key is being made: requests go to nobody
    case KEY_SPEC_GROUP_KEYRING:
    default:
      return EINVAL;
  }
}

/** `need`: KEY_NEED_*, 0 for none. */
export function lookupKey(task: Task, id: number, need: number, options: LookupOptions = {}): KeyRef | Errno {
  let key: Key | Errno | undefined;
  let possessed = true;
  if (id < 1) {
    key = special(task, id, options.create ?? false);
  } else {
    key = task.machine.keys.get(id);
    possessed = key !== undefined && isPossessed(task, key);
  }
  if (key === undefined) return ENOKEY;
  if (isErr(key)) return key;
  const state = options.unlink || need === 0 ? 0 : stateFor(task, key, options.partial ?? false);
  if (state !== 0) return state;
  return need === 0 || key.permits(task.cred, possessed, need) ? { key, possessed } : EACCES;
}

function stateFor(task: Task, key: Key, partial: boolean): 0 | Errno {
  if (!partial && key.failure !== 0) return key.failure;
  return key.state(task.machine.clock.monotonicNs());
}
