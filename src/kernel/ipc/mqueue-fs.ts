/** The file system of POSIX message queues (Linux: ipc/mqueue.c; mq_overview(7)): one directory, mounted or not. */
import type { ByteString, Errno } from '../../base/brands.js';
import type { Timespec } from '../../base/clock.js';
import { HostClock } from '../../base/clock.js';
import { CAP_SYS_RESOURCE } from '../../abi/capability.js';
import { EEXIST, EINVAL, EMFILE, ENOENT, ENOSPC } from '../../abi/errno.js';
import { MQ_PRIO_MAX } from '../../abi/mqueue.js';
import { RLIMIT_MSGQUEUE } from '../../abi/resource.js';
import { S_IFDIR, S_IFREG } from '../../abi/stat.js';
import { hasCapability } from '../../vfs/credentials.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import { fillAttributes, Inode, type CreateAttributes, type InodeAttributes } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import type { Task } from '../task.js';
import type { IpcNamespace } from './ipc-namespace.js';
import { MqueueInode } from './mqueue.js';

const MQUEUE_MAGIC = 0x19800202;
const ROOT_INO = 1;
/** What no limit may exceed (Linux: HARD_MSGMAX, HARD_MSGSIZEMAX). */
const HARD_MESSAGES = 65536;
const HARD_MESSAGE_SIZE = 16 * 2 ** 20;
/** Kernel structures for a message and for a priority, as RLIMIT_MSGQUEUE counts them. */
const MESSAGE_STRUCT = 48;
const PRIORITY_STRUCT = 48;

/** /proc/sys/fs/mqueue. */
export class MqueueLimits {
  queues_max = 256;
  msg_max = 10;
  msgsize_max = 8192;
  msg_default = 10;
  msgsize_default = 8192;
}

export class MqueueFs extends FileSystem {
  readonly type = 'mqueue';
  override readonly stableNames = false;
  readonly limits = new MqueueLimits();
  readonly root: MqueueDirectory;
  /** Internal: bytes for RLIMIT_MSGQUEUE, by user. */
  private readonly charges = new Map<number, number>();
  private readonly clock = new HostClock();
  nextIno = ROOT_INO + 1;
  /** Queues, those without a name too. */
  private count = 0;

  constructor(readonly ns: IpcNamespace) {
    super();
    this.root = new MqueueDirectory(this);
  }

  now(): Timespec {
    return this.clock.realtime();
  }

  statistics(): FileSystemStatistics {
    return { type: MQUEUE_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }

  /** A queue that `task` may have: EINVAL, EMFILE, ENOSPC otherwise. Without numbers the defaults. */
  make(task: Task, attributes: CreateAttributes, messages?: number, size?: number): MqueueInode | Errno {
    const { limits } = this;
    const maxMessages = messages ?? Math.min(limits.msg_max, limits.msg_default);
    const messageSize = size ?? Math.min(limits.msgsize_max, limits.msgsize_default);
    const privileged = hasCapability(task.cred, CAP_SYS_RESOURCE);
    if (maxMessages <= 0 || messageSize <= 0) return EINVAL;
    if (maxMessages > (privileged ? HARD_MESSAGES : limits.msg_max)) return EINVAL;
    if (messageSize > (privileged ? HARD_MESSAGE_SIZE : limits.msgsize_max)) return EINVAL;
    if (this.count >= limits.queues_max && !privileged) return ENOSPC;
    if (this.count >= HARD_MESSAGES) return ENOSPC;
    const charge = maxMessages * (MESSAGE_STRUCT + messageSize) + Math.min(maxMessages, MQ_PRIO_MAX) * PRIORITY_STRUCT;
    const { uid } = task.cred;
    const used = this.charges.get(uid) ?? 0;
    if (used + charge > task.group.limits.soft[RLIMIT_MSGQUEUE]!) return EMFILE;
    this.charges.set(uid, used + charge);
    this.count++;
    return new MqueueInode(this, attributes, maxMessages, messageSize, charge, uid);
  }

  /** Internal: a queue is gone. */
  forget(queue: MqueueInode): void {
    this.count--;
    const left = (this.charges.get(queue.chargedUid) ?? 0) - queue.charge;
    if (left > 0) this.charges.set(queue.chargedUid, left);
    else this.charges.delete(queue.chargedUid);
  }
}

export class MqueueDirectory extends Inode {
  readonly ino = ROOT_INO;
  readonly mode = S_IFDIR | 0o1777;
  readonly uid = 0;
  readonly gid = 0;
  readonly queues = new Map<ByteString, MqueueInode>();
  private readonly created: Timespec;

  constructor(override readonly fs: MqueueFs) {
    super(fs);
    this.created = fs.now();
  }

  get size(): number {
    return this.queues.size * 20;
  }

  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, 2, 4096, this.created);
  }

  override lookup(name: ByteString): Inode | Errno {
    return this.queues.get(name) ?? ENOENT;
  }

  /** creat(2) in a mounted instance makes a queue with the default attributes. */
  override create(name: ByteString, attributes: CreateAttributes): Inode | Errno {
    return this.add(name, this.fs.make(this.fs.ns.currentTask(), attributes));
  }

  add(name: ByteString, queue: MqueueInode | Errno): MqueueInode | Errno {
    if (typeof queue === 'number') return queue;
    if (this.queues.has(name)) return EEXIST;
    this.queues.set(name, queue);
    return queue;
  }

  override unlink(name: ByteString): 0 | Errno {
    const queue = this.queues.get(name);
    if (!queue) return ENOENT;
    this.queues.delete(name);
    queue.nlink = 0;
    if (queue.references === 0) queue.evict();
    return 0;
  }

  override open(flags: number): OpenFile {
    return new MqueueListing(this, flags);
  }
}

class MqueueListing extends OpenFile {
  constructor(
    private readonly directory: MqueueDirectory,
    flags: number,
  ) {
    super(directory, flags);
  }

  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const { queues, ino } = this.directory;
    if (from <= 0 && !sink({ name: '.', ino, type: S_IFDIR >> 12 }, 1)) return 0;
    if (from <= 1 && !sink({ name: '..', ino, type: S_IFDIR >> 12 }, 2)) return 0;
    let offset = 2;
    for (const [name, queue] of queues) {
      if (offset++ < from) continue;
      if (!sink({ name, ino: queue.ino, type: S_IFREG >> 12 }, offset)) return 0;
    }
    return 0;
  }
}
