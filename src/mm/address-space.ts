/**
 * A guest address space: VMAs over extents (Linux: struct mm_struct).
 *
 *   VMAs     what an access to an address means: protection, file, sharing     (vma.ts)
 *   extents  which frames are there, and what the host mapping allows           (extent.ts)
 *   space    the host's mappings, changed by queued operations                  (platform/platform.ts)
 *
 * The class holds the state and what system calls ask of it; each subject has a file of functions that take it: the steps that
 * keep the three in agreement in address-space-vmas.ts and -extents, the operations in -map, -fault, -eager, -remap, -advise,
 * -fork, -user, -maps. Fields and methods marked "internal" are for those files.
 *
 * Frames whose mapping goes away may still be reachable by threads that run at this moment: when there can be any, `settle`
 * runs the queued operations before the frames are released.
 */
import type { ByteString, Errno, GuestAddr, PhysAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { EINVAL, ENOMEM } from '../abi/errno.js';
import { IntervalMap } from '../base/interval-map.js';
import { pageUp } from '../base/page.js';
import type { StructType } from '../base/struct.js';
import { TASK_SIZE, type HostSpace, type Trap } from '../platform/platform.js';
import * as advising from './address-space-advise.js';
import { dropExtents, swallowExtent } from './address-space-extents.js';
import * as faults from './address-space-fault.js';
import * as forking from './address-space-fork.js';
import * as mapping from './address-space-map.js';
import * as reporting from './address-space-maps.js';
import * as moving from './address-space-remap.js';
import * as user from './address-space-user.js';
import { detach, swallowVma } from './address-space-vmas.js';
import type { Extent } from './extent.js';
import { ForkProfile } from './fork-profile.js';
import type { IoVec } from './io-vec.js';
import type { CacheMapper, Mappable, PageCache } from './page-cache.js';
import type { PhysMem } from './phys-mem.js';
import * as twins from './text-twins.js';
import { UserIoVec } from './user-io-vec.js';
import { VM_GROWSDOWN, VM_LOCKED, type Vma } from './vma.js';

/** A mapped file as mm sees it; vfs' OpenFile and Path are behind it. */
export interface MappedFile {
  readonly mappable: Mappable;
  /** One more, one less reference to the open file. */
  hold(): void;
  drop(): void;
  /** For /proc/PID/maps: device, inode, path. */
  describe(): { device: number; ino: number; path: ByteString };
}

export interface MapRequest {
  /** Hint, or the address itself with MAP_FIXED. */
  address: GuestAddr;
  length: number;
  prot: number;
  /** MAP_* */
  flags: number;
  file?: MappedFile;
  /** Byte offset into the file, page aligned. */
  offset?: number;
  /** May PROT_WRITE be added later (a shared mapping of a file opened read-only may not). */
  maxProt?: number;
  /** '[heap]', '[stack]', '[vdso]', ... for maps. */
  name?: string;
  /** VM_* bits beyond those that `flags` implies (VM_DONTEXPAND for the vdso). */
  vmFlags?: number;
}

/** What fault handling decided. */
export type FaultOutcome = { kind: 'resolved' } | { kind: 'signal'; signal: number; code: number; address: number };

/** Extents are host mappings; the host allows 65,530, the stub has a few, and an operation may need two for a moment. */
export const MAX_EXTENTS = 65_000;
/** Linux: vm.max_map_count. */
export const MAX_VMAS = 65_530;

let nextId = 1;

export class AddressSpace implements CacheMapper {
  /** Told when it goes: ends what the kernel keeps for it (asynchronous I/O). */
  onDispose: (() => void) | undefined = undefined;
  /** Tasks that share it; `dispose` at zero. */
  users = 1;

  // Layout, set by exec and read by proc and brk.
  startCode: GuestAddr = 0;
  endCode: GuestAddr = 0;
  startData: GuestAddr = 0;
  endData: GuestAddr = 0;
  startBrk: GuestAddr = 0;
  brk: GuestAddr = 0;
  startStack: GuestAddr = 0;
  argStart: GuestAddr = 0;
  argEnd: GuestAddr = 0;
  envStart: GuestAddr = 0;
  envEnd: GuestAddr = 0;
  auxv: Uint8Array = new Uint8Array(0);

  /** Registrations of membarrier(2). */
  membarriers = 0;

  /** Set where the program loads others by itself: the one file whose patched text it takes from other processes (text-twins.ts). */
  ownText: PageCache | undefined = undefined;

  // Limits in bytes, copied from the rlimits of the process (RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK).
  limits = { addressSpace: Infinity, data: Infinity, stack: 8 << 20 };

  /** Unique for the life of the kernel: names the space in futex keys. */
  readonly id = nextId++;

  // Internal from here on.
  readonly vmas = new IntervalMap<Vma>();
  readonly extents = new IntervalMap<Extent>();
  /** Pages mapped by VMAs; of them private and writable. */
  totalPages = 0;
  dataPages = 0;
  peakPages = 0;
  /** VM_* bits that every new VMA gets (mlockall MCL_FUTURE). */
  defaultFlags = 0;
  /** Everything from here up to mmapBase has no gap longer than `largestGap`. */
  gapSearchEnd: GuestAddr = 0;
  largestGap = 0;
  /** Set while another task's doing changes this space: its threads may run. */
  private remote = false;
  /** Some VMA has VM_SEALED. */
  hasSeals = false;
  private limboPhys: PhysAddr[] = [];
  private limboPages: number[] = [];
  /** The extent of the last user access. */
  lastExtent: Extent | undefined = undefined;
  /** Shared with what this space was forked from and what it forks. */
  forkProfile = new ForkProfile();
  /** Faults that found nothing to do, because another thread's fault had done it. */
  spuriousFaults = 0;
  private disposed = false;
  // Made once, because joining is on the way of every fault.
  readonly vmaJoiner = (vma: Vma, next: Vma): boolean => swallowVma(this, vma, next);
  readonly extentJoiner = (extent: Extent, next: Extent): boolean => swallowExtent(this, extent, next);

  constructor(
    readonly physmem: PhysMem,
    /** The host side; replaced when exec moves to another stub process. */
    public space: HostSpace,
    /** mmap places mappings below it, downwards. Random; exec may set another. */
    public mmapBase: GuestAddr = mapping.randomMmapBase(),
  ) {}

  // Operations behind the system calls.

  /** mmap(2). `request.file` gets one `hold` when it succeeds; the caller's own reference stays the caller's. */
  map(request: MapRequest): GuestAddr | Errno {
    return this.settled(mapping.map(this, request));
  }
  unmap(address: GuestAddr, length: number): 0 | Errno {
    return this.settled(mapping.unmap(this, address, length));
  }
  protect(address: GuestAddr, length: number, prot: number): 0 | Errno {
    return this.settled(mapping.protect(this, address, length, prot));
  }
  remap(oldAddress: GuestAddr, oldLength: number, newLength: number, flags: number, newAddress: GuestAddr): GuestAddr | Errno {
    return this.settled(moving.remap(this, oldAddress, oldLength, newLength, flags, newAddress));
  }
  /** brk(2): the new break, or the old one when it cannot be moved. */
  setBrk(address: GuestAddr): GuestAddr {
    return this.settled(mapping.setBrk(this, address));
  }
  advise(address: GuestAddr, length: number, advice: number): 0 | Errno {
    return this.settled(advising.advise(this, address, length, advice));
  }
  sync(address: GuestAddr, length: number, flags: number): 0 | Errno {
    return advising.sync(this, address, length, flags);
  }
  residency(address: GuestAddr, length: number, out: Uint8Array): 0 | Errno {
    return advising.residency(this, address, length, out);
  }
  /** mlock and munlock: nothing is ever swapped by us, so only the flag (and populating) is left. */
  lock(address: GuestAddr, length: number, flag: number): 0 | Errno {
    return this.settled(advising.lock(this, address, length, flag));
  }
  /** mlockall (MCL_*) and, with 0, munlockall. */
  lockAll(flags: number): 0 | Errno {
    return this.settled(advising.lockAll(this, flags));
  }

  /** A system call that `Trap.isHot` is told of: its instruction ended at `end`. */
  patchSite(end: GuestAddr, nr: number): void {
    twins.patchSite(this, end, nr);
    this.settle();
  }

  /** Called by the run loop for TRAP_FAULT. `completeFault`: asks the platform for the kind of access when it matters. */
  handleFault(trap: Trap, completeFault: () => void): FaultOutcome {
    const outcome = faults.handleFault(this, trap, completeFault);
    this.settle();
    return outcome;
  }

  /**
   * Before HostSpace.fork: queues what makes this space's private memory read-only. `hints`: addresses that both sides will
   * write to at once (the stack pointer, the thread pointer); their pages are copied then, not shared.
   */
  protectForFork(hints: readonly GuestAddr[] = []): 0 | Errno {
    return forking.protectForFork(this, hints);
  }
  /** A copy for fork: shares every private frame copy-on-write. `childSpace`: made by HostSpace.fork AFTER `protectForFork`. */
  fork(childSpace: HostSpace): AddressSpace | Errno {
    return forking.fork(this, childSpace);
  }

  /** Drops everything: frames and files return. No thread may run in the space any more; the host's mappings are left as they are. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.onDispose?.();
    for (const extent of this.extents.items) {
      this.releaseLater(extent.phys, extent.pages);
      if (extent.twin) this.releaseLater(extent.twin.frame, 1);
    }
    this.releaseLimbo();
    this.extents.clear();
    this.lastExtent = undefined;
    const vmas = this.vmas.items.slice();
    this.vmas.clear();
    for (const vma of vmas) detach(this, vma);
    this.totalPages = 0;
    this.dataPages = 0;
  }

  // User memory. All fault pages in as the guest itself would (write: breaks COW); EFAULT where the guest would get SIGSEGV.

  copyIn(address: GuestAddr, target: Uint8Array, offset = 0, length = target.length - offset): 0 | Errno {
    return user.copyIn(this, address, target, offset, length);
  }
  copyOut(address: GuestAddr, source: Uint8Array, offset = 0, length = source.length - offset): 0 | Errno {
    return user.copyOut(this, address, source, offset, length);
  }
  /** Stores `length` zero bytes. */
  clearUser(address: GuestAddr, length: number): 0 | Errno {
    return user.clearUser(this, address, length);
  }
  /** NUL-terminated byte string of at most `max` bytes, its NUL included; ENAMETOOLONG when longer. */
  copyInString(address: GuestAddr, max: number): ByteString | Errno {
    return user.copyInString(this, address, max);
  }
  readU32(address: GuestAddr): number | Errno {
    return user.readU32(this, address);
  }
  readU64(address: GuestAddr): number | Errno {
    return user.readU64(this, address);
  }
  writeU32(address: GuestAddr, value: number): 0 | Errno {
    return user.writeU32(this, address, value);
  }
  writeU64(address: GuestAddr, value: number): 0 | Errno {
    return user.writeU64(this, address, value);
  }
  readStruct<T>(address: GuestAddr, type: StructType<T>): T | Errno {
    return user.readStruct(this, address, type);
  }
  writeStruct<T>(address: GuestAddr, type: StructType<T>, value: T): 0 | Errno {
    return user.writeStruct(this, address, type, value);
  }
  /** A cursor over one guest buffer, or several (readv). The caller has validated the count. */
  ioVec(address: GuestAddr, length: number): IoVec {
    return new UserIoVec(this, address, length);
  }
  ioVecs(segments: readonly { base: GuestAddr; length: number }[]): IoVec {
    return UserIoVec.over(this, segments);
  }
  /**
   * Where a futex word lives: key string that is equal for the same word in every address space that shares the frame
   * (`private`: this mm and address), or EFAULT.
   */
  futexKey(address: GuestAddr, isPrivate: boolean): string | Errno {
    return user.futexKey(this, address, isPrivate);
  }
  /** Unsigned; the address must be aligned. */
  atomicLoad(address: GuestAddr): number | Errno {
    return user.atomicLoad(this, address);
  }
  /** Returns the old value as unsigned, or EFAULT. */
  atomicCompareExchange(address: GuestAddr, expected: number, replacement: number): number | Errno {
    return user.atomicCompareExchange(this, address, expected, replacement);
  }

  /**
   * Runs `operation` on the memory of another process, whose threads may run meanwhile: what it changed is in force at the end
   * (process_vm_writev, ptrace).
   */
  fromOutside<R>(operation: () => R): R {
    this.remote = true;
    const result = operation();
    this.settle();
    this.space.commit();
    this.remote = false;
    return result;
  }

  /**
   * Access to another process' memory as ptrace(2) and /proc/PID/mem have it: bytes moved (short at an unmapped page), ignoring
   * what the VMAs allow as long as they exist. `write`: from `bytes` into the guest; a private mapping gets its own copy.
   */
  accessForcibly(address: GuestAddr, bytes: Uint8Array, write: boolean): number {
    return this.fromOutside(() => user.accessForcibly(this, address, bytes, write));
  }

  /** Text of /proc/PID/maps; totals for status and statm, in pages. */
  formatMaps(): ByteString {
    return reporting.formatMaps(this);
  }
  /** Text of /proc/PID/smaps. */
  formatSmaps(): ByteString {
    return reporting.formatSmaps(this);
  }
  statistics(): { size: number; resident: number; shared: number; text: number; data: number; stack: number; peak: number } {
    return reporting.statistics(this);
  }

  /** Pages under mlock. */
  lockedPages(): number {
    let pages = 0;
    for (const vma of this.vmas.items) if ((vma.flags & VM_LOCKED) !== 0) pages += vma.pages;
    return pages;
  }
  /** First address of the stack that holds `address` (PROT_GROWSDOWN): EINVAL when that is no growing mapping. */
  stackStart(address: GuestAddr): GuestAddr | Errno {
    const vma = this.vmas.items[this.vmas.indexOf(address)];
    if (!vma || vma.start > address) return ENOMEM;
    return (vma.flags & VM_GROWSDOWN) !== 0 ? vma.start : EINVAL;
  }
  /** Resident pages, quickly: untouched pages of large areas may count. For ru_maxrss. */
  residentPages(): number {
    return reporting.residentPages(this);
  }

  /** What /proc/PID/pagemap tells of a page. */
  pageState(address: GuestAddr): 'absent' | 'anonymous' | 'file' {
    const extent = this.extents.find(address);
    if (!extent || this.physmem.touched(extent.physOf(address), 1)[0] === 0) return 'absent';
    return extent.cached ? 'file' : 'anonymous';
  }

  // CacheMapper.

  unmapCache(cache: PageCache, from: number, to: number, alsoCopies: boolean): void {
    this.remote = true;
    for (const vma of this.vmas.items) {
      if (vma.cache !== cache) continue;
      const start = vma.start + Math.max(0, from - vma.offset);
      const end = Math.min(vma.end, vma.start + (pageUp(to) - vma.offset));
      if (start < end) dropExtents(this, start, end, !alsoCopies);
    }
    this.settle();
    this.remote = false;
  }

  // Internal: frames that wait for their release.

  releaseLater(phys: PhysAddr, pages: number): void {
    this.limboPhys.push(phys);
    this.limboPages.push(pages);
  }

  /** Ends an operation. Frames in limbo are released once what is queued is in force: now, where other threads may run meanwhile. */
  settle(): 0 | Errno {
    if (this.limboPhys.length === 0) return 0;
    if (this.remote || (this.users > 1 && !this.space.whenOutOfReach)) {
      const committed = this.space.commit();
      // Still mapped somewhere: they stay in limbo until a later operation gets through, or dispose.
      if (isErr(committed)) return committed;
    }
    this.releaseLimbo();
    return 0;
  }

  private settled<R extends number>(result: R): R {
    if (this.limboPhys.length > 0) this.settle();
    return result;
  }

  private releaseLimbo(): void {
    const { physmem, limboPhys, limboPages } = this;
    this.limboPhys = [];
    this.limboPages = [];
    const release = (): void => {
      for (let i = 0; i < limboPhys.length; i++) physmem.release(limboPhys[i]!, limboPages[i]!);
    };
    if (this.space.whenOutOfReach) this.space.whenOutOfReach(release);
    else release();
  }

  /** What mmap places or accepts is not below it. */
  get lowestAddress(): GuestAddr {
    return this.space.lowestAddress ?? mapping.MMAP_MIN_ADDR;
  }

  /** True when [start, start+length) can be a guest's. */
  isGuestRange(start: number, length: number): boolean {
    return start >= 0 && length >= 0 && start <= TASK_SIZE && length <= TASK_SIZE - start;
  }
}
