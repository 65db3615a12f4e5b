/**
 * What all AF_UNIX sockets share (Linux: net/unix/af_unix.c; unix(7)): names, peers, credentials, shutdown, poll. Connected
 * kinds are in connected-socket.ts (stream, seqpacket), the other in datagram-socket.ts.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, EINVAL, ENODATA, ENOTCONN, ENOTTY, EOPNOTSUPP } from '../../abi/errno.js';
import { FIONREAD, TIOCOUTQ } from '../../abi/ioctls.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRBAND, POLLWRNORM } from '../../abi/poll.js';
import {
  AF_UNIX,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_PASSCRED,
  SO_PASSPIDFD,
  SO_PEERCRED,
  SO_PEERPIDFD,
  SOL_SOCKET,
} from '../../abi/socket.js';
import { UCRED, type Ucred } from '../../abi/socket-struct.js';
import type { Machine } from '../../kernel/machine.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import { dropFile } from '../../vfs/fd-table.js';
import { answerInt, type IoctlCaller, type OpenFile } from '../../vfs/open-file.js';
import { interfaceIoctl } from '../interface-ioctl.js';
import { credentialsFor, pidfdFor } from '../control-messages.js';
import { receiveRequest, Socket, type ReceiveRequest, type SendRequest } from '../socket.js';
import { autobind, bindAddress, rebindError, unbindAddress, UNNAMED, type UnixAddress } from './address.js';
import type { LandlockLayer } from '../../vfs/landlock.js';
import { collectGarbage, discardFiles, type FileCarrier } from './in-flight.js';

export const RECEIVE_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;
export const BOTH_SHUTDOWN = 3;

export const READABLE = POLLIN | POLLRDNORM;
export const WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND;

/** What SO_PEERCRED and SCM_CREDENTIALS say when nobody is known: pid 0, the overflow user. */
export const NOBODY: Ucred = { pid: 0, uid: 65534, gid: 65534 };
const NO_PEER: Ucred = { pid: 0, uid: 0xffffffff, gid: 0xffffffff };

export function credentialsOf(task: Task): Ucred {
  return { pid: task.group.pid, uid: task.cred.euid, gid: task.cred.egid };
}

const NO_FILES: readonly OpenFile[] = [];

export abstract class UnixSocket extends Socket implements FileCarrier {
  inFlight = 0;
  address: UnixAddress | undefined = undefined;
  /** The other end; stays, released, after it has been closed. */
  peer: UnixSocket | undefined = undefined;
  peerCredentials: Ucred = NO_PEER;
  /** SO_PASSCRED */
  passesCredentials = false;
  /** SO_PASSPIDFD */
  passesPidfd = false;
  shutdownMask = 0;
  /** What its creator was restricted by. */
  landlock: LandlockLayer | undefined = undefined;
  error: 0 | Errno = 0;
  isReleased = false;

  constructor(machine: Machine, type: number, uid: number, gid: number) {
    super(machine, AF_UNIX, type, 0, uid, gid);
  }

  get isListening(): boolean {
    return false;
  }

  bind(task: Task, address: Uint8Array): 0 | Errno {
    if (this.address) return address.length === UNNAMED.length ? 0 : rebindError(task, address);
    const bound = bindAddress(task, this, address);
    if (isErr(bound)) return bound;
    this.address = bound;
    return 0;
  }

  /** A socket that passes credentials gets a name before it first sends, so that it can be answered. */
  protected autobindIfNeeded(): 0 | Errno {
    if (this.address || !this.passesCredentials) return 0;
    const bound = autobind(this);
    if (isErr(bound)) return bound;
    this.address = bound;
    return 0;
  }

  localAddress(): Uint8Array {
    return this.address?.bytes ?? UNNAMED;
  }
  peerAddress(): Uint8Array | Errno {
    return this.peer ? this.peer.localAddress() : ENOTCONN;
  }

  listen(_task: Task, _backlog: number): 0 | Errno {
    return EOPNOTSUPP;
  }
  accept(): Socket | Errno {
    return EOPNOTSUPP;
  }

  takeError(): 0 | Errno {
    const { error } = this;
    this.error = 0;
    return error;
  }

  /** Bytes or messages wait to be read. */
  protected abstract readonly hasInput: boolean;
  /** Bytes that recv would give next (FIONREAD), and bytes sent that nobody has read (SIOCOUTQ). */
  protected abstract readonly inputBytes: number;
  protected abstract readonly outputBytes: number;
  /** Linux's unix_writable: at most a quarter of the send buffer is taken. */
  protected abstract readonly hasRoom: boolean;
  /** Whether an unconnected socket counts as hung up. */
  protected abstract readonly isUnconnectedStream: boolean;
  abstract filesInQueue(): Iterable<OpenFile>;
  abstract takeQueuedFiles(): OpenFile[];

  // read(2) and write(2): as recv and send without flags. Descriptors that came along are dropped, as nobody can see them.

  override read(io: IoVec): number | Errno {
    if (io.remaining === 0) return 0;
    const request = receiveRequest(io, 0);
    const result = this.receive(request);
    for (const file of request.files) dropFile(file);
    return result === EAGAIN && this.isReceiveOver && !this.nonBlocking ? 0 : result;
  }
  override write(io: IoVec): number | Errno {
    return this.send({ io, flags: 0, destination: undefined, files: NO_FILES, credentials: undefined });
  }

  /** Credentials to go with a message: given, or the sender's own when either side asks for them. */
  protected messageCredentials(request: SendRequest, receiver: UnixSocket): Ucred | undefined {
    if (request.credentials) return request.credentials;
    return this.passesCredentials || receiver.passesCredentials || receiver.passesPidfd ? credentialsOf(this.machine.current) : undefined;
  }

  /** Fills in what a message brought besides its bytes. `files`: references that are the request's now. */
  protected deliverAncillary(request: ReceiveRequest, files: readonly OpenFile[], credentials: Ucred | undefined): void {
    request.files = files;
    if (this.passesCredentials) request.credentials = credentials ?? NOBODY;
    if (this.passesPidfd) request.senderPid = credentials?.pid;
  }

  override poll(): number {
    const { shutdownMask } = this;
    let events = 0;
    if (this.error !== 0) events |= POLLERR;
    if (shutdownMask === BOTH_SHUTDOWN || this.isUnconnectedStream) events |= POLLHUP;
    if ((shutdownMask & RECEIVE_SHUTDOWN) !== 0) events |= POLLRDHUP | READABLE;
    if (this.hasInput) events |= READABLE;
    if (this.hasRoom) events |= WRITABLE;
    return events;
  }

  shutdown(how: number): 0 | Errno {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return EINVAL;
    this.addShutdown(how + 1);
    return 0;
  }

  /** Wakes everybody who may now see an end. */
  protected addShutdown(mask: number): void {
    this.shutdownMask |= mask;
    this.wakeForShutdown(mask);
  }
  protected wakeForShutdown(mask: number): void {
    let key = 0;
    if ((mask & RECEIVE_SHUTDOWN) !== 0) key |= READABLE | POLLRDHUP;
    if ((mask & SEND_SHUTDOWN) !== 0) key |= WRITABLE;
    if (this.shutdownMask === BOTH_SHUTDOWN) key |= POLLHUP;
    this.waiters.wake(key);
  }
  wake(key: number): void {
    this.waiters.wake(key);
  }

  override getOption(task: Task, level: number, name: number): Uint8Array | Errno | undefined {
    if (level !== SOL_SOCKET) return EOPNOTSUPP;
    switch (name) {
      case SO_PASSCRED:
        return Uint8Array.of(this.passesCredentials ? 1 : 0, 0, 0, 0);
      case SO_PASSPIDFD:
        return Uint8Array.of(this.passesPidfd ? 1 : 0, 0, 0, 0);
      case SO_PEERPIDFD: {
        const { pid } = this.peerCredentials;
        if (pid === 0) return ENODATA;
        const fd = pidfdFor(task, pid);
        return isErr(fd) ? fd : new Uint8Array(Int32Array.of(fd).buffer);
      }
      case SO_PEERCRED: {
        const bytes = new Uint8Array(UCRED.size);
        UCRED.write(new DataView(bytes.buffer), 0, credentialsFor(task, this.peerCredentials));
        return bytes;
      }
      default:
        return undefined;
    }
  }

  override setOption(_task: Task, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
    if (level !== SOL_SOCKET) return EOPNOTSUPP;
    if (name !== SO_PASSCRED && name !== SO_PASSPIDFD) return undefined;
    if (value.length < 4) return EINVAL;
    const on = value.subarray(0, 4).some((byte) => byte !== 0);
    if (name === SO_PASSCRED) this.passesCredentials = on;
    else this.passesPidfd = on;
    return 0;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (request !== FIONREAD && request !== TIOCOUTQ) return interfaceIoctl(this.net, caller, request, argument) ?? ENOTTY;
    if (request === FIONREAD && this.isListening) return EINVAL;
    return answerInt(caller, argument, request === FIONREAD ? this.inputBytes : this.outputBytes);
  }

  override release(): void {
    this.isReleased = true;
    if (this.address) unbindAddress(this, this.address);
    this.disconnect();
    discardFiles(this.takeQueuedFiles());
    collectGarbage();
  }

  /** Tells the other side that this one is going; called once, by release. */
  protected abstract disconnect(): void;
}
