/**
 * Patched program text. A page of a file in which a platform has changed system call sites (HostSpace.patcher) has a twin: another
 * frame with the changed bytes, which stub processes map in the place of the page cache's frame where the page is private, readable
 * and executable and nothing else. One twin serves all processes.
 *
 * Only the host's mapping differs. The extent still names the clean frame, so whatever reads or copies memory through mm (system
 * calls, ptrace, /proc/PID/mem, copy-on-write, mprotect) has the file's own bytes, as have all reads of the file. Guests see the
 * change only where they load from the addresses that they execute.
 *
 * A guest that interprets other programs' text reads it where it might execute it: valgrind does. Such a program has no interpreter
 * of its own (PT_INTERP), and maps text that it never runs. So there only the program's own file takes twins from other processes;
 * of all else, only pages in which this process itself has made calls.
 *
 * A twin is never written to once it is mapped: a further site makes a new version in a new frame, so no thread executes half a
 * change. The host puts one mapping in the place of the other, and a processor's page table entry is either. Extents with a twin
 * are one page long and hold a reference to its frame. When the file's page changes, or is mapped shared and writable, its twin goes.
 */
import type { GuestAddr, PhysAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageDown } from '../base/page.js';
import { PROT_EXEC, PROT_READ } from '../abi/mman.js';
import type { PatchedPage } from '../platform/platform.js';
import { MAX_EXTENTS, type AddressSpace } from './address-space.js';
import { splitExtent } from './address-space-extents.js';
import type { Extent } from './extent.js';
import type { PageCache } from './page-cache.js';
import type { PhysMem } from './phys-mem.js';
import type { Vma } from './vma.js';

/** One version of a page's twin. */
export interface Twin {
  readonly frame: PhysAddr;
  readonly patched: PatchedPage;
}

/** The twins of a cache by page number; each entry holds one reference to its frame. */
export class TwinMap {
  private readonly twins = new Map<number, Twin>();

  constructor(private readonly physmem: PhysMem) {}

  get size(): number {
    return this.twins.size;
  }
  get(page: number): Twin | undefined {
    return this.twins.get(page);
  }
  pages(): IterableIterator<number> {
    return this.twins.keys();
  }

  /** Takes over the caller's reference to the frame. */
  set(page: number, twin: Twin): void {
    this.drop(page);
    this.twins.set(page, twin);
  }

  drop(page: number): void {
    const twin = this.twins.get(page);
    if (!twin) return;
    this.twins.delete(page);
    this.physmem.release(twin.frame, 1);
  }

  /** Drops those of pages [first, last); true when there was one. */
  dropRange(first: number, last: number): boolean {
    let found = false;
    for (const page of [...this.twins.keys()]) {
      if (page < first || page >= last) continue;
      this.drop(page);
      found = true;
    }
    return found;
  }
}

/** True where the host may map twins for what the VMA shows. */
function showsTwins(mm: AddressSpace, vma: Vma): boolean {
  const { cache } = vma;
  return cache !== undefined && isText(vma.prot) && !vma.isShared && cache.sharedWriters === 0 && mm.space.patcher !== undefined;
}

/** Private pages with this protection may be twins. */
export function isText(prot: number): boolean {
  return prot === (PROT_READ | PROT_EXEC);
}

/** After cache pages have been mapped in [start, end) of a VMA: puts their twins in their place. */
export function useTwins(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): void {
  if (!showsTwins(mm, vma) || (mm.ownText !== undefined && vma.cache !== mm.ownText)) return;
  const { twins } = vma.cache!;
  for (const page of twins.pages()) {
    const address = vma.addressOf(page * PAGE_SIZE);
    if (address >= start && address < end && !install(mm, address, twins.get(page)!)) return;
  }
}

/** Maps a twin at `address`, where the clean page is. */
function install(mm: AddressSpace, address: GuestAddr, twin: Twin): boolean {
  const extent = mm.extents.find(address);
  if (!extent?.cached || extent.twin === twin || mm.extents.size + 2 > MAX_EXTENTS) return false;
  if (!mm.space.mapPatched!(address, extent.prot, twin.frame, twin.patched)) return false;
  const index = splitExtent(mm, address);
  splitExtent(mm, address + PAGE_SIZE);
  const page = mm.extents.items[index]!;
  if (page.twin) mm.releaseLater(page.twin.frame, 1);
  mm.physmem.hold(twin.frame, 1);
  page.twin = twin;
  mm.lastExtent = undefined;
  return true;
}

/**
 * A system call by the instruction that ends at `end` was made with number `nr`, not for the first time: its site is patched, in a
 * new version of its page's twin, unless another process has had that done already.
 */
export function patchSite(mm: AddressSpace, end: GuestAddr, nr: number): void {
  const address = pageDown(end - 1);
  const vma = mm.vmas.find(address);
  const extent = mm.extents.find(address);
  if (!vma || !extent?.cached || !extent.cow || !showsTwins(mm, vma)) return;
  const cache = vma.cache!;
  const page = vma.offsetOf(address) / PAGE_SIZE;
  const before = cache.twins.get(page);
  const twin = makeTwin(mm, extent.physOf(address), before, end - address, nr);
  if (twin) cache.twins.set(page, twin);
  const latest = twin ?? before;
  if (latest) install(mm, address, latest);
}

/** A version with one more patched site. */
function makeTwin(mm: AddressSpace, clean: PhysAddr, before: Twin | undefined, end: number, nr: number): Twin | undefined {
  const { physmem } = mm;
  const frame = physmem.allocateDirty(1);
  if (isErr(frame)) return undefined;
  const bytes = pageBytes(physmem, frame);
  bytes.set(pageBytes(physmem, before ? before.frame : clean));
  const patched = mm.space.patcher!.patch(bytes, end, nr, before?.patched);
  if (patched) return { frame, patched };
  physmem.release(frame, 1);
  return undefined;
}

function pageBytes(physmem: PhysMem, frame: PhysAddr): Uint8Array {
  const window = physmem.windowOf(frame);
  return window.bytes.subarray(frame - window.base, frame - window.base + PAGE_SIZE);
}

/** The clean page takes the twin's place; the extent goes on. */
export function uninstall(mm: AddressSpace, extent: Extent): void {
  if (!extent.twin) return;
  forgetTwin(mm, extent);
  mm.space.map(extent.start, PAGE_SIZE, extent.prot, extent.phys);
}

/** The twin of an extent that goes away. */
export function forgetTwin(mm: AddressSpace, extent: Extent): void {
  if (!extent.twin) return;
  mm.space.forgetPatched!(extent.start);
  mm.releaseLater(extent.twin.frame, 1);
  extent.twin = undefined;
}

/** Bytes of pages [first, last) change, or may change unseen: their twins go, and are unmapped wherever they are. */
export function dropTwins(cache: PageCache, first: number, last: number): void {
  if (!cache.twins.dropRange(first, last)) return;
  cache.unmapPages(first, last);
}
