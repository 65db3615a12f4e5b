/**
 * The VMAs of a space as a map: entering, leaving, splitting, joining (Linux: mm/vma.c).
 *
 * What a VMA counts is kept right by these steps: pages and data pages in the space, a reference to its file, a mapping in the
 * page cache of that file. What is mapped at its addresses is not touched here, see address-space-extents.ts.
 */
import type { GuestAddr } from '../base/brands.js';
import type { AddressSpace } from './address-space.js';
import { VM_SHARED, type Vma } from './vma.js';

/** Enters a VMA, counting it and its file; joins it with its neighbours. Returns the VMA that now covers it. */
export function attach(mm: AddressSpace, vma: Vma): Vma {
  vma.file?.hold();
  vma.cache?.countMapping(mm, isSharedWriter(vma), 1);
  account(mm, vma, 1);
  const index = mm.vmas.insert(vma);
  return joinVma(mm, index);
}

/** Takes back what `attach` counted, once the VMA is out of the map. */
export function detach(mm: AddressSpace, vma: Vma): void {
  account(mm, vma, -1);
  vma.cache?.countMapping(mm, isSharedWriter(vma), -1);
  vma.file?.drop();
}

function isSharedWriter(vma: Vma): boolean {
  return (vma.flags & VM_SHARED) !== 0 && (vma.maxProt & 2) !== 0;
}

export function account(mm: AddressSpace, vma: Vma, sign: 1 | -1): void {
  mm.totalPages += sign * vma.pages;
  if (vma.isData) mm.dataPages += sign * vma.pages;
  if (mm.totalPages > mm.peakPages) mm.peakPages = mm.totalPages;
}

/** Joins the VMA at `index` with those beside it that continue it; returns the VMA that now covers it. */
export function joinVma(mm: AddressSpace, index: number): Vma {
  const { start } = mm.vmas.items[index]!;
  mm.vmas.joinRange(index, index, mm.vmaJoiner);
  return mm.vmas.find(start)!;
}

/** Joins what continues each other in and beside [start, end). */
export function joinWithin(mm: AddressSpace, start: GuestAddr, end: GuestAddr): void {
  mm.vmas.joinRange(mm.vmas.indexOf(start), mm.vmas.indexOf(end), mm.vmaJoiner);
  mm.extents.joinRange(mm.extents.indexOf(start), mm.extents.indexOf(end), mm.extentJoiner);
}

/** Makes `vma` take `next` in when it continues it; false when it does not. */
export function swallowVma(mm: AddressSpace, vma: Vma, next: Vma): boolean {
  if (!vma.continuedBy(next)) return false;
  vma.end = next.end;
  // The totals stay; the mapping and the file are counted once per VMA.
  next.cache?.countMapping(mm, isSharedWriter(next), -1);
  next.file?.drop();
  return true;
}

/** Splits the VMA at `index` so that one begins at `address`; returns the index of that one. */
export function splitVma(mm: AddressSpace, index: number, address: GuestAddr): number {
  const vma = mm.vmas.items[index]!;
  if (vma.start === address) return index;
  const rest = vma.derive(address, vma.end, vma.cache ? vma.offsetOf(address) : 0);
  rest.file?.hold();
  rest.cache?.countMapping(mm, isSharedWriter(rest), 1);
  vma.end = address;
  mm.vmas.insertAt(index + 1, rest);
  return index + 1;
}
