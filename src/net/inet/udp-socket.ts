/** UDP over the loopback interface (Linux: net/ipv4/udp.c; udp(7)). A full receive buffer drops what comes, as ever. */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, ECONNREFUSED, EDESTADDRREQ, EINVAL, EMSGSIZE, ENETUNREACH, ENOTCONN, EOPNOTSUPP, EPIPE } from '../../abi/errno.js';
import { POLLERR, POLLHUP, POLLRDHUP } from '../../abi/poll.js';
import { AF_UNSPEC, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { ReceiveRequest, SendRequest, Socket } from '../socket.js';
import { encodeAddress, isAny, isV4, LOOPBACK4, LOOPBACK6, parseAddress, routeTo, type Endpoint } from './address.js';
import { InetSocket, READABLE, WRITABLE } from './inet-socket.js';
import type { PortTable } from './ports.js';
import type { InetStack } from './stack.js';

const IPPROTO_UDP = 17;
const MAX_DATAGRAM = 65507;
/** What a datagram counts besides its bytes. */
const OVERHEAD = 256;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
}

export class UdpSocket extends InetSocket {
  private readonly received: Datagram[] = [];
  private queuedBytes = 0;
  private receiveShut = false;
  private sendShut = false;
  /** What bind(2) asked for. */
  private boundHost: string | undefined;

  constructor(task: Task, stack: InetStack, family: number) {
    super(task, stack, family, SOCK_DGRAM, IPPROTO_UDP);
  }

  protected override get ports(): PortTable<InetSocket> {
    return this.stack.udp;
  }
  override get writesAll(): boolean {
    return false;
  }
  override get raisesSigpipe(): boolean {
    return false;
  }
  protected override get inputBytes(): number {
    return this.received[0]?.bytes.length ?? 0;
  }
  protected override get outputBytes(): number {
    return 0;
  }

  listen(): 0 | Errno {
    return EOPNOTSUPP;
  }
  accept(): Socket | Errno {
    return EOPNOTSUPP;
  }

  override bind(task: Task, address: Uint8Array): 0 | Errno {
    const result = super.bind(task, address);
    if (!isErr(result)) this.boundHost = this.local!.host;
    return result;
  }

  connect(_task: Task, address: Uint8Array): 0 | Errno {
    if (address.length >= 2 && (address[0]! | (address[1]! << 8)) === AF_UNSPEC) {
      this.forgetPeer();
      return 0;
    }
    const to = this.destination(address);
    if (isErr(to)) return to;
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    this.remote = to as Endpoint;
    const own = this.local!;
    if (isAny(own.host)) this.local = { host: sourceHost(this.remote), port: own.port };
    return 0;
  }

  /** An address that connect chose goes with the peer (Linux: __udp_disconnect): getaddrinfo(3) tries one family after the other so. */
  private forgetPeer(): void {
    this.remote = undefined;
    if (this.boundHost !== undefined) this.local = { host: this.boundHost, port: this.local!.port };
    else {
      this.ports.release(this);
      this.local = undefined;
    }
  }

  private destination(address: Uint8Array): Endpoint | Errno {
    const wanted = parseAddress(this.family, address);
    if (isErr(wanted)) return wanted;
    const { host, port } = wanted as Endpoint;
    const route = routeTo(host);
    if (isErr(route)) return route === ENETUNREACH ? ENETUNREACH : route;
    return { host: route as string, port };
  }

  send(request: SendRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    const error = this.takeError();
    if (error !== 0) return error;
    if (this.sendShut) return EPIPE;
    const to = request.destination ? this.destination(request.destination) : (this.remote ?? EDESTADDRREQ);
    if (isErr(to)) return to;
    const target = to as Endpoint;
    if (target.port === 0) return EINVAL;
    const { remaining } = request.io;
    if (remaining > MAX_DATAGRAM) return EMSGSIZE;
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    const bytes = new Uint8Array(remaining);
    const taken = remaining > 0 ? request.io.take(bytes) : 0;
    if (isErr(taken)) return taken;
    const own = this.local!;
    const source = { host: isAny(own.host) ? sourceHost(target) : own.host, port: own.port };
    const receiver = this.ports.find(target, (owner) => (owner as UdpSocket).takesFrom(source)) as UdpSocket | undefined;
    if (receiver) receiver.deliver({ bytes, source });
    else if (this.remote) {
      this.error = ECONNREFUSED;
      this.waiters.wake(READABLE | WRITABLE | POLLERR);
    }
    return taken;
  }

  /** A connected socket hears only its peer. */
  private takesFrom(source: Endpoint): boolean {
    return this.remote === undefined || (this.remote.host === source.host && this.remote.port === source.port);
  }

  private deliver(datagram: Datagram): void {
    const size = datagram.bytes.length + OVERHEAD;
    if (this.receiveShut || this.queuedBytes + size > this.receiveBufferBytes) return;
    this.queuedBytes += size;
    this.received.push(datagram);
    this.waiters.wake(READABLE);
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_ERRQUEUE) !== 0) return EAGAIN;
    const error = this.takeError();
    if (error !== 0) return error;
    const datagram = this.received[0];
    if (!datagram) return this.receiveShut ? 0 : EAGAIN;
    const { bytes, source } = datagram;
    const moved = bytes.length > 0 && request.io.remaining > 0 ? request.io.put(bytes, 0, Math.min(bytes.length, request.io.remaining)) : 0;
    if (isErr(moved)) return moved;
    if ((request.flags & MSG_PEEK) === 0) {
      this.received.shift();
      this.queuedBytes -= bytes.length + OVERHEAD;
    }
    request.source = encodeAddress(this.family, source);
    request.isComplete = true;
    if (moved < bytes.length) request.outFlags |= MSG_TRUNC;
    return (request.flags & MSG_TRUNC) !== 0 ? bytes.length : moved;
  }

  override poll(): number {
    let events = WRITABLE;
    if (this.error !== 0) events |= POLLERR;
    if (this.received.length > 0) events |= READABLE;
    if (this.receiveShut) events |= READABLE | POLLRDHUP;
    if (this.receiveShut && this.sendShut) events |= POLLHUP;
    return events;
  }

  shutdown(how: number): 0 | Errno {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return EINVAL;
    if (!this.remote) return ENOTCONN;
    if (how !== SHUT_WR) this.receiveShut = true;
    if (how !== SHUT_RD) this.sendShut = true;
    this.waiters.wake(READABLE | WRITABLE | POLLRDHUP | POLLHUP);
    return 0;
  }

  protected disconnect(): void {
    this.received.length = 0;
    this.queuedBytes = 0;
  }
}

function sourceHost(to: Endpoint): string {
  return isV4(to.host) ? LOOPBACK4 : LOOPBACK6;
}
