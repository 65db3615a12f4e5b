/** What a platform needs of guest RAM: mm's PhysMem has this shape. */
import type { Errno, HostFd, PhysAddr } from '../base/brands.js';

export interface FrameStore {
  /** The memfd that stub processes map. */
  readonly fd: HostFd;
  /** Contiguous zeroed frames, or ENOMEM. */
  allocate(pages: number, alignPages?: number): PhysAddr | Errno;
  release(address: PhysAddr, pages: number): void;
  /** The kernel's view of the memory around `address`, which lies at `windowOffset(address)` in it. */
  window(address: PhysAddr): Uint8Array;
  windowOffset(address: PhysAddr): number;
}

/** The bytes of `length` bytes of guest RAM, which must lie in one window. */
export function frameBytes(frames: FrameStore, address: PhysAddr, length: number): Uint8Array {
  const window = frames.window(address);
  return new Uint8Array(window.buffer, window.byteOffset + frames.windowOffset(address), length);
}
