/** SOCK_DGRAM of AF_UNIX (Linux: net/unix/af_unix.c, unix_dgram_sendmsg, unix_dgram_recvmsg): reliable, in order, no connection. */
import type { WaitSource } from '../../base/blocking.js';
import { isErr, type Errno } from '../../base/brands.js';
import { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, ECONNREFUSED, EMSGSIZE, ENOTCONN, EOPNOTSUPP, EPERM, EPIPE, EPROTOTYPE } from '../../abi/errno.js';
import { AF_UNSPEC, MSG_OOB, SOCK_DGRAM } from '../../abi/socket.js';
import type { Ucred } from '../../abi/socket-struct.js';
import type { Machine } from '../../kernel/machine.js';
import type { Task } from '../../kernel/task.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { SEND_EVENTS, type ReceiveRequest, type SendRequest } from '../socket.js';
import { findSocket } from './address.js';
import { MESSAGE_MARGIN, PacketQueue, takePacket, type PacketSender } from './packet-queue.js';
import { credentialsOf, READABLE, RECEIVE_SHUTDOWN, SEND_SHUTDOWN, UnixSocket, WRITABLE } from './unix-socket.js';

/** Messages that wait at a socket before those who are not its peer must wait (Linux: net.unix.max_dgram_qlen). */
const MAX_QUEUED = 10;

export class UnixDatagramSocket extends UnixSocket implements PacketSender {
  queuedBytes = 0;
  private readonly received = new PacketQueue();
  /** Woken when senders that found the queue full may try again. */
  private readonly roomQueue = new WaitQueue();
  /** Sockets connected to this one, whose POLLOUT depends on its queue. */
  private readonly connected = new Set<UnixDatagramSocket>();

  constructor(machine: Machine, uid: number, gid: number) {
    super(machine, SOCK_DGRAM, uid, gid);
  }

  override get writesAll(): boolean {
    return false;
  }
  override get raisesSigpipe(): boolean {
    return false;
  }
  protected override get isUnconnectedStream(): boolean {
    return false;
  }
  protected override get hasInput(): boolean {
    return this.received.length > 0;
  }
  protected override get inputBytes(): number {
    return this.received.first?.data.length ?? 0;
  }
  protected override get outputBytes(): number {
    return this.queuedBytes;
  }
  protected override get hasRoom(): boolean {
    if (this.queuedBytes * 4 > this.sendBufferBytes) return false;
    return !(this.peer instanceof UnixDatagramSocket) || !this.peer.isFullFor(this);
  }

  connect(task: Task, address: Uint8Array): 0 | Errno {
    if (address.length >= 2 && (address[0]! | (address[1]! << 8)) === AF_UNSPEC) {
      this.setPeer(undefined);
      return 0;
    }
    const bound = this.autobindIfNeeded();
    if (isErr(bound)) return bound;
    const target = findSocket(task, this, address);
    if (isErr(target)) return target;
    if (!(target instanceof UnixDatagramSocket)) return EPROTOTYPE;
    if (!target.takesFrom(this)) return EPERM;
    this.setPeer(target);
    this.peerCredentials = credentialsOf(task);
    return 0;
  }

  /** Makes the two sockets of a pair. */
  join(other: UnixDatagramSocket, credentials: Ucred): void {
    this.setPeer(other);
    other.setPeer(this);
    this.peerCredentials = other.peerCredentials = credentials;
  }

  private setPeer(target: UnixDatagramSocket | undefined): void {
    if (this.peer instanceof UnixDatagramSocket) this.peer.connected.delete(this);
    this.peer = target;
    target?.connected.add(this);
  }

  /** A connected socket hears only its peer. */
  private takesFrom(sender: UnixDatagramSocket): boolean {
    return this.peer === undefined || this.peer === sender;
  }
  private isFullFor(sender: UnixDatagramSocket): boolean {
    return this.peer !== sender && this.received.length > MAX_QUEUED;
  }

  send(request: SendRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if ((this.shutdownMask & SEND_SHUTDOWN) !== 0) return EPIPE;
    const task = this.machine.current;
    const bound = this.autobindIfNeeded();
    if (isErr(bound)) return bound;
    const target = this.targetOf(request.destination, task);
    if (isErr(target)) return target;
    if (request.io.remaining > this.sendBufferBytes - MESSAGE_MARGIN) return EMSGSIZE;
    if (!target.takesFrom(this)) return EPERM;
    if ((target.shutdownMask & RECEIVE_SHUTDOWN) !== 0) return EPIPE;
    if (this.queuedBytes >= this.sendBufferBytes || target.isFullFor(this)) return EAGAIN;
    const moved = target.received.append(request.io, this, request.files, this.messageCredentials(request, target));
    if (!isErr(moved)) target.waiters.wake(READABLE);
    return moved;
  }

  private targetOf(destination: Uint8Array | undefined, task: Task): UnixDatagramSocket | Errno {
    if (destination) {
      const target = findSocket(task, this, destination);
      if (isErr(target)) return target;
      return target instanceof UnixDatagramSocket ? target : EPROTOTYPE;
    }
    const { peer } = this;
    if (!(peer instanceof UnixDatagramSocket)) return ENOTCONN;
    if (!peer.isReleased) return peer;
    this.setPeer(undefined);
    return ECONNREFUSED;
  }

  override sendSources(destination: Uint8Array | undefined, task: Task): WaitSource[] {
    const sources = [{ queue: this.waiters, mask: SEND_EVENTS, exclusive: false }];
    const target = destination ? findSocket(task, this, destination) : this.peer;
    if (target instanceof UnixDatagramSocket) sources.push({ queue: target.roomQueue, mask: SEND_EVENTS, exclusive: false });
    return sources;
  }

  override get isReceiveOver(): boolean {
    return (this.shutdownMask & RECEIVE_SHUTDOWN) !== 0;
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if (this.received.length === 0) {
      const error = this.takeError();
      if (error !== 0) return error;
      return EAGAIN;
    }
    const wasFull = this.received.length > MAX_QUEUED;
    const result = takePacket(this.received, request, (files, credentials) => this.deliverAncillary(request, files, credentials));
    if (wasFull && this.received.length <= MAX_QUEUED) this.wakeSenders();
    return result;
  }

  private wakeSenders(): void {
    this.roomQueue.wake(WRITABLE);
    for (const sender of this.connected) if (sender.hasRoom) sender.waiters.wake(WRITABLE);
  }

  onPacketTaken(): void {
    if (this.hasRoom) this.waiters.wake(WRITABLE);
  }

  protected disconnect(): void {
    this.setPeer(undefined);
    this.wakeSenders();
  }

  filesInQueue(): Iterable<OpenFile> {
    return this.received.files();
  }
  takeQueuedFiles(): OpenFile[] {
    return this.received.clear();
  }
}
