/**
 * What UDP, raw and ping sockets share (Linux: net/ipv4/datagram.c, net/core/datagram.c): a queue of packets that came, one of
 * errors, connect(2) that only names a peer. A full receive buffer drops what comes, as ever.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP } from '../../abi/errno.js';
import { IP_MULTICAST_IF, IPV6_MULTICAST_IF, SOL_IP, SOL_IPV6 } from '../../abi/inet.js';
import { POLLERR, POLLHUP, POLLPRI, POLLRDHUP } from '../../abi/poll.js';
import {
  AF_UNSPEC,
  MSG_ERRQUEUE,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BINDTOIFINDEX,
  SO_RXQ_OVFL,
  SO_SELECT_ERR_QUEUE,
} from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { ReceiveRequest, Socket } from '../socket.js';
import { encodeAddress, isAny, isMulticast, isV4, LOOPBACK4, LOOPBACK6, parseAddress, type Endpoint } from './address.js';
import { receivedControl, wantsTime, type Datagram } from './datagram-control.js';
import { ErrorQueue } from './error-queue.js';
import { InetSocket, READABLE, WRITABLE } from './inet-socket.js';
import type { Route } from './stack.js';

/** What a datagram counts besides its bytes. */
const OVERHEAD = 256;

export abstract class DatagramSocket extends InetSocket {
  protected readonly received: Datagram[] = [];
  protected readonly errors = new ErrorQueue();
  private queuedBytes = 0;
  private receiveShut = false;
  protected sendShut = false;
  /** Packets that found no room. */
  private dropped = 0;

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

  connect(_task: Task, address: Uint8Array): 0 | Errno {
    if (address.length >= 2 && (address[0]! | (address[1]! << 8)) === AF_UNSPEC) {
      this.remote = undefined;
      this.forgetAutobind();
      return 0;
    }
    const to = this.parseDestination(address);
    if (isErr(to)) return to;
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    this.remote = to as Endpoint;
    const own = this.local!;
    if (isAny(own.host)) this.local = { host: this.sourceFor(this.remote.host), port: own.port };
    return 0;
  }

  protected parseDestination(address: Uint8Array): Endpoint | Errno {
    const wanted = parseAddress(this.family, address);
    if (isErr(wanted)) return wanted;
    const { host, port } = wanted as Endpoint;
    if (isMulticast(host) && this.sendsMulticast(host)) return { host, port };
    const route = this.stack.route(host);
    return isErr(route) ? route : { host: (route as Route).host, port };
  }

  /** The address that packets to `host` come from, of a socket that has none of its own. */
  protected sourceFor(host: string): string {
    const route = isMulticast(host) ? undefined : this.stack.route(host);
    return route === undefined || isErr(route) ? (isV4(host) ? LOOPBACK4 : LOOPBACK6) : (route as Route).source;
  }

  /** There is no route to groups: the interface has to be named. */
  private sendsMulticast(group: string): boolean {
    if ((this.plainOptions.get(SO_BINDTOIFINDEX) ?? 0) !== 0) return true;
    return (isV4(group) ? this.option(SOL_IP, IP_MULTICAST_IF) : this.option(SOL_IPV6, IPV6_MULTICAST_IF)) !== 0;
  }

  /** A connected socket hears only its peer. */
  takesFrom(source: Endpoint): boolean {
    return this.remote === undefined || (this.remote.host === source.host && this.remote.port === source.port);
  }

  deliver(datagram: Datagram): void {
    const size = datagram.bytes.length + OVERHEAD;
    if (this.receiveShut) return;
    if (this.queuedBytes + size > this.receiveBufferBytes) {
      this.dropped++;
      return;
    }
    if (wantsTime(this)) datagram.time = this.machine.clock.realtime();
    this.queuedBytes += size;
    this.received.push(datagram);
    this.waiters.wake(READABLE);
  }

  override get isReceiveOver(): boolean {
    return this.receiveShut;
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_ERRQUEUE) !== 0) return this.errors.receive(this, request);
    const error = this.takeError();
    if (error !== 0) return error;
    const datagram = this.received[0];
    if (!datagram) return EAGAIN;
    const { bytes, source } = datagram;
    const length = Math.min(bytes.length, request.io.remaining);
    const moved = length > 0 ? request.io.put(bytes, 0, length) : 0;
    if (isErr(moved)) return moved;
    if ((request.flags & MSG_PEEK) === 0) {
      this.received.shift();
      this.queuedBytes -= bytes.length + OVERHEAD;
    }
    request.source = encodeAddress(this.family, source);
    request.isComplete = true;
    if (request.wantsControl) request.control = receivedControl(this, datagram, this.plainOptions.has(SO_RXQ_OVFL) ? this.dropped : 0);
    if (moved < bytes.length) request.outFlags |= MSG_TRUNC;
    return (request.flags & MSG_TRUNC) !== 0 ? bytes.length : moved;
  }

  /** Nobody takes what was sent to `destination`; the sender learns it when it asked to, or has no other peer. */
  protected reportUnreachable(error: Errno, wantsQueue: boolean, bytes: Uint8Array, destination: Endpoint): void {
    if (wantsQueue) this.errors.add(bytes, destination);
    else if (!this.remote) return;
    this.error = error;
    this.waiters.wake(READABLE | WRITABLE | POLLERR);
  }

  override poll(): number {
    let events = WRITABLE;
    if (this.error !== 0 || !this.errors.isEmpty) events |= POLLERR;
    if (!this.errors.isEmpty && this.plainOptions.get(SO_SELECT_ERR_QUEUE)) events |= POLLPRI;
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
    this.errors.clear();
  }
}
