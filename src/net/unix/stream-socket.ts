/** SOCK_STREAM of AF_UNIX (Linux: net/unix/af_unix.c, unix_stream_sendmsg, unix_stream_read_generic). Left out: MSG_OOB. */
import { isErr, type Errno } from '../../base/brands.js';
import { EINVAL, EISCONN, EOPNOTSUPP } from '../../abi/errno.js';
import { MSG_OOB, MSG_PEEK, SOCK_STREAM } from '../../abi/socket.js';
import type { Machine } from '../../kernel/machine.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { ReceiveRequest, SendRequest } from '../socket.js';
import { ConnectedSocket } from './connected-socket.js';
import { handOver } from './in-flight.js';
import { StreamQueue } from './stream-queue.js';
import { READABLE, WRITABLE } from './unix-socket.js';

const NO_FILES: readonly OpenFile[] = [];

export class UnixStreamSocket extends ConnectedSocket {
  private readonly received = new StreamQueue();

  constructor(machine: Machine, uid: number, gid: number) {
    super(machine, SOCK_STREAM, uid, gid);
  }

  protected override sibling(machine: Machine, uid: number, gid: number): ConnectedSocket {
    return new UnixStreamSocket(machine, uid, gid);
  }

  protected override get hasData(): boolean {
    return this.received.length > 0;
  }
  protected override get inputBytes(): number {
    return this.received.length;
  }
  /** Bytes that the other side has not read. */
  protected override get outputBytes(): number {
    return this.peer instanceof UnixStreamSocket ? this.peer.received.length : 0;
  }
  protected override get hasRoom(): boolean {
    return !this.isListening && this.outputBytes * 4 <= this.sendBufferBytes;
  }

  send(request: SendRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if (request.destination) return this.isConnected ? EISCONN : EOPNOTSUPP;
    const problem = this.checkSend();
    if (problem !== 0) return problem;
    if (request.io.remaining === 0) return 0;
    const peer = this.peer as UnixStreamSocket;
    const moved = peer.received.append(request.io, this.sendBufferBytes, request.files, this.messageCredentials(request, peer));
    if (!isErr(moved)) peer.wake(READABLE);
    return moved;
  }

  receive(request: ReceiveRequest): number | Errno {
    if ((request.flags & MSG_OOB) !== 0) return EINVAL;
    if (!this.isConnected) return EINVAL;
    const { received } = this;
    if (received.length === 0) return this.nothingToRead();
    if (request.io.remaining === 0) return 0;
    const peek = (request.flags & MSG_PEEK) !== 0;
    const { mark } = received;
    const sender = this.peer as UnixStreamSocket;
    const hadRoom = sender.hasRoom;
    const moved = received.take(request.io, peek);
    if (isErr(moved)) return moved;
    if (!hadRoom && sender.hasRoom) sender.wake(WRITABLE);
    if (mark === undefined && !this.passesCredentials && !this.passesPidfd) return moved;
    this.deliverAncillary(request, mark ? handOver(mark, peek) : NO_FILES, mark?.credentials);
    request.isComplete = mark !== undefined || peek;
    return moved;
  }

  protected override ownFiles(): Iterable<OpenFile> {
    return this.received.files();
  }
  protected override takeOwnFiles(): OpenFile[] {
    return this.received.clear();
  }
}
