/**
 * Leases: the holder of one is told before somebody opens or truncates the file, who waits for it to give way (Linux:
 * fs/locks.c, generic_setlease, __break_lease; fcntl(2), "Leases"). Left out: delegations, which are nfsd's.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { ETIMEDOUT, EAGAIN, EWOULDBLOCK } from '../abi/errno.js';
import { F_RDLCK, F_UNLCK, F_WRLCK, O_ACCMODE, O_RDONLY } from '../abi/fcntl.js';
import type { Errno } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import type { Inode } from './inode.js';
import type { OpenFile, ReleaseListener } from './open-file.js';

/** Tells the holder; answers when the lease ends by itself: CLOCK_MONOTONIC of the host in nanoseconds. */
export type BreakNotice = () => number;

export class Lease implements ReleaseListener {
  /** What it is to become; `undefined`: it stays. */
  pending: typeof F_RDLCK | typeof F_UNLCK | undefined = undefined;
  deadlineNs = Infinity;

  constructor(
    readonly file: OpenFile,
    public type: number,
    readonly tell: BreakNotice,
  ) {}

  onFileRelease(): void {
    endLease(this);
  }
}

/** Those of an inode. */
export class InodeLeases {
  readonly held = new Set<Lease>();
  readonly changed = new WaitQueue();
  /** Who waits for leases to end, and the writers of them: meanwhile no new one may begin. */
  waiters = 0;
  writers = 0;
}

function endLease(lease: Lease): void {
  const { inode } = lease.file;
  const { leases } = inode;
  if (!leases?.held.delete(lease)) return;
  forgetUnused(inode, leases);
  leases.changed.wake();
}

function forgetUnused(inode: Inode, leases: InodeLeases): void {
  if (leases.held.size === 0 && leases.waiters === 0) inode.leases = undefined;
}

function leaseOf(file: OpenFile): Lease | undefined {
  for (const lease of file.inode.leases?.held ?? []) if (lease.file === file) return lease;
  return undefined;
}

/** F_GETLEASE: while it is being broken, what it is to become. */
export function leaseType(file: OpenFile): number {
  const lease = leaseOf(file);
  return lease === undefined ? F_UNLCK : (lease.pending ?? lease.type);
}

/** F_SETLEASE of a regular file; EAGAIN where others have it open in a way that the lease forbids. */
export function setLease(file: OpenFile, type: number, tell: BreakNotice): 0 | Errno {
  const { inode } = file;
  const own = leaseOf(file);
  if (type === F_UNLCK) {
    if (!own) return EAGAIN;
    file.removeReleaseListener(own);
    endLease(own);
    return 0;
  }
  if (conflictsWithOpen(file, type) || (inode.leases && inode.leases.writers > 0)) return EAGAIN;
  for (const other of inode.leases?.held ?? []) {
    if (other !== own && (type === F_WRLCK || other.pending === F_UNLCK)) return EAGAIN;
  }
  if (own) {
    own.type = type;
    own.pending = undefined;
    own.deadlineNs = Infinity;
    inode.leases!.changed.wake();
    return 0;
  }
  const lease = new Lease(file, type, tell);
  inode.leases ??= new InodeLeases();
  inode.leases.held.add(lease);
  file.addReleaseListener(lease);
  return 0;
}

function conflictsWithOpen({ inode, writable }: OpenFile, type: number): boolean {
  if (type === F_RDLCK) return inode.writers > 0;
  return inode.writers !== (writable ? 1 : 0) || inode.readers !== (writable ? 0 : 1);
}

/** Somebody who opens the file so has leases to wait for. */
export function mustBreakLeases(inode: Inode, flags: number): boolean {
  const writes = (flags & O_ACCMODE) !== O_RDONLY;
  for (const { type } of inode.leases?.held ?? []) if (writes || type === F_WRLCK) return true;
  return false;
}

/** Tells the holders, and waits until they have given way or their time is over. */
export function* breakLeases(inode: Inode, flags: number, noWait: boolean): Blocking<0 | Errno> {
  const writes = (flags & O_ACCMODE) !== O_RDONLY;
  const { leases } = inode;
  if (!leases) return 0;
  leases.waiters++;
  if (writes) leases.writers++;
  try {
    while (mustBreakLeases(inode, flags)) {
      const deadlineNs = tellHolders(leases, writes);
      if (noWait) return EWOULDBLOCK;
      const woken = yield* sleepOn(leases.changed, undefined, { deadlineNs });
      if (woken === ETIMEDOUT) endOverdue(leases, deadlineNs);
      else if (isErr(woken)) return woken;
    }
    return 0;
  } finally {
    leases.waiters--;
    if (writes) leases.writers--;
    forgetUnused(inode, leases);
  }
}

/** When the first of them ends. */
function tellHolders(leases: InodeLeases, writes: boolean): number {
  let first = Infinity;
  for (const lease of [...leases.held]) {
    if (!writes && lease.type !== F_WRLCK) continue;
    const wanted = writes ? F_UNLCK : F_RDLCK;
    if (lease.pending === undefined || (writes && lease.pending !== F_UNLCK)) {
      lease.pending = wanted;
      lease.deadlineNs = lease.tell();
    }
    first = Math.min(first, lease.deadlineNs);
  }
  return first;
}

function endOverdue(leases: InodeLeases, nowNs: number): void {
  for (const lease of [...leases.held]) {
    if (lease.deadlineNs > nowNs) continue;
    if (lease.pending === F_RDLCK) {
      lease.type = F_RDLCK;
      lease.pending = undefined;
      lease.deadlineNs = Infinity;
      leases.changed.wake();
    } else {
      lease.file.removeReleaseListener(lease);
      endLease(lease);
    }
  }
}
