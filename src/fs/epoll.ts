/**
 * epoll(7) (Linux: fs/eventpoll.c). Each watched descriptor has an item that waits on its file's queue; a wake-up puts the item
 * on the ready list, and `collect` looks only there. An item that turns out not to be ready falls off the list, a
 * level-triggered one that is goes back to its end.
 *
 * Items belong to the pair (open file, descriptor number) and vanish with the last reference to the open file, not with
 * close(2) of a descriptor. Left out: EPOLLWAKEUP (nothing to keep awake), busy polling.
 */
import type { Errno } from '../base/brands.js';
import { WAKE_ALL, WaitQueue, type Waiter } from '../base/wait-queue.js';
import { EEXIST, EINVAL, ELOOP, ENOENT, ENOSPC, EPERM } from '../abi/errno.js';
import { EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLWAKEUP } from '../abi/epoll.js';
import { POLLIN, POLLRDNORM } from '../abi/poll.js';
import type { Inode } from '../vfs/inode.js';
import { OpenFile, type ReleaseListener } from '../vfs/open-file.js';

/** How deep epoll files may watch each other. */
const MAX_DEPTH = 5;
/** Items of one epoll file (Linux: max_user_watches, per user, sized by memory). */
const MAX_ITEMS = 1 << 20;

const BEHAVIOUR = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
const ALWAYS = EPOLLERR | EPOLLHUP;
const EXCLUSIVE_ALLOWED = EPOLLIN | EPOLLOUT | ALWAYS | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/** What epoll_wait reports: struct epoll_event with `data` in two halves, as nobody looks into it. */
export interface EpollEvent {
  events: number;
  dataLow: number;
  dataHigh: number;
}

class EpollItem implements Waiter, ReleaseListener {
  /** Poll bits asked for; 0 while disabled by EPOLLONESHOT. */
  wanted = 0;
  behaviour = 0;

  constructor(
    readonly epoll: EpollFile,
    readonly file: OpenFile,
    readonly fd: number,
    readonly queue: WaitQueue,
    public dataLow: number,
    public dataHigh: number,
  ) {}

  setEvents(events: number): void {
    this.behaviour = events & BEHAVIOUR;
    this.wanted = (events & ~BEHAVIOUR) | ALWAYS;
  }

  /** Events that are true now, of those wanted. */
  poll(): number {
    return this.wanted === 0 ? 0 : this.file.poll() & this.wanted;
  }

  onWake(key: number): boolean {
    if ((key & this.wanted) === 0) return false;
    const isWaitedFor = !this.epoll.queue.isEmpty;
    this.epoll.markReady(this);
    return isWaitedFor;
  }

  onFileRelease(): void {
    this.epoll.forget(this);
  }
}

export class EpollFile extends OpenFile {
  private readonly waiters = new WaitQueue();
  private readonly items = new Map<OpenFile, Map<number, EpollItem>>();
  private readonly ready = new Set<EpollItem>();
  /** Epoll files that watch this one, once for each item. */
  private readonly watchedBy: EpollFile[] = [];
  private count = 0;

  constructor(inode: Inode, flags: number) {
    super(inode, flags);
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  add(file: OpenFile, fd: number, event: EpollEvent): 0 | Errno {
    const { queue } = file;
    if (!queue) return EPERM;
    if (file === this || !exclusiveAllowed(file, event.events)) return EINVAL;
    if (file instanceof EpollFile && this.wouldNestTooDeep(file)) return ELOOP;
    if (this.items.get(file)?.has(fd)) return EEXIST;
    if (this.count >= MAX_ITEMS) return ENOSPC;
    const item = new EpollItem(this, file, fd, queue, event.dataLow, event.dataHigh);
    item.setEvents(event.events);
    this.remember(item);
    const exclusive = (event.events & EPOLLEXCLUSIVE) !== 0;
    // An item that shares the wake-ups may not swallow one that it does not want; others change their mind by `modify`.
    queue.add(item, exclusive ? item.wanted : WAKE_ALL, exclusive);
    if (item.poll() !== 0) this.markReady(item);
    return 0;
  }

  modify(file: OpenFile, fd: number, event: EpollEvent): 0 | Errno {
    const item = this.items.get(file)?.get(fd);
    if (!item) return ENOENT;
    if (((event.events | item.behaviour) & EPOLLEXCLUSIVE) !== 0) return EINVAL;
    item.dataLow = event.dataLow;
    item.dataHigh = event.dataHigh;
    item.setEvents(event.events);
    if (item.poll() !== 0) this.markReady(item);
    return 0;
  }

  remove(file: OpenFile, fd: number): 0 | Errno {
    const item = this.items.get(file)?.get(fd);
    if (!item) return ENOENT;
    this.forget(item);
    return 0;
  }

  /**
   * Fills `events` from the ready list, at most `max`; returns how many. What did not fit stays at the front of the list;
   * other waiters are woken for what is left.
   */
  collect(events: EpollEvent[], max: number): number {
    let found = 0;
    let budget = this.ready.size;
    for (const item of this.ready) {
      if (found === max || budget-- === 0) break;
      this.ready.delete(item);
      const current = item.poll();
      if (current === 0) continue;
      events[found] ??= { events: 0, dataLow: 0, dataHigh: 0 };
      const event = events[found++]!;
      event.events = current;
      event.dataLow = item.dataLow;
      event.dataHigh = item.dataHigh;
      if ((item.behaviour & EPOLLONESHOT) !== 0) item.wanted = 0;
      else if ((item.behaviour & EPOLLET) === 0) this.ready.add(item);
    }
    if (this.ready.size > 0) this.waiters.wake(POLLIN | POLLRDNORM);
    return found;
  }

  override poll(): number {
    for (const item of this.ready) {
      if (item.poll() !== 0) return POLLIN | POLLRDNORM;
      this.ready.delete(item);
    }
    return 0;
  }

  override release(): void {
    for (const byFd of [...this.items.values()]) for (const item of [...byFd.values()]) this.forget(item);
  }

  override fdinfo(): string {
    let text = '';
    for (const byFd of this.items.values()) {
      for (const item of byFd.values()) {
        const events = ((item.wanted | item.behaviour) >>> 0).toString(16);
        const data =
          (item.dataHigh > 0 ? item.dataHigh.toString(16) : '') + item.dataLow.toString(16).padStart(item.dataHigh > 0 ? 8 : 1, '0');
        const { ino } = item.file.inode;
        text += `tfd: ${String(item.fd).padStart(8)} events: ${events.padStart(8)} data: ${data.padStart(16)}  pos:${item.file.position} ino:${ino.toString(16)} sdev:${item.file.inode.fs.device.toString(16)}\n`;
      }
    }
    return text;
  }

  /** An item's file changed: called by the item. */
  markReady(item: EpollItem): void {
    this.ready.add(item);
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  /** Takes an item off everything. */
  forget(item: EpollItem): void {
    item.queue.remove(item);
    item.file.removeReleaseListener(item);
    this.ready.delete(item);
    const byFd = this.items.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.items.delete(item.file);
    this.count--;
    if (item.file instanceof EpollFile) item.file.watchedBy.splice(item.file.watchedBy.indexOf(this), 1);
  }

  private remember(item: EpollItem): void {
    const byFd = this.items.get(item.file);
    if (byFd) byFd.set(item.fd, item);
    else this.items.set(item.file, new Map([[item.fd, item]]));
    this.count++;
    item.file.addReleaseListener(item);
    if (item.file instanceof EpollFile) item.file.watchedBy.push(this);
  }

  /** True when watching `target` would close a circle or make a chain of more than MAX_DEPTH epoll files. */
  private wouldNestTooDeep(target: EpollFile): boolean {
    const below = depthOf(target, (file) => file.watchedEpolls(), this);
    if (below < 0) return true;
    return below + depthOf(this, (file) => file.watchedBy, undefined) > MAX_DEPTH;
  }

  private *watchedEpolls(): Generator<EpollFile> {
    for (const file of this.items.keys()) if (file instanceof EpollFile) yield file;
  }
}

/** Longest chain that starts at `start`, counting it; -1 when the chain meets `forbidden`. Chains are at most MAX_DEPTH long. */
function depthOf(start: EpollFile, next: (file: EpollFile) => Iterable<EpollFile>, forbidden: EpollFile | undefined): number {
  const known = new Map<EpollFile, number>();
  const visit = (file: EpollFile): number => {
    if (file === forbidden) return -1;
    const seen = known.get(file);
    if (seen !== undefined) return seen;
    let deepest = 0;
    for (const other of next(file)) {
      const depth = visit(other);
      if (depth < 0) return -1;
      deepest = Math.max(deepest, depth);
    }
    known.set(file, deepest + 1);
    return deepest + 1;
  };
  return visit(start);
}

function exclusiveAllowed(file: OpenFile, events: number): boolean {
  if ((events & EPOLLEXCLUSIVE) === 0) return true;
  return !(file instanceof EpollFile) && (events & ~EXCLUSIVE_ALLOWED) === 0;
}
