/**
 * The extents of a space as a map: entering, splitting, joining, dropping, each with its host mapping (Linux: set_pte, unmap_vmas).
 *
 * Host mappings are queued operations; frames whose mapping goes away wait in the space's limbo until `settle`. Extents are
 * joined again wherever they continue each other, so that the host's mappings stay few, but never across two VMAs.
 */
import type { GuestAddr } from '../base/brands.js';
import type { AddressSpace } from './address-space.js';
import type { Extent } from './extent.js';
import { forgetTwin } from './text-twins.js';

/**
 * Enters an extent whose frames the caller has references to (they become the extent's), and queues its host mapping.
 * `populate`: the frames have memory and will be used at once.
 */
export function addExtent(mm: AddressSpace, extent: Extent, populate = false): Extent {
  mm.space.map(extent.start, extent.end - extent.start, extent.prot, extent.phys, populate);
  return enterExtent(mm, extent);
}

/** As addExtent, for what the host has mapped already. */
export function enterExtent(mm: AddressSpace, extent: Extent): Extent {
  const index = mm.extents.insert(extent);
  return joinExtent(mm, index);
}

/** Joins the extent at `index` with those beside it that continue it; returns the extent that now covers it. */
export function joinExtent(mm: AddressSpace, index: number): Extent {
  const { start } = mm.extents.items[index]!;
  mm.extents.joinRange(index, index, mm.extentJoiner);
  return mm.extents.find(start)!;
}

/** Makes `extent` take `next` in when it continues it within one VMA; false when it does not. */
export function swallowExtent(mm: AddressSpace, extent: Extent, next: Extent): boolean {
  if (!extent.continuedBy(next) || !inOneVma(mm, extent, next)) return false;
  extent.end = next.end;
  forgetExtent(mm, next);
  return true;
}

function inOneVma(mm: AddressSpace, extent: Extent, next: Extent): boolean {
  const vma = mm.vmas.find(extent.start);
  return vma !== undefined && next.start < vma.end;
}

function forgetExtent(mm: AddressSpace, extent: Extent): void {
  if (mm.lastExtent === extent) mm.lastExtent = undefined;
}

/** Splits whatever extent crosses `address`; returns the index of the first extent at or behind it. */
export function splitExtent(mm: AddressSpace, address: GuestAddr): number {
  const index = mm.extents.indexOf(address);
  const extent = mm.extents.items[index];
  if (extent === undefined || extent.start >= address) return index;
  mm.extents.insertAt(index + 1, extent.splitAt(address));
  return index + 1;
}

/** Removes what is mapped in [start, end), on the host too. `onlyCached`: leaves private copies alone. */
export function dropExtents(mm: AddressSpace, start: GuestAddr, end: GuestAddr, onlyCached = false): void {
  const extents = mm.extents;
  let first = extents.indexOf(start);
  if (first === extents.size || extents.items[first]!.start >= end) return;
  first = splitExtent(mm, start);
  const last = splitExtent(mm, end);
  if (onlyCached) {
    dropCachedExtents(mm, first, last);
    return;
  }
  const lowest = extents.items[first]!.start;
  const highest = extents.items[last - 1]!.end;
  for (let i = first; i < last; i++) letGo(mm, extents.items[i]!);
  extents.removeAt(first, last - first);
  mm.space.unmap(lowest, highest - lowest);
}

function dropCachedExtents(mm: AddressSpace, first: number, last: number): void {
  for (let i = last - 1; i >= first; i--) {
    const extent = mm.extents.items[i]!;
    if (!extent.cached) continue;
    letGo(mm, extent);
    mm.extents.removeAt(i);
    mm.space.unmap(extent.start, extent.end - extent.start);
  }
}

/** An extent's frames are to be released once no thread can reach them. */
function letGo(mm: AddressSpace, extent: Extent): void {
  forgetExtent(mm, extent);
  forgetTwin(mm, extent);
  mm.releaseLater(extent.phys, extent.pages);
}
