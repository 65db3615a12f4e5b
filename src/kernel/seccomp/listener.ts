/**
 * The program that a filter leaves a decision to (Linux: kernel/seccomp.c, seccomp_notify_ops; seccomp_unotify(2)). A call that
 * waits for an answer is a notification: made, received, answered. Waiting calls are bounded by the number of tasks.
 */
import { sleepOn, type Blocking } from '../../base/blocking.js';
import { isErr, type Errno } from '../../base/brands.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { EBADF, EFAULT, EINPROGRESS, EINVAL, EMFILE, ENOENT, ENOSYS } from '../../abi/errno.js';
import { O_CLOEXEC } from '../../abi/fcntl.js';
import { POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../abi/poll.js';
import { RLIMIT_NOFILE } from '../../abi/resource.js';
import * as abi from '../../abi/seccomp.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import type { Machine } from '../machine.js';
import { pidFor } from '../pid-namespace.js';
import { killPending } from '../signals/send.js';
import { fileOf, installFile } from '../task-files.js';
import type { Task } from '../task.js';
import type { Filter } from './seccomp.js';

/** `proceed`: the call is made after all; else it answers `error` (an errno or 0) or `value`. */
export interface Reply {
  readonly proceed: boolean;
  readonly value: number;
  readonly error: number;
}

interface Notification {
  readonly id: number;
  readonly task: Task;
  readonly data: Uint8Array;
  received: boolean;
  reply: Reply | undefined;
  readonly answered: WaitQueue;
}

/** The listener is gone: the call does not exist. */
const UNANSWERED: Reply = { proceed: false, value: 0, error: ENOSYS };

export class ListenerFile extends OpenFile {
  private readonly pending = new Map<number, Notification>();
  private readonly waiters = new WaitQueue();
  private filter: Filter | undefined = undefined;
  private lastId = 0;

  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
    /** Once received, only SIGKILL ends a call's wait (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV). */
    private readonly waitKillable: boolean,
  ) {
    super(inode, flags);
  }

  attach(filter: Filter): void {
    this.filter = filter;
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  /** A call of `task` waits for an answer; a signal interrupts it, and it is asked about anew. */
  *ask(task: Task, data: Uint8Array): Blocking<Reply | Errno> {
    const id = ++this.lastId;
    const notification: Notification = { id, task, data, received: false, reply: undefined, answered: new WaitQueue() };
    this.pending.set(id, notification);
    this.waiters.wake(POLLIN | POLLRDNORM);
    try {
      while (notification.reply === undefined) {
        const woken = yield* sleepOn(notification.answered, undefined, { interruptible: !(this.waitKillable && notification.received) });
        if (!isErr(woken) || notification.reply !== undefined) continue;
        if (!(this.waitKillable && notification.received) || killPending(task)) return woken;
      }
      return notification.reply;
    } finally {
      this.pending.delete(id);
    }
  }

  /** A task with the filter has ended. */
  onTaskEnd(): void {
    this.waiters.wake(POLLHUP);
  }

  override poll(): number {
    let events = 0;
    for (const { received, reply } of this.pending.values()) {
      if (reply === undefined) events |= received ? POLLOUT | POLLWRNORM : POLLIN | POLLRDNORM;
    }
    return this.isUsed() ? events : events | POLLHUP;
  }

  /** Some task has the filter. */
  private isUsed(): boolean {
    for (const task of this.machine.tasks.values()) {
      if (task.state === 'zombie' || task.state === 'dead') continue;
      for (let at = task.seccompFilter; at; at = at.previous) if (at === this.filter) return true;
    }
    return false;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno | Blocking<number | Errno> {
    const task = caller as Task;
    switch (request >>> 0) {
      case abi.SECCOMP_IOCTL_NOTIF_RECV:
        return this.receive(task, argument);
      case abi.SECCOMP_IOCTL_NOTIF_SEND:
        return this.answer(task, argument);
      case abi.SECCOMP_IOCTL_NOTIF_ID_VALID:
      case (abi.SECCOMP_IOCTL_NOTIF_ID_VALID ^ 0xc0000000) >>> 0: // as it was first defined
        return this.checkId(task, argument);
      case abi.SECCOMP_IOCTL_NOTIF_ADDFD:
        return this.addFd(task, argument);
      case abi.SECCOMP_IOCTL_NOTIF_SET_FLAGS:
        return (argument & ~abi.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) !== 0 ? EINVAL : 0;
      default:
        return EINVAL;
    }
  }

  private *receive(task: Task, at: number): Blocking<number | Errno> {
    const { size } = abi.SECCOMP_NOTIF;
    const given = new Uint8Array(size);
    if (isErr(task.mm.copyIn(at, given))) return EFAULT;
    if (given.some((byte) => byte !== 0)) return EINVAL;
    for (;;) {
      const next = [...this.pending.values()].find(({ received, reply }) => !received && reply === undefined);
      if (next) return this.give(task, next, at);
      const woken = yield* sleepOn(this.waiters, POLLIN | POLLHUP);
      if (isErr(woken)) return woken;
      if (!this.isUsed()) return ENOENT;
    }
  }

  private give(task: Task, notification: Notification, at: number): number {
    const { id, data } = notification;
    const stored = task.mm.writeStruct(at, abi.SECCOMP_NOTIF, { id, pid: pidFor(task, notification.task.tid), flags: 0, data });
    if (isErr(stored)) return stored;
    notification.received = true;
    if (this.waitKillable) notification.answered.wake();
    this.waiters.wake(POLLOUT | POLLWRNORM);
    return 0;
  }

  /** The notification that was received and not answered yet. */
  private find(id: number): Notification | Errno {
    const notification = this.pending.get(id);
    if (!notification) return ENOENT;
    return notification.received && notification.reply === undefined ? notification : EINPROGRESS;
  }

  private reply(notification: Notification, reply: Reply): void {
    notification.reply = reply;
    notification.answered.wake();
  }

  private answer(task: Task, at: number): number {
    const given = task.mm.readStruct(at, abi.SECCOMP_NOTIF_RESP);
    if (isErr(given)) return given;
    const { id, val, error, flags } = given;
    if ((flags & ~abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE) !== 0) return EINVAL;
    const proceed = flags !== 0;
    if (proceed && (error !== 0 || val !== 0)) return EINVAL;
    const notification = this.find(id);
    if (isErr(notification)) return notification;
    this.reply(notification, { proceed, value: val, error });
    return 0;
  }

  private checkId(task: Task, at: number): number {
    const id = task.mm.readU64(at);
    if (isErr(id)) return id;
    return isErr(this.find(id)) ? ENOENT : 0;
  }

  /** One of the caller's files becomes a descriptor of the task that waits; its number. */
  private addFd(task: Task, at: number): number {
    const given = task.mm.readStruct(at, abi.SECCOMP_NOTIF_ADDFD);
    if (isErr(given)) return given;
    const { id, flags, srcfd, newfd, newfd_flags: fileFlags } = given;
    const places = (flags & abi.SECCOMP_ADDFD_FLAG_SETFD) !== 0;
    const sends = (flags & abi.SECCOMP_ADDFD_FLAG_SEND) !== 0;
    if ((flags & ~(abi.SECCOMP_ADDFD_FLAG_SETFD | abi.SECCOMP_ADDFD_FLAG_SEND)) !== 0) return EINVAL;
    if ((fileFlags & ~O_CLOEXEC) !== 0 || (newfd !== 0 && !places)) return EINVAL;
    const file = fileOf(task, srcfd);
    if (isErr(file)) return EBADF;
    const notification = this.find(id);
    if (isErr(notification)) return notification;
    const fd = placeFile(notification.task, file, (fileFlags & O_CLOEXEC) !== 0, places ? newfd : -1);
    if (sends && !isErr(fd)) this.reply(notification, { proceed: false, value: fd, error: 0 });
    return fd;
  }

  /** Nobody will answer any more. */
  override release(): void {
    if (this.filter) this.filter.listener = undefined;
    for (const notification of this.pending.values()) if (!notification.reply) this.reply(notification, UNANSWERED);
  }
}

/** `at`: -1 for the lowest free descriptor. */
function placeFile(target: Task, file: OpenFile, cloexec: boolean, at: number): number | Errno {
  file.references++;
  if (at < 0) return installFile(target, file, cloexec);
  if (at >= target.group.limits.soft[RLIMIT_NOFILE]!) {
    file.references--;
    return at > 0x7fffffff ? EBADF : EMFILE;
  }
  target.files.replace(at, file, cloexec);
  return at;
}
