/**
 * What one end of a TCP connection has received (Linux: net/ipv4/tcp_input.c, tcp_check_urg; tcp.c, tcp_recvmsg_locked,
 * tcp_recv_urg): bytes, the mark of urgent data, and bytes at the end that the sender still holds back (TCP_CORK, MSG_MORE).
 * The urgent byte stays in the stream; a read stops at the mark and, unless SO_OOBINLINE is set, leaves the byte out.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, EINVAL } from '../../abi/errno.js';
import { MSG_OOB, MSG_PEEK, MSG_TRUNC } from '../../abi/socket.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { ReceiveRequest } from '../socket.js';
import { StreamQueue } from '../unix/stream-queue.js';

/** As much as fills a segment is not held back. */
const SEGMENT = 65483;

export class TcpReceiveQueue {
  private readonly bytes = new StreamQueue();
  /** Place of the urgent byte in the stream. */
  private urgentAt: number | undefined = undefined;
  private urgentWasRead = false;
  private held = 0;

  /** All bytes, those held back too. */
  get length(): number {
    return this.bytes.length;
  }
  private get visible(): number {
    return this.bytes.length - this.held;
  }
  get hasHeld(): boolean {
    return this.held > 0;
  }

  append(io: IoVec, limit: number, hold: boolean): number | Errno {
    const moved = this.bytes.append(io, limit, [], undefined);
    if (isErr(moved)) return moved;
    this.held = hold ? this.held + moved : 0;
    if (this.held >= SEGMENT) this.held = 0;
    return moved;
  }

  /** Shows what was held back; whether there was any. */
  letGo(): boolean {
    const { held } = this;
    this.held = 0;
    return held > 0;
  }

  /** The last byte that came is urgent; an older urgent one becomes an ordinary one, or is lost if it would be read next. */
  markUrgent(inline: boolean): void {
    if (!inline && this.urgentAt === this.bytes.position && this.bytes.length > 1) this.bytes.skip();
    this.urgentAt = this.bytes.end - 1;
    this.urgentWasRead = false;
  }

  get hasUrgent(): boolean {
    return this.urgentAt !== undefined && !this.urgentWasRead;
  }
  /** SIOCATMARK */
  get isAtMark(): boolean {
    return this.urgentAt === this.bytes.position;
  }

  /** Something can be read besides the urgent byte. */
  isReadable(inline: boolean): boolean {
    return this.visible > (!inline && this.isAtMark ? 1 : 0);
  }

  /** FIONREAD: up to the mark. */
  inputBytes(inline: boolean): number {
    const { urgentAt, visible } = this;
    if (urgentAt === undefined || inline || urgentAt >= this.bytes.position + visible) return visible;
    return urgentAt - this.bytes.position;
  }

  /** Moves what is there, at most to the mark. EAGAIN when nothing is. */
  take(request: ReceiveRequest, inline: boolean): number | Errno {
    const peek = (request.flags & MSG_PEEK) !== 0;
    if (!this.isReadable(inline)) {
      if (!inline && this.isAtMark && !peek && this.visible > 0) this.passUrgent();
      return EAGAIN;
    }
    const skips = !inline && this.isAtMark;
    if (skips && peek) return this.finish(this.bytes.peekAt(request.io, 1, this.visible - 1), request, peek);
    if (skips) this.passUrgent();
    const toMark = this.urgentAt === undefined ? 0 : this.urgentAt - this.bytes.position;
    const moved = this.bytes.take(request.io, peek, toMark > 0 ? Math.min(toMark, this.visible) : this.visible);
    if (!isErr(moved) && toMark > 0 && moved >= toMark) request.isComplete = true;
    return this.finish(moved, request, peek);
  }

  private finish(moved: number | Errno, request: ReceiveRequest, peek: boolean): number | Errno {
    if (peek) request.isComplete = true;
    if (this.urgentAt !== undefined && this.urgentAt < this.bytes.position) this.urgentAt = undefined;
    return moved;
  }

  private passUrgent(): void {
    this.bytes.skip();
    this.urgentAt = undefined;
  }

  /** recv with MSG_OOB. */
  takeUrgent(request: ReceiveRequest, inline: boolean): number | Errno {
    if (inline || this.urgentAt === undefined || this.urgentWasRead) return EINVAL;
    request.outFlags |= MSG_OOB;
    request.isComplete = true;
    if (request.io.remaining === 0) {
      request.outFlags |= MSG_TRUNC;
      return 0;
    }
    const moved = this.bytes.peekAt(request.io, this.urgentAt - this.bytes.position, 1);
    if (!isErr(moved) && (request.flags & MSG_PEEK) === 0) this.urgentWasRead = true;
    return moved;
  }

  clear(): void {
    this.bytes.clear();
    this.urgentAt = undefined;
    this.held = 0;
  }
}
