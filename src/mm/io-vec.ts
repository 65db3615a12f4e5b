/**
 * A cursor over memory that file data is moved to or from (Linux: struct iov_iter). Files see only this, never whether the
 * memory is a guest's, a run of several buffers or the kernel's own.
 *
 * `next` exposes the following contiguous span so that host calls can move data without a copy; `put` and `take` copy.
 * None of them re-reads memory: a byte is moved once.
 */
import { isErr, type Errno, type HostAddr } from '../base/brands.js';

const MAX = Number.MAX_SAFE_INTEGER;

export abstract class IoVec {
  /** Bytes still to move. */
  abstract readonly remaining: number;

  // The span that `next` found, valid until the next call on this object or the next fault.
  /** Buffer that holds the span. */
  spanBytes!: Uint8Array;
  /** Where in `spanBytes` the span begins. */
  spanOffset = 0;
  /** Host address of the span, or 0 when it must be reached through `spanBytes`. */
  spanHost: HostAddr = 0;

  /**
   * Finds the next contiguous span, faulting it in. Returns its length (0 at the end, at most `max`), or EFAULT.
   * `intoMemory`: the span will be written to (a read system call).
   */
  abstract next(max: number, intoMemory: boolean): number | Errno;

  /** Moves the cursor over `length` bytes of the span. */
  abstract advance(length: number): void;

  /** Copies from `source` into the memory. Returns bytes moved, short at a fault; EFAULT when the first byte faults. */
  put(source: Uint8Array, offset = 0, length = source.length - offset): number | Errno {
    let done = 0;
    while (done < length) {
      const span = this.next(length - done, true);
      if (isErr(span)) return done > 0 ? done : span;
      if (span === 0) break;
      copyBytes(source, offset + done, this.spanBytes, this.spanOffset, span);
      this.advance(span);
      done += span;
    }
    return done;
  }

  /** Copies from the memory into `target`. Returns as `put` does. */
  take(target: Uint8Array, offset = 0, length = target.length - offset): number | Errno {
    let done = 0;
    while (done < length) {
      const span = this.next(length - done, false);
      if (isErr(span)) return done > 0 ? done : span;
      if (span === 0) break;
      copyBytes(this.spanBytes, this.spanOffset, target, offset + done, span);
      this.advance(span);
      done += span;
    }
    return done;
  }

  /** Stores `length` zero bytes (all that remains by default). Returns as `put` does. */
  putZeros(length = MAX): number | Errno {
    let done = 0;
    while (done < length) {
      const span = this.next(length - done, true);
      if (isErr(span)) return done > 0 ? done : span;
      if (span === 0) break;
      this.spanBytes.fill(0, this.spanOffset, this.spanOffset + span);
      this.advance(span);
      done += span;
    }
    return done;
  }
}

/** Copies bytes between arrays; a loop below 32 bytes, where making the views costs more (0.1-0.2 us). */
export function copyBytes(from: Uint8Array, fromOffset: number, to: Uint8Array, toOffset: number, length: number): void {
  if (length < 32) {
    for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i]!;
    return;
  }
  to.set(from.subarray(fromOffset, fromOffset + length), toOffset);
}

/** A cursor over a buffer of the kernel's own. */
export class KernelIoVec extends IoVec {
  private position: number;

  constructor(
    private readonly buffer: Uint8Array,
    start = 0,
    private readonly end: number = buffer.length,
  ) {
    super();
    this.position = start;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  next(max: number): number {
    this.spanBytes = this.buffer;
    this.spanOffset = this.position;
    return Math.min(max, this.end - this.position);
  }

  advance(length: number): void {
    this.position += length;
  }
}
