/** POSIX message queues (mq_overview(7); Linux: ipc/mqueue.c). A queue's descriptor is a file descriptor. */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EACCES, EBADF, EEXIST, EINVAL, ENOENT } from '../abi/errno.js';
import { O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR } from '../abi/fcntl.js';
import { MQ_ATTR, MQ_PRIO_MAX } from '../abi/mqueue.js';
import { SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD } from '../abi/signal.js';
import { S_IFREG } from '../abi/stat.js';
import { CLOCK_REALTIME } from '../abi/time.js';
import { TIMESPEC, type TimespecStruct } from '../abi/time-struct.js';
import { SIGEVENT } from '../abi/timer-struct.js';
import { absoluteDeadline } from '../kernel/guest-clock.js';
import { MqueueFile, type MqueueInode } from '../kernel/ipc/mqueue.js';
import { SIGNAL_MAX } from '../kernel/signals/sig-set.js';
import { address, fd, flags, mode, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { fileOf, installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { NetlinkSocket } from '../net/netlink/netlink-socket.js';
import { newInodeAttributes } from '../vfs/namei.js';
import { checkSticky, genericPermission, inodePermission, MAY_EXEC, MAY_READ, MAY_WRITE } from '../vfs/permissions.js';
import type { UserPtr } from '../base/brands.js';

const NAME_MAX = 255;
const OPEN_FLAGS = { O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK };
const MAY = [MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE];

/** The name as libraries pass it, without the slash. */
function queueName(task: Task, at: number): ByteString | Errno {
  const name = task.mm.copyInString(at, NAME_MAX + 1);
  if (typeof name === 'number') return name;
  if (name === '') return ENOENT;
  return name.includes('/') || name === '.' || name === '..' ? EACCES : name;
}

export const mqOpen = syscall(
  'mq_open',
  [address, flags(OPEN_FLAGS), mode, ptr(MQ_ATTR)],
  (task, nameAt, options, permissions, attributesAt) => {
    const given = attributesAt === 0 ? undefined : task.mm.readStruct(attributesAt, MQ_ATTR);
    if (isErr(given)) return given;
    const name = queueName(task, nameAt);
    if (typeof name === 'number') return name;
    const access = MAY[options & O_ACCMODE];
    const { root } = task.nsproxy.ipc.mqueues;
    let queue = root.queues.get(name);
    if (queue) {
      if ((options & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return EEXIST;
      if (access === undefined) return EINVAL;
      const denied = genericPermission(queue, task.cred, access);
      if (isErr(denied)) return denied;
    } else {
      if ((options & O_CREAT) === 0) return ENOENT;
      if (access === undefined) return EINVAL;
      const made = makeQueue(task, name, permissions, given?.maxmsg, given?.msgsize);
      if (isErr(made)) return made;
      queue = made as MqueueInode;
    }
    const file = new MqueueFile(queue, options & (O_ACCMODE | O_NONBLOCK));
    return installFile(task, file, true);
  },
);

function makeQueue(task: Task, name: ByteString, permissions: number, messages?: number, bytes?: number): MqueueInode | Errno {
  const fs = task.nsproxy.ipc.mqueues;
  const denied = inodePermission(fs.root, task.cred, MAY_WRITE | MAY_EXEC);
  if (isErr(denied)) return denied;
  const attributes = newInodeAttributes(fs.root, task.cred, S_IFREG | (permissions & 0o7777 & ~task.fs.umask), 0);
  return fs.root.add(name, fs.make(task, attributes, messages, bytes));
}

export const mqUnlink = syscall('mq_unlink', [address], (task, nameAt) => {
  const name = queueName(task, nameAt);
  if (typeof name === 'number') return name;
  const { root } = task.nsproxy.ipc.mqueues;
  const queue = root.queues.get(name);
  if (!queue) return ENOENT;
  const denied = checkSticky(root, queue, task.cred);
  return isErr(denied) ? denied : root.unlink(name);
});

/** When a wait ends; Infinity without a timeout. */
function deadlineOf(task: Task, at: UserPtr<TimespecStruct>): number | Errno {
  if (at === 0) return Infinity;
  const time = task.mm.readStruct(at, TIMESPEC);
  return isErr(time) ? time : absoluteDeadline(task.machine, CLOCK_REALTIME, time.sec, time.nsec);
}

function mqueueOf(task: Task, descriptor: number): MqueueFile | Errno {
  const file = fileOf(task, descriptor);
  return file instanceof MqueueFile ? file : EBADF;
}

export const mqTimedsend = syscall(
  'mq_timedsend',
  [fd, address, size, uint, ptr(TIMESPEC)],
  (task, descriptor, at, length, priority, timeout) => {
    if (priority >= MQ_PRIO_MAX) return EINVAL;
    const deadlineNs = deadlineOf(task, timeout);
    if (isErr(deadlineNs)) return deadlineNs;
    const file = mqueueOf(task, descriptor);
    if (isErr(file)) return file;
    if (!file.writable) return EBADF;
    const bytes = new Uint8Array(Math.min(length, file.mqueue.messageSize + 1));
    const copied = length > file.mqueue.messageSize ? 0 : task.mm.copyIn(at, bytes);
    return isErr(copied) ? copied : file.send(task, { priority, bytes }, deadlineNs);
  },
);

export const mqTimedreceive = syscall('mq_timedreceive', [fd, address, size, address, ptr(TIMESPEC)], receive);

function* receive(
  task: Task,
  descriptor: number,
  at: number,
  length: number,
  priorityAt: number,
  timeout: UserPtr<TimespecStruct>,
): Blocking<number> {
  const deadlineNs = deadlineOf(task, timeout);
  if (isErr(deadlineNs)) return deadlineNs;
  const file = mqueueOf(task, descriptor);
  if (isErr(file)) return file;
  if (!file.readable) return EBADF;
  const message = yield* file.receive(length, deadlineNs);
  if (typeof message === 'number') return message;
  if (priorityAt !== 0) {
    const stored = task.mm.writeU32(priorityAt, message.priority);
    if (isErr(stored)) return stored;
  }
  const copied = task.mm.copyOut(at, message.bytes);
  return isErr(copied) ? copied : message.bytes.length;
}

export const mqNotify = syscall('mq_notify', [fd, ptr(SIGEVENT)], (task, descriptor, at) => {
  const event = at === 0 ? undefined : task.mm.readStruct(at, SIGEVENT);
  if (isErr(event)) return event;
  if (event && event.notify !== SIGEV_SIGNAL && event.notify !== SIGEV_NONE && event.notify !== SIGEV_THREAD) return EINVAL;
  if (event?.notify === SIGEV_SIGNAL && (event.signo < 0 || event.signo > SIGNAL_MAX)) return EINVAL;
  const tell = event?.notify === SIGEV_THREAD ? threadTeller(task, event.signo, Number(event.value)) : undefined;
  if (isErr(tell)) return tell;
  const file = mqueueOf(task, descriptor);
  if (isErr(file)) return file;
  const { group } = task;
  if (!event) return file.setNotification(group, undefined);
  return file.setNotification(group, { group, notify: event.notify, signal: event.signo, value: event.value, ...(tell ? { tell } : {}) });
});

/** Bytes that go to the library's thread; the last one says what happened. */
const COOKIE_SIZE = 32;
const NOTIFY_WOKENUP = 1;
const NOTIFY_REMOVED = 2;

/** SIGEV_THREAD as libraries ask for it: a cookie, to be sent to a netlink socket. */
function threadTeller(task: Task, descriptor: number, cookieAt: number): ((removed: boolean) => void) | Errno {
  const cookie = new Uint8Array(COOKIE_SIZE);
  const copied = task.mm.copyIn(cookieAt, cookie);
  if (isErr(copied)) return copied;
  const socket = fileOf(task, descriptor);
  if (isErr(socket)) return EBADF;
  if (!(socket instanceof NetlinkSocket)) return EINVAL;
  return (removed) => {
    const sent = cookie.slice();
    sent[COOKIE_SIZE - 1] = removed ? NOTIFY_REMOVED : NOTIFY_WOKENUP;
    socket.deliver(sent);
  };
}

export const mqGetsetattr = syscall('mq_getsetattr', [fd, ptr(MQ_ATTR), ptr(MQ_ATTR, true)], (task, descriptor, newAt, oldAt) => {
  const wanted = newAt === 0 ? undefined : task.mm.readStruct(newAt, MQ_ATTR);
  if (isErr(wanted)) return wanted;
  if (wanted && (wanted.flags & ~O_NONBLOCK) !== 0) return EINVAL;
  const file = mqueueOf(task, descriptor);
  if (isErr(file)) return file;
  const { maxMessages: maxmsg, messageSize: msgsize, messages } = file.mqueue;
  const old = { ...MQ_ATTR.zero(), flags: file.flags & O_NONBLOCK, maxmsg, msgsize, curmsgs: messages.length };
  if (wanted) file.flags = (file.flags & ~O_NONBLOCK) | (wanted.flags & O_NONBLOCK);
  return oldAt === 0 ? 0 : task.mm.writeStruct(oldAt, MQ_ATTR, old);
});
