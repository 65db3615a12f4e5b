/** eventfd, eventfd2 (Linux: fs/eventfd.c), timerfd_* (fs/timerfd.c), signalfd (fs/signalfd.c). */
import type { Errno } from '../base/brands.js';
import { EINVAL } from '../abi/errno.js';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../abi/fcntl.js';
import { EventFile } from '../fs/eventfd.js';
import { flags, syscall, uint } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';

const EFD_SEMAPHORE = 1;
const EFD_CLOEXEC = O_CLOEXEC;
const EFD_NONBLOCK = O_NONBLOCK;

function makeEventFile(task: Task, initial: number, options: number): number | Errno {
  if ((options & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) !== 0) return EINVAL;
  const file = new EventFile(anonInode('anon_inode:[eventfd]'), O_RDWR | (options & O_NONBLOCK), initial, (options & EFD_SEMAPHORE) !== 0);
  return installFile(task, file, (options & EFD_CLOEXEC) !== 0);
}

export const eventfd = syscall('eventfd', [uint], (task, initial) => makeEventFile(task, initial, 0));
export const eventfd2 = syscall('eventfd2', [uint, flags({ EFD_SEMAPHORE, EFD_CLOEXEC, EFD_NONBLOCK })], makeEventFile);
