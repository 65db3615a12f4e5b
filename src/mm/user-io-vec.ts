/** A cursor over guest buffers (Linux: iov_iter of user memory). */
import type { Errno, GuestAddr } from '../base/brands.js';
import { EFAULT } from '../abi/errno.js';
import type { AddressSpace } from './address-space.js';
import { extentFor } from './address-space-user.js';
import { IoVec } from './io-vec.js';

interface Segment {
  base: GuestAddr;
  length: number;
}
const NONE: readonly Segment[] = [];

export class UserIoVec extends IoVec {
  remaining: number;
  private segments: readonly Segment[] = NONE;
  private segment = 0;

  constructor(
    private readonly mm: AddressSpace,
    private address: GuestAddr,
    /** Left of the current segment. */
    private left: number,
  ) {
    super();
    this.remaining = left;
  }

  static over(mm: AddressSpace, segments: readonly Segment[]): UserIoVec {
    const first = segments[0];
    const io = new UserIoVec(mm, first ? first.base : 0, first ? first.length : 0);
    io.segments = segments;
    for (let i = 1; i < segments.length; i++) io.remaining += segments[i]!.length;
    return io;
  }

  next(max: number, intoMemory: boolean): number | Errno {
    while (this.left === 0) {
      if (this.segment + 1 >= this.segments.length) return 0;
      const segment = this.segments[++this.segment]!;
      this.address = segment.base;
      this.left = segment.length;
    }
    const extent = extentFor(this.mm, this.address, intoMemory);
    if (extent === undefined) return EFAULT;
    const offset = this.address + extent.delta;
    this.spanBytes = extent.window.bytes;
    this.spanOffset = offset;
    this.spanHost = extent.window.host + offset;
    return Math.min(max, this.left, extent.end - this.address);
  }

  advance(length: number): void {
    this.address += length;
    this.left -= length;
    this.remaining -= length;
  }
}
