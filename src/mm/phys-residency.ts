/** Which frames of a memfd have host memory, and giving it to them ahead of use (mincore(2), lseek(2) SEEK_DATA). */
import type { HostAddr, HostFd } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { mincore, pwriteBytes, pwriteMemory, seekData } from '../host/memory.js';
import { CHUNK_FRAMES } from './phys-window.js';

const residency = new Uint8Array(CHUNK_FRAMES);
const ZEROS = new Uint8Array(256 * 1024);

/**
 * One byte for each of up to 512 pages: 1 where the file at `offset`, mapped at `host`, has data. The array is reused.
 * mincore does not see what the host has swapped out, so its zeros are checked by SEEK_DATA.
 */
export function findTouched(fd: HostFd, offset: number, host: HostAddr, pages: number): Uint8Array {
  if (isErr(mincore(host, pages * PAGE_SIZE, residency))) return residency.fill(1, 0, pages);
  for (let i = 0; i < pages; ) {
    if ((residency[i]! & 1) === 1) {
      residency[i++] = 1;
      continue;
    }
    const data = seekData(fd, offset + i * PAGE_SIZE);
    const next = isErr(data) ? pages : Math.min(pages, Math.floor((data - offset) / PAGE_SIZE));
    if (next <= i) residency[i++] = 1;
    else i = markUntouched(i, next);
  }
  return residency;
}

/** As `findTouched`, but without what the host has swapped out: for statistics, at half the cost. */
export function findResident(host: HostAddr, pages: number): Uint8Array {
  if (isErr(mincore(host, pages * PAGE_SIZE, residency))) return residency.fill(1, 0, pages);
  return residency;
}

/** Zeroes the bytes from `from` up to `to`, or to a page that got memory meanwhile; returns where it stopped. */
function markUntouched(from: number, to: number): number {
  let i = from;
  while (i < to && (i === from || (residency[i]! & 1) === 0)) residency[i++] = 0;
  return i;
}

/**
 * Copies host memory into the file: the host gives memory to the target as it goes, neither zeroed nor mapped here first, which takes
 * a third of the time of a copy through two mappings. False when not all could be copied.
 */
export function writeMemory(fd: HostFd, from: HostAddr, length: number, offset: number): boolean {
  for (let done = 0; done < length; ) {
    const written = pwriteMemory(fd, from + done, length - done, offset + done);
    if (written <= 0) return false;
    done += written;
  }
  return true;
}

/** Gives zeroed memory to a range of the file: two thirds of the cost of page faults. */
export function writeZeros(fd: HostFd, offset: number, length: number): void {
  for (let done = 0; done < length; done += ZEROS.length) {
    pwriteBytes(fd, ZEROS, Math.min(ZEROS.length, length - done), offset + done);
  }
}
