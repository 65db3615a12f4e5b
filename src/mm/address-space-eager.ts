/**
 * What mmap maps at once, because it will be touched at once and a page fault costs several times as much: file pages that are
 * in the cache, the data segments of programs and libraries (copied, since relocation writes to them), the zeroed memory that
 * follows those, and areas of a few pages. Nothing here may fail: what is not mapped is left to the fault.
 */
import type { GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { MAP_FIXED, PROT_WRITE } from '../abi/mman.js';
import { MAX_EXTENTS, type AddressSpace } from './address-space.js';
import { addExtent } from './address-space-extents.js';
import { copyFrames, faultIn, FAULT_OK, mapCache } from './address-space-fault.js';
import { Extent } from './extent.js';
import type { Vma } from './vma.js';

/** An anonymous area of so few pages is mapped at once. */
const SMALL_AREA = 8 * PAGE_SIZE;
/** A .bss up to this size. */
const SMALL_BSS = 64 * PAGE_SIZE;
/** A writable private mapping of a file that does not live in memory is copied up to this size. */
const SMALL_DATA = 16 * PAGE_SIZE;
/** Runs of cached pages that are mapped for one mmap. */
const MAX_RUNS = 8;

/** Called for a new mapping that nothing is mapped in yet; `vma` may reach beyond it. */
export function mapEagerly(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr, mapFlags: number): void {
  if (vma.isShared || vma.prot === 0 || mm.extents.size > MAX_EXTENTS / 2 || mm.physmem.isScarce) return;
  const writable = (vma.prot & PROT_WRITE) !== 0;
  if (!vma.cache) {
    const isBss = (mapFlags & MAP_FIXED) !== 0 && end - start <= SMALL_BSS && mm.vmas.find(start - 1)?.cache !== undefined;
    if (writable && (isBss || end - start <= SMALL_AREA)) faultIn(mm, start, true);
  } else if (writable && vma.cache.filler && end - start <= SMALL_DATA) {
    copyData(mm, vma, start, end);
  } else {
    mapCachedRuns(mm, vma, start, end);
  }
}

/** Maps what the cache has already of [start, end): saves the faults of a library that another program has loaded. */
function mapCachedRuns(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): void {
  const cache = vma.cache!;
  const last = Math.ceil(Math.min(vma.offsetOf(end), cache.size) / PAGE_SIZE);
  let page = vma.offsetOf(start) / PAGE_SIZE;
  for (let runs = 0; runs < MAX_RUNS; runs++) {
    page = cache.nextValid(page, last);
    if (page >= last || mapCache(mm, vma, vma.addressOf(page * PAGE_SIZE), start, end) !== FAULT_OK) return;
    page = cache.runFirst + cache.runPages;
  }
}

/** Gives [start, end) its own copy of the file's pages, as far as the file goes. */
function copyData(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): void {
  const cache = vma.cache!;
  const first = vma.offsetOf(start) / PAGE_SIZE;
  const last = Math.ceil(Math.min(vma.offsetOf(end), cache.size) / PAGE_SIZE);
  if (first >= last) return;
  const { physmem } = mm;
  const phys = physmem.allocateDirty(last - first);
  if (isErr(phys)) return;
  for (let page = first; page < last; ) {
    if (isErr(cache.prepare(page, page, last, false))) {
      physmem.release(phys, last - first);
      return;
    }
    copyFrames(mm, cache.runPhys, phys + (page - first) * PAGE_SIZE, cache.runPages);
    page += cache.runPages;
  }
  const copyEnd = vma.addressOf(last * PAGE_SIZE);
  addExtent(mm, new Extent(start, copyEnd, phys, physmem.windowOf(phys), vma.prot, false, false), true);
}
