/**
 * TCP over the loopback interface (Linux: net/ipv4/tcp.c; tcp(7)): nothing is lost or reordered there, so a connection is two
 * queues of bytes, made when connect(2) finds a listener. Left out: TIME_WAIT.
 */
import type { WaitSource } from '../../base/blocking.js';
import { isErr, type Errno } from '../../base/brands.js';
import {
  EADDRINUSE,
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EINPROGRESS,
  EFAULT,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EPIPE,
} from '../../abi/errno.js';
import { IPPROTO_TCP, SOL_TCP, TCP_CORK, TCP_NODELAY } from '../../abi/inet.js';
import { SIOCATMARK } from '../../abi/ioctls.js';
import { O_NONBLOCK } from '../../abi/fcntl.js';
import { POLLERR, POLLHUP, POLLPRI, POLLRDHUP } from '../../abi/poll.js';
import {
  AF_UNSPEC,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_OOB,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_OOBINLINE,
  SOCK_STREAM,
  SOMAXCONN,
} from '../../abi/socket.js';
import { signalUrgent } from '../../kernel/file-owner.js';
import type { Task } from '../../kernel/task.js';
import { Timer } from '../../kernel/timers.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { IoctlCaller } from '../../vfs/open-file.js';
import type { ReceiveRequest, SendRequest, Socket } from '../socket.js';
import { isAny, parseAddress, type Endpoint } from './address.js';
import { InetSocket, READABLE, WRITABLE } from './inet-socket.js';
import type { PortTable } from './ports.js';
import type { InetStack, Route } from './stack.js';
import { TcpReceiveQueue } from './tcp-receive-queue.js';

/** How long TCP_CORK and MSG_MORE may hold bytes back. */
const HOLD_NS = 200e6;
const DISCARD_BYTES = 65536;
const discarded = new Uint8Array(DISCARD_BYTES);

export class TcpSocket extends InetSocket {
  private state: 'closed' | 'listening' | 'connected' = 'closed';
  private pending: TcpSocket[] = [];
  private backlog = 0;
  private peer: TcpSocket | undefined = undefined;
  private readonly received = new TcpReceiveQueue();
  /** Made by a connect, not yet accepted. */
  private isEmbryo = false;
  /** The other side sends no more; this side sends, or reads, no more. */
  private sawEnd = false;
  private sendShut = false;
  private receiveShut = false;
  /** A connect that did not wait is done; the next one says so. */
  private connectReport: 0 | Errno | undefined = undefined;
  private holdTimer: Timer | undefined = undefined;
  private wasReset = false;

  constructor(task: Task, stack: InetStack, family: number) {
    super(task, stack, family, SOCK_STREAM, IPPROTO_TCP);
  }

  protected override get ports(): PortTable<InetSocket> {
    return this.stack.tcp;
  }
  override get isListening(): boolean {
    return this.state === 'listening';
  }
  protected override get inputBytes(): number {
    return this.received.inputBytes(this.urgentInline);
  }
  protected override get outputBytes(): number {
    return this.peer?.received.length ?? 0;
  }
  /** A reset connection has no peer any more. */
  override peerAddress(): Uint8Array | Errno {
    return this.wasReset ? ENOTCONN : super.peerAddress();
  }

  private get urgentInline(): boolean {
    return (this.plainOptions.get(SO_OOBINLINE) ?? 0) !== 0;
  }
  private get hasRoom(): boolean {
    return this.outputBytes * 4 <= this.sendBufferBytes * 3;
  }

  listen(_task: Task, backlog: number): 0 | Errno {
    if (this.state === 'connected') return EINVAL;
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    if (this.state === 'closed' && !this.ports.mayListen(this)) return EADDRINUSE;
    this.state = 'listening';
    this.backlog = backlog < 0 || backlog > SOMAXCONN ? SOMAXCONN : backlog;
    return 0;
  }

  connect(task: Task, address: Uint8Array): 0 | Errno {
    if (address.length >= 2 && (address[0]! | (address[1]! << 8)) === AF_UNSPEC) return this.abandon();
    const wanted = parseAddress(this.family, address);
    if (isErr(wanted)) return wanted;
    if (this.connectReport !== undefined) {
      const report = this.connectReport;
      this.connectReport = undefined;
      if (report !== 0) this.error = 0;
      return report;
    }
    if (this.state !== 'closed' || this.peer) return this.state === 'connected' ? EISCONN : this.state === 'listening' ? EISCONN : EALREADY;
    const route = this.stack.route((wanted as Endpoint).host);
    if (isErr(route)) return route;
    const result = this.connectTo(task, route as Route, (wanted as Endpoint).port);
    if (result === EAGAIN || !this.nonBlocking) return result;
    // One that does not wait learns the outcome later, however soon it is known.
    if (result !== 0 && result !== ECONNREFUSED && result !== EHOSTUNREACH) return result;
    this.connectReport = result;
    if (result !== 0) {
      this.error = result;
      this.waiters.wake(READABLE | WRITABLE | POLLERR | POLLHUP);
    }
    return EINPROGRESS;
  }

  private connectTo(task: Task, { stack, host, source }: Route, port: number): 0 | Errno {
    if (!stack) return EHOSTUNREACH;
    const to = { host, port };
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    const listener = stack.tcp.find(to, (owner) => owner.isListening, this.local) as TcpSocket | undefined;
    if (!listener) return ECONNREFUSED;
    if (listener.pending.length > listener.backlog) return EAGAIN;
    const own = this.local!;
    this.local = { host: isAny(own.host) ? source : own.host, port: own.port };
    this.remote = to;
    const embryo = new TcpSocket(task, listener.stack, listener.family);
    embryo.isEmbryo = true;
    embryo.local = to;
    embryo.remote = this.local;
    for (const [name, value] of listener.plainOptions) embryo.plainOptions.set(name, value);
    embryo.sendBufferBytes = listener.sendBufferBytes;
    embryo.receiveBufferBytes = listener.receiveBufferBytes;
    embryo.sendTimeoutNs = listener.sendTimeoutNs;
    embryo.receiveTimeoutNs = listener.receiveTimeoutNs;
    this.join(embryo);
    listener.pending.push(embryo);
    listener.wake(READABLE);
    return 0;
  }

  private join(other: TcpSocket): void {
    this.peer = other;
    other.peer = this;
    this.state = other.state = 'connected';
  }

  /** connect(2) to AF_UNSPEC. */
  private abandon(): 0 {
    this.disconnect();
    this.peer = undefined;
    this.remote = undefined;
    this.wasReset = false;
    this.state = 'closed';
    this.forgetAutobind();
    return 0;
  }

  override connectSources(address: Uint8Array): WaitSource[] {
    const wanted = parseAddress(this.family, address);
    const route = isErr(wanted) ? wanted : this.stack.route((wanted as Endpoint).host);
    if (isErr(route)) return [];
    const { stack, host } = route as Route;
    const listener = stack?.tcp.find({ host, port: (wanted as Endpoint).port }, (owner) => owner.isListening, this.local);
    return listener ? [{ queue: listener.queue, mask: WRITABLE | POLLHUP, exclusive: false }] : [];
  }

  accept(): Socket | Errno {
    if (this.state !== 'listening') return EINVAL;
    const embryo = this.pending.shift();
    if (!embryo) return EAGAIN;
    embryo.isEmbryo = false;
    embryo.flags &= ~O_NONBLOCK;
    this.waiters.wake(WRITABLE);
    return embryo;
  }

  send(request: SendRequest): number | Errno {
    const error = this.takeError();
    if (error !== 0) return error;
    if (this.sendShut) return EPIPE;
    const { peer } = this;
    if (this.state !== 'connected' || !peer) return EPIPE;
    if (request.io.remaining === 0) return 0;
    if (peer.isReleased) return this.sendIntoTheVoid(request);
    const hold = (request.flags & MSG_MORE) !== 0 || this.option(SOL_TCP, TCP_CORK) !== 0;
    const moved = peer.received.append(request.io, Math.min(this.sendBufferBytes + peer.receiveBufferBytes, 4 * 2 ** 20), hold);
    if (isErr(moved)) return moved;
    if ((request.flags & MSG_OOB) !== 0) peer.seeUrgent();
    if (peer.received.hasHeld) this.holdBack();
    else peer.wake(READABLE);
    return moved;
  }

  /** Urgent data goes before all else: it is known of even before the bytes can be read. */
  private seeUrgent(): void {
    this.received.markUrgent(this.urgentInline);
    signalUrgent(this.machine, this);
    this.waiters.wake(POLLPRI);
  }

  /** What TCP_CORK and MSG_MORE hold back goes after a while all the same. */
  private holdBack(): void {
    const { timers, clock } = this.machine;
    this.holdTimer ??= new Timer(() => this.letGo());
    if (!this.holdTimer.armed) timers.arm(this.holdTimer, clock.monotonicNs() + HOLD_NS);
  }

  private letGo(): void {
    if (this.holdTimer) this.machine.timers.cancel(this.holdTimer);
    if (this.peer?.received.letGo()) this.peer.wake(READABLE);
  }

  override onOptionSet(level: number, name: number, value: number): void {
    if (level === SOL_TCP && ((name === TCP_CORK && value === 0) || (name === TCP_NODELAY && value !== 0))) this.letGo();
  }

  /** The other side is gone: the first bytes seem to go out, and the answer to them resets the connection. */
  private sendIntoTheVoid(request: SendRequest): number | Errno {
    const taken = request.io.take(discarded, 0, Math.min(request.io.remaining, DISCARD_BYTES));
    if (isErr(taken)) return taken;
    this.error = this.sawEnd ? EPIPE : ECONNRESET;
    this.sendShut = this.sawEnd = true;
    this.waiters.wake(READABLE | WRITABLE | POLLERR | POLLHUP);
    return taken;
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_ERRQUEUE) !== 0) return EAGAIN;
    const inline = this.urgentInline;
    if ((request.flags & MSG_OOB) !== 0) return this.state === 'listening' ? ENOTCONN : this.received.takeUrgent(request, inline);
    if (this.state !== 'connected') {
      const error = this.takeError();
      return error !== 0 ? error : ENOTCONN;
    }
    if (request.io.remaining === 0) return 0;
    const { received, peer } = this;
    const hadRoom = peer?.hasRoom ?? true;
    const moved = received.take(request, inline);
    if (moved === EAGAIN) {
      const error = this.takeError();
      return error !== 0 ? error : this.sawEnd || this.receiveShut ? 0 : EAGAIN;
    }
    if (!isErr(moved) && !hadRoom && peer?.hasRoom) peer.wake(WRITABLE);
    return moved;
  }

  override poll(): number {
    if (this.state === 'listening') return this.pending.length > 0 ? READABLE : 0;
    let events = this.error !== 0 ? POLLERR : 0;
    if (this.state === 'closed') return events | WRITABLE | POLLHUP | (this.error !== 0 ? READABLE : 0);
    const ended = this.sawEnd || this.receiveShut;
    if (ended && this.sendShut) events |= POLLHUP;
    if (ended) events |= POLLRDHUP | READABLE;
    if (this.received.isReadable(this.urgentInline)) events |= READABLE;
    if (this.received.hasUrgent) events |= POLLPRI;
    if (this.hasRoom || this.sendShut) events |= WRITABLE;
    return events;
  }

  shutdown(how: number): 0 | Errno {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return EINVAL;
    if (this.state === 'listening') {
      if (how === SHUT_WR) return 0;
      this.disconnect();
      this.state = 'closed';
      return 0;
    }
    if (this.state !== 'connected') return ENOTCONN;
    if (how !== SHUT_WR) this.receiveShut = true;
    if (how !== SHUT_RD && !this.sendShut) {
      this.sendShut = true;
      this.peer?.seeEnd();
    }
    this.waiters.wake(READABLE | WRITABLE | POLLRDHUP | POLLHUP);
    return 0;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (request !== SIOCATMARK) return super.ioctl(caller, request, argument);
    const word = Uint8Array.of(this.received.isAtMark ? 1 : 0, 0, 0, 0);
    return isErr(caller.copyOut(argument, word)) ? EFAULT : 0;
  }

  private seeEnd(): void {
    this.received.letGo();
    this.sawEnd = true;
    this.waiters.wake(READABLE | POLLRDHUP | (this.sendShut ? POLLHUP : 0));
  }

  protected disconnect(): void {
    this.letGo();
    const { peer, pending } = this;
    if (peer && !peer.isReleased && this.state === 'connected') {
      if (this.received.length > 0 || this.isEmbryo || this.lingersForNothing) {
        peer.error = ECONNRESET;
        peer.sendShut = true;
        peer.wasReset = true;
      }
      peer.seeEnd();
      peer.wake(READABLE | WRITABLE | POLLRDHUP | POLLHUP | POLLERR);
    }
    this.received.clear();
    this.pending = [];
    for (const embryo of pending) dropFile(embryo);
    if (this.state === 'listening') this.waiters.wake(WRITABLE | POLLHUP);
  }

  override get stateNumber(): number {
    if (this.state === 'listening') return 10;
    return this.state === 'connected' ? (this.sawEnd ? 8 : 1) : 7;
  }
}
