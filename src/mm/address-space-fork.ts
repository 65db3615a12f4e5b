/**
 * fork (Linux: dup_mmap in kernel/fork.c). In three steps, because the child's host space is a copy of the parent's:
 *
 *   parent.protectForFork()           queues what makes private writable memory read-only in the parent
 *   HostSpace.fork(thread)            runs the queue, copies the host's mappings
 *   parent.fork(childSpace)           builds the child's VMAs and extents over them
 *
 * Pages that are going to be written at once (fork-profile.ts) are left writable, and copied for the child in the third step.
 */
import type { Errno, GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { ENOMEM } from '../abi/errno.js';
import { PAGE_SIZE } from '../base/page.js';
import { PROT_WRITE } from '../abi/mman.js';
import type { HostSpace } from '../platform/platform.js';
import { AddressSpace, MAX_EXTENTS } from './address-space.js';
import { addExtent, enterExtent, splitExtent } from './address-space-extents.js';
import { copyFrames } from './address-space-fault.js';
import { attach, joinWithin } from './address-space-vmas.js';
import { Extent } from './extent.js';
import { VM_DONTCOPY, VM_LOCKED, VM_LOCKONFAULT, VM_WIPEONFORK, type Vma } from './vma.js';

export function protectForFork(mm: AddressSpace, hints: readonly GuestAddr[]): 0 | Errno {
  // With several threads a page that stays writable would be copied at another moment than the rest.
  const hot = mm.users === 1 && mm.extents.size < MAX_EXTENTS / 2 ? isolateHotPages(mm, hints) : NONE;
  let start = 0;
  let end = 0;
  let pending = -1;
  const vmas = mm.vmas.items;
  let v = 0;
  for (const extent of mm.extents.items) {
    while (vmas[v]!.end <= extent.start) v++;
    if (vmas[v]!.isShared || extent.cow || hot.has(extent)) continue;
    extent.cow = true;
    if ((extent.prot & PROT_WRITE) === 0) continue;
    extent.prot &= ~PROT_WRITE;
    if (pending !== extent.prot || end !== extent.start) {
      if (pending >= 0) mm.space.protect(start, end - start, pending);
      start = extent.start;
      pending = extent.prot;
    }
    end = extent.end;
  }
  if (pending >= 0) mm.space.protect(start, end - start, pending);
  joinWithin(mm, 0, Infinity);
  mm.lastExtent = undefined;
  return 0;
}

const NONE: ReadonlySet<Extent> = new Set();

/** Gives hot pages that are writable now extents of their own. */
function isolateHotPages(mm: AddressSpace, hints: readonly GuestAddr[]): ReadonlySet<Extent> {
  const hot = new Set<Extent>();
  for (const page of mm.forkProfile.hotPages(hints)) {
    const found = mm.extents.find(page);
    if (!found || found.cached || mm.physmem.references(found.physOf(page)) !== 1) continue;
    const vma = mm.vmas.find(page)!;
    if (!isCopied(vma) || (vma.prot & PROT_WRITE) === 0) continue;
    const index = splitExtent(mm, page);
    splitExtent(mm, page + PAGE_SIZE);
    const extent = mm.extents.items[index]!;
    hot.add(extent);
    if (!extent.cow) continue;
    // Shared by an earlier fork, and nobody else's any more.
    extent.cow = false;
    extent.prot = vma.prot;
    mm.space.protect(page, PAGE_SIZE, vma.prot);
  }
  return hot;
}

/** True for private memory that a child gets. */
function isCopied(vma: Vma): boolean {
  return !vma.isShared && (vma.flags & (VM_DONTCOPY | VM_WIPEONFORK)) === 0;
}

export function fork(parent: AddressSpace, childSpace: HostSpace): AddressSpace | Errno {
  const child = new AddressSpace(parent.physmem, childSpace, parent.mmapBase);
  copyLayout(parent, child);
  child.hasSeals = parent.hasSeals;
  for (const vma of parent.vmas.items) {
    if ((vma.flags & VM_DONTCOPY) !== 0) continue;
    const copy = vma.derive(vma.start, vma.end, vma.offset);
    copy.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    attach(child, copy);
  }
  const vmas = parent.vmas.items;
  let v = 0;
  for (const extent of parent.extents.items) {
    while (vmas[v]!.end <= extent.start) v++;
    const vma = vmas[v]!;
    if ((vma.flags & (VM_DONTCOPY | VM_WIPEONFORK)) !== 0) {
      childSpace.unmap(extent.start, extent.end - extent.start);
    } else if (vma.isShared || extent.cow) {
      parent.physmem.hold(extent.phys, extent.pages);
      if (extent.twin) parent.physmem.hold(extent.twin.frame, 1);
      enterExtent(child, copyOf(extent, extent.phys));
    } else if (!copyExtent(child, extent)) {
      child.dispose();
      return ENOMEM;
    }
  }
  return child;
}

function copyOf(extent: Extent, phys: number): Extent {
  const copy = new Extent(extent.start, extent.end, phys, extent.window, extent.prot, extent.cached, extent.cow);
  copy.twin = extent.twin;
  return copy;
}

/** A copy of an extent that stays writable in the parent. */
function copyExtent(child: AddressSpace, extent: Extent): boolean {
  const { physmem } = child;
  const phys = physmem.allocateDirty(extent.pages);
  if (isErr(phys)) return false;
  copyFrames(child, extent.phys, phys, extent.pages);
  addExtent(child, new Extent(extent.start, extent.end, phys, physmem.windowOf(phys), extent.prot, false, false), true);
  return true;
}

function copyLayout(parent: AddressSpace, child: AddressSpace): void {
  child.startCode = parent.startCode;
  child.endCode = parent.endCode;
  child.startData = parent.startData;
  child.endData = parent.endData;
  child.startBrk = parent.startBrk;
  child.brk = parent.brk;
  child.startStack = parent.startStack;
  child.argStart = parent.argStart;
  child.argEnd = parent.argEnd;
  child.envStart = parent.envStart;
  child.envEnd = parent.envEnd;
  child.auxv = parent.auxv;
  child.ownText = parent.ownText;
  child.limits = { ...parent.limits };
  child.forkProfile = parent.forkProfile;
}
