/**
 * fork (Linux: dup_mmap in kernel/fork.c). In three steps, because the child's host space is a copy of the parent's:
 *
 *   parent.protectForFork()           queues what makes private writable memory read-only in the parent
 *   HostSpace.fork(thread)            runs the queue, copies the host's mappings
 *   parent.fork(childSpace)           builds the child's VMAs and extents over them
 */
import type { Errno } from '../base/brands.js';
import { PROT_WRITE } from '../abi/mman.js';
import type { HostSpace } from '../platform/platform.js';
import { AddressSpace } from './address-space.js';
import { Extent } from './extent.js';
import { VM_DONTCOPY, VM_LOCKED, VM_LOCKONFAULT, VM_WIPEONFORK } from './vma.js';

export function protectForFork(mm: AddressSpace): 0 | Errno {
  let start = 0;
  let end = 0;
  let pending = -1;
  const vmas = mm.vmas.items;
  let v = 0;
  for (const extent of mm.extents.items) {
    while (vmas[v]!.end <= extent.start) v++;
    if (vmas[v]!.isShared || extent.cow) continue;
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
  for (let i = mm.extents.size - 1; i > 0; i--) if (i < mm.extents.size) mm.joinExtent(i);
  return 0;
}

export function fork(parent: AddressSpace, childSpace: HostSpace): AddressSpace {
  const child = new AddressSpace(parent.physmem, childSpace);
  copyLayout(parent, child);
  for (const vma of parent.vmas.items) {
    if ((vma.flags & VM_DONTCOPY) !== 0) continue;
    const copy = vma.derive(vma.start, vma.end, vma.offset);
    copy.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    child.attach(copy);
  }
  const vmas = parent.vmas.items;
  let v = 0;
  for (const extent of parent.extents.items) {
    while (vmas[v]!.end <= extent.start) v++;
    if ((vmas[v]!.flags & (VM_DONTCOPY | VM_WIPEONFORK)) !== 0) {
      childSpace.unmap(extent.start, extent.end - extent.start);
      continue;
    }
    parent.physmem.hold(extent.phys, extent.pages);
    child.enterExtent(new Extent(extent.start, extent.end, extent.phys, extent.window, extent.prot, extent.cached, extent.cow));
  }
  return child;
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
  child.mmapBase = parent.mmapBase;
  child.auxv = parent.auxv;
  child.limits = { ...parent.limits };
}
