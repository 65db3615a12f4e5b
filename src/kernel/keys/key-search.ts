/**
 * Finding keys in rings (Linux: security/keys/keyring.c, keyring_search_rcu; process_keys.c). A ring is gone through when it may
 * be searched, each once, so that a search takes no longer than there are rings.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EACCES, EAGAIN, EDEADLK, EKEYEXPIRED, EKEYREVOKED, ELOOP, ENOKEY } from '../../abi/errno.js';
import { KEY_NEED_SEARCH } from '../../abi/keyctl.js';
import type { Task } from '../task.js';
import type { Key } from './key.js';
import { userKeyring } from './task-keyrings.js';

/** Linux: KEYRING_SEARCH_MAX_DEPTH. */
const MAX_DEPTH = 6;

/** The rings by which a task possesses keys. */
function rootsOf(task: Task): Key[] {
  const { keyrings, group } = task;
  const session = keyrings?.session ?? task.machine.keys.userRings.get(`_uid_ses.${task.cred.uid}`);
  return [keyrings?.thread, group.processKeyring, session].filter((ring) => ring !== undefined);
}

/** True when a search from the task's own rings comes to the key, which is found from below. */
export function isPossessed(task: Task, key: Key): boolean {
  const roots = new Set(rootsOf(task));
  const seen = new Set<Key>();
  let level = [key];
  for (let depth = 0; depth <= MAX_DEPTH + 1 && level.length > 0; depth++) {
    const next: Key[] = [];
    for (const at of level) {
      if (seen.has(at) || !at.permits(task.cred, true, KEY_NEED_SEARCH)) continue;
      if (at !== key && (at.revoked || at.invalidated)) continue;
      seen.add(at);
      if (roots.has(at)) return true;
      next.push(...at.linkedFrom);
    }
    level = next;
  }
  return false;
}

/** The key called `index` in `ring` or a ring beneath it; EAGAIN: none, else what is the matter with the one there is. */
export function searchRing(task: Task, ring: Key, possessed: boolean, index: string): Key | Errno {
  const { cred, machine } = task;
  if (!ring.permits(cred, possessed, KEY_NEED_SEARCH)) return EACCES;
  const now = machine.clock.monotonicNs();
  let answer: Errno = EAGAIN;
  const seen = new Set<Key>([ring]);
  let level = [ring];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: Key[] = [];
    for (const at of level) {
      const candidate = at.index === index ? at : at.links!.get(index);
      if (candidate) {
        const state = usable(task, candidate, possessed, now);
        if (state === 0) return candidate;
        answer = state as Errno;
      }
      for (const below of at.rings!) {
        if (seen.has(below) || below.revoked || below.invalidated || !below.permits(cred, possessed, KEY_NEED_SEARCH)) continue;
        seen.add(below);
        next.push(below);
      }
    }
    level = next;
  }
  return answer;
}

function usable(task: Task, key: Key, possessed: boolean, now: number): 0 | Errno {
  if (key.revoked || key.invalidated) return EKEYREVOKED;
  if (now >= key.expiresNs) return EKEYEXPIRED;
  if (!key.permits(task.cred, possessed, KEY_NEED_SEARCH)) return EACCES;
  return key.failure;
}

/** As searchRing, in the task's own rings: the thread's, the process's, the session's. */
export function searchOwnRings(task: Task, index: string): Key | Errno {
  if (!task.keyrings?.session) userKeyring(task, true);
  let answer: Errno = EAGAIN;
  for (const ring of rootsOf(task)) {
    const found = searchRing(task, ring, true, index);
    if (!isErr(found)) return found;
    // A key that is known not to exist says more than one that has expired.
    if (found !== EAGAIN && answer !== ENOKEY) answer = found;
  }
  return answer;
}

/** Whether `key` may be linked into `ring` (Linux: keyring_detect_cycle): EDEADLK in a circle, ELOOP when too deep. */
export function checkCycle(ring: Key, key: Key): 0 | Errno {
  const seen = new Set<Key>();
  let level = [key];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return ELOOP;
    const next: Key[] = [];
    for (const at of level) {
      if (at === ring) return EDEADLK;
      if (seen.has(at)) continue;
      seen.add(at);
      next.push(...at.rings!);
    }
    level = next;
  }
  return 0;
}
