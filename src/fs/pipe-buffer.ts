/**
 * The bytes inside a pipe (Linux: struct pipe_inode_info, fs/pipe.c): one circular buffer, so that a byte is moved once on its
 * way in and once on its way out, in at most two spans, and a small write allocates nothing.
 *
 * Unlike Linux's ring of pages, small writes are always packed: the capacity is exact in bytes. Packets (O_DIRECT) are runs
 * whose bounds are kept beside the bytes.
 */
import { isErr, type Errno } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { EAGAIN } from '../abi/errno.js';
import { copyBytes, type IoVec } from '../mm/io-vec.js';

/** Writes of at most this many bytes are not torn apart (limits.h). */
export const PIPE_BUF = PAGE_SIZE;
export const DEFAULT_CAPACITY = 65536;

/** Buffers of the default size that nobody uses: a shell makes and drops one with every pipeline. */
const spare: Uint8Array[] = [];
const MAX_SPARE = 16;

interface Packet {
  /** Count of bytes that had gone through the pipe when it began. */
  readonly start: number;
  length: number;
}

const NOTHING = new Uint8Array(0);

export class PipeBuffer {
  /** Bytes that wait to be read. */
  used = 0;
  /** Set while the buffer is empty and has never been written: memory comes with the first byte. */
  private bytes: Uint8Array = NOTHING;
  /** Where in `bytes` the oldest byte lies. */
  private head = 0;
  /** Bytes ever taken out. */
  private taken = 0;
  private packets: Packet[] | undefined = undefined;

  constructor(public capacity: number = DEFAULT_CAPACITY) {}

  get room(): number {
    return this.capacity - this.used;
  }

  /** Appends up to `max` bytes of `io`. Returns how many, EAGAIN when there is no room, EFAULT. */
  append(io: IoVec, max: number): number | Errno {
    const wanted = Math.min(io.remaining, max, this.room);
    if (wanted === 0) return EAGAIN;
    if (this.bytes === NOTHING) this.bytes = takeBuffer(this.capacity);
    let done = 0;
    while (done < wanted) {
      const tail = (this.head + this.used) % this.capacity;
      const span = Math.min(wanted - done, this.capacity - tail);
      const moved = io.take(this.bytes, tail, span);
      if (isErr(moved)) return done > 0 ? done : moved;
      this.used += moved;
      done += moved;
      if (moved < span) break;
    }
    return done;
  }

  /** Appends one packet of at most PIPE_BUF bytes: all of it or EAGAIN; a fault in the middle ends it early. */
  appendPacket(io: IoVec): number | Errno {
    const length = Math.min(io.remaining, PIPE_BUF);
    if (this.room < length) return EAGAIN;
    const start = this.taken + this.used;
    const moved = this.append(io, length);
    if (isErr(moved) || moved === 0) return moved;
    this.packets ??= [];
    this.packets.push({ start, length: moved });
    return moved;
  }

  /** Moves up to `max` bytes to `io`, at most to the end of a packet, of which the rest is dropped. EAGAIN when empty. */
  remove(io: IoVec, max = io.remaining): number | Errno {
    if (this.used === 0) return EAGAIN;
    const packet = this.packets?.[0];
    const moved = this.copyTo(io, 0, Math.min(max, this.spanOfRead(packet)));
    if (isErr(moved)) return moved;
    this.skip(packet?.start === this.taken ? packet.length : moved);
    return moved;
  }

  /** Copies without taking (tee, FIONREAD's kin): up to `max` bytes from `offset` behind the oldest. */
  copyTo(io: IoVec, offset: number, max: number): number | Errno {
    const wanted = Math.min(io.remaining, max, this.used - offset);
    let done = 0;
    while (done < wanted) {
      const at = (this.head + offset + done) % this.capacity;
      const span = Math.min(wanted - done, this.capacity - at);
      const moved = io.put(this.bytes, at, span);
      if (isErr(moved)) return done > 0 ? done : moved;
      done += moved;
      if (moved < span) break;
    }
    return done;
  }

  /** Drops the oldest `length` bytes. */
  skip(length: number): void {
    this.taken += length;
    this.used -= length;
    // An empty buffer starts over: the next write is one span, and touches the same memory again.
    this.head = this.used === 0 ? 0 : (this.head + length) % this.capacity;
    if (this.packets) this.trimPackets(this.packets);
  }

  /** Packets that were taken in part go on as shorter ones. */
  private trimPackets(packets: Packet[]): void {
    for (let first = packets[0]; first && first.start < this.taken; first = packets[0]) {
      const left = first.start + first.length - this.taken;
      if (left <= 0) packets.shift();
      else packets[0] = { start: this.taken, length: left };
    }
  }

  /** Changes the capacity, which is at least `used`. */
  resize(capacity: number): void {
    if (this.bytes !== NOTHING) {
      const next = new Uint8Array(capacity);
      const first = Math.min(this.used, this.capacity - this.head);
      copyBytes(this.bytes, this.head, next, 0, first);
      copyBytes(this.bytes, 0, next, first, this.used - first);
      giveBuffer(this.bytes);
      this.bytes = next;
    }
    this.head = 0;
    this.capacity = capacity;
  }

  /** Gives the memory back; what was in it is lost. */
  dispose(): void {
    giveBuffer(this.bytes);
    this.bytes = NOTHING;
    this.used = 0;
    this.head = 0;
    this.packets = undefined;
  }

  private spanOfRead(packet: Packet | undefined): number {
    if (packet === undefined) return this.used;
    return packet.start === this.taken ? packet.length : packet.start - this.taken;
  }
}

function takeBuffer(capacity: number): Uint8Array {
  if (capacity === DEFAULT_CAPACITY) {
    const buffer = spare.pop();
    if (buffer) return buffer;
  }
  return new Uint8Array(capacity);
}

function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length === DEFAULT_CAPACITY && spare.length < MAX_SPARE) spare.push(buffer);
}
