/** A guest address space: VMAs over extents (Linux: struct mm_struct). SKELETON */
import type { ByteString, Errno, GuestAddr } from '../base/brands.js';
import type { StructType } from '../base/struct.js';
import type { HostSpace, Trap } from '../platform/platform.js';
import type { IoVec } from './io-vec.js';
import type { Mappable } from './page-cache.js';
import type { PhysMem } from './phys-mem.js';

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
  /** MAP_GROWSDOWN limits come from RLIMIT_STACK. */
}

/** What fault handling decided. */
export type FaultOutcome = { kind: 'resolved' } | { kind: 'signal'; signal: number; code: number; address: number };

export declare class AddressSpace {
  constructor(physmem: PhysMem, space: HostSpace);
  readonly physmem: PhysMem;
  /** The host side; replaced when exec moves to another stub process. */
  space: HostSpace;
  /** Tasks that share it; `dispose` at zero. */
  users: number;

  // Layout, set by exec and read by proc and brk.
  startCode: GuestAddr; endCode: GuestAddr; startData: GuestAddr; endData: GuestAddr;
  startBrk: GuestAddr; brk: GuestAddr; startStack: GuestAddr;
  argStart: GuestAddr; argEnd: GuestAddr; envStart: GuestAddr; envEnd: GuestAddr;
  mmapBase: GuestAddr;
  auxv: Uint8Array;

  // Limits in bytes, copied from the rlimits of the process (RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK).
  limits: { addressSpace: number; data: number; stack: number };

  // Operations behind the system calls.
  map(request: MapRequest): GuestAddr | Errno;
  unmap(address: GuestAddr, length: number): 0 | Errno;
  protect(address: GuestAddr, length: number, prot: number): 0 | Errno;
  remap(oldAddress: GuestAddr, oldLength: number, newLength: number, flags: number, newAddress: GuestAddr): GuestAddr | Errno;
  setBrk(address: GuestAddr): GuestAddr;
  advise(address: GuestAddr, length: number, advice: number): 0 | Errno;
  sync(address: GuestAddr, length: number, flags: number): 0 | Errno;
  residency(address: GuestAddr, length: number, out: Uint8Array): 0 | Errno;

  /** Called by the run loop for TRAP_FAULT. `completeFault`: asks the platform for the kind of access when it matters. */
  handleFault(trap: Trap, completeFault: () => void): FaultOutcome;
  /** A copy for fork: shares every private frame copy-on-write. `space`: the child's, made by HostSpace.fork AFTER `protectForFork`. */
  protectForFork(): 0 | Errno;
  fork(childSpace: HostSpace): AddressSpace | Errno;
  /** Drops everything mapped (exec by a lone task reuses the object? no: exec makes a new AddressSpace). Frames return. */
  dispose(): void;

  // User memory. All fault pages in as the guest itself would (write: breaks COW); EFAULT where the guest would get SIGSEGV.
  copyIn(address: GuestAddr, target: Uint8Array, offset?: number, length?: number): 0 | Errno;
  copyOut(address: GuestAddr, source: Uint8Array, offset?: number, length?: number): 0 | Errno;
  /** NUL-terminated byte string of at most `max` bytes; ENAMETOOLONG when longer. */
  copyInString(address: GuestAddr, max: number): ByteString | Errno;
  readU32(address: GuestAddr): number | Errno;
  readU64(address: GuestAddr): number | Errno;
  writeU32(address: GuestAddr, value: number): 0 | Errno;
  writeU64(address: GuestAddr, value: number): 0 | Errno;
  readStruct<T>(address: GuestAddr, type: StructType<T>): T | Errno;
  writeStruct<T>(address: GuestAddr, type: StructType<T>, value: T): 0 | Errno;
  /** A cursor over one guest buffer, or several (readv). The caller has validated the count. */
  ioVec(address: GuestAddr, length: number): IoVec;
  ioVecs(segments: readonly { base: GuestAddr; length: number }[]): IoVec;
  /**
   * Where a futex word lives: key string that is equal for the same word in every address space that shares the frame
   * (`private`: this mm and address), or EFAULT; `load`/`compareExchange` work on the word atomically.
   */
  futexKey(address: GuestAddr, isPrivate: boolean): string | Errno;
  atomicLoad(address: GuestAddr): number | Errno;
  /** Returns the old value as unsigned, or EFAULT. */
  atomicCompareExchange(address: GuestAddr, expected: number, replacement: number): number | Errno;

  /** Text of /proc/PID/maps; totals for status and statm, in pages. */
  formatMaps(): ByteString;
  statistics(): { size: number; resident: number; shared: number; text: number; data: number; stack: number; peak: number };
}
