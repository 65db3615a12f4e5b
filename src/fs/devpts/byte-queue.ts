/** A bounded first-in first-out queue of bytes. */
import type { IoVec } from '../../mm/io-vec.js';
import { isErr, type Errno } from '../../base/brands.js';

export class ByteQueue {
  private readonly buffer: Uint8Array;
  private head = 0;
  length = 0;

  constructor(readonly capacity: number) {
    this.buffer = new Uint8Array(capacity);
  }

  get room(): number {
    return this.capacity - this.length;
  }

  /** False when full. */
  push(byte: number): boolean {
    if (this.length === this.capacity) return false;
    this.buffer[(this.head + this.length) % this.capacity] = byte;
    this.length++;
    return true;
  }

  /** The byte `index` places behind the head. */
  at(index: number): number {
    return this.buffer[(this.head + index) % this.capacity]!;
  }

  /** Takes the newest byte back. */
  pop(): number | undefined {
    if (this.length === 0) return undefined;
    this.length--;
    return this.at(this.length);
  }

  shift(count: number): void {
    this.head = (this.head + count) % this.capacity;
    this.length -= count;
  }

  clear(): void {
    this.length = 0;
  }

  /** Moves up to `max` bytes into `io`. */
  moveTo(io: IoVec, max: number): number | Errno {
    let done = 0;
    const limit = Math.min(max, this.length);
    while (done < limit) {
      const run = Math.min(limit - done, this.capacity - this.head);
      const moved = io.put(this.buffer, this.head, run);
      if (isErr(moved)) return done > 0 ? done : moved;
      if (moved === 0) break;
      this.shift(moved);
      done += moved;
    }
    return done;
  }
}
