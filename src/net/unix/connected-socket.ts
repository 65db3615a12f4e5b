/**
 * Connections between AF_UNIX sockets (Linux: net/unix/af_unix.c, unix_stream_connect, unix_accept, unix_release_sock): what
 * stream and seqpacket sockets share. A connection exists, and takes data, before it has been accepted.
 */
import type { WaitSource } from '../../base/blocking.js';
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, ECONNREFUSED, ECONNRESET, EINVAL, EISCONN, ENOTCONN, EPIPE, EPROTOTYPE } from '../../abi/errno.js';
import { O_NONBLOCK } from '../../abi/fcntl.js';
import { POLLERR, POLLHUP, POLLRDHUP } from '../../abi/poll.js';
import { SOMAXCONN } from '../../abi/socket.js';
import type { Ucred } from '../../abi/socket-struct.js';
import type { Machine } from '../../kernel/machine.js';
import type { Task } from '../../kernel/task.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { Socket } from '../socket.js';
import { findSocket } from './address.js';
import { BOTH_SHUTDOWN, credentialsOf, READABLE, RECEIVE_SHUTDOWN, SEND_SHUTDOWN, UnixSocket, WRITABLE } from './unix-socket.js';

export abstract class ConnectedSocket extends UnixSocket {
  private state: 'new' | 'listening' | 'connected' = 'new';
  /** Connections that nobody has accepted yet. */
  private pending: ConnectedSocket[] = [];
  private backlog = 0;
  /** Made by a connect, not yet accepted. */
  private isEmbryo = false;

  /** Another socket of the same type and owner. */
  protected abstract sibling(machine: Machine, uid: number, gid: number): ConnectedSocket;
  /** Something has been received and not read. */
  protected abstract readonly hasData: boolean;
  protected abstract ownFiles(): Iterable<OpenFile>;
  protected abstract takeOwnFiles(): OpenFile[];

  override get isListening(): boolean {
    return this.state === 'listening';
  }
  get isConnected(): boolean {
    return this.state === 'connected';
  }
  protected override get hasInput(): boolean {
    return this.state === 'listening' ? this.pending.length > 0 : this.hasData;
  }
  protected override get isUnconnectedStream(): boolean {
    return this.state === 'new';
  }

  override listen(task: Task, backlog: number): 0 | Errno {
    if (this.state === 'connected' || !this.address) return EINVAL;
    this.state = 'listening';
    this.backlog = backlog < 0 || backlog > SOMAXCONN ? SOMAXCONN : backlog;
    this.peerCredentials = credentialsOf(task);
    this.waiters.wake(WRITABLE);
    return 0;
  }

  connect(task: Task, address: Uint8Array): 0 | Errno {
    const bound = this.autobindIfNeeded();
    if (isErr(bound)) return bound;
    const listener = findSocket(task, this, address);
    if (isErr(listener)) return listener;
    if (listener.type !== this.type) return EPROTOTYPE;
    if (!(listener instanceof ConnectedSocket) || listener.state !== 'listening' || listener.isReleased) return ECONNREFUSED;
    if ((listener.shutdownMask & RECEIVE_SHUTDOWN) !== 0) return ECONNREFUSED;
    if (this.state !== 'new') return this.state === 'connected' ? EISCONN : EINVAL;
    if (listener.pending.length > listener.backlog) return EAGAIN;
    const embryo = this.sibling(listener.machine, listener.inode.uid, listener.inode.gid);
    embryo.isEmbryo = true;
    embryo.passesCredentials = listener.passesCredentials;
    embryo.passesPidfd = listener.passesPidfd;
    // The listener's name, without being found by it.
    embryo.address = listener.address && { ...listener.address, abstractName: undefined, place: undefined, inode: undefined };
    this.join(embryo, credentialsOf(task), listener.peerCredentials);
    listener.pending.push(embryo);
    listener.waiters.wake(READABLE);
    return 0;
  }

  /** Makes the two ends of a connection of `this` and `other`. */
  join(other: ConnectedSocket, ownCredentials: Ucred, otherCredentials: Ucred): void {
    this.peer = other;
    other.peer = this;
    this.state = other.state = 'connected';
    this.peerCredentials = otherCredentials;
    other.peerCredentials = ownCredentials;
  }

  /** A connect that found the backlog full waits for the listener. */
  override connectSources(address: Uint8Array, task: Task): WaitSource[] {
    const listener = findSocket(task, this, address);
    return isErr(listener) ? [] : [{ queue: listener.queue, mask: WRITABLE | POLLHUP | POLLERR, exclusive: false }];
  }

  override accept(): Socket | Errno {
    if (this.state !== 'listening') return EINVAL;
    const embryo = this.pending.shift();
    if (!embryo) return (this.shutdownMask & RECEIVE_SHUTDOWN) !== 0 ? EINVAL : EAGAIN;
    embryo.isEmbryo = false;
    embryo.flags &= ~O_NONBLOCK;
    this.waiters.wake(WRITABLE);
    return embryo;
  }

  /** What a sender must know before it looks for room; 0: go on. */
  protected checkSend(): 0 | Errno {
    if (this.state !== 'connected') return ENOTCONN;
    const { peer } = this;
    if ((this.shutdownMask & SEND_SHUTDOWN) !== 0 || !peer || peer.isReleased) return EPIPE;
    return (peer.shutdownMask & RECEIVE_SHUTDOWN) !== 0 ? EPIPE : 0;
  }

  /** What a reader gets who found nothing: the error, the end, or EAGAIN. */
  protected nothingToRead(): number | Errno {
    const error = this.takeError();
    if (error !== 0) return error;
    return (this.shutdownMask & RECEIVE_SHUTDOWN) !== 0 ? 0 : EAGAIN;
  }

  override shutdown(how: number): 0 | Errno {
    const result = super.shutdown(how);
    const { peer } = this;
    if (result !== 0 || !(peer instanceof ConnectedSocket) || peer.isReleased) return result;
    const mask = how + 1;
    // What one side no longer sends, the other no longer receives.
    peer.addShutdown(((mask & RECEIVE_SHUTDOWN) !== 0 ? SEND_SHUTDOWN : 0) | ((mask & SEND_SHUTDOWN) !== 0 ? RECEIVE_SHUTDOWN : 0));
    return 0;
  }

  protected disconnect(): void {
    const { peer } = this;
    if (peer && !peer.isReleased && this.state === 'connected') {
      peer.shutdownMask = BOTH_SHUTDOWN;
      if (this.hasData || this.isEmbryo) peer.error = ECONNRESET;
      peer.wake(READABLE | WRITABLE | POLLRDHUP | POLLHUP | POLLERR);
    }
    const { pending } = this;
    this.pending = [];
    for (const embryo of pending) dropFile(embryo);
    if (this.state === 'listening') this.waiters.wake(WRITABLE | POLLHUP);
  }

  *filesInQueue(): Generator<OpenFile> {
    yield* this.ownFiles();
    for (const embryo of this.pending) yield* embryo.ownFiles();
  }

  takeQueuedFiles(): OpenFile[] {
    const files = this.takeOwnFiles();
    for (const embryo of this.pending) files.push(...embryo.takeOwnFiles());
    return files;
  }
}
