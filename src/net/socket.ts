/**
 * The socket contract (Linux: struct proto_ops, net/socket.c): what every address family implements. Like all files, sockets
 * never wait: they answer EAGAIN, and socket-wait.ts sleeps. Addresses are the bytes of a struct sockaddr, family included.
 */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import type { WaitSource } from '../base/blocking.js';
import { EAFNOSUPPORT, EOPNOTSUPP } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from '../abi/poll.js';
import { AF_INET, AF_INET6, AF_NETLINK } from '../abi/socket.js';
import type { Ucred } from '../abi/socket-struct.js';
import type { IoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { OpenFile } from '../vfs/open-file.js';
import type { Machine } from '../kernel/machine.js';
import type { NetNamespace } from '../kernel/net-namespace.js';
import type { Task } from '../kernel/task.js';

export const RECEIVE_EVENTS = POLLIN | POLLERR | POLLHUP | POLLRDHUP;
export const SEND_EVENTS = POLLOUT | POLLERR | POLLHUP;

/** Ancillary data as it is, of a level that is the family's own business. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** What goes out with sendmsg. */
export interface SendRequest {
  readonly io: IoVec;
  /** MSG_* */
  readonly flags: number;
  readonly destination: Uint8Array | undefined;
  /** SCM_RIGHTS: the socket takes references of its own when it accepts the data. Cleared by the caller once they have gone. */
  files: readonly OpenFile[];
  /** SCM_CREDENTIALS, checked. */
  readonly credentials: Ucred | undefined;
  readonly control?: readonly ControlMessage[];
}

/** What comes in with recvmsg; everything below `flags` is filled in. */
export interface ReceiveRequest {
  readonly io: IoVec;
  readonly flags: number;
  /** Somebody looks at `control` (recvmsg). */
  readonly wantsControl: boolean;
  source: Uint8Array | undefined;
  /** MSG_TRUNC, MSG_EOR */
  outFlags: number;
  /** References now held by the request. */
  files: readonly OpenFile[];
  credentials: Ucred | undefined;
  /** SCM_PIDFD is wanted of this process. */
  senderPid: number | undefined;
  /** Other ancillary data, in its order. */
  control: ControlMessage[] | undefined;
  /** Nothing may be added to what has come (MSG_WAITALL stops). */
  isComplete: boolean;
}

export function receiveRequest(io: IoVec, flags: number, wantsControl = false): ReceiveRequest {
  return {
    io,
    flags,
    wantsControl,
    source: undefined,
    outFlags: 0,
    files: [],
    credentials: undefined,
    senderPid: undefined,
    control: undefined,
    isComplete: false,
  };
}

export abstract class Socket extends OpenFile {
  protected readonly waiters = new WaitQueue();
  /** SO_RCVTIMEO, SO_SNDTIMEO. */
  receiveTimeoutNs = Infinity;
  sendTimeoutNs = Infinity;
  /** Options that are stored and given back, by SO_* number. */
  readonly plainOptions = new Map<number, number>();

  constructor(
    readonly machine: Machine,
    public family: number,
    /** SOCK_STREAM, ... */
    readonly type: number,
    readonly protocol: number,
    uid = 0,
    gid = 0,
    /** The network that it belongs to, wherever its users go. */
    readonly net: NetNamespace = machine.current.nsproxy.net,
  ) {
    super(anonInode('socket', undefined, uid, gid), O_RDWR);
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }

  override waitDeadlineNs(forWriting: boolean): number {
    const timeoutNs = forWriting ? this.sendTimeoutNs : this.receiveTimeoutNs;
    return timeoutNs === Infinity ? Infinity : this.machine.clock.monotonicNs() + timeoutNs;
  }

  abstract bind(task: Task, address: Uint8Array): 0 | Errno;
  /** EAGAIN: to be repeated when `connectSources` wake. */
  abstract connect(task: Task, address: Uint8Array): 0 | Errno;
  abstract listen(task: Task, backlog: number): 0 | Errno;
  /** A connection, or EAGAIN. */
  abstract accept(): Socket | Errno;
  /** Bytes taken from `request.io`, EAGAIN with the cursor unmoved, or another Errno (EPIPE: see `raisesSigpipe`). */
  abstract send(request: SendRequest): number | Errno;
  /** Nothing more will come, of which only those hear who wait for it: datagrams (Linux: __skb_wait_for_more_packets). */
  get isReceiveOver(): boolean {
    return false;
  }
  /** Bytes stored; 0 also at the end. EAGAIN when nothing is there. */
  abstract receive(request: ReceiveRequest): number | Errno;
  abstract shutdown(how: number): 0 | Errno;
  abstract localAddress(): Uint8Array;
  abstract peerAddress(): Uint8Array | Errno;
  /** Takes the pending error (SO_ERROR); 0 for none. */
  abstract takeError(): 0 | Errno;
  /** Listens for connections (SO_ACCEPTCONN). */
  abstract readonly isListening: boolean;

  /** Options of the family's own; those that all sockets have are in socket-options.ts, which asks here first. */
  getOption(_task: Task, _level: number, _name: number): Uint8Array | Errno | undefined {
    return undefined;
  }
  setOption(_task: Task, _level: number, _name: number, _value: Uint8Array): 0 | Errno | undefined {
    return undefined;
  }
  /** SO_SNDBUF, SO_RCVBUF. */
  sendBufferBytes = 212992;
  receiveBufferBytes = 212992;
  /** SO_LINGER with a time of nothing: closing resets the connection. */
  lingersForNothing = false;
  onSendBufferChanged(): void {
    if ((this.poll() & POLLOUT) !== 0) this.waiters.wake(SEND_EVENTS);
  }

  /** What a sender, or one that connects, must wait for. */
  sendSources(_destination: Uint8Array | undefined, _task: Task): WaitSource[] {
    return [{ queue: this.waiters, mask: SEND_EVENTS, exclusive: false }];
  }
  connectSources(_address: Uint8Array, task: Task): WaitSource[] {
    return this.sendSources(undefined, task);
  }

  /** A broken connection raises SIGPIPE in the sender (streams). */
  override get raisesSigpipe(): boolean {
    return true;
  }
}

/** Makes sockets of one address family. */
export interface AddressFamily {
  create(task: Task, type: number, protocol: number): Socket | Errno;
  createPair?(task: Task, type: number, protocol: number): [Socket, Socket] | Errno;
}

/** Families of Linux whose sockets never come in pairs, here or not. */
const WITHOUT_PAIRS: ReadonlySet<number> = new Set([AF_INET, AF_INET6, AF_NETLINK]);

const families = new Map<number, AddressFamily>();

export function registerFamily(family: number, implementation: AddressFamily): void {
  families.set(family, implementation);
}

export function createSocket(task: Task, family: number, type: number, protocol: number): Socket | Errno {
  return families.get(family)?.create(task, type, protocol) ?? EAFNOSUPPORT;
}

export function createSocketPair(task: Task, family: number, type: number, protocol: number): [Socket, Socket] | Errno {
  const implementation = families.get(family);
  if (!implementation) return WITHOUT_PAIRS.has(family) ? EOPNOTSUPP : EAFNOSUPPORT;
  if (implementation.createPair) return implementation.createPair(task, type, protocol);
  // Whether there could be such a socket at all comes first.
  const single = implementation.create(task, type, protocol);
  if (isErr(single)) return single;
  dropFile(single as Socket);
  return EOPNOTSUPP;
}
