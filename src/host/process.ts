/** Processes and threads of the host: posix_spawn(3), kill(2), tgkill(2), sched_setaffinity(2), sched_setattr(2). */
import { NR } from '../abi/syscall-numbers.js';
import { isErr, type Errno, type HostPid } from '../base/brands.js';
import { addressOf, bind, bindDirect } from './libc.js';

export const kill = bind('kill', 'int', ['int', 'int']) as (pid: number, signal: number) => 0 | Errno;
export const tgkill = bind('tgkill', 'int', ['int', 'int', 'int']) as (pid: HostPid, tid: HostPid, signal: number) => 0 | Errno;
export const gettid = bind('gettid', 'int', []) as () => HostPid;
const schedSetaffinity = bind('sched_setaffinity', 'int', ['int', 'size_t', 'void*']);
const schedGetaffinity = bind('sched_getaffinity', 'int', ['int', 'size_t', 'void*']);
export const schedGetcpu = bind('sched_getcpu', 'int', []) as () => number;

/** A cpu_set_t: 1024 bits. */
export const CPU_SET_BYTES = 128;
/** `tid` 0: the calling thread. */
export function setAffinity(tid: HostPid, cpus: Uint8Array): 0 | Errno {
  return schedSetaffinity(tid, cpus.length, cpus) as 0 | Errno;
}
export function getAffinity(tid: HostPid, cpus: Uint8Array): 0 | Errno {
  return schedGetaffinity(tid, cpus.length, cpus) as 0 | Errno;
}

const schedAttr = bind('syscall', 'int64_t', ['int64_t', 'int64_t', 'void*', 'uint64_t', 'uint64_t']);
const SCHED_ATTR_SIZE = 48;
/** Words of a struct sched_attr. */
const ATTR_POLICY = 1;
const ATTR_RUNTIME = 6;

/**
 * The slice of CPU time that the calling thread and all that it starts from now on get, in nanoseconds from 100,000; 0: the host's
 * own. A thread with a shorter one gets the CPU sooner when it wakes up. No effect before Linux 6.12 and under other policies.
 */
export function setSlice(ns: number): void {
  const attr = new Uint32Array(SCHED_ATTR_SIZE / 4);
  const bytes = new Uint8Array(attr.buffer);
  if (isErr(schedAttr(NR.sched_getattr, 0, bytes, SCHED_ATTR_SIZE, 0) as 0 | Errno) || attr[ATTR_POLICY] !== 0) return;
  attr[ATTR_RUNTIME] = ns;
  schedAttr(NR.sched_setattr, 0, bytes, 0, 0);
}

const spawn = bindDirect('posix_spawn', ['void*', 'void*', 'void*', 'void*', 'void*', 'void*']);
const actionsInit = bindDirect('posix_spawn_file_actions_init', ['void*']);
const actionsAdddup2 = bindDirect('posix_spawn_file_actions_adddup2', ['void*', 'int', 'int']);
const actionsDestroy = bindDirect('posix_spawn_file_actions_destroy', ['void*']);
const attrInit = bindDirect('posix_spawnattr_init', ['void*']);
const attrSetflags = bindDirect('posix_spawnattr_setflags', ['void*', 'int']);
const attrSetsigmask = bindDirect('posix_spawnattr_setsigmask', ['void*', 'void*']);
const attrSetsigdefault = bindDirect('posix_spawnattr_setsigdefault', ['void*', 'void*']);
const attrDestroy = bindDirect('posix_spawnattr_destroy', ['void*']);

const POSIX_SPAWN_SETSIGDEF = 4;
const POSIX_SPAWN_SETSIGMASK = 8;
const POSIX_SPAWN_SETSID = 0x80;
/** Larger than glibc's posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t. */
const OPAQUE_BYTES = 512;

/**
 * Starts `path` in a session of its own, nothing blocked, every signal at its default, an empty environment; of this process'
 * descriptors it keeps those of `keepFds` (and whatever is not close-on-exec). Never forks Node: a forked copy keeps rseq
 * registered and dies of it.
 */
export function spawnSession(path: string, keepFds: readonly number[]): HostPid | Errno {
  const actions = new Uint8Array(OPAQUE_BYTES);
  const attributes = new Uint8Array(OPAQUE_BYTES);
  const pid = new Int32Array(32);
  const name = new Uint8Array(Math.max(64, path.length + 1));
  name.set(Buffer.from(path, 'latin1'));
  const argv = new BigUint64Array(16);
  argv[0] = BigInt(addressOf(name));
  const environment = new Uint8Array(64);
  actionsInit(actions);
  attrInit(attributes);
  // dup2 of a descriptor onto itself clears close-on-exec in the child.
  for (const fd of keepFds) actionsAdddup2(actions, fd, fd);
  attrSetflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  attrSetsigmask(attributes, new Uint8Array(128));
  attrSetsigdefault(attributes, new Uint8Array(128).fill(0xff));
  const result = spawn(new Uint8Array(pid.buffer), name, actions, attributes, new Uint8Array(argv.buffer), environment);
  actionsDestroy(actions);
  attrDestroy(attributes);
  return result < 0 ? (result as Errno) : pid[0]!;
}
