/** A POSIX message queue and descriptors of it (Linux: ipc/mqueue.c; mq_overview(7)). mqueue-fs.ts is the directory of them. */
import { isErr, type Errno } from '../../base/brands.js';
import { bytesOf } from '../../base/bytes.js';
import { sleepOn, type Blocking } from '../../base/blocking.js';
import type { Timespec } from '../../base/clock.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EBUSY, EMSGSIZE, ENOMEM } from '../../abi/errno.js';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../abi/poll.js';
import { SIGEV_SIGNAL, SI_MESGQ } from '../../abi/signal.js';
import { S_IFMT } from '../../abi/stat.js';
import type { IoVec } from '../../mm/io-vec.js';
import { fillAttributes, Inode, type AttributeChange, type CreateAttributes, type InodeAttributes } from '../../vfs/inode.js';
import { OpenFile } from '../../vfs/open-file.js';
import { sendToGroup } from '../signals/send.js';
import type { Task } from '../task.js';
import type { ThreadGroup } from '../thread-group.js';
import { MESSAGE_BYTES_TOTAL, MESSAGE_OVERHEAD } from './ipc-namespace.js';
import type { MqueueFs } from './mqueue-fs.js';

interface PosixMessage {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** Who is told that a message has come to the empty queue. */
export interface Notification {
  readonly group: ThreadGroup;
  /** SIGEV_SIGNAL or SIGEV_NONE. */
  readonly notify: number;
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD: tells the library's thread, by netlink; `removed`: that nothing more will come. */
  readonly tell?: (removed: boolean) => void;
}

/** What read(2) of a queue tells has this size (Linux: FILENT_SIZE). */
const STATUS_SIZE = 80;

export class MqueueInode extends Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  readonly size = STATUS_SIZE;
  nlink = 1;
  private readonly created: Timespec;
  /** Highest priority first, oldest first among equals. */
  readonly messages: PosixMessage[] = [];
  /** Woken with POLLIN and POLLOUT as key. */
  readonly waiters = new WaitQueue();
  receiversWaiting = 0;
  notification: Notification | undefined = undefined;
  private bytes = 0;

  constructor(
    override readonly fs: MqueueFs,
    attributes: CreateAttributes,
    readonly maxMessages: number,
    readonly messageSize: number,
    /** What the queue counts for RLIMIT_MSGQUEUE of its owner. */
    readonly charge: number,
    readonly chargedUid: number,
  ) {
    super(fs);
    this.ino = fs.nextIno++;
    this.mode = attributes.mode;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.created = fs.now();
  }

  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, this.nlink, 4096, this.created);
  }

  override setAttributes(change: AttributeChange): 0 {
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }

  override open(flags: number): OpenFile {
    return new MqueueFile(this, flags);
  }

  /** The last descriptor of a queue without a name is gone. */
  override evict(): void {
    if (this.nlink > 0) return;
    for (const message of this.messages) this.count(message, -1);
    this.messages.length = 0;
    this.fs.forget(this);
  }

  private count(message: PosixMessage, sign: 1 | -1): void {
    this.bytes += sign * message.bytes.length;
    this.fs.ns.messageCharge += sign * (message.bytes.length + MESSAGE_OVERHEAD);
  }

  /** Puts a message in its place; ENOMEM when all queues together hold too much. */
  put(sender: Task, message: PosixMessage): 0 | Errno {
    if (this.fs.ns.messageCharge + message.bytes.length + MESSAGE_OVERHEAD > MESSAGE_BYTES_TOTAL) return ENOMEM;
    const wasEmpty = this.messages.length === 0;
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1]!.priority < message.priority) at--;
    this.messages.splice(at, 0, message);
    this.count(message, 1);
    if (wasEmpty && this.receiversWaiting === 0) this.notify(sender);
    this.waiters.wake(POLLIN | POLLRDNORM);
    return 0;
  }

  take(): PosixMessage {
    const message = this.messages.shift()!;
    this.count(message, -1);
    this.waiters.wake(POLLOUT | POLLWRNORM);
    return message;
  }

  private notify(sender: Task): void {
    const wanted = this.notification;
    if (!wanted) return;
    this.notification = undefined;
    wanted.tell?.(false);
    if (wanted.notify !== SIGEV_SIGNAL || wanted.signal === 0) return;
    const { signal: signo, value } = wanted;
    sendToGroup(wanted.group, { signo, code: SI_MESGQ, layout: 'queue', pid: sender.group.pid, uid: sender.cred.uid, value });
  }

  get statusText(): string {
    const { notification: n } = this;
    const field = (value: number, width: number): string => String(value).padEnd(width);
    return (
      `QSIZE:${field(this.bytes, 10)} NOTIFY:${field(n ? n.notify : 0, 5)} SIGNO:${field(n?.notify === SIGEV_SIGNAL ? n.signal : 0, 5)} ` +
      `NOTIFY_PID:${field(n ? n.group.pid : 0, 6)}\n`
    );
  }
}

export class MqueueFile extends OpenFile {
  constructor(
    readonly mqueue: MqueueInode,
    flags: number,
  ) {
    super(mqueue, flags);
  }

  override get queue(): WaitQueue {
    return this.mqueue.waiters;
  }
  override get writesAll(): boolean {
    return false;
  }
  override poll(): number {
    const { messages, maxMessages } = this.mqueue;
    return (messages.length > 0 ? POLLIN | POLLRDNORM : 0) | (messages.length < maxMessages ? POLLOUT | POLLWRNORM : 0);
  }
  override read(io: IoVec, position: number): number | Errno {
    const text = bytesOf(this.mqueue.statusText);
    return position >= text.length ? 0 : io.put(text, position);
  }

  /** A process that closes a descriptor wants to be told no more. */
  override flush(): 0 {
    const { mqueue } = this;
    this.endNotification(mqueue.fs.ns.currentTask().group);
    return 0;
  }

  /** mq_timedsend(3). */
  *send(task: Task, message: PosixMessage, deadlineNs: number): Blocking<number> {
    const { mqueue } = this;
    if (message.bytes.length > mqueue.messageSize) return EMSGSIZE;
    while (mqueue.messages.length >= mqueue.maxMessages) {
      if (this.nonBlocking) return EAGAIN;
      const woken = yield* sleepOn(mqueue.waiters, POLLOUT, { deadlineNs, exclusive: true });
      if (isErr(woken) && mqueue.messages.length >= mqueue.maxMessages) return woken;
    }
    return mqueue.put(task, message);
  }

  /** mq_timedreceive(3) into a buffer of `size` bytes. */
  *receive(size: number, deadlineNs: number): Blocking<PosixMessage | Errno> {
    const { mqueue } = this;
    if (size < mqueue.messageSize) return EMSGSIZE;
    while (mqueue.messages.length === 0) {
      if (this.nonBlocking) return EAGAIN;
      mqueue.receiversWaiting++;
      try {
        const woken = yield* sleepOn(mqueue.waiters, POLLIN, { deadlineNs, exclusive: true });
        if (isErr(woken) && mqueue.messages.length === 0) return woken;
      } finally {
        mqueue.receiversWaiting--;
      }
    }
    return mqueue.take();
  }

  private endNotification(group: ThreadGroup): void {
    const { mqueue } = this;
    const { notification } = mqueue;
    if (notification?.group !== group) return;
    mqueue.notification = undefined;
    notification.tell?.(true);
  }

  /** mq_notify(3); undefined: the process wants no more. */
  setNotification(group: ThreadGroup, wanted: Notification | undefined): 0 | Errno {
    const { mqueue } = this;
    if (wanted === undefined) {
      this.endNotification(group);
      return 0;
    }
    if (mqueue.notification && mqueue.notification.group.exitStatus === undefined) return EBUSY;
    mqueue.notification = wanted;
    return 0;
  }
}
