/**
 * mseal (Linux: mm/mseal.c; mseal(2)): VMAs whose place, protection and contents stay until the space ends. A space without seals
 * pays one comparison for each operation.
 */
import type { Errno, GuestAddr } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { EINVAL, ENOMEM } from '../abi/errno.js';
import { MADV_DONTFORK, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE, MADV_REMOVE, MADV_WIPEONFORK, PROT_WRITE } from '../abi/mman.js';
import { TASK_SIZE } from '../platform/platform.js';
import { MAX_VMAS, type AddressSpace } from './address-space.js';
import { joinWithin, splitVma } from './address-space-vmas.js';
import { VM_SEALED, type Vma } from './vma.js';

/** Advice that takes contents away, now or in a child. */
const DISCARDS: ReadonlySet<number> = new Set([
  MADV_FREE,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_REMOVE,
  MADV_DONTFORK,
  MADV_WIPEONFORK,
]);

/** Some VMA in the range is sealed: it may not be unmapped, moved or mapped over. */
export function isSealed(mm: AddressSpace, start: GuestAddr, end: GuestAddr): boolean {
  return mm.hasSeals && overlaps(mm, start, end, () => true);
}

/** Some VMA in the range refuses the advice: what it could write, it may also discard. */
export function sealedAgainst(mm: AddressSpace, advice: number, start: GuestAddr, end: GuestAddr): boolean {
  if (!mm.hasSeals || !DISCARDS.has(advice)) return false;
  return overlaps(mm, start, end, (vma) => vma.cache === undefined && (vma.prot & PROT_WRITE) === 0);
}

function overlaps(mm: AddressSpace, start: GuestAddr, end: GuestAddr, also: (vma: Vma) => boolean): boolean {
  const { items } = mm.vmas;
  for (let i = mm.vmas.indexOf(start); i < items.length && items[i]!.start < end; i++) {
    if ((items[i]!.flags & VM_SEALED) !== 0 && also(items[i]!)) return true;
  }
  return false;
}

/** Seals what is mapped there; ENOMEM, with nothing sealed, when something is not. */
export function seal(mm: AddressSpace, address: GuestAddr, lengthBytes: number): 0 | Errno {
  if (address % PAGE_SIZE !== 0) return EINVAL;
  const length = pageUp(lengthBytes);
  if (address + length >= 2 ** 64) return EINVAL;
  if (length === 0) return 0;
  const end = address + length;
  if (end > TASK_SIZE) return ENOMEM;
  const { vmas } = mm;
  for (let at = address; at < end; ) {
    const vma = vmas.items[vmas.indexOf(at)];
    if (vma === undefined || vma.start > at) return ENOMEM;
    at = vma.end;
  }
  if (vmas.size + 2 > MAX_VMAS) return ENOMEM;
  const first = splitVma(mm, vmas.indexOf(address), address);
  let last = first;
  while (last < vmas.items.length && vmas.items[last]!.end <= end) last++;
  if (vmas.items[last] !== undefined && vmas.items[last]!.start < end) splitVma(mm, last++, end);
  for (let i = first; i < last; i++) vmas.items[i]!.flags |= VM_SEALED;
  mm.hasSeals = true;
  joinWithin(mm, address, end);
  return 0;
}
