/**
 * Advisory locks (Linux: fs/locks.c; flock(2), fcntl_locking(2)): whole-file locks of open file descriptions, and record locks
 * of processes (POSIX) or of open file descriptions (OFD). An owner is an object: a descriptor table for POSIX locks, an
 * OpenFile for the other kinds. They lie at the inode; nothing here waits. Left out: mandatory locks, leases.
 */
import type { Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EDEADLK, ENOLCK } from '../abi/errno.js';
import type { Inode } from './inode.js';

export interface RecordLock {
  readonly owner: object;
  /** Process id for F_GETLK; -1 for an OFD lock. */
  readonly pid: number;
  readonly exclusive: boolean;
  /** First and last byte; Infinity: however far the file may grow. */
  readonly start: number;
  readonly end: number;
}

/** Records of one inode at most: a guest may not fill the kernel's memory. */
const MAX_RECORDS = 65536;

export class InodeLocks {
  /** Woken when a lock goes or shrinks. */
  readonly queue = new WaitQueue();
  records: RecordLock[] = [];
  /** flock's: owner to exclusive. */
  readonly whole = new Map<object, boolean>();

  get isEmpty(): boolean {
    return this.records.length === 0 && this.whole.size === 0;
  }

  /** A lock of somebody else that stands in the way of `lock`. */
  conflictWith(lock: RecordLock): RecordLock | undefined {
    return this.records.find(
      (other) => other.owner !== lock.owner && (other.exclusive || lock.exclusive) && other.start <= lock.end && lock.start <= other.end,
    );
  }

  /** Gives `lock` to its owner, replacing what it had in that range. ENOLCK: too many records. */
  set(lock: RecordLock): 0 | Errno {
    if (this.records.length >= MAX_RECORDS) return ENOLCK;
    let { start, end } = lock;
    const rest: RecordLock[] = [];
    const first = this.records.findIndex(({ owner }) => owner === lock.owner);
    for (const old of this.records) {
      const touches = old.owner === lock.owner && old.start <= end + 1 && start <= old.end + 1;
      if (touches && old.exclusive === lock.exclusive) {
        start = Math.min(start, old.start);
        end = Math.max(end, old.end);
      } else {
        this.keepOutside(rest, old, lock);
      }
    }
    const made = { ...lock, start, end };
    this.records = rest;
    // Sorted by start among its owner's, as Linux keeps them: F_GETLK tells of the first in the way.
    const at = rest.findIndex((other, i) => i >= first && other.owner === lock.owner && other.start > start);
    if (at >= 0) rest.splice(at, 0, made);
    else rest.splice(rest.findLastIndex(({ owner }) => owner === lock.owner) + 1 || (first < 0 ? rest.length : first), 0, made);
    // A write lock that became a read lock lets readers in.
    if (!lock.exclusive) this.queue.wake();
    return 0;
  }

  /** Takes a range from an owner. */
  clear(owner: object, start: number, end: number): 0 | Errno {
    if (this.records.length >= MAX_RECORDS) return ENOLCK;
    const rest: RecordLock[] = [];
    for (const old of this.records) this.keepOutside(rest, old, { owner, start, end });
    this.records = rest;
    this.queue.wake();
    return 0;
  }

  private keepOutside(rest: RecordLock[], old: RecordLock, range: { owner: object; start: number; end: number }): void {
    if (old.owner !== range.owner || old.start > range.end || range.start > old.end) {
      rest.push(old);
      return;
    }
    if (old.start < range.start) rest.push({ ...old, end: range.start - 1 });
    if (old.end > range.end) rest.push({ ...old, start: range.end + 1 });
  }

  /** flock: EAGAIN when another owner is in the way; the owner's own lock has then gone if it was of the other kind. */
  setWhole(owner: object, exclusive: boolean): 0 | Errno {
    const own = this.whole.get(owner);
    if (own === exclusive) return 0;
    if (own !== undefined) this.clearWhole(owner);
    for (const [, held] of this.whole) if (held || exclusive) return EAGAIN;
    this.whole.set(owner, exclusive);
    return 0;
  }

  clearWhole(owner: object): void {
    if (this.whole.delete(owner)) this.queue.wake();
  }
}

export function locksOf(inode: Inode): InodeLocks {
  inode.locks ??= new InodeLocks();
  return inode.locks;
}

/** Drops every lock of `owner` on the inode: a process closed a descriptor of it, or an open file description ended. */
export function releaseLocks(inode: Inode, owner: object): void {
  const { locks } = inode;
  if (!locks) return;
  locks.clearWhole(owner);
  if (locks.records.some((lock) => lock.owner === owner)) {
    locks.records = locks.records.filter((lock) => lock.owner !== owner);
    locks.queue.wake();
  }
  if (locks.isEmpty && locks.queue.isEmpty) inode.locks = undefined;
}

/** Who waits for whose record lock, to find circles. */
const waitsFor = new Map<object, object>();

/** Notes that `owner` is about to wait for `holder`: EDEADLK when the holder, by way of others, waits for it. */
export function beginLockWait(owner: object, holder: object): 0 | Errno {
  const seen = new Set<object>();
  for (let next: object | undefined = holder; next && !seen.has(next); next = waitsFor.get(next)) {
    if (next === owner) return EDEADLK;
    seen.add(next);
  }
  waitsFor.set(owner, holder);
  return 0;
}

export function endLockWait(owner: object): void {
  waitsFor.delete(owner);
}
