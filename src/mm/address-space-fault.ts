/**
 * Page faults (Linux: mm/memory.c, arch/x86/mm/fault.c). Decides from the VMA what an access means; makes extents.
 *
 * Anonymous memory gets runs that fill the 2 MiB around the fault as far as the VMA goes: only addresses are spent, the host
 * takes the following page faults itself. Frames that were never touched are never copied.
 */
import type { GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE, pageDown, pageUp } from '../base/page.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGKILL, SIGSEGV } from '../abi/signal.js';
import { FAULT_EXEC, FAULT_WRITE, TASK_SIZE, type Trap } from '../platform/platform.js';
import { MAX_EXTENTS, type AddressSpace, type FaultOutcome } from './address-space.js';
import { addExtent, joinExtent, splitExtent } from './address-space-extents.js';
import { STACK_GUARD_GAP } from './address-space-map.js';
import { account } from './address-space-vmas.js';
import { Extent } from './extent.js';
import { writeMemory } from './phys-residency.js';
import { WINDOW_SIZE } from './phys-window.js';
import { forgetTwin, useTwins } from './text-twins.js';
import { VM_GROWSDOWN, type Vma } from './vma.js';

// What `faultIn` answers.
export const FAULT_OK = 0;
export const FAULT_MAPERR = 1;
export const FAULT_ACCERR = 2;
/** Behind the end of the file. */
export const FAULT_BUS = 3;
/** No memory, or no more host mappings. */
export const FAULT_OOM = 4;

const RUN_BYTES = 2 * 2 ** 20;
/** Run length when addresses of physmem are scarce. */
const SCARCE_RUN_BYTES = 16 * PAGE_SIZE;
/** Runs of fewer pages are not given memory ahead of use. */
const MIN_STREAM_PAGES = 32;
/** Of each of its beginning, middle and end so many are looked at: asking for all takes a tenth of the time that it saves. */
const STREAM_SAMPLE = 16;
const MIN_COPY_PAGES = 4;
const MAX_COPY_PAGES = 128;
/** Fewer are copied through the kernel's own mappings: such frames have often been used before, and have memory. */
const MIN_WRITTEN_PAGES = 2;
/** Above so many extents copies are long, so that their number stays bounded. */
const MANY_EXTENTS = 30_000;
/** A stack grows by this much at a time. */
const STACK_STEP = 16 * PAGE_SIZE;
/** Frames looked at, at one fault, for pages that have become this space's alone. */
const OWNED_SWEEP = 16_384;

const RESOLVED: FaultOutcome = { kind: 'resolved' };

export function handleFault(mm: AddressSpace, trap: Trap, completeFault: () => void): FaultOutcome {
  const address = trap.address;
  if (!(address >= 0 && address < TASK_SIZE)) return signalOutcome(FAULT_MAPERR, address);
  const vma = findVma(mm, address);
  if (!vma) return signalOutcome(FAULT_MAPERR, address);
  if ((vma.prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) === 0) return signalOutcome(FAULT_ACCERR, address);
  const extent = mm.extents.find(address);
  // The kind of access matters where a first mapping may be of either kind, and where the host refused a page that is mapped.
  const undecided = extent
    ? !extent.cow || (vma.prot & PROT_WRITE) === 0
    : vma.cache !== undefined && !vma.isShared && (vma.prot & PROT_WRITE) !== 0;
  if (undecided && !trap.accessKnown) completeFault();
  let write = extent !== undefined;
  if (undecided || trap.accessKnown) {
    if (!isAllowed(vma, trap)) return signalOutcome(FAULT_ACCERR, address);
    write = (trap.errorCode & FAULT_WRITE) !== 0;
  }
  if (extent && !(extent.cow && write)) {
    // The host's mapping is, or will be once queued operations have run, as it should be: another thread's fault saw to it.
    mm.spuriousFaults++;
    mm.space.map(extent.start, extent.end - extent.start, extent.prot, extent.hostPhys);
    return RESOLVED;
  }
  const answer = resolve(mm, vma, extent, address, write);
  if (answer === FAULT_BUS && !trap.accessKnown) {
    // Whether the access is allowed comes before whether the file reaches so far.
    completeFault();
    if (!isAllowed(vma, trap)) return signalOutcome(FAULT_ACCERR, address);
  }
  return answer === FAULT_OK ? RESOLVED : signalOutcome(answer, address);
}

function isAllowed(vma: Vma, trap: Trap): boolean {
  const { errorCode } = trap;
  const needed =
    (errorCode & FAULT_EXEC) !== 0 ? PROT_EXEC : (errorCode & FAULT_WRITE) !== 0 ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC;
  return (vma.prot & needed) !== 0;
}

function signalOutcome(answer: number, address: number): FaultOutcome {
  switch (answer) {
    case FAULT_BUS:
      return { kind: 'signal', signal: SIGBUS, code: BUS_ADRERR, address };
    case FAULT_OOM:
      return { kind: 'signal', signal: SIGKILL, code: 0, address };
    default:
      return { kind: 'signal', signal: SIGSEGV, code: answer === FAULT_MAPERR ? SEGV_MAPERR : SEGV_ACCERR, address };
  }
}

/** Makes the page at `address` accessible to the kernel as the guest itself would have it: a FAULT_* answer. */
export function faultIn(mm: AddressSpace, address: GuestAddr, write: boolean): number {
  if (!(address >= 0 && address < TASK_SIZE)) return FAULT_MAPERR;
  const vma = findVma(mm, address);
  if (!vma) return FAULT_MAPERR;
  if (write ? (vma.prot & PROT_WRITE) === 0 : (vma.prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) === 0) return FAULT_ACCERR;
  return resolve(mm, vma, mm.extents.find(address), address, write);
}

/** As faultIn for an access that the VMA allows. */
export function resolve(mm: AddressSpace, vma: Vma, extent: Extent | undefined, address: GuestAddr, write: boolean): number {
  if (extent) return write && extent.cow ? breakCow(mm, vma, extent, pageDown(address)) : FAULT_OK;
  if (mm.extents.size >= MAX_EXTENTS) return FAULT_OOM;
  if (!vma.cache) return mapAnonymous(mm, vma, address);
  const answer = mapCache(mm, vma, address, vma.start, vma.end);
  if (answer !== FAULT_OK || !write || vma.isShared) return answer;
  return breakCow(mm, vma, mm.extents.find(address)!, pageDown(address));
}

/** The VMA of an address; a stack is grown to reach it. */
export function findVma(mm: AddressSpace, address: GuestAddr): Vma | undefined {
  const index = mm.vmas.indexOf(address);
  const vma = mm.vmas.items[index];
  if (vma === undefined || vma.start <= address) return vma;
  return (vma.flags & VM_GROWSDOWN) !== 0 && growStack(mm, vma, index, address) ? vma : undefined;
}

function growStack(mm: AddressSpace, vma: Vma, index: number, address: GuestAddr): boolean {
  const lowest = Math.max(vma.end - mm.limits.stack, index > 0 ? guardedEnd(mm.vmas.items[index - 1]!) : STACK_GUARD_GAP);
  const page = pageDown(address);
  if (page < lowest) return false;
  const start = Math.max(pageUp(lowest), page - (page % STACK_STEP));
  const pages = (vma.start - start) / PAGE_SIZE;
  if ((mm.totalPages + pages) * PAGE_SIZE > mm.limits.addressSpace) return false;
  vma.offset -= vma.cache ? vma.start - start : 0;
  account(mm, vma, -1);
  vma.start = start;
  account(mm, vma, 1);
  return true;
}

/** Lowest start of a stack above `previous`. */
function guardedEnd(previous: Vma): GuestAddr {
  const gap = previous.prot !== 0 && (previous.flags & VM_GROWSDOWN) === 0 ? STACK_GUARD_GAP : 0;
  return previous.end + gap;
}

/** Room without extents around an address, within [low, high). Results in `roomStart`, `roomEnd`. */
let roomStart = 0;
let roomEnd = 0;
function findRoom(mm: AddressSpace, address: GuestAddr, low: GuestAddr, high: GuestAddr): void {
  const items = mm.extents.items;
  const index = mm.extents.indexOf(address);
  roomStart = index > 0 ? Math.max(low, items[index - 1]!.end) : low;
  roomEnd = index < items.length ? Math.min(high, items[index]!.start) : high;
}

function mapAnonymous(mm: AddressSpace, vma: Vma, address: GuestAddr): number {
  const physmem = mm.physmem;
  const size = physmem.isScarce ? SCARCE_RUN_BYTES : RUN_BYTES;
  const block = address - (address % size);
  findRoom(mm, address, Math.max(vma.start, block), Math.min(vma.end, block + size));
  let start = roomStart;
  let pages = (roomEnd - start) / PAGE_SIZE;
  const previous = mm.extents.items[mm.extents.indexOf(start - 1)];
  const follows = previous !== undefined && previous.end === start && !previous.cached;
  const streaming = follows && pages >= MIN_STREAM_PAGES && pageDown(address) === start && isStreamed(mm, previous);
  let phys: number = follows && !streaming ? allocateAfter(mm, previous, pages) : -1;
  if (phys < 0) phys = streaming ? physmem.allocateBacked(pages) : physmem.allocate(pages);
  if (isErr(phys)) {
    start = pageDown(address);
    pages = 1;
    phys = physmem.allocate(1);
    if (isErr(phys)) return FAULT_OOM;
  }
  addExtent(mm, new Extent(start, start + pages * PAGE_SIZE, phys, physmem.windowOf(phys), vma.prot, false, false), streaming);
  return FAULT_OK;
}

/** True when the run at the end of `previous` seems to have been touched throughout: whoever did that is likely to go on. */
function isStreamed(mm: AddressSpace, previous: Extent): boolean {
  const pages = Math.min(previous.pages, RUN_BYTES / PAGE_SIZE);
  if (pages < MIN_STREAM_PAGES) return false;
  const begin = previous.end - pages * PAGE_SIZE;
  const middle = begin + Math.floor((pages - STREAM_SAMPLE) / 2) * PAGE_SIZE;
  const sampled = [begin, middle, previous.end - STREAM_SAMPLE * PAGE_SIZE];
  return sampled.every((start) => isTouched(mm, previous.physOf(start)));
}

/** True when a guest has touched most of STREAM_SAMPLE pages. */
function isTouched(mm: AddressSpace, phys: number): boolean {
  const touched = mm.physmem.touched(phys, STREAM_SAMPLE);
  let count = 0;
  for (let i = 0; i < STREAM_SAMPLE; i++) count += touched[i]! & 1;
  return count >= STREAM_SAMPLE - 1;
}

/** Frames that continue those of the extent before, so that both are one mapping; negative when there are none. */
function allocateAfter(mm: AddressSpace, previous: Extent, pages: number): number {
  const phys = previous.physOf(previous.end);
  return phys % WINDOW_SIZE === 0 ? -1 : mm.physmem.allocateAt(phys, pages);
}

/** Maps cache pages around `address`, within [low, high). */
export function mapCache(mm: AddressSpace, vma: Vma, address: GuestAddr, low: GuestAddr, high: GuestAddr): number {
  const cache = vma.cache!;
  const page = Math.floor(vma.offsetOf(address) / PAGE_SIZE);
  if (page < 0 || page * PAGE_SIZE >= cache.size) return FAULT_BUS;
  const expose = vma.isShared && (vma.prot & PROT_WRITE) !== 0;
  findRoom(mm, address, low, high);
  const first = page - (pageDown(address) - roomStart) / PAGE_SIZE;
  const ready = cache.prepare(page, first, first + (roomEnd - roomStart) / PAGE_SIZE, expose);
  if (isErr(ready)) return FAULT_BUS;
  const start = vma.start + (cache.runFirst * PAGE_SIZE - vma.offset);
  const { runPages, runPhys } = cache;
  mm.physmem.hold(runPhys, runPages);
  const cow = !vma.isShared;
  const prot = cow ? vma.prot & ~PROT_WRITE : vma.prot;
  addExtent(mm, new Extent(start, start + runPages * PAGE_SIZE, runPhys, mm.physmem.windowOf(runPhys), prot, true, cow));
  if (cache.twins.size > 0) useTwins(mm, vma, start, start + runPages * PAGE_SIZE);
  return FAULT_OK;
}

/** Faults everything in [start, end) in, for writing where that is allowed; stops at the first failure. */
export function populate(mm: AddressSpace, start: GuestAddr, end: GuestAddr): number {
  let at = start;
  while (at < end) {
    const vma = findVma(mm, at);
    if (!vma) return FAULT_MAPERR;
    const write = (vma.prot & PROT_WRITE) !== 0 && !vma.isShared;
    if (vma.prot === 0) return FAULT_ACCERR;
    const answer = faultIn(mm, at, write);
    if (answer !== FAULT_OK) return answer;
    at = mm.extents.find(at)!.end;
  }
  return FAULT_OK;
}

// Copy on write.

/** Makes the page at `page` this space's own and writable, with some neighbours. */
export function breakCow(mm: AddressSpace, vma: Vma, extent: Extent, page: GuestAddr): number {
  const physmem = mm.physmem;
  if (!extent.cached) mm.forkProfile.note(page);
  if (!extent.cached && physmem.references(extent.physOf(page)) === 1) {
    takeOver(mm, vma, extent, page);
    return FAULT_OK;
  }
  if (mm.extents.size + 2 > MAX_EXTENTS) return FAULT_OOM;
  const available = (Math.min(extent.end, page - (page % RUN_BYTES) + RUN_BYTES) - page) / PAGE_SIZE;
  const shared = extent.cached ? available : physmem.runOfOwned(extent.physOf(page), available, false);
  const touched = physmem.touched(extent.physOf(page), shared);
  const isTouched = (touched[0]! & 1) === 1;
  const limit = isTouched ? copyLength(mm, vma, page, shared) : shared;
  let pages = 1;
  while (pages < limit && ((touched[pages]! & 1) === 1) === isTouched) pages++;
  let phys = isTouched ? physmem.allocateDirty(pages) : physmem.allocate(pages);
  if (isErr(phys) && pages > 1) {
    pages = 1;
    phys = isTouched ? physmem.allocateDirty(1) : physmem.allocate(1);
  }
  if (isErr(phys)) return FAULT_OOM;
  if (isTouched) copyFrames(mm, extent.physOf(page), phys, pages);
  vma.lastCopyEnd = page + pages * PAGE_SIZE;
  replace(mm, extent, page, page + pages * PAGE_SIZE, phys, vma.prot, isTouched);
  return FAULT_OK;
}

/** Pages to copy at once: more and more while faults follow each other. */
function copyLength(mm: AddressSpace, vma: Vma, page: GuestAddr, most: number): number {
  if (vma.lastCopyEnd === page) vma.copyPages = Math.min(vma.copyPages * 2, MAX_COPY_PAGES);
  else vma.copyPages = MIN_COPY_PAGES;
  return Math.min(most, mm.extents.size > MANY_EXTENTS ? 512 : vma.copyPages);
}

/** Copies `pages` contiguous frames. */
export function copyFrames(mm: AddressSpace, from: number, to: number, pages: number): void {
  const { physmem } = mm;
  if (pages >= MIN_WRITTEN_PAGES && writeMemory(physmem.fd, physmem.hostAddress(from), pages * PAGE_SIZE, physmem.fileOffset(to))) return;
  const source = physmem.windowOf(from);
  const target = physmem.windowOf(to);
  const start = from - source.base;
  target.bytes.set(source.bytes.subarray(start, start + pages * PAGE_SIZE), to - target.base);
}

/** Puts own frames in the place of a part of a shared extent. */
export function replace(
  mm: AddressSpace,
  extent: Extent,
  start: GuestAddr,
  end: GuestAddr,
  phys: number,
  prot: number,
  populate: boolean,
): void {
  const oldPhys = extent.physOf(start);
  const first = splitExtent(mm, start);
  splitExtent(mm, end);
  forgetTwin(mm, mm.extents.items[first]!);
  mm.extents.removeAt(first);
  mm.lastExtent = undefined;
  mm.releaseLater(oldPhys, (end - start) / PAGE_SIZE);
  addExtent(mm, new Extent(start, end, phys, mm.physmem.windowOf(phys), prot, false, false), populate);
}

/** The last owner of frames that were shared makes them writable: those around `page`, and others it finds on the way. */
function takeOver(mm: AddressSpace, vma: Vma, extent: Extent, page: GuestAddr): void {
  const physmem = mm.physmem;
  let start = page;
  while (start > extent.start && physmem.references(extent.physOf(start - PAGE_SIZE)) === 1) start -= PAGE_SIZE;
  const end = page + physmem.runOfOwned(extent.physOf(page), (extent.end - page) / PAGE_SIZE, true) * PAGE_SIZE;
  own(mm, vma, start, end);
  let budget = OWNED_SWEEP;
  for (let i = 0; i < mm.extents.size && budget > 0; i++) {
    const other = mm.extents.items[i]!;
    if (!other.cow || other.cached) continue;
    budget -= other.pages;
    if (budget < 0 || physmem.runOfOwned(other.phys, other.pages, true) < other.pages) continue;
    const holder = mm.vmas.find(other.start)!;
    if ((holder.prot & PROT_WRITE) !== 0) own(mm, holder, other.start, other.end);
  }
}

/** [start, end) of one extent is nobody else's any more. */
function own(mm: AddressSpace, vma: Vma, start: GuestAddr, end: GuestAddr): void {
  const index = splitExtent(mm, start);
  splitExtent(mm, end);
  const extent = mm.extents.items[index]!;
  extent.cow = false;
  extent.prot = vma.prot;
  mm.space.protect(start, end - start, vma.prot);
  joinExtent(mm, index);
}
