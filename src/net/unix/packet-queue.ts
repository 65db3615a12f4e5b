/** Messages that a datagram or seqpacket socket has received. */
import { isErr, type Errno } from '../../base/brands.js';
import { EFAULT } from '../../abi/errno.js';
import { MSG_PEEK, MSG_TRUNC } from '../../abi/socket.js';
import type { Ucred } from '../../abi/socket-struct.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { OpenFile } from '../../vfs/open-file.js';
import type { ReceiveRequest } from '../socket.js';
import { discardFiles, handOver, putInFlight } from './in-flight.js';

/** What a message costs its sender's buffer beside its bytes (Linux: sizeof(struct sk_buff) and its shared part). */
const OVERHEAD = 768;

/** A message must be this much smaller than the send buffer. */
export const MESSAGE_MARGIN = 32;

/** Who sent a message, and has part of its send buffer in it. */
export interface PacketSender {
  /** Bytes of its messages that nobody has read, with what they cost. */
  queuedBytes: number;
  localAddress(): Uint8Array;
  /** A message of its has been read. */
  onPacketTaken(): void;
}

export interface Packet {
  readonly data: Uint8Array;
  readonly sender: PacketSender;
  readonly source: Uint8Array;
  files: readonly OpenFile[];
  readonly credentials: Ucred | undefined;
}

export class PacketQueue {
  private packets: Packet[] = [];

  get length(): number {
    return this.packets.length;
  }
  get first(): Packet | undefined {
    return this.packets[0];
  }

  /** Takes all of `io` as one message. The caller has looked for room. */
  append(io: IoVec, sender: PacketSender, files: readonly OpenFile[], credentials: Ucred | undefined): number | Errno {
    const length = io.remaining;
    const data = new Uint8Array(length);
    const moved = length === 0 ? 0 : io.take(data);
    if (isErr(moved) || moved < length) return EFAULT;
    putInFlight(files);
    sender.queuedBytes += length + OVERHEAD;
    this.packets.push({ data, sender, source: sender.localAddress(), files: files.slice(), credentials });
    return length;
  }

  /** Drops the first message, whose files the caller has taken. */
  shift(): void {
    const packet = this.packets.shift()!;
    this.settle(packet);
  }

  *files(): Generator<OpenFile> {
    for (const packet of this.packets) yield* packet.files;
  }

  /** Throws everything away; the files are the caller's to drop. */
  clear(): OpenFile[] {
    const { packets } = this;
    this.packets = [];
    const files: OpenFile[] = [];
    for (const packet of packets) {
      files.push(...packet.files);
      this.settle(packet);
    }
    return files;
  }

  private settle(packet: Packet): void {
    packet.sender.queuedBytes -= packet.data.length + OVERHEAD;
    packet.sender.onPacketTaken();
  }
}

/**
 * Receives the first message of `queue`: what does not fit is lost (MSG_TRUNC says so; asked for, it makes the result the
 * whole length). A message that cannot be stored is gone too.
 */
export function takePacket(
  queue: PacketQueue,
  request: ReceiveRequest,
  deliver: (files: readonly OpenFile[], credentials: Ucred | undefined) => void,
): number | Errno {
  const packet = queue.first!;
  const peek = (request.flags & MSG_PEEK) !== 0;
  const { data } = packet;
  const wanted = Math.min(data.length, request.io.remaining);
  const moved = wanted === 0 ? 0 : request.io.put(data, 0, wanted);
  request.isComplete = true;
  if (isErr(moved)) {
    if (!peek) {
      discardFiles(packet.files);
      packet.files = [];
      queue.shift();
    }
    return moved;
  }
  request.source = packet.source;
  if (data.length > moved) request.outFlags |= MSG_TRUNC;
  deliver(handOver(packet, peek), packet.credentials);
  if (!peek) queue.shift();
  return (request.flags & MSG_TRUNC) !== 0 ? data.length : moved;
}
