/** A descriptor that stands for a process (Linux: kernel/fork.c, fs/pidfs.c; pidfd_open(2)). Readable once the process has ended. */
import { ESPIPE } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { POLLHUP, POLLIN, POLLRDNORM } from '../abi/poll.js';
import type { Errno } from '../base/brands.js';
import type { WaitQueue } from '../base/wait-queue.js';
import type { Task } from '../kernel/task.js';
import type { ThreadGroup } from '../kernel/thread-group.js';
import { anonInode } from '../vfs/anon-inode.js';
import { OpenFile } from '../vfs/open-file.js';

export class PidFile extends OpenFile {
  /** `task`: of PIDFD_THREAD, the thread that it stands for. */
  constructor(
    readonly group: ThreadGroup,
    flags: number,
    readonly task?: Task,
  ) {
    super(anonInode('anon_inode:[pidfd]'), O_RDWR | flags);
  }

  override get seekable(): boolean {
    return false;
  }

  override seek(): Errno {
    return ESPIPE;
  }

  override poll(): number {
    if (this.task && (this.task.state === 'dead' || this.task.state === 'zombie')) return POLLIN | POLLRDNORM;
    if (this.group.exitStatus === undefined) return 0;
    return this.group.reaped ? POLLIN | POLLRDNORM | POLLHUP : POLLIN | POLLRDNORM;
  }

  override get queue(): WaitQueue {
    return this.group.exitQueue;
  }

  override fdinfo(): string {
    const pid = this.group.reaped ? -1 : (this.task?.tid ?? this.group.pid);
    return `Pid:\t${pid}\nNSpid:\t${pid}\n`;
  }
}
