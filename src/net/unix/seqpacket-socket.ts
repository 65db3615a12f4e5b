/** SOCK_SEQPACKET of AF_UNIX: connections that keep the bounds of messages. */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, EMSGSIZE, ENOTCONN, EOPNOTSUPP } from '../../abi/errno.js';
import { MSG_EOR, MSG_OOB, SOCK_SEQPACKET } from '../../abi/socket.js';
import type { Machine } from '../../kernel/machine.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { ReceiveRequest, SendRequest } from '../socket.js';
import { ConnectedSocket } from './connected-socket.js';
import { MESSAGE_MARGIN, PacketQueue, takePacket, type PacketSender } from './packet-queue.js';
import { READABLE, WRITABLE } from './unix-socket.js';

export class UnixSeqpacketSocket extends ConnectedSocket implements PacketSender {
  queuedBytes = 0;
  private readonly received = new PacketQueue();

  constructor(machine: Machine, uid: number, gid: number) {
    super(machine, SOCK_SEQPACKET, uid, gid);
  }

  protected override sibling(machine: Machine, uid: number, gid: number): ConnectedSocket {
    return new UnixSeqpacketSocket(machine, uid, gid);
  }
  override get writesAll(): boolean {
    return false;
  }
  override get raisesSigpipe(): boolean {
    return false;
  }
  protected override get hasData(): boolean {
    return this.received.length > 0;
  }
  protected override get inputBytes(): number {
    return this.received.first?.data.length ?? 0;
  }
  protected override get outputBytes(): number {
    return this.queuedBytes;
  }
  protected override get hasRoom(): boolean {
    return !this.isListening && this.queuedBytes * 4 <= this.sendBufferBytes;
  }

  send(request: SendRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    const problem = this.checkSend();
    if (problem !== 0) return problem;
    if (request.io.remaining > this.sendBufferBytes - MESSAGE_MARGIN) return EMSGSIZE;
    if (this.queuedBytes >= this.sendBufferBytes) return EAGAIN;
    const peer = this.peer as UnixSeqpacketSocket;
    const moved = peer.received.append(request.io, this, request.files, this.messageCredentials(request, peer));
    if (!isErr(moved)) peer.wake(READABLE);
    return moved;
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if (!this.isConnected) return ENOTCONN;
    if (this.received.length === 0) return this.nothingToRead();
    const result = takePacket(this.received, request, (files, credentials) => this.deliverAncillary(request, files, credentials));
    request.source = undefined;
    request.outFlags |= MSG_EOR;
    return result;
  }

  onPacketTaken(): void {
    if (this.hasRoom) this.waiters.wake(WRITABLE);
  }

  protected override ownFiles(): Iterable<OpenFile> {
    return this.received.files();
  }
  protected override takeOwnFiles(): OpenFile[] {
    return this.received.clear();
  }
}
