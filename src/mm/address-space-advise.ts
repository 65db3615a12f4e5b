/** madvise, msync, mincore, mlock (Linux: mm/madvise.c, mm/msync.c, mm/mincore.c, mm/mlock.c). */
import type { Errno, GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { EACCES, EAGAIN, EBUSY, EFAULT, EINVAL, EIO, ENOMEM, EPERM } from '../abi/errno.js';
import {
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_WRITE,
} from '../abi/mman.js';
import { TASK_SIZE } from '../platform/platform.js';
import { MAX_VMAS, type AddressSpace } from './address-space.js';
import { dropExtents, splitExtent } from './address-space-extents.js';
import { FAULT_BUS, FAULT_OK, FAULT_OOM, faultIn, populate } from './address-space-fault.js';
import { sealedAgainst } from './address-space-seal.js';
import { joinVma, splitVma } from './address-space-vmas.js';
import type { Extent } from './extent.js';
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_HUGEPAGE,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_NOHUGEPAGE,
  VM_RANDOM,
  VM_SEQUENTIAL,
  VM_WIPEONFORK,
  type Vma,
} from './vma.js';

/** Advice that only sets or clears flags: [set, clear]. */
const FLAG_ADVICE: Readonly<Record<number, readonly [number, number]>> = {
  [MADV_NORMAL]: [0, VM_RANDOM | VM_SEQUENTIAL],
  [MADV_RANDOM]: [VM_RANDOM, VM_SEQUENTIAL],
  [MADV_SEQUENTIAL]: [VM_SEQUENTIAL, VM_RANDOM],
  [MADV_DONTFORK]: [VM_DONTCOPY, 0],
  [MADV_DOFORK]: [0, VM_DONTCOPY],
  [MADV_WIPEONFORK]: [VM_WIPEONFORK, 0],
  [MADV_KEEPONFORK]: [0, VM_WIPEONFORK],
  [MADV_DONTDUMP]: [VM_DONTDUMP, 0],
  [MADV_DODUMP]: [0, VM_DONTDUMP],
  [MADV_HUGEPAGE]: [VM_HUGEPAGE, VM_NOHUGEPAGE],
  [MADV_NOHUGEPAGE]: [VM_NOHUGEPAGE, VM_HUGEPAGE],
};

/** Applied to one VMA's part of the range. */
type VmaAction = (mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr) => 0 | Errno;

/** Applies `action` to what is mapped of the range; ENOMEM afterwards when there are gaps. `action` must not change VMAs. */
function overRange(mm: AddressSpace, address: GuestAddr, length: number, action: VmaAction): 0 | Errno {
  const end = address + length;
  let at = address;
  let result: 0 | Errno = 0;
  const items = mm.vmas.items;
  for (let i = mm.vmas.indexOf(address); i < items.length && items[i]!.start < end; i++) {
    const vma = items[i]!;
    if (vma.start > at) result = ENOMEM;
    const stop = Math.min(end, vma.end);
    const done = action(mm, vma, Math.max(at, vma.start), stop);
    if (isErr(done)) return done;
    at = stop;
  }
  return at < end ? ENOMEM : result;
}

/** EINVAL for what is no range of a guest's; the length is rounded up. */
function checkRange(address: GuestAddr, length: number): number | Errno {
  if (address % PAGE_SIZE !== 0 || length > TASK_SIZE) return EINVAL;
  const rounded = pageUp(length);
  if (address > TASK_SIZE - rounded) return address > Number.MAX_SAFE_INTEGER - rounded ? EINVAL : rounded;
  return rounded;
}

export function advise(mm: AddressSpace, address: GuestAddr, length: number, advice: number): 0 | Errno {
  const flags = FLAG_ADVICE[advice];
  const action = flags ? undefined : ADVICE[advice];
  if (!flags && !action) return EINVAL;
  const rounded = checkRange(address, length);
  if (isErr(rounded)) return rounded;
  if (rounded === 0) return 0;
  if (sealedAgainst(mm, advice, address, address + rounded)) return EPERM;
  if (flags) return changeFlags(mm, address, rounded, flags[0], flags[1]);
  return overRange(mm, address, rounded, action!);
}

const ignore: VmaAction = () => 0;

const ADVICE: Readonly<Record<number, VmaAction>> = {
  [MADV_WILLNEED]: ignore,
  [MADV_COLD]: ignore,
  [MADV_PAGEOUT]: ignore,
  [MADV_DONTNEED]: (mm, vma, start, end) => ((vma.flags & VM_LOCKED) !== 0 ? EINVAL : discard(mm, vma, start, end)),
  [MADV_DONTNEED_LOCKED]: discard,
  [MADV_FREE]: (mm, vma, start, end) => (vma.cache ? EINVAL : discard(mm, vma, start, end)),
  [MADV_REMOVE]: remove,
  [MADV_POPULATE_READ]: (mm, vma, start, end) => populateFor(mm, vma, start, end, false),
  [MADV_POPULATE_WRITE]: (mm, vma, start, end) => populateFor(mm, vma, start, end, true),
};

/** Private memory reads as zero, or as the file, afterwards. */
function discard(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): 0 {
  if (vma.cache || vma.isShared) {
    dropExtents(mm, start, end);
    return 0;
  }
  const items = mm.extents.items;
  // Frames that are this space's alone stay where they are and are emptied: no mapping changes.
  for (let i = mm.extents.indexOf(start); i < items.length && items[i]!.start < end; i++) {
    const extent = items[i]!;
    const from = Math.max(start, extent.start);
    const to = Math.min(end, extent.end);
    if (!isOwned(mm, extent, from, to)) {
      dropExtents(mm, from, to);
      i = mm.extents.indexOf(to) - 1;
      continue;
    }
    mm.physmem.clear(extent.physOf(from), (to - from) / PAGE_SIZE);
  }
  return 0;
}

function isOwned(mm: AddressSpace, extent: Extent, from: GuestAddr, to: GuestAddr): boolean {
  const pages = (to - from) / PAGE_SIZE;
  return !extent.cached && mm.physmem.runOfOwned(extent.physOf(from), pages, true) === pages;
}

function remove(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): 0 | Errno {
  if (!vma.cache || (vma.flags & VM_LOCKED) !== 0) return EINVAL;
  if (!vma.isShared || (vma.maxProt & PROT_WRITE) === 0) return EACCES;
  void mm;
  return vma.cache.punch(vma.offsetOf(start), end - start);
}

function populateFor(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr, write: boolean): 0 | Errno {
  if (write ? (vma.prot & PROT_WRITE) === 0 : vma.prot === 0) return EINVAL;
  for (let at = start; at < end; at = mm.extents.find(at)!.end) {
    const answer = faultIn(mm, at, write);
    if (answer === FAULT_BUS) return EFAULT;
    if (answer === FAULT_OOM) return ENOMEM;
    if (answer !== FAULT_OK) return EINVAL;
  }
  return 0;
}

/** Sets and clears VM_* flags on the range, splitting VMAs; ENOMEM afterwards when there are gaps. */
function changeFlags(mm: AddressSpace, address: GuestAddr, length: number, set: number, clear: number): 0 | Errno {
  const end = address + length;
  let at = address;
  let result: 0 | Errno = 0;
  while (at < end) {
    let index = mm.vmas.indexOf(at);
    const vma = mm.vmas.items[index];
    if (vma === undefined || vma.start >= end) return ENOMEM;
    if (vma.start > at) {
      result = ENOMEM;
      at = vma.start;
    }
    const stop = Math.min(end, vma.end);
    const flags = (vma.flags | set) & ~clear;
    if ((set & VM_WIPEONFORK) !== 0 && (vma.cache || vma.isShared)) return EINVAL;
    if ((clear & VM_DONTCOPY) !== 0 && (vma.flags & VM_DONTEXPAND) !== 0) return EINVAL;
    if (flags !== vma.flags) {
      if (mm.vmas.size + 2 > MAX_VMAS) return ENOMEM;
      index = splitVma(mm, index, at);
      if (mm.vmas.items[index]!.end > stop) splitVma(mm, index, stop);
      splitExtent(mm, at);
      splitExtent(mm, stop);
      mm.vmas.items[index]!.flags = flags;
      joinVma(mm, index);
    }
    at = stop;
  }
  return result;
}

export function sync(mm: AddressSpace, address: GuestAddr, length: number, flags: number): 0 | Errno {
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || address % PAGE_SIZE !== 0) return EINVAL;
  if ((flags & (MS_ASYNC | MS_SYNC)) === (MS_ASYNC | MS_SYNC)) return EINVAL;
  if (length > TASK_SIZE || address > TASK_SIZE) return ENOMEM;
  return overRange(mm, address, pageUp(length), (_mm, vma, start, end) => {
    if ((flags & MS_INVALIDATE) !== 0 && (vma.flags & VM_LOCKED) !== 0) return EBUSY;
    if ((flags & MS_SYNC) === 0 || !vma.isShared || !vma.cache) return 0;
    return isErr(vma.cache.writeBack(vma.offsetOf(start), end - start)) ? EIO : 0;
  });
}

export function residency(mm: AddressSpace, address: GuestAddr, length: number, out: Uint8Array): 0 | Errno {
  if (address % PAGE_SIZE !== 0) return EINVAL;
  if (length > TASK_SIZE || address > TASK_SIZE - pageUp(length)) return ENOMEM;
  out.fill(0);
  return overRange(mm, address, pageUp(length), (_mm, vma, start, end) => {
    // What is locked has a frame, touched or not.
    const locked = (vma.flags & (VM_LOCKED | VM_LOCKONFAULT)) === VM_LOCKED;
    for (let at = start; at < end; at += PAGE_SIZE) {
      const index = (at - address) / PAGE_SIZE;
      if (locked || vma.cache?.isValid(Math.floor(vma.offsetOf(at) / PAGE_SIZE))) out[index] = 1;
    }
    markTouched(mm, start, end, address, out);
    return 0;
  });
}

/** Marks the pages whose frames have memory. */
function markTouched(mm: AddressSpace, start: GuestAddr, end: GuestAddr, base: GuestAddr, out: Uint8Array): void {
  const items = mm.extents.items;
  for (let i = mm.extents.indexOf(start); i < items.length && items[i]!.start < end; i++) {
    const extent = items[i]!;
    const stop = Math.min(end, extent.end);
    for (let at = Math.max(start, extent.start); at < stop; at += 512 * PAGE_SIZE) {
      const pages = Math.min(512, (stop - at) / PAGE_SIZE);
      const touched = mm.physmem.touched(extent.physOf(at), pages);
      for (let k = 0; k < pages; k++) if ((touched[k]! & 1) === 1) out[(at - base) / PAGE_SIZE + k] = 1;
    }
  }
}

export function lock(mm: AddressSpace, address: GuestAddr, length: number, flag: number): 0 | Errno {
  const start = address - (address % PAGE_SIZE);
  const rounded = pageUp(length + (address - start));
  if (rounded === 0) return 0;
  if (start > TASK_SIZE || rounded > TASK_SIZE - start) return length > Number.MAX_SAFE_INTEGER - address ? EINVAL : ENOMEM;
  const changed = changeFlags(mm, start, rounded, flag, (VM_LOCKED | VM_LOCKONFAULT) & ~flag);
  if (isErr(changed) || flag !== VM_LOCKED) return changed;
  const answer = populate(mm, start, start + rounded);
  return answer === FAULT_OK ? 0 : answer === FAULT_OOM ? EAGAIN : ENOMEM;
}

export function lockAll(mm: AddressSpace, flags: number): 0 | Errno {
  const flag = (flags & MCL_ONFAULT) !== 0 ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED;
  mm.defaultFlags = (flags & MCL_FUTURE) !== 0 ? flag : 0;
  if ((flags & MCL_CURRENT) === 0 && flags !== 0) return 0;
  for (const vma of mm.vmas.items) {
    vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
    if ((flags & MCL_CURRENT) !== 0) vma.flags |= flag;
  }
  return 0;
}
