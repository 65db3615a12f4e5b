/** mremap (Linux: mm/mremap.c): grow or shrink in place, move, MREMAP_FIXED, MREMAP_DONTUNMAP. */
import type { Errno, GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/errno.js';
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '../abi/mman.js';
import { TASK_SIZE } from '../platform/platform.js';
import { MAX_EXTENTS, MAX_VMAS, type AddressSpace } from './address-space.js';
import { addExtent, splitExtent } from './address-space-extents.js';
import { populate } from './address-space-fault.js';
import { findGap, noteGap, unmap } from './address-space-map.js';
import { account, attach, detach, joinVma, splitVma } from './address-space-vmas.js';
import { Extent } from './extent.js';
import { forgetTwin } from './text-twins.js';
import { VM_DONTEXPAND, VM_LOCKED, VM_SEALED, type Vma } from './vma.js';

const VALID_FLAGS = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

export function remap(
  mm: AddressSpace,
  oldAddress: GuestAddr,
  oldLengthBytes: number,
  newLengthBytes: number,
  flags: number,
  newAddress: GuestAddr,
): GuestAddr | Errno {
  if ((flags & ~VALID_FLAGS) !== 0 || oldAddress % PAGE_SIZE !== 0) return EINVAL;
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 && (flags & MREMAP_MAYMOVE) === 0) return EINVAL;
  if (newLengthBytes === 0 || newLengthBytes > TASK_SIZE || oldLengthBytes > TASK_SIZE) return EINVAL;
  const oldLength = pageUp(oldLengthBytes);
  const newLength = pageUp(newLengthBytes);
  if ((flags & MREMAP_DONTUNMAP) !== 0 && oldLength !== newLength) return EINVAL;
  if ((flags & MREMAP_FIXED) !== 0) {
    const placed = checkTarget(mm, oldAddress, oldLength, newAddress, newLength);
    if (isErr(placed)) return placed;
  }
  const vma = mm.vmas.find(oldAddress);
  if (!vma) return EFAULT;
  if ((vma.flags & VM_SEALED) !== 0) return EPERM;
  const checked = checkSource(mm, vma, oldAddress, oldLength, newLength, flags);
  if (isErr(checked)) return checked;
  if ((flags & MREMAP_FIXED) !== 0) {
    const cleared = unmap(mm, newAddress, newLength);
    if (isErr(cleared)) return cleared;
    return shrinkAndMove(mm, oldAddress, oldLength, newLength, newAddress, flags);
  }
  if ((flags & MREMAP_DONTUNMAP) === 0) {
    if (newLength <= oldLength) return shrink(mm, oldAddress, oldLength, newLength);
    if (oldAddress + oldLength === vma.end && growInPlace(mm, vma, newLength - oldLength)) return oldAddress;
  }
  if ((flags & MREMAP_MAYMOVE) === 0) return ENOMEM;
  const target = findGap(mm, newLength);
  if (isErr(target)) return target;
  return move(mm, oldAddress, oldLength, newLength, target, flags);
}

/** MREMAP_FIXED: the new place must be a guest's and apart from the old one. */
function checkTarget(mm: AddressSpace, oldAddress: GuestAddr, oldLength: number, newAddress: GuestAddr, newLength: number): 0 | Errno {
  if (newAddress % PAGE_SIZE !== 0 || newAddress > TASK_SIZE - newLength || newAddress < mm.lowestAddress) return EINVAL;
  if (oldAddress + oldLength > newAddress && newAddress + newLength > oldAddress) return EINVAL;
  return 0;
}

function checkSource(mm: AddressSpace, vma: Vma, oldAddress: GuestAddr, oldLength: number, newLength: number, flags: number): 0 | Errno {
  // An old length of zero asks for a second mapping of shared memory.
  if (oldLength === 0 && !vma.isShared) return EINVAL;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && (vma.flags & VM_DONTEXPAND) !== 0) return EINVAL;
  // To shrink in place is to unmap, whatever lies there.
  if (newLength <= oldLength && (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) === 0) return 0;
  if (oldLength > vma.end - oldAddress && newLength > Math.min(oldLength, vma.end - oldAddress)) return EFAULT;
  if (newLength <= oldLength) return 0;
  if ((vma.flags & VM_DONTEXPAND) !== 0) return EFAULT;
  const more = newLength - oldLength;
  if (mm.totalPages * PAGE_SIZE + more > mm.limits.addressSpace) return ENOMEM;
  if (vma.isData && mm.dataPages * PAGE_SIZE + more > mm.limits.data) return ENOMEM;
  if (vma.isData && newLength > mm.physmem.limitBytes) return ENOMEM;
  if (mm.vmas.size + 3 > MAX_VMAS || mm.extents.size + 2 > MAX_EXTENTS) return (vma.flags & VM_LOCKED) !== 0 ? EAGAIN : ENOMEM;
  return 0;
}

function shrink(mm: AddressSpace, address: GuestAddr, oldLength: number, newLength: number): GuestAddr | Errno {
  if (newLength === oldLength) return address;
  const unmapped = unmap(mm, address + newLength, oldLength - newLength);
  return isErr(unmapped) ? unmapped : address;
}

function shrinkAndMove(
  mm: AddressSpace,
  address: GuestAddr,
  oldLength: number,
  newLength: number,
  target: GuestAddr,
  flags: number,
): GuestAddr | Errno {
  let length = oldLength;
  if (newLength < oldLength) {
    const unmapped = unmap(mm, address + newLength, oldLength - newLength);
    if (isErr(unmapped)) return unmapped;
    length = newLength;
  }
  return move(mm, address, length, newLength, target, flags);
}

function growInPlace(mm: AddressSpace, vma: Vma, more: number): boolean {
  if (vma.end > TASK_SIZE - more || !mm.vmas.isFree(vma.end, vma.end + more)) return false;
  const from = vma.end;
  account(mm, vma, -1);
  vma.end += more;
  account(mm, vma, 1);
  const entered = joinVma(mm, mm.vmas.indexOf(vma.start));
  if ((entered.flags & VM_LOCKED) !== 0) populate(mm, from, from + more);
  return true;
}

/** Moves [address, address+length) to `target`, where `newLength` bytes are free. */
function move(
  mm: AddressSpace,
  address: GuestAddr,
  length: number,
  newLength: number,
  target: GuestAddr,
  flags: number,
): GuestAddr | Errno {
  const keep = (flags & MREMAP_DONTUNMAP) !== 0 || length === 0;
  let index = mm.vmas.indexOf(address);
  const old = mm.vmas.items[index]!;
  const copy = old.derive(target, target + newLength, old.cache ? old.offsetOf(address) : 0);
  if (length > 0) moveExtents(mm, address, length, target);
  if (!keep) {
    index = splitVma(mm, index, address);
    if (mm.vmas.items[index]!.end > address + length) splitVma(mm, index, address + length);
    const gone = mm.vmas.items[index]!;
    mm.vmas.removeAt(index);
    noteGap(mm, gone.end);
    const entered = attach(mm, copy);
    detach(mm, gone);
    if ((entered.flags & VM_LOCKED) !== 0) populate(mm, target, target + newLength);
    return target;
  }
  if (length > 0) old.flags &= ~VM_LOCKED;
  attach(mm, copy);
  return target;
}

/** Moves extents: mapped at the new place, unmapped at the old one. The frames' references go along. */
function moveExtents(mm: AddressSpace, address: GuestAddr, length: number, target: GuestAddr): void {
  const first = splitExtent(mm, address);
  const last = splitExtent(mm, address + length);
  if (first === last) return;
  const moved = mm.extents.items.slice(first, last);
  mm.extents.removeAt(first, last - first);
  mm.lastExtent = undefined;
  const lowest = moved[0]!.start;
  mm.space.unmap(lowest, moved[moved.length - 1]!.end - lowest);
  for (const extent of moved) {
    forgetTwin(mm, extent);
    const start = extent.start - address + target;
    addExtent(
      mm,
      new Extent(start, start + (extent.end - extent.start), extent.phys, extent.window, extent.prot, extent.cached, extent.cow),
    );
  }
}
