/**
 * mmap, munmap, mprotect, brk (Linux: mm/mmap.c, mm/mprotect.c). Mapping is lazy: host mappings come with the first fault,
 * except for what is nearly always touched at once (address-space-eager.ts).
 */
import type { Errno, GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageDown, pageUp } from '../base/page.js';
import { EACCES, EEXIST, EINVAL, ENOMEM, EOVERFLOW, EPERM } from '../abi/errno.js';
import {
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../abi/mman.js';
import { randomU32 } from '../host/random.js';
import { TASK_SIZE } from '../platform/platform.js';
import { MAX_EXTENTS, MAX_VMAS, type AddressSpace, type MapRequest } from './address-space.js';
import { mapEagerly } from './address-space-eager.js';
import { dropExtents, splitExtent } from './address-space-extents.js';
import { populate } from './address-space-fault.js';
import { isSealed } from './address-space-seal.js';
import { account, attach, detach, joinWithin, splitVma } from './address-space-vmas.js';
import { PageCache } from './page-cache.js';
import { isText, uninstall } from './text-twins.js';
import { VM_GROWSDOWN, VM_LOCKED, VM_LOCKONFAULT, VM_NORESERVE, VM_SEALED, VM_SHARED, Vma } from './vma.js';

/** Lowest address that a guest may map (Linux: vm.mmap_min_addr). */
export const MMAP_MIN_ADDR = 0x1_0000;
/** Kept free below a stack (Linux: stack_guard_gap). */
export const STACK_GUARD_GAP = 256 * PAGE_SIZE;
const ALL_PROT = PROT_READ | PROT_WRITE | PROT_EXEC;
/** Room kept between the top of the address space and the mmap area: for the stack. */
const STACK_ROOM = 128 * 2 ** 20;
/** A heap that grows by no more than this gets its pages at once. */
const EAGER_BRK = 64 * PAGE_SIZE;

/** The top of the mmap area without randomness. */
export const HIGHEST_MMAP_BASE: GuestAddr = TASK_SIZE - STACK_ROOM;

/** A random top for the mmap area: 28 bits of pages below the stack's room, as Linux has it on x86-64. */
export function randomMmapBase(): GuestAddr {
  return HIGHEST_MMAP_BASE - (randomU32() % 2 ** 28) * PAGE_SIZE;
}

export function map(mm: AddressSpace, request: MapRequest): GuestAddr | Errno {
  const checked = checkRequest(mm, request);
  if (isErr(checked)) return checked;
  const length = pageUp(request.length);
  const address = place(mm, request, length);
  if (isErr(address)) return address;
  const isFixed = (request.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const vma = makeVma(mm, request, address, length);
  const limited = checkLimits(mm, vma, isFixed ? pagesIn(mm, address, address + length) : 0);
  if (isErr(limited)) return limited;
  if (isFixed) {
    const unmapped = unmap(mm, address, length);
    if (isErr(unmapped)) return unmapped;
  }
  const entered = attach(mm, vma);
  if ((request.flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE || (vma.flags & (VM_LOCKED | VM_LOCKONFAULT)) === VM_LOCKED) {
    populate(mm, address, address + length);
  } else {
    mapEagerly(mm, entered, address, address + length, request.flags);
  }
  return address;
}

function checkRequest(mm: AddressSpace, request: MapRequest): 0 | Errno {
  const { length, flags, prot } = request;
  const offset = request.offset ?? 0;
  if (length === 0 || offset % PAGE_SIZE !== 0) return EINVAL;
  if (length > TASK_SIZE || pageUp(length) > TASK_SIZE) return ENOMEM;
  if (request.file && offset + pageUp(length) > Number.MAX_SAFE_INTEGER) return EOVERFLOW;
  const type = flags & MAP_TYPE;
  if (type !== MAP_SHARED && type !== MAP_PRIVATE && type !== MAP_SHARED_VALIDATE) return EINVAL;
  if ((flags & MAP_GROWSDOWN) !== 0 && (request.file || type !== MAP_PRIVATE)) return EINVAL;
  if ((prot & ALL_PROT & ~(request.maxProt ?? ALL_PROT)) !== 0) return EACCES;
  if (mm.vmas.size >= MAX_VMAS || mm.extents.size >= MAX_EXTENTS) return ENOMEM;
  return 0;
}

/** Where the mapping goes. */
function place(mm: AddressSpace, request: MapRequest, length: number): GuestAddr | Errno {
  const { flags } = request;
  if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) {
    if (request.address % PAGE_SIZE !== 0) return EINVAL;
    if (request.address > TASK_SIZE - length) return ENOMEM;
    if (request.address < mm.lowestAddress) return EPERM;
    if ((flags & MAP_FIXED_NOREPLACE) !== 0 && !mm.vmas.isFree(request.address, request.address + length)) return EEXIST;
    return request.address;
  }
  if (request.address > 0) {
    const hint = Math.max(mm.lowestAddress, pageDown(request.address));
    if (hint <= TASK_SIZE - length && isGapFree(mm, hint, hint + length)) return hint;
  }
  if ((flags & MAP_32BIT) !== 0) return findGapUp(mm, length, 0x4000_0000, 0x8000_0000);
  return findGap(mm, length);
}

/** True when nothing is mapped there and no stack's guard gap begins there. */
function isGapFree(mm: AddressSpace, start: GuestAddr, end: GuestAddr): boolean {
  const next = mm.vmas.items[mm.vmas.indexOf(start)];
  return next === undefined || end <= lowerEdge(next);
}

/** First address that belongs to a VMA or to the guard gap below it. */
function lowerEdge(vma: Vma): GuestAddr {
  return (vma.flags & VM_GROWSDOWN) !== 0 ? Math.max(0, vma.start - STACK_GUARD_GAP) : vma.start;
}

/** The highest gap of `length` below mmapBase; above it when there is none. */
export function findGap(mm: AddressSpace, length: number): GuestAddr | Errno {
  const items = mm.vmas.items;
  let top = mm.mmapBase;
  if (mm.gapSearchEnd > 0 && length > mm.largestGap) top = mm.gapSearchEnd;
  else mm.largestGap = 0;
  let i = mm.vmas.indexOf(top) - 1;
  const above = items[i + 1];
  if (above) top = Math.min(top, lowerEdge(above));
  for (; ; i--) {
    const bottom = i >= 0 ? items[i]!.end : mm.lowestAddress;
    if (top - bottom >= length) {
      mm.gapSearchEnd = top;
      return top - length;
    }
    mm.largestGap = Math.max(mm.largestGap, top - bottom);
    if (i < 0) break;
    top = Math.min(top, lowerEdge(items[i]!));
  }
  mm.gapSearchEnd = 0;
  return findGapUp(mm, length, mm.mmapBase, TASK_SIZE);
}

/** The lowest gap of `length` within [low, high). */
function findGapUp(mm: AddressSpace, length: number, low: GuestAddr, high: GuestAddr): GuestAddr | Errno {
  const items = mm.vmas.items;
  let start = low;
  for (let i = mm.vmas.indexOf(low); ; i++) {
    const next = items[i];
    if (start + length > high) return ENOMEM;
    if (next === undefined || start + length <= lowerEdge(next)) return start;
    start = Math.max(start, next.end);
  }
}

function makeVma(mm: AddressSpace, request: MapRequest, start: GuestAddr, length: number): Vma {
  const { flags, file } = request;
  const shared = (flags & MAP_TYPE) !== MAP_PRIVATE;
  let vmFlags = mm.defaultFlags | (request.vmFlags ?? 0);
  if (shared) vmFlags |= VM_SHARED;
  if ((flags & MAP_GROWSDOWN) !== 0) vmFlags |= VM_GROWSDOWN;
  if ((flags & MAP_LOCKED) !== 0) vmFlags |= VM_LOCKED;
  if ((flags & MAP_NORESERVE) !== 0) vmFlags |= VM_NORESERVE;
  let cache = file?.mappable.cache;
  if (!cache && shared) cache = new PageCache(mm.physmem, length, undefined, { ownedByMappings: true });
  return new Vma(
    start,
    start + length,
    request.prot & ALL_PROT,
    request.maxProt ?? ALL_PROT,
    vmFlags,
    cache,
    cache ? (request.offset ?? 0) : 0,
    file,
    request.name ?? '',
  );
}

/** RLIMIT_AS, RLIMIT_DATA, and what could never be backed. `replaced`: pages that the mapping takes the place of. */
function checkLimits(mm: AddressSpace, vma: Vma, replaced: number): 0 | Errno {
  if ((mm.totalPages + vma.pages - replaced) * PAGE_SIZE > mm.limits.addressSpace) return ENOMEM;
  if (!vma.isData) return 0;
  if ((mm.dataPages + vma.pages) * PAGE_SIZE > mm.limits.data) return ENOMEM;
  // Linux's heuristic overcommit: a single mapping larger than all memory is refused.
  if ((vma.flags & VM_NORESERVE) === 0 && vma.end - vma.start > mm.physmem.limitBytes) return ENOMEM;
  return 0;
}

/** Pages that VMAs cover in [start, end). */
function pagesIn(mm: AddressSpace, start: GuestAddr, end: GuestAddr): number {
  let pages = 0;
  const items = mm.vmas.items;
  for (let i = mm.vmas.indexOf(start); i < items.length && items[i]!.start < end; i++) {
    pages += (Math.min(end, items[i]!.end) - Math.max(start, items[i]!.start)) / PAGE_SIZE;
  }
  return pages;
}

export function unmap(mm: AddressSpace, address: GuestAddr, length: number): 0 | Errno {
  if (address % PAGE_SIZE !== 0 || length === 0 || address > TASK_SIZE || length > TASK_SIZE - address) return EINVAL;
  const end = address + pageUp(length);
  const vmas = mm.vmas;
  let first = vmas.indexOf(address);
  const head = vmas.items[first];
  if (head === undefined || head.start >= end) return 0;
  if (isSealed(mm, address, end)) return EPERM;
  if (head.start < address && head.end > end && vmas.size >= MAX_VMAS) return ENOMEM;
  if (head.start < address) first = splitVma(mm, first, address);
  let last = vmas.indexOf(end);
  const tail = vmas.items[last];
  if (tail !== undefined && tail.start < end) last = splitVma(mm, last, end);
  const gone = vmas.items.slice(first, last);
  dropExtents(mm, address, end);
  vmas.removeAt(first, last - first);
  for (const vma of gone) detach(mm, vma);
  noteGap(mm, end);
  return 0;
}

/** Memory below `end` has become free: the search for gaps must look there again. */
export function noteGap(mm: AddressSpace, end: GuestAddr): void {
  if (mm.gapSearchEnd > 0 && end >= mm.gapSearchEnd) mm.gapSearchEnd = 0;
}

export function protect(mm: AddressSpace, address: GuestAddr, length: number, prot: number): 0 | Errno {
  if (address % PAGE_SIZE !== 0) return EINVAL;
  if (length === 0) return 0;
  if (address > TASK_SIZE || length > TASK_SIZE - address) return ENOMEM;
  const end = address + pageUp(length);
  const result = protectRange(mm, address, end, prot);
  joinWithin(mm, address, end);
  return result;
}

function protectRange(mm: AddressSpace, address: GuestAddr, end: GuestAddr, prot: number): 0 | Errno {
  const vmas = mm.vmas;
  let at = address;
  while (at < end) {
    let index = vmas.indexOf(at);
    const vma = vmas.items[index];
    if (vma === undefined || vma.start > at) return ENOMEM;
    const stop = Math.min(end, vma.end);
    if ((prot & ~vma.maxProt) !== 0) return EACCES;
    if ((vma.flags & VM_SEALED) !== 0) return EPERM;
    if (vma.prot !== prot) {
      if (vmas.size + 2 > MAX_VMAS || mm.extents.size + 2 > MAX_EXTENTS) return ENOMEM;
      index = splitVma(mm, index, at);
      if (vmas.items[index]!.end > stop) splitVma(mm, index, stop);
      const limited = setProtection(mm, index, prot);
      if (isErr(limited)) return limited;
    }
    at = stop;
  }
  return 0;
}

function setProtection(mm: AddressSpace, index: number, prot: number): 0 | Errno {
  const vma = mm.vmas.items[index]!;
  account(mm, vma, -1);
  const before = vma.prot;
  vma.prot = prot;
  const overLimit = vma.isData && (mm.dataPages + vma.pages) * PAGE_SIZE > mm.limits.data;
  if (overLimit) vma.prot = before;
  account(mm, vma, 1);
  if (!overLimit) protectExtents(mm, vma);
  return overLimit ? ENOMEM : 0;
}

/** Makes the host's protections follow the VMA's: one operation per run of neighbours that need the same. */
function protectExtents(mm: AddressSpace, vma: Vma): void {
  const extents = mm.extents;
  const first = splitExtent(mm, vma.start);
  const last = splitExtent(mm, vma.end);
  let start = 0;
  let end = 0;
  let pending = -1;
  for (let i = first; i < last; i++) {
    const extent = extents.items[i]!;
    const prot = extent.hostProt(vma.prot);
    if (extent.twin && !isText(vma.prot)) uninstall(mm, extent);
    if (extent.prot === prot) continue;
    extent.prot = prot;
    if (vma.isShared && (prot & PROT_WRITE) !== 0) vma.cache!.expose(vma.offsetOf(extent.start) / PAGE_SIZE, extent.pages);
    if (pending !== prot || end !== extent.start) {
      if (pending >= 0) mm.space.protect(start, end - start, pending);
      start = extent.start;
      pending = prot;
    }
    end = extent.end;
  }
  if (pending >= 0) mm.space.protect(start, end - start, pending);
}

export function setBrk(mm: AddressSpace, address: GuestAddr): GuestAddr {
  const old = mm.brk;
  if (address < mm.startBrk || address > TASK_SIZE) return old;
  const oldEnd = pageUp(old);
  const newEnd = pageUp(address);
  if (newEnd < oldEnd) {
    if (isErr(unmap(mm, newEnd, oldEnd - newEnd))) return old;
  } else if (newEnd > oldEnd) {
    if (address - mm.startBrk + (mm.endData - mm.startData) > mm.limits.data) return old;
    // Like Linux, keep the page behind the heap free, and a stack's gap.
    if (!isGapFree(mm, oldEnd, newEnd + PAGE_SIZE)) return old;
    const length = newEnd - oldEnd;
    const mapped = map(mm, {
      address: oldEnd,
      length,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
      name: '[heap]',
    });
    if (isErr(mapped)) return old;
    if (length <= EAGER_BRK) populate(mm, oldEnd, newEnd);
  }
  mm.brk = address;
  return address;
}
