/** Guest RAM: frames of a sparse memfd (Linux: mm/page_alloc.c). SKELETON */
import type { Errno, HostAddr, PhysAddr } from '../base/brands.js';

export declare class PhysMem {
  /** limitBytes: at most this much host memory is used. */
  static create(limitBytes: number): PhysMem | Errno;
  /** The memfd, for stub processes. */
  readonly fd: number;
  /** Allocates `pages` contiguous zeroed frames with one reference each; the physical address, or ENOMEM. */
  allocate(pages: number, alignPages?: number): PhysAddr | Errno;
  /** One more reference to each of `pages` frames. */
  hold(address: PhysAddr, pages: number): void;
  /** One reference less; frames without any are zeroed or punched and reused. */
  release(address: PhysAddr, pages: number): void;
  references(address: PhysAddr): number;
  /** The window that holds `address`. A frame never crosses a window; a run may: check `windowEnd`. */
  window(address: PhysAddr): Uint8Array;
  /** Offset of `address` within its window. */
  windowOffset(address: PhysAddr): number;
  /** Host address of a frame, for host calls that move data. */
  hostAddress(address: PhysAddr): HostAddr;
  /** A little-endian 32-bit atomic view of the same windows (futex words, shared flags). */
  words(address: PhysAddr): Int32Array;
  /** Frames with at least one reference. */
  readonly framesInUse: number;
  dispose(): void;
}
