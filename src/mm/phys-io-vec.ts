/** A cursor over contiguous physmem, for filling and writing back cache pages without a copy. */
import { IoVec } from './io-vec.js';
import type { PhysWindow } from './phys-window.js';

export class PhysIoVec extends IoVec {
  private readonly end: number;

  constructor(
    private readonly window: PhysWindow,
    /** Offset in the window. */
    private position: number,
    length: number,
  ) {
    super();
    this.end = position + length;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Moves to an offset in the window. */
  seek(position: number): void {
    this.position = position;
  }

  next(max: number): number {
    this.spanBytes = this.window.bytes;
    this.spanOffset = this.position;
    this.spanHost = this.window.host + this.position;
    return Math.min(max, this.end - this.position);
  }

  advance(length: number): void {
    this.position += length;
  }
}
