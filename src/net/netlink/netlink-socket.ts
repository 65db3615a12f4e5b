/** AF_NETLINK (Linux: net/netlink/af_netlink.c; netlink(7)): requests are answered as they are sent. Only NETLINK_ROUTE. */
import { isErr, type Errno } from '../../base/brands.js';
import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOPROTOOPT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../../abi/errno.js';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../abi/poll.js';
import { AF_NETLINK, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET } from '../../abi/socket.js';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_DROP_MEMBERSHIP,
  NLM_F_ACK,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  SOL_NETLINK,
} from '../../abi/netlink.js';
import { pidIn } from '../../kernel/pid-namespace.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { IoctlCaller } from '../../vfs/open-file.js';
import { registerDeviceTables } from '../device-tables.js';
import { interfaceIoctl } from '../interface-ioctl.js';
import { receiveRequest, registerFamily, Socket, type ReceiveRequest, type SendRequest } from '../socket.js';
import { listenersOf, type Listener } from './listeners.js';
import { align4, message, NLMSG_HEADER_SIZE, viewOf } from './messages.js';
import { answerRoute, type RouteRequest } from './route.js';

const NETLINK_ROUTE = 0;
const SOCKADDR_NL_SIZE = 12;
const FIRST_REQUEST = 16;
/** RTNLGRP_MAX; those above 32 have nothing to tell here. */
const MAX_GROUP = 37;
const MAX_REQUEST = 65536;
/** Bytes of answers that nobody has read. */
const MAX_QUEUED = 262144;

/** Port numbers in use, by network namespace. */
const ports = new WeakMap<object, Set<number>>();
const LAST_AUTOMATIC = 0xfffff000;

export class NetlinkSocket extends Socket implements Listener {
  private port = 0;
  groups = 0;
  /** NETLINK_CAP_ACK: errors come without the request. */
  private capsAcks = false;
  private readonly received: Uint8Array[] = [];
  private queuedBytes = 0;
  private readonly taken: Set<number>;

  constructor(task: Task, type: number) {
    super(task.machine, AF_NETLINK, type, NETLINK_ROUTE, task.cred.fsuid, task.cred.fsgid);
    this.taken = ports.get(this.net) ?? new Set();
    ports.set(this.net, this.taken);
  }

  get isListening(): boolean {
    return false;
  }
  override get writesAll(): boolean {
    return false;
  }

  bind(task: Task, address: Uint8Array): 0 | Errno {
    const view = new DataView(address.buffer, address.byteOffset, address.length);
    if (address.length < SOCKADDR_NL_SIZE || view.getUint16(0, true) !== AF_NETLINK) return EINVAL;
    const wanted = view.getUint32(4, true);
    if (this.port !== 0 && wanted !== 0 && wanted !== this.port) return EINVAL;
    this.joinGroups(view.getUint32(8, true));
    return this.port !== 0 ? 0 : this.takePort(task, wanted);
  }

  private joinGroups(groups: number): void {
    this.groups = groups;
    if (groups === 0) listenersOf(this.net).delete(this);
    else listenersOf(this.net).add(this);
  }

  private takePort(task: Task, wanted: number): 0 | Errno {
    let port = wanted === 0 ? pidIn(task.group.pidNs, task.group.pid) : wanted;
    if (wanted !== 0 && this.taken.has(wanted)) return EADDRINUSE;
    if (wanted === 0 && this.taken.has(port)) for (port = LAST_AUTOMATIC; this.taken.has(port); ) port--;
    this.taken.add(port);
    this.port = port;
    return 0;
  }

  connect(task: Task, address: Uint8Array): 0 | Errno {
    return this.bind(task, address);
  }
  listen(): 0 | Errno {
    return EOPNOTSUPP;
  }
  accept(): Socket | Errno {
    return EOPNOTSUPP;
  }
  shutdown(): 0 | Errno {
    return EOPNOTSUPP;
  }
  takeError(): 0 {
    return 0;
  }

  private address(port: number, groups: number): Uint8Array {
    const bytes = new Uint8Array(SOCKADDR_NL_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(4, port, true);
    view.setUint32(8, groups, true);
    return bytes;
  }
  localAddress(): Uint8Array {
    return this.address(this.port, this.groups);
  }
  peerAddress(): Uint8Array {
    return this.address(0, 0);
  }

  send(request: SendRequest): number | Errno {
    const { destination, io } = request;
    if (destination) {
      if (destination.length < SOCKADDR_NL_SIZE) return EINVAL;
      const view = new DataView(destination.buffer, destination.byteOffset);
      if (view.getUint32(8, true) !== 0) return EPERM;
      if (view.getUint32(4, true) !== 0) return ECONNREFUSED;
    }
    if (this.port === 0) {
      const bound = this.takePort(this.machine.current, 0);
      if (isErr(bound)) return bound;
    }
    if (io.remaining > MAX_REQUEST) return EMSGSIZE;
    const bytes = new Uint8Array(io.remaining);
    const length = bytes.length > 0 ? io.take(bytes) : 0;
    if (isErr(length)) return length;
    this.serve(bytes.subarray(0, length));
    return length;
  }

  /** One buffer may hold several requests. */
  private serve(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + NLMSG_HEADER_SIZE <= bytes.length; ) {
      const length = view.getUint32(at, true);
      if (length < NLMSG_HEADER_SIZE || at + length > bytes.length) return;
      const type = view.getUint16(at + 4, true);
      const flags = view.getUint16(at + 6, true);
      const sequence = view.getUint32(at + 8, true);
      if ((flags & NLM_F_REQUEST) !== 0 && type >= FIRST_REQUEST) {
        this.answer({ type, flags, sequence, payload: bytes.slice(at + NLMSG_HEADER_SIZE, at + length) }, bytes.slice(at, at + length));
      } else if ((flags & NLM_F_ACK) !== 0) {
        this.answerError(0, sequence, bytes.slice(at, at + length));
      }
      at += align4(length);
    }
  }

  private answer(request: RouteRequest, whole: Uint8Array): void {
    const answer = answerRoute(this.machine.current, this.net, request, this.port);
    if (typeof answer !== 'number') for (const part of answer) this.deliver(part);
    const isDump = (request.flags & NLM_F_DUMP) !== 0 && (request.type & 3) === 2;
    if (isErr(answer)) this.answerError(answer, request.sequence, whole);
    else if (!isDump && (request.flags & NLM_F_ACK) !== 0) this.answerError(0, request.sequence, whole);
  }

  /** struct nlmsgerr: an error comes with the request, success with its header. */
  private answerError(errno: 0 | Errno, sequence: number, request: Uint8Array): void {
    const isCapped = errno === 0 || this.capsAcks;
    const echoed = isCapped ? request.subarray(0, NLMSG_HEADER_SIZE) : request;
    const payload = new Uint8Array(4 + echoed.length);
    new DataView(payload.buffer).setInt32(0, errno, true);
    payload.set(echoed, 4);
    this.deliver(message(NLMSG_ERROR, this.capsAcks ? NLM_F_CAPPED : 0, sequence, this.port, payload));
  }

  /** Puts a message into the socket; ENOBUFS when nobody reads. */
  deliver(bytes: Uint8Array): 0 | Errno {
    if (this.queuedBytes + bytes.length > MAX_QUEUED) return ENOBUFS;
    this.queuedBytes += bytes.length;
    this.received.push(bytes);
    this.waiters.wake(POLLIN | POLLRDNORM);
    return 0;
  }

  receive(request: ReceiveRequest): number | Errno {
    const first = this.received[0];
    if (!first) return EAGAIN;
    const wanted = Math.min(first.length, request.io.remaining);
    const moved = wanted > 0 ? request.io.put(first, 0, wanted) : 0;
    if (isErr(moved)) return moved;
    if ((request.flags & MSG_PEEK) === 0) {
      this.received.shift();
      this.queuedBytes -= first.length;
    }
    request.source = this.address(0, 0);
    request.isComplete = true;
    if (moved < first.length) request.outFlags |= MSG_TRUNC;
    return (request.flags & MSG_TRUNC) !== 0 ? first.length : moved;
  }

  override read(io: IoVec): number | Errno {
    return this.receive(receiveRequest(io, 0));
  }
  override write(io: IoVec): number | Errno {
    return this.send({ io, flags: 0, destination: undefined, files: [], credentials: undefined });
  }

  override poll(): number {
    return POLLOUT | POLLWRNORM | (this.received.length > 0 ? POLLIN | POLLRDNORM : 0);
  }

  /** Options of SOL_NETLINK; those that would add something to messages mean nothing here. */
  override setOption(_task: Task, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
    if (level !== SOL_NETLINK) return level === SOL_SOCKET ? undefined : ENOPROTOOPT;
    const number = value.length >= 4 ? viewOf(value).getUint32(0, true) : 0;
    if (name === NETLINK_CAP_ACK) this.capsAcks = number !== 0;
    if (name !== NETLINK_ADD_MEMBERSHIP && name !== NETLINK_DROP_MEMBERSHIP) return 0;
    if (number === 0 || number > MAX_GROUP) return EINVAL;
    const bit = number <= 32 ? (1 << (number - 1)) >>> 0 : 0;
    this.joinGroups(name === NETLINK_ADD_MEMBERSHIP ? (this.groups | bit) >>> 0 : (this.groups & ~bit) >>> 0);
    return 0;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    return interfaceIoctl(this.net, caller, request, argument) ?? ENOTTY;
  }

  override release(): void {
    this.taken.delete(this.port);
    this.joinGroups(0);
    this.received.length = 0;
  }
}

/** Makes AF_NETLINK known. */
export function registerNetlink(): void {
  registerDeviceTables();
  registerFamily(AF_NETLINK, {
    create: (task, type, protocol) => {
      if (type !== SOCK_RAW && type !== SOCK_DGRAM) return ESOCKTNOSUPPORT;
      return protocol === NETLINK_ROUTE ? new NetlinkSocket(task, type) : EPROTONOSUPPORT;
    },
  });
}
