/** System V message queues (Linux: ipc/msg.c; msgop(2), msgctl(2)). */
import { isErr, type Errno } from '../../base/brands.js';
import { sleepOn, type Blocking } from '../../base/blocking.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { CAP_SYS_RESOURCE } from '../../abi/capability.js';
import { E2BIG, EAGAIN, EIDRM, EINVAL, ENOMEM, ENOMSG, EPERM, ERESTARTNOHAND } from '../../abi/errno.js';
import { IPC_NOWAIT, MSG_COPY, MSG_EXCEPT, MSG_NOERROR } from '../../abi/ipc.js';
import { hasCapability } from '../../vfs/credentials.js';
import type { Task } from '../task.js';
import { checkAccess, checkOwner, IpcPerm, nowSeconds, setOwner } from './ids.js';
import { MESSAGE_BYTES_TOTAL, MESSAGE_OVERHEAD, type IpcNamespace } from './ipc-namespace.js';

export interface Message {
  /** Positive. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

export class MessageQueue {
  readonly messages: Message[] = [];
  readonly senders = new WaitQueue();
  readonly receivers = new WaitQueue();
  stime = 0;
  rtime = 0;
  ctime: number;
  lspid = 0;
  lrpid = 0;
  /** Bytes in the queue. */
  cbytes = 0;

  constructor(
    readonly ns: IpcNamespace,
    readonly perm: IpcPerm,
    /** Most bytes, and most messages. */
    public qbytes: number,
    now: number,
  ) {
    this.ctime = now;
  }

  hasRoom(length: number): boolean {
    return length + this.cbytes <= this.qbytes && 1 + this.messages.length <= this.qbytes;
  }

  add(message: Message): void {
    this.messages.push(message);
    this.count(message, 1);
  }

  take(index: number): void {
    const [message] = this.messages.splice(index, 1);
    this.count(message!, -1);
  }

  count(message: Message, sign: 1 | -1): void {
    const { ns } = this;
    const { length } = message.bytes;
    this.cbytes += sign * length;
    ns.messages += sign;
    ns.messageBytes += sign * length;
    ns.messageCharge += sign * (length + MESSAGE_OVERHEAD);
  }
}

export function msgget(task: Task, key: number, flags: number): number | Errno {
  const { machine } = task;
  const ns = task.nsproxy.ipc;
  const make = (): MessageQueue | Errno => {
    const queue = new MessageQueue(ns, new IpcPerm(key, flags & 0o777, task.cred, ns.owner!), ns.limits.msgmnb, nowSeconds(machine));
    const added = ns.msg.add(queue, ns.limits.msgmni);
    return isErr(added) ? added : queue;
  };
  return ns.msg.get(task.cred, key, flags, make, () => 0);
}

export function* msgsnd(task: Task, id: number, message: Message, flags: number): Blocking<number> {
  const ns = task.nsproxy.ipc;
  const queue = ns.msg.find(id);
  if (isErr(queue)) return queue;
  for (;;) {
    const allowed = checkAccess(task.cred, queue.perm, 0o222);
    if (isErr(allowed)) return allowed;
    if (queue.hasRoom(message.bytes.length)) break;
    if ((flags & IPC_NOWAIT) !== 0) return EAGAIN;
    const woken = yield* sleepOn(queue.senders);
    if (queue.perm.deleted) return EIDRM;
    if (isErr(woken)) return ERESTARTNOHAND;
  }
  if (ns.messageCharge + message.bytes.length + MESSAGE_OVERHEAD > MESSAGE_BYTES_TOTAL) return ENOMEM;
  queue.add(message);
  queue.lspid = task.group.pid;
  queue.stime = nowSeconds(task.machine);
  queue.receivers.wake();
  return 0;
}

/** The message that msgrcv would take: an index, or -1. */
function findMessage(queue: MessageQueue, type: number, flags: number): number {
  const { messages } = queue;
  if ((flags & MSG_COPY) !== 0) return type < messages.length ? type : -1;
  if (type === 0) return messages.length > 0 ? 0 : -1;
  if (type > 0) return messages.findIndex((message) => (message.type === type) !== ((flags & MSG_EXCEPT) !== 0));
  let best = -1;
  for (let i = 0; i < messages.length; i++) {
    const candidate = messages[i]!.type;
    if (candidate <= -type && (best < 0 || candidate < messages[best]!.type)) best = i;
  }
  return best;
}

/** A message of at most `size` bytes (longer ones are cut with MSG_NOERROR), out of the queue unless MSG_COPY. */
export function* msgrcv(task: Task, id: number, size: number, type: number, flags: number): Blocking<Message | Errno> {
  if (id < 0 || size < 0) return EINVAL;
  if ((flags & MSG_COPY) !== 0 && ((flags & MSG_EXCEPT) !== 0 || (flags & IPC_NOWAIT) === 0)) return EINVAL;
  const ns = task.nsproxy.ipc;
  const queue = ns.msg.find(id);
  if (isErr(queue)) return queue;
  for (;;) {
    const allowed = checkAccess(task.cred, queue.perm, 0o444);
    if (isErr(allowed)) return allowed;
    const index = findMessage(queue, type, flags);
    if (index >= 0) return takeMessage(task, queue, index, size, flags);
    if ((flags & IPC_NOWAIT) !== 0) return ENOMSG;
    const woken = yield* sleepOn(queue.receivers);
    if (queue.perm.deleted) return EIDRM;
    if (isErr(woken) && findMessage(queue, type, flags) < 0) return ERESTARTNOHAND;
  }
}

function takeMessage(task: Task, queue: MessageQueue, index: number, size: number, flags: number): Message | Errno {
  const message = queue.messages[index]!;
  const fits = message.bytes.length <= size;
  if ((flags & MSG_COPY) === 0) {
    if (!fits && (flags & MSG_NOERROR) === 0) return E2BIG;
    queue.take(index);
    queue.lrpid = task.group.pid;
    queue.rtime = nowSeconds(task.machine);
    queue.senders.wake();
  } else if (!fits && (flags & MSG_NOERROR) === 0) {
    return E2BIG;
  }
  return fits ? message : { type: message.type, bytes: message.bytes.subarray(0, size) };
}

export function removeMsg(task: Task, id: number): 0 | Errno {
  const ns = task.nsproxy.ipc;
  const queue = ns.msg.find(id);
  if (isErr(queue)) return queue;
  const allowed = checkOwner(task.cred, queue.perm);
  if (isErr(allowed)) return allowed;
  ns.msg.remove(queue);
  for (const message of queue.messages) queue.count(message, -1);
  queue.messages.length = 0;
  queue.senders.wake();
  queue.receivers.wake();
  return 0;
}

export function setMsg(task: Task, id: number, uid: number, gid: number, mode: number, qbytes: number): 0 | Errno {
  const { machine, cred } = task;
  const queue = task.nsproxy.ipc.msg.find(id);
  if (isErr(queue)) return queue;
  const allowed = checkOwner(cred, queue.perm);
  if (isErr(allowed)) return allowed;
  if (qbytes > task.nsproxy.ipc.limits.msgmnb && !hasCapability(cred, CAP_SYS_RESOURCE)) return EPERM;
  const set = setOwner(queue.perm, uid, gid, mode);
  if (isErr(set)) return set;
  queue.qbytes = Math.min(qbytes, MESSAGE_BYTES_TOTAL);
  queue.ctime = nowSeconds(machine);
  // Rights and room may be others now.
  queue.receivers.wake();
  queue.senders.wake();
  return 0;
}
