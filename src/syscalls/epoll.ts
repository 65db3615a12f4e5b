/** epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2 (Linux: fs/eventpoll.c; epoll(7)). */
import { isErr, type Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from '../abi/epoll.js';
import { EBADF, EFAULT, EINTR, EINVAL, EPERM } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { EPOLL_EVENT } from '../abi/poll-struct.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { EpollFile, type EpollEvent } from '../fs/epoll.js';
import { waitForEpoll } from '../fs/epoll-wait.js';
import { signalPending } from '../kernel/signals/send.js';
import { address, fd, flags, int, oneOf, ptr, size, syscall } from '../kernel/syscall.js';
import { fileOf, installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';
import { deadlineAfterMs, deadlineAt, underMask } from './poll.js';

const MAX_EVENTS = Math.floor(0x7fffffff / EPOLL_EVENT.size);

function createEpoll(task: Task, cloexec: boolean): number | Errno {
  return installFile(task, new EpollFile(anonInode('anon_inode:[eventpoll]'), O_RDWR), cloexec);
}

export const epollCreate = syscall('epoll_create', [int], (task, sizeHint) => (sizeHint <= 0 ? EINVAL : createEpoll(task, false)));
export const epollCreate1 = syscall('epoll_create1', [flags({ EPOLL_CLOEXEC })], (task, options) =>
  (options & ~EPOLL_CLOEXEC) !== 0 ? EINVAL : createEpoll(task, (options & EPOLL_CLOEXEC) !== 0),
);

export const epollCtl = syscall(
  'epoll_ctl',
  [fd, oneOf({ EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD }), fd, ptr(EPOLL_EVENT)],
  (task, epfd, operation, target, eventPointer) => {
    const event = operation === EPOLL_CTL_DEL ? EPOLL_EVENT.zero() : task.mm.readStruct(eventPointer, EPOLL_EVENT);
    if (isErr(event)) return event;
    const epoll = fileOf(task, epfd);
    const file = fileOf(task, target);
    if (isErr(epoll) || isErr(file)) return EBADF;
    if (!file.queue) return EPERM;
    if (!(epoll instanceof EpollFile) || file === epoll) return EINVAL;
    switch (operation) {
      case EPOLL_CTL_ADD:
        return epoll.add(file, target, event);
      case EPOLL_CTL_MOD:
        return epoll.modify(file, target, event);
      case EPOLL_CTL_DEL:
        return epoll.remove(file, target);
      default:
        return EINVAL;
    }
  },
);

function epollOf(task: Task, epfd: number, maxEvents: number): EpollFile | Errno {
  if (maxEvents <= 0 || maxEvents > MAX_EVENTS) return EINVAL;
  const file = fileOf(task, epfd);
  if (isErr(file)) return file;
  return file instanceof EpollFile ? file : EINVAL;
}

const collected: EpollEvent[] = [];
let encoded = new Uint8Array(256 * EPOLL_EVENT.size);
let encodedView = new DataView(encoded.buffer);

function makeRoom(count: number): void {
  if (count * EPOLL_EVENT.size <= encoded.length) return;
  encoded = new Uint8Array(2 * count * EPOLL_EVENT.size);
  encodedView = new DataView(encoded.buffer);
}

/** Gives the guest what is ready: the count, or EFAULT (edges reported then are lost). */
function deliver(task: Task, epoll: EpollFile, events: number, maxEvents: number): number | Errno {
  const count = epoll.collect(collected, maxEvents);
  if (count === 0) return 0;
  makeRoom(count);
  for (let i = 0; i < count; i++) EPOLL_EVENT.write(encodedView, i * EPOLL_EVENT.size, collected[i]!);
  return isErr(task.mm.copyOut(events, encoded, 0, count * EPOLL_EVENT.size)) ? EFAULT : count;
}

function waitEvents(task: Task, epfd: number, events: number, maxEvents: number, deadlineNs: number): number | Blocking<number> {
  const epoll = epollOf(task, epfd, maxEvents);
  if (isErr(epoll)) return epoll;
  const count = deliver(task, epoll, events, maxEvents);
  if (count !== 0) return count;
  if (deadlineNs === 0) return signalPending(task) ? EINTR : 0;
  return waitForEpoll(epoll, deadlineNs, () => deliver(task, epoll, events, maxEvents));
}

export const epollWait = syscall('epoll_wait', [fd, ptr(EPOLL_EVENT, true), int, int], (task, epfd, events, maxEvents, timeoutMs) =>
  waitEvents(task, epfd, events, maxEvents, deadlineAfterMs(task, timeoutMs)),
);

export const epollPwait = syscall(
  'epoll_pwait',
  [fd, ptr(EPOLL_EVENT, true), int, int, address, size],
  (task, epfd, events, maxEvents, timeoutMs, mask, maskSize) =>
    underMask(task, mask, maskSize, () => waitEvents(task, epfd, events, maxEvents, deadlineAfterMs(task, timeoutMs))),
);

export const epollPwait2 = syscall(
  'epoll_pwait2',
  [fd, ptr(EPOLL_EVENT, true), int, ptr(TIMESPEC), address, size],
  (task, epfd, events, maxEvents, timeout, mask, maskSize) => {
    const deadlineNs = deadlineAt(task, timeout);
    if (isErr(deadlineNs)) return deadlineNs;
    return underMask(task, mask, maskSize, () => waitEvents(task, epfd, events, maxEvents, deadlineNs));
  },
);
