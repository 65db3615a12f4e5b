/**
 * User memory (Linux: copy_from_user, get_user, futex_atomic_cmpxchg). Addresses are translated through the extents with a
 * last-hit cache; what is not there, or not writable yet, is faulted in as the guest would do it. EFAULT where the guest would
 * get a signal. The paths that find their extent allocate nothing.
 */
import type { ByteString, Errno, GuestAddr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { EFAULT, ENAMETOOLONG } from '../abi/errno.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { PAGE_SIZE, pageDown } from '../base/page.js';
import type { StructType } from '../base/struct.js';
import { TASK_SIZE } from '../platform/platform.js';
import type { AddressSpace } from './address-space.js';
import { breakCow, faultIn, findVma, FAULT_OK, resolve } from './address-space-fault.js';
import type { Extent } from './extent.js';
import { copyBytes } from './io-vec.js';

const READABLE = PROT_READ | PROT_WRITE | PROT_EXEC;

/** The extent by which `address` can be accessed, faulted in when need be; undefined: EFAULT. */
export function extentFor(mm: AddressSpace, address: GuestAddr, write: boolean): Extent | undefined {
  const wanted = write ? PROT_WRITE : READABLE;
  const last = mm.lastExtent;
  if (last !== undefined && last.start <= address && address < last.end && (last.prot & wanted) !== 0) return last;
  let extent = mm.extents.find(address);
  if (extent === undefined || (extent.prot & wanted) === 0) {
    const answer = faultIn(mm, address, write);
    mm.settle();
    if (answer !== FAULT_OK) return undefined;
    extent = mm.extents.find(address);
  }
  mm.lastExtent = extent;
  return extent;
}

export function copyIn(mm: AddressSpace, address: GuestAddr, target: Uint8Array, offset: number, length: number): 0 | Errno {
  let done = 0;
  while (done < length) {
    const extent = extentFor(mm, address + done, false);
    if (extent === undefined) return EFAULT;
    const span = Math.min(length - done, extent.end - (address + done));
    copyBytes(extent.window.bytes, address + done + extent.delta, target, offset + done, span);
    done += span;
  }
  return 0;
}

export function copyOut(mm: AddressSpace, address: GuestAddr, source: Uint8Array, offset: number, length: number): 0 | Errno {
  let done = 0;
  while (done < length) {
    const extent = extentFor(mm, address + done, true);
    if (extent === undefined) return EFAULT;
    const span = Math.min(length - done, extent.end - (address + done));
    copyBytes(source, offset + done, extent.window.bytes, address + done + extent.delta, span);
    done += span;
  }
  return 0;
}

export function clearUser(mm: AddressSpace, address: GuestAddr, length: number): 0 | Errno {
  let done = 0;
  while (done < length) {
    const extent = extentFor(mm, address + done, true);
    if (extent === undefined) return EFAULT;
    const span = Math.min(length - done, extent.end - (address + done));
    const offset = address + done + extent.delta;
    extent.window.bytes.fill(0, offset, offset + span);
    done += span;
  }
  return 0;
}

export function copyInString(mm: AddressSpace, address: GuestAddr, max: number): ByteString | Errno {
  let text = '';
  let at = address;
  let left = max;
  while (left > 0) {
    const extent = extentFor(mm, at, false);
    if (extent === undefined) return EFAULT;
    // Page by page: what lies behind the string need not be looked at.
    const span = Math.min(left, extent.end - at, PAGE_SIZE - (at % PAGE_SIZE));
    const start = at + extent.delta;
    const end = findNul(extent.window.bytes, start, start + span);
    // Only what this second look sees counts: a guest that changes the string meanwhile gets one or the other, never a mixture
    // with a NUL inside.
    const part = extent.window.buffer.toString('latin1', start, end);
    const nul = part.indexOf('\0');
    if (nul >= 0) return text + part.slice(0, nul);
    if (end < start + span) return text + part;
    text += part;
    at += span;
    left -= span;
  }
  return ENAMETOOLONG;
}

/** Index of the first zero byte in [start, limit), or `limit`. */
function findNul(bytes: Uint8Array, start: number, limit: number): number {
  const near = Math.min(limit, start + 64);
  for (let i = start; i < near; i++) if (bytes[i] === 0) return i;
  if (near === limit) return limit;
  const found = bytes.subarray(near, limit).indexOf(0);
  return found < 0 ? limit : near + found;
}

const scratch = new Uint8Array(64);
const scratchView = new DataView(scratch.buffer);

export function readU32(mm: AddressSpace, address: GuestAddr): number | Errno {
  const extent = extentFor(mm, address, false);
  if (extent === undefined) return EFAULT;
  if (extent.end - address >= 4) return extent.window.view.getUint32(address + extent.delta, true);
  const result = copyIn(mm, address, scratch, 0, 4);
  return result < 0 ? result : scratchView.getUint32(0, true);
}

export function readU64(mm: AddressSpace, address: GuestAddr): number | Errno {
  const extent = extentFor(mm, address, false);
  if (extent === undefined) return EFAULT;
  if (extent.end - address < 8) {
    const result = copyIn(mm, address, scratch, 0, 8);
    return result < 0 ? result : scratchView.getUint32(0, true) + scratchView.getUint32(4, true) * 4294967296;
  }
  const at = address + extent.delta;
  return extent.window.view.getUint32(at, true) + extent.window.view.getUint32(at + 4, true) * 4294967296;
}

export function writeU32(mm: AddressSpace, address: GuestAddr, value: number): 0 | Errno {
  const extent = extentFor(mm, address, true);
  if (extent === undefined) return EFAULT;
  if (extent.end - address >= 4) {
    extent.window.view.setUint32(address + extent.delta, value, true);
    return 0;
  }
  scratchView.setUint32(0, value, true);
  return copyOut(mm, address, scratch, 0, 4);
}

/** Negative numbers within 2^53 are stored in two's complement. */
export function writeU64(mm: AddressSpace, address: GuestAddr, value: number): 0 | Errno {
  const extent = extentFor(mm, address, true);
  if (extent === undefined) return EFAULT;
  const high = Math.floor(value / 4294967296);
  if (extent.end - address >= 8) {
    const at = address + extent.delta;
    extent.window.view.setUint32(at, value, true);
    extent.window.view.setUint32(at + 4, high, true);
    return 0;
  }
  scratchView.setUint32(0, value, true);
  scratchView.setUint32(4, high, true);
  return copyOut(mm, address, scratch, 0, 8);
}

export function readStruct<T>(mm: AddressSpace, address: GuestAddr, type: StructType<T>): T | Errno {
  const extent = extentFor(mm, address, false);
  if (extent === undefined) return EFAULT;
  if (extent.end - address >= type.size) return type.read(extent.window.view, address + extent.delta);
  const bytes = new Uint8Array(type.size);
  const result = copyIn(mm, address, bytes, 0, type.size);
  return isErr(result) ? result : type.read(new DataView(bytes.buffer), 0);
}

export function writeStruct<T>(mm: AddressSpace, address: GuestAddr, type: StructType<T>, value: T): 0 | Errno {
  const extent = extentFor(mm, address, true);
  if (extent === undefined) return EFAULT;
  if (extent.end - address >= type.size) {
    type.write(extent.window.view, address + extent.delta, value);
    return 0;
  }
  const bytes = new Uint8Array(type.size);
  type.write(new DataView(bytes.buffer), 0, value);
  return copyOut(mm, address, bytes, 0, type.size);
}

export function futexKey(mm: AddressSpace, address: GuestAddr, isPrivate: boolean): string | Errno {
  // Private words are named by address, whatever the page: waking needs none.
  if (isPrivate) return address < TASK_SIZE ? `${mm.id}:${address}` : EFAULT;
  if (extentFor(mm, address, false) === undefined) return EFAULT;
  const vma = mm.vmas.find(address)!;
  return vma.isShared ? `c${vma.cache!.id}:${vma.offsetOf(address)}` : `${mm.id}:${address}`;
}

export function atomicLoad(mm: AddressSpace, address: GuestAddr): number | Errno {
  const extent = extentFor(mm, address, false);
  if (extent === undefined) return EFAULT;
  return Atomics.load(extent.window.words, (address + extent.delta) / 4) >>> 0;
}

export function atomicCompareExchange(mm: AddressSpace, address: GuestAddr, expected: number, replacement: number): number | Errno {
  const extent = extentFor(mm, address, true);
  if (extent === undefined) return EFAULT;
  return Atomics.compareExchange(extent.window.words, (address + extent.delta) / 4, expected | 0, replacement | 0) >>> 0;
}

export function accessForcibly(mm: AddressSpace, address: GuestAddr, bytes: Uint8Array, write: boolean): number {
  let done = 0;
  while (done < bytes.length) {
    const at = address + done;
    const extent = forcedExtent(mm, at, write);
    if (extent === undefined) break;
    const span = Math.min(bytes.length - done, extent.end - at, PAGE_SIZE - (at % PAGE_SIZE));
    if (write) copyBytes(bytes, done, extent.window.bytes, at + extent.delta, span);
    else copyBytes(extent.window.bytes, at + extent.delta, bytes, done, span);
    done += span;
  }
  return done;
}

/** As extentFor, but a VMA's protection does not count (Linux: FOLL_FORCE): writing to a private one makes a copy. */
function forcedExtent(mm: AddressSpace, address: GuestAddr, write: boolean): Extent | undefined {
  const vma = mm.vmas.find(address);
  if (!vma || (write && vma.isShared && (vma.prot & PROT_WRITE) === 0)) return undefined;
  let extent = mm.extents.find(address);
  if (!extent && resolve(mm, findVma(mm, address)!, undefined, address, false) !== FAULT_OK) return undefined;
  extent = mm.extents.find(address)!;
  if (write && extent.cow && breakCow(mm, vma, extent, pageDown(address)) !== FAULT_OK) return undefined;
  return mm.extents.find(address);
}
