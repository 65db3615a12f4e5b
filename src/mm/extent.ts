/**
 * Extent: a range of guest addresses that has contiguous frames, and one mapping on the host (Linux: page-table entries).
 * It holds one reference to each of its frames, lies in one VMA and in one physmem window.
 */
import type { GuestAddr, PhysAddr } from '../base/brands.js';
import { PROT_WRITE } from '../abi/mman.js';
import type { PhysWindow } from './phys-window.js';
import type { Twin } from './text-twins.js';

export class Extent {
  /** Added to a guest address it gives the offset in the window. */
  delta: number;
  /** Mapped by the host in the place of the (one) frame: text-twins.ts. */
  twin: Twin | undefined = undefined;

  constructor(
    public start: GuestAddr,
    public end: GuestAddr,
    /** Frame of `start`. */
    public phys: PhysAddr,
    public readonly window: PhysWindow,
    /** What the host mapping allows, once queued operations have run. */
    public prot: number,
    /** The frames belong to a page cache; otherwise to this mm, or to relatives by fork. */
    public readonly cached: boolean,
    /** A write must first get a copy, or find that nobody else holds the frame. Never set on shared mappings. */
    public cow: boolean,
  ) {
    this.delta = phys - window.base - start;
  }

  get pages(): number {
    return (this.end - this.start) / 4096;
  }

  physOf(address: GuestAddr): PhysAddr {
    return this.phys + (address - this.start);
  }

  /** What the host maps at `start`. */
  get hostPhys(): PhysAddr {
    return this.twin ? this.twin.frame : this.phys;
  }

  /** What the host may allow for a VMA of protection `prot`. */
  hostProt(prot: number): number {
    return this.cow ? prot & ~PROT_WRITE : prot;
  }

  /** Cuts off and returns everything from `address` on. */
  splitAt(address: GuestAddr): Extent {
    const rest = new Extent(address, this.end, this.physOf(address), this.window, this.prot, this.cached, this.cow);
    this.end = address;
    return rest;
  }

  continuedBy(next: Extent): boolean {
    return (
      this.end === next.start &&
      this.twin === undefined &&
      next.twin === undefined &&
      this.window === next.window &&
      this.delta === next.delta &&
      this.prot === next.prot &&
      this.cached === next.cached &&
      this.cow === next.cow
    );
  }
}
