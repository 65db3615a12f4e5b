/** Words of a frame that the kernel shares with stub processes, and their addresses here, for futex(2) and machine code. */
import type { HostAddr, PhysAddr } from '../../base/brands.js';
import { addressOf } from '../../host/libc.js';
import { frameBytes, type FrameStore } from '../frames.js';

const HIGH = 4294967296;

export class SharedWords {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  private readonly address: HostAddr;

  constructor(frames: FrameStore, frame: PhysAddr, length: number) {
    this.bytes = frameBytes(frames, frame, length);
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, length / 4);
    this.address = addressOf(this.bytes);
  }

  addressAt(offset: number): HostAddr {
    return this.address + offset;
  }
  /** Offsets in bytes; atomic, and ordered with everything before and behind. */
  load(offset: number): number {
    return Atomics.load(this.words, offset / 4);
  }
  store(offset: number, value: number): void {
    Atomics.store(this.words, offset / 4, value);
  }
  /** 64 bits, not atomic. */
  store64(offset: number, value: number): void {
    this.words[offset / 4] = value;
    this.words[offset / 4 + 1] = Math.floor(value / HIGH);
  }
}
