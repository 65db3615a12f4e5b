/**
 * System V shared memory (Linux: ipc/shm.c; shmget(2), shmop(2), shmctl(2)). A segment is a page cache without a file, mapped
 * shared by whoever attaches it. It lives until it has been removed and nobody is attached.
 */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../../base/brands.js';
import { PAGE_SIZE, pageUp } from '../../base/page.js';
import { EINVAL, ENOMEM, ENOSPC, EPERM } from '../../abi/errno.js';
import { CAP_IPC_LOCK } from '../../abi/capability.js';
import { SHM_DEST, SHM_EXEC, SHM_LOCKED, SHM_NORESERVE, SHM_RDONLY, SHM_REMAP, SHM_RND } from '../../abi/ipc.js';
import { MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { RLIMIT_MEMLOCK } from '../../abi/resource.js';
import type { AddressSpace, MappedFile } from '../../mm/address-space.js';
import { PageCache } from '../../mm/page-cache.js';
import { hasCapability } from '../../vfs/credentials.js';
import type { Machine } from '../machine.js';
import type { Task } from '../task.js';
import { checkAccess, checkOwner, IpcPerm, nowSeconds } from './ids.js';
import type { IpcNamespace } from './ipc-namespace.js';

export class ShmSegment {
  readonly cache: PageCache;
  atime = 0;
  dtime = 0;
  ctime: number;
  readonly cpid: number;
  lpid = 0;
  /** Mappings; a mapping that was split counts for each part. */
  nattch = 0;

  constructor(
    readonly ns: IpcNamespace,
    readonly machine: Machine,
    readonly perm: IpcPerm,
    /** Bytes, as asked for. */
    readonly size: number,
    creator: Task,
  ) {
    this.cache = new PageCache(machine.physmem, size);
    this.ctime = nowSeconds(machine);
    this.cpid = creator.group.pid;
  }

  get pages(): number {
    return pageUp(this.size) / PAGE_SIZE;
  }
}

/** One attachment as mm sees it: each shmat makes its own, so that shmdt finds what belongs together. */
class ShmAttachment implements MappedFile {
  constructor(readonly segment: ShmSegment) {}

  get mappable(): ShmSegment {
    return this.segment;
  }
  hold(): void {
    const { segment } = this;
    segment.nattch++;
    segment.atime = nowSeconds(segment.machine);
    segment.lpid = segment.machine.current.group.pid;
  }
  drop(): void {
    const { segment } = this;
    segment.nattch--;
    segment.dtime = nowSeconds(segment.machine);
    segment.lpid = segment.machine.current.group.pid;
    if (segment.nattch === 0 && (segment.perm.mode & SHM_DEST) !== 0) destroy(segment);
  }
  describe(): { device: number; ino: number; path: ByteString } {
    const { perm } = this.segment;
    return { device: 1, ino: perm.id, path: `/SYSV${(perm.key >>> 0).toString(16).padStart(8, '0')} (deleted)` };
  }
}

export function shmget(task: Task, key: number, size: number, flags: number): number | Errno {
  const ns = task.nsproxy.ipc;
  return ns.shm.get(
    task.cred,
    key,
    flags,
    () => create(task, ns, key, size, flags),
    (segment) => (segment.size < size ? EINVAL : 0),
  );
}

function create(task: Task, ns: IpcNamespace, key: number, size: number, flags: number): ShmSegment | Errno {
  const { machine } = task;
  const { limits } = ns;
  if (size < 1 || BigInt(size) > limits.shmmax) return EINVAL;
  const pages = pageUp(size) / PAGE_SIZE;
  if (BigInt(ns.shmPages + pages) > limits.shmall) return ENOSPC;
  if (ns.shm.size >= limits.shmmni) return ENOSPC;
  // Linux's heuristic overcommit, as for a mapping.
  if (size > Number.MAX_SAFE_INTEGER / 2 || ((flags & SHM_NORESERVE) === 0 && size > machine.physmem.limitBytes)) return ENOMEM;
  const segment = new ShmSegment(ns, machine, new IpcPerm(key, flags & 0o777, task.cred, ns.owner!), size, task);
  const added = ns.shm.add(segment, limits.shmmni);
  if (isErr(added)) return added;
  ns.shmPages += pages;
  return segment;
}

function destroy(segment: ShmSegment): void {
  const { ns } = segment;
  ns.shm.remove(segment);
  ns.shmPages -= segment.pages;
  segment.cache.dispose();
}

/** IPC_RMID: at once when nobody is attached, else with the last detach; the key is free from now on. */
/** Its namespace ends. */
export function discardSegment(segment: ShmSegment): void {
  if (segment.nattch === 0) destroy(segment);
  else segment.perm.mode |= SHM_DEST;
}

export function removeShm(task: Task, id: number): 0 | Errno {
  const segment = task.nsproxy.ipc.shm.find(id);
  if (isErr(segment)) return segment;
  const allowed = checkOwner(task.cred, segment.perm);
  if (isErr(allowed)) return allowed;
  if (segment.nattch === 0) {
    destroy(segment);
    return 0;
  }
  segment.ns.shm.dropKey(segment);
  segment.perm.mode |= SHM_DEST;
  return 0;
}

/** SHM_LOCK and SHM_UNLOCK: nothing is ever swapped by us, so only the right and the mark are left. */
export function lockShm(task: Task, id: number, lock: boolean): 0 | Errno {
  const segment = task.nsproxy.ipc.shm.find(id);
  if (isErr(segment)) return segment;
  if (!hasCapability(task.cred, CAP_IPC_LOCK)) {
    const { euid } = task.cred;
    if (euid !== segment.perm.uid && euid !== segment.perm.cuid) return EPERM;
    const limit = task.group.limits.soft[RLIMIT_MEMLOCK]!;
    if (lock && limit === 0) return EPERM;
    if (lock && segment.pages * PAGE_SIZE > limit) return ENOMEM;
  }
  segment.perm.mode = lock ? segment.perm.mode | SHM_LOCKED : segment.perm.mode & ~SHM_LOCKED;
  return 0;
}

export function shmat(task: Task, id: number, at: GuestAddr, flags: number): GuestAddr | Errno {
  let address = at;
  if (address % PAGE_SIZE !== 0) {
    if ((flags & SHM_RND) === 0) return EINVAL;
    address -= address % PAGE_SIZE;
    if (address === 0 && (flags & SHM_REMAP) !== 0) return EINVAL;
  } else if (address === 0 && (flags & SHM_REMAP) !== 0) {
    return EINVAL;
  }
  const segment = task.nsproxy.ipc.shm.find(id);
  if (isErr(segment)) return segment;
  const readOnly = (flags & SHM_RDONLY) !== 0;
  const executable = (flags & SHM_EXEC) !== 0;
  const allowed = checkAccess(task.cred, segment.perm, (readOnly ? 0o444 : 0o666) | (executable ? 0o111 : 0));
  if (isErr(allowed)) return allowed;
  const length = pageUp(segment.size);
  const { mm } = task;
  if (address !== 0 && (flags & SHM_REMAP) === 0) {
    if (address + length < address || !mm.isGuestRange(address, length)) return EINVAL;
    if (!mm.vmas.isFree(address, address + length)) return EINVAL;
  }
  const prot = PROT_READ | (readOnly ? 0 : PROT_WRITE) | (executable ? PROT_EXEC : 0);
  return mm.map({
    address,
    length,
    prot,
    maxProt: PROT_READ | PROT_EXEC | (readOnly ? 0 : PROT_WRITE),
    flags: MAP_SHARED | (address !== 0 ? MAP_FIXED : 0),
    file: new ShmAttachment(segment),
    offset: 0,
  });
}

/** Unmaps what is left of the attachment that began at `at`. */
export function shmdt(task: Task, at: GuestAddr): 0 | Errno {
  if (at % PAGE_SIZE !== 0) return EINVAL;
  const { mm } = task;
  const first = mm.vmas.items.find((vma) => vma.file instanceof ShmAttachment && vma.start - vma.offset === at && vma.start >= at);
  if (!first) return EINVAL;
  return unmapAttachment(mm, first.file as ShmAttachment, at);
}

function unmapAttachment(mm: AddressSpace, attachment: ShmAttachment, at: GuestAddr): 0 | Errno {
  const parts = mm.vmas.items.filter((vma) => vma.file === attachment && vma.start - vma.offset === at);
  for (const { start, end } of parts) {
    const unmapped = mm.unmap(start, end - start);
    if (isErr(unmapped)) return unmapped;
  }
  return 0;
}
