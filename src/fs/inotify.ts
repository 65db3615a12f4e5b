/**
 * inotify(7) (Linux: fs/notify/inotify/). vfs/notify.ts tells watches of events; each inotify file has a bounded queue of them.
 * Left out: IN_UNMOUNT; events of files that have other names are told only by the name that was used, as in Linux.
 */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import type { ByteString } from '../base/brands.js';
import { EAGAIN, EEXIST, EFAULT, EINVAL, ENOSPC, ENOTTY } from '../abi/errno.js';
import {
  IN_ALL_EVENTS,
  IN_DELETE_SELF,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
} from '../abi/inotify.js';
import { FIONREAD } from '../abi/ioctls.js';
import { POLLIN, POLLRDNORM } from '../abi/poll.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Inode } from '../vfs/inode.js';
import { attachWatch, detachWatch, type InodeWatch } from '../vfs/notify.js';
import { answerInt, OpenFile, type IoctlCaller } from '../vfs/open-file.js';

/** /proc/sys/fs/inotify; watches are counted per inotify file. */
export interface InotifyLimits {
  readonly inotifyMaxQueuedEvents: number;
  readonly inotifyMaxUserWatches: number;
}

const HEADER = 16;
/** Told whether asked for or not. */
const ALWAYS = IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW;

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: ByteString;
}

class Watch implements InodeWatch {
  constructor(
    readonly file: InotifyFile,
    readonly wd: number,
    readonly inode: Inode,
    public mask: number,
  ) {}

  onEvent(mask: number, name: ByteString, cookie: number): void {
    this.file.onEvent(this, mask, name, cookie);
  }
}

export class InotifyFile extends OpenFile {
  private readonly waiters = new WaitQueue();
  private readonly byNumber = new Map<number, Watch>();
  private readonly byInode = new Map<Inode, Watch>();
  private events: Event[] = [];
  private lastWd = 0;
  private readonly maxQueued: number;

  constructor(
    inode: Inode,
    flags: number,
    private readonly limits: InotifyLimits,
    private readonly onRelease: () => void,
  ) {
    super(inode, flags);
    this.maxQueued = limits.inotifyMaxQueuedEvents;
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  /** Watches an inode, or changes what an existing watch tells. Returns its number. */
  add(inode: Inode, mask: number): number | Errno {
    const known = this.byInode.get(inode);
    const kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
    if (known) {
      if ((mask & IN_MASK_CREATE) !== 0) return EEXIST;
      known.mask = (mask & IN_MASK_ADD) !== 0 ? known.mask | kept : kept;
      return known.wd;
    }
    if (this.byNumber.size >= this.limits.inotifyMaxUserWatches) return ENOSPC;
    const watch = new Watch(this, ++this.lastWd, inode, kept);
    this.byNumber.set(watch.wd, watch);
    this.byInode.set(inode, watch);
    attachWatch(inode, watch);
    return watch.wd;
  }

  /** inotify_rm_watch: the queue tells IN_IGNORED. */
  remove(wd: number): 0 | Errno {
    const watch = this.byNumber.get(wd);
    if (!watch) return EINVAL;
    this.end(watch);
    return 0;
  }

  /** Something happened to a watched inode; called by its watch. */
  onEvent(watch: Watch, told: number, name: ByteString, cookie: number): void {
    if ((told & watch.mask & IN_EXCL_UNLINK) !== 0) return;
    const mask = told & ~IN_EXCL_UNLINK;
    const wanted = (mask & (watch.mask | ALWAYS) & ~IN_ISDIR) !== 0;
    if (wanted) this.push({ wd: watch.wd, mask: mask >>> 0, cookie, name });
    const isGone = (mask & IN_DELETE_SELF) !== 0;
    if (isGone || (wanted && (watch.mask & IN_ONESHOT) !== 0)) this.end(watch);
  }

  private push(event: Event): void {
    const last = this.events.at(-1);
    if (last && last.wd === event.wd && last.mask === event.mask && last.cookie === event.cookie && last.name === event.name) return;
    if (this.events.length >= this.maxQueued) {
      if (last?.mask === IN_Q_OVERFLOW) return;
      this.events.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: '' });
    } else {
      this.events.push(event);
    }
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  /** Takes a watch off its inode and says so. */
  private end(watch: Watch): void {
    if (!this.forget(watch)) return;
    this.push({ wd: watch.wd, mask: IN_IGNORED, cookie: 0, name: '' });
  }

  private forget(watch: Watch): boolean {
    if (!this.byNumber.delete(watch.wd)) return false;
    this.byInode.delete(watch.inode);
    detachWatch(watch.inode, watch);
    return true;
  }

  /** As many whole events as fit; EINVAL when the first does not. */
  override read(io: IoVec): number | Errno {
    if (this.events.length === 0) return EAGAIN;
    let done = 0;
    let taken = 0;
    for (const event of this.events) {
      const size = sizeOf(event);
      if (size > io.remaining) break;
      const moved = io.put(encode(event, size));
      if (isErr(moved) || moved < size) {
        if (done === 0) return EFAULT;
        break;
      }
      done += size;
      taken++;
    }
    this.events.splice(0, taken);
    return done > 0 ? done : EINVAL;
  }

  override poll(): number {
    return this.events.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (request !== FIONREAD) return ENOTTY;
    const size = this.events.reduce((sum, event) => sum + sizeOf(event), 0);
    return answerInt(caller, argument, size);
  }

  override fdinfo(): string {
    let text = '';
    for (const { wd, inode, mask } of this.byNumber.values()) {
      text += `inotify wd:${wd.toString(16)} ino:${inode.ino.toString(16)} sdev:${inode.fs.device.toString(16)} mask:${(mask >>> 0).toString(16)} ignored_mask:0 \n`;
    }
    return text;
  }

  override release(): void {
    for (const watch of [...this.byNumber.values()]) this.forget(watch);
    this.events = [];
    this.onRelease();
  }
}

/** The name is padded with zeros, at least one, to a multiple of the header. */
function sizeOf({ name }: Event): number {
  return name.length === 0 ? HEADER : HEADER + Math.ceil((name.length + 1) / HEADER) * HEADER;
}

function encode(event: Event, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, event.wd, true);
  view.setUint32(4, event.mask, true);
  view.setUint32(8, event.cookie, true);
  view.setUint32(12, size - HEADER, true);
  for (let i = 0; i < event.name.length; i++) bytes[HEADER + i] = event.name.charCodeAt(i);
  return bytes;
}
