/**
 * fanotify(7) (Linux: fs/notify/fanotify/): a file from which events of marked objects are read, each with an open descriptor or
 * with handles. Left out: permission events (as without CONFIG_FANOTIFY_ACCESS_PERMISSIONS), FAN_RENAME, FAN_FS_ERROR, pidfds.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EEXIST, EFAULT, EINVAL, EMFILE, ENOENT, ENOSPC, ENOTTY } from '../../abi/errno.js';
import { O_CLOEXEC } from '../../abi/fcntl.js';
import * as abi from '../../abi/fanotify.js';
import { FIONREAD } from '../../abi/ioctls.js';
import { POLLIN, POLLRDNORM } from '../../abi/poll.js';
import type { Machine } from '../../kernel/machine.js';
import { pidFor } from '../../kernel/pid-namespace.js';
import { installFile } from '../../kernel/task-files.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Dentry } from '../../vfs/dentry.js';
import { Inode } from '../../vfs/inode.js';
import type { Mount } from '../../vfs/mount.js';
import { attachWatch, detachWatch, setObserver, type EventObserver } from '../../vfs/notify.js';
import { openSilently } from '../../vfs/open-path.js';
import { answerInt, OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import { dropPath, holdPath, type Path } from '../../vfs/path.js';
import { describe, DIRECTORY_EVENTS, encode, infoOf, sameEvent, sizeOf, type EventInfo, type FanotifyEvent } from './event.js';
import { Mark, Verdict, type MarkedObject } from './mark.js';

export const MAX_QUEUED_EVENTS = 16384;
export const MAX_USER_MARKS = 8192;
/** Events of all groups, those with unlimited queues included. */
const EVENTS_TOTAL = 2 ** 17;
/** How far back an event is looked for that is the same but for what happened. */
const MERGE_DEPTH = 128;
const EVENT_BITS = 0xffff;

const groups = new Set<FanotifyGroup>();
let queuedEvents = 0;

const observer: EventObserver = {
  onPlace(mask: number, dentry: Dentry, mount: Mount | undefined): void {
    for (const group of groups) group.consider(mask, dentry.inode!, dentry.parent?.inode ?? undefined, dentry.name, dentry, mount);
  },
  onInode(mask: number, inode: Inode, name: ByteString): void {
    const isOfDirectory = (mask & DIRECTORY_EVENTS) === 0 && inode.isDirectory;
    const event = isOfDirectory ? mask | abi.FAN_ONDIR : mask;
    for (const group of groups) group.consider(event, inode, undefined, name, undefined, undefined);
  },
};

export class FanotifyGroup extends OpenFile {
  private readonly waiters = new WaitQueue();
  private readonly marks = new Map<MarkedObject, Mark>();
  private events: FanotifyEvent[] = [];

  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
    /** FAN_* of fanotify_init, and the flags with which files of events are opened. */
    readonly options: number,
    private readonly openFlags: number,
    /** Made by one with CAP_SYS_ADMIN. */
    private readonly isPrivileged: boolean,
    private readonly onRelease: () => void,
  ) {
    super(inode, flags);
    groups.add(this);
    setObserver(observer);
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }
  /** Events tell of objects by handles. */
  get reportsHandles(): boolean {
    return (this.options & (abi.FAN_REPORT_FID | abi.FAN_REPORT_DIR_FID)) !== 0;
  }

  /** Adds to what an object's mark tells, or ignores. */
  add(object: MarkedObject, mask: number, flags: number): 0 | Errno {
    let mark = this.marks.get(object);
    if (!mark) {
      if (this.marks.size >= MAX_USER_MARKS) return ENOSPC;
      mark = new Mark(object, (gone) => this.drop(gone));
      this.marks.set(object, mark);
      if (object instanceof Inode) attachWatch(object, mark);
    }
    const ignores = flags & (abi.FAN_MARK_IGNORED_MASK | abi.FAN_MARK_IGNORE);
    if (ignores === 0) {
      mark.mask |= mask;
      return 0;
    }
    const withFlags = ignores === abi.FAN_MARK_IGNORE;
    if (mark.ignored !== 0 && mark.hasIgnoreFlags !== withFlags) return EEXIST;
    const survives = (flags & abi.FAN_MARK_IGNORED_SURV_MODIFY) !== 0;
    // Somebody may be writing: what is ignored until the file changes would not be for long.
    if (!survives && object instanceof Inode && object.writers > 0) return 0;
    mark.hasIgnoreFlags = withFlags;
    mark.survives ||= survives;
    mark.ignored |= mask;
    return 0;
  }

  remove(object: MarkedObject, mask: number, flags: number): 0 | Errno {
    const mark = this.marks.get(object);
    if (!mark) return ENOENT;
    if ((flags & (abi.FAN_MARK_IGNORED_MASK | abi.FAN_MARK_IGNORE)) !== 0) mark.ignored &= ~mask;
    else mark.mask &= ~mask;
    if ((mark.mask & EVENT_BITS) === 0 && (mark.ignored & EVENT_BITS) === 0) this.drop(mark);
    return 0;
  }

  /** Takes away all marks on objects of one kind. */
  flushMarks(isOfKind: (object: MarkedObject) => boolean): void {
    for (const mark of [...this.marks.values()]) if (isOfKind(mark.object)) this.drop(mark);
  }

  private drop(mark: Mark): void {
    if (!this.marks.delete(mark.object)) return;
    if (mark.object instanceof Inode) detachWatch(mark.object, mark);
  }

  /** Something happened: to `inode`, which is `name` in `parent`; or in the directory `inode`, to its `name`. */
  consider(
    mask: number,
    inode: Inode,
    parent: Inode | undefined,
    name: ByteString,
    dentry: Dentry | undefined,
    mount: Mount | undefined,
  ): void {
    const isDirectory = (mask & abi.FAN_ONDIR) !== 0;
    const event = mask & EVENT_BITS;
    const verdict = new Verdict({ event, isDirectory });
    verdict.add(this.marks.get(inode));
    if (parent) verdict.add(this.marks.get(parent), true);
    if (mount) verdict.add(this.marks.get(mount));
    verdict.add(this.marks.get(inode.fs));
    const told = verdict.events;
    if (told === 0) return;
    const { current } = this.machine;
    const pid = (this.options & abi.FAN_REPORT_TID) !== 0 ? current.tid : current.group.pid;
    if (this.reportsHandles) {
      const info = (event & DIRECTORY_EVENTS) !== 0 ? this.describeEntry(inode, name) : this.describeFile(inode, parent, name);
      this.push({ mask: told | (isDirectory ? abi.FAN_ONDIR : 0), pid, path: undefined, info });
    } else if (dentry && mount) {
      this.push({ mask: told, pid, path: { mount, dentry }, info: [] });
    }
  }

  private describeFile(inode: Inode, parent: Inode | undefined, name: ByteString): EventInfo[] {
    const { options } = this;
    const [fid, directory, named] = [abi.FAN_REPORT_FID, abi.FAN_REPORT_DIR_FID, abi.FAN_REPORT_NAME].map((flag) => (options & flag) !== 0);
    return describe(inode, parent, name, fid!, directory!, named!);
  }

  private describeEntry(directory: Inode, name: ByteString): EventInfo[] {
    if ((this.options & abi.FAN_REPORT_NAME) !== 0) return [infoOf(abi.FAN_EVENT_INFO_TYPE_DFID_NAME, directory, name)];
    const type = (this.options & abi.FAN_REPORT_DIR_FID) !== 0 ? abi.FAN_EVENT_INFO_TYPE_DFID : abi.FAN_EVENT_INFO_TYPE_FID;
    return [infoOf(type, directory)];
  }

  private push(event: FanotifyEvent): void {
    const { events } = this;
    const oldest = Math.max(0, events.length - MERGE_DEPTH);
    for (let i = events.length - 1; i >= oldest; i--) {
      const other = events[i]!;
      if (((other.mask ^ event.mask) & abi.FAN_ONDIR) !== 0 || !sameEvent(other, event)) continue;
      other.mask |= event.mask;
      return;
    }
    const isFull = (this.options & abi.FAN_UNLIMITED_QUEUE) === 0 && events.length >= MAX_QUEUED_EVENTS;
    if (isFull || queuedEvents >= EVENTS_TOTAL) {
      if (events.at(-1)?.mask === abi.FAN_Q_OVERFLOW) return;
      events.push({ mask: abi.FAN_Q_OVERFLOW, pid: 0, path: undefined, info: [] });
    } else {
      if (event.path) holdPath(event.path);
      events.push(event);
    }
    queuedEvents++;
    this.waiters.wake(POLLIN | POLLRDNORM);
  }

  /** As many whole events as fit; EINVAL when the first does not. */
  override read(io: IoVec): number | Errno {
    if (this.events.length === 0) return EAGAIN;
    let done = 0;
    let problem: Errno = EINVAL;
    while (this.events.length > 0 && sizeOf(this.events[0]!) <= io.remaining) {
      const event = this.events.shift()!;
      queuedEvents--;
      const given = this.give(event, io);
      if (event.path) dropPath(event.path);
      if (isErr(given)) {
        problem = given;
        break;
      }
      done += given;
    }
    return done > 0 ? done : problem;
  }

  private give(event: FanotifyEvent, io: IoVec): number | Errno {
    const { current } = this.machine;
    const fd = event.path ? this.openFor(event.path) : abi.FAN_NOFD;
    if (event.path && isErr(fd)) return fd;
    // Who may not see everything is not told who did it, but for himself.
    const isTold = event.pid !== 0 && (this.isPrivileged || event.pid === current.group.pid);
    const bytes = encode(event, fd, isTold ? pidFor(current, event.pid) : 0);
    const moved = io.put(bytes);
    if (moved === bytes.length) return moved;
    if (fd >= 0) current.files.close(fd);
    return EFAULT;
  }

  private openFor(path: Path): number | Errno {
    const file = openSilently(path, this.openFlags);
    if (typeof file === 'number') return file;
    const fd = installFile(this.machine.current, file, (this.openFlags & O_CLOEXEC) !== 0);
    return fd === EMFILE ? EMFILE : fd;
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
    let text = `fanotify flags:${this.options.toString(16)} event-flags:${this.openFlags.toString(16)}\n`;
    for (const mark of this.marks.values()) text += mark.fdinfo();
    return text;
  }

  override release(): void {
    groups.delete(this);
    if (groups.size === 0) setObserver(undefined);
    this.flushMarks(() => true);
    for (const { path } of this.events) if (path) dropPath(path);
    queuedEvents -= this.events.length;
    this.events = [];
    this.onRelease();
  }
}
