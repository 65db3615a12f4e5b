/** What /proc/PID/maps, smaps, status and statm tell of an address space (Linux: fs/proc/task_mmu.c). */
import type { ByteString } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import type { AddressSpace } from './address-space.js';
import { VM_DONTEXPAND, VM_GROWSDOWN, VM_LOCKED, type Vma } from './vma.js';

/** Column at which the path begins. */
const PATH_COLUMN = 73;

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

function protText(vma: Vma): string {
  const { prot } = vma;
  return (
    ((prot & PROT_READ) !== 0 ? 'r' : '-') +
    ((prot & PROT_WRITE) !== 0 ? 'w' : '-') +
    ((prot & PROT_EXEC) !== 0 ? 'x' : '-') +
    (vma.isShared ? 's' : 'p')
  );
}

function mapsLine(vma: Vma): string {
  let device = 0;
  let ino = 0;
  let path = vma.name;
  if (vma.file) ({ device, ino, path } = vma.file.describe());
  else if (vma.isShared && path === '') path = '/dev/zero (deleted)';
  const offset = vma.cache ? vma.offset : 0;
  const devices = `${hex(Math.floor(device / 256) % 4096, 2)}:${hex(device % 256, 2)}`;
  const line = `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${protText(vma)} ${hex(offset, 8)} ${devices} ${ino} `;
  return path === '' ? line : line.padEnd(PATH_COLUMN) + path.replaceAll('\n', '\\012');
}

export function formatMaps(mm: AddressSpace): ByteString {
  let text = '';
  for (const vma of mm.vmas.items) text += `${mapsLine(vma)}\n`;
  return text;
}

/** Pages of a VMA by whose they are. Only touched frames count. */
interface Residency {
  shared: number;
  private: number;
  anonymous: number;
}

/** Counts what is resident in the VMA's extents. */
function residencyOf(mm: AddressSpace, vma: Vma): Residency {
  const result: Residency = { shared: 0, private: 0, anonymous: 0 };
  const items = mm.extents.items;
  for (let i = mm.extents.indexOf(vma.start); i < items.length && items[i]!.start < vma.end; i++) {
    const extent = items[i]!;
    for (let at = extent.start; at < extent.end; at += 512 * PAGE_SIZE) {
      const pages = Math.min(512, (extent.end - at) / PAGE_SIZE);
      const phys = extent.physOf(at);
      const touched = mm.physmem.touched(phys, pages);
      const references = extent.window.references;
      const first = (phys - extent.window.base) / PAGE_SIZE;
      for (let k = 0; k < pages; k++) {
        if ((touched[k]! & 1) === 0) continue;
        if (!extent.cached) result.anonymous++;
        if (references[first + k]! > (extent.cached ? 2 : 1)) result.shared++;
        else result.private++;
      }
    }
  }
  return result;
}

export function formatSmaps(mm: AddressSpace): ByteString {
  let text = '';
  for (const vma of mm.vmas.items) {
    const { shared, private: own, anonymous } = residencyOf(mm, vma);
    const dirty = Math.min(own, anonymous);
    const fields: readonly (readonly [string, number])[] = [
      ['Size', vma.pages],
      ['KernelPageSize', 1],
      ['MMUPageSize', 1],
      ['Rss', shared + own],
      ['Pss', own + Math.floor(shared / 2)],
      ['Shared_Clean', shared],
      ['Shared_Dirty', 0],
      ['Private_Clean', own - dirty],
      ['Private_Dirty', dirty],
      ['Referenced', shared + own],
      ['Anonymous', anonymous],
      ['LazyFree', 0],
      ['AnonHugePages', 0],
      ['Swap', 0],
      ['SwapPss', 0],
      ['Locked', (vma.flags & VM_LOCKED) !== 0 ? shared + own : 0],
    ];
    text += `${mapsLine(vma)}\n`;
    for (const [name, pages] of fields) text += `${`${name}:`.padEnd(16)}${String(pages * 4).padStart(8)} kB\n`;
    text += `THPeligible:           0\nVmFlags: ${flagText(vma)}\n`;
  }
  return text;
}

function flagText(vma: Vma): string {
  const names: string[] = [];
  if ((vma.prot & PROT_READ) !== 0) names.push('rd');
  if ((vma.prot & PROT_WRITE) !== 0) names.push('wr');
  if ((vma.prot & PROT_EXEC) !== 0) names.push('ex');
  if (vma.isShared) names.push('sh');
  names.push('mr', 'mw', 'me');
  if ((vma.flags & VM_GROWSDOWN) !== 0) names.push('gd');
  if ((vma.flags & VM_LOCKED) !== 0) names.push('lo');
  if ((vma.flags & VM_DONTEXPAND) !== 0) names.push('de');
  return `${names.join(' ')} `;
}

export function statistics(mm: AddressSpace): {
  size: number;
  resident: number;
  shared: number;
  text: number;
  data: number;
  stack: number;
  peak: number;
} {
  let resident = 0;
  let shared = 0;
  let stack = 0;
  for (const vma of mm.vmas.items) {
    const counts = residencyOf(mm, vma);
    const pages = counts.shared + counts.private;
    resident += pages;
    if (vma.cache) shared += pages - counts.anonymous;
    if ((vma.flags & VM_GROWSDOWN) !== 0) stack += vma.pages;
  }
  const text = Math.ceil((mm.endCode - mm.startCode) / PAGE_SIZE);
  return { size: mm.totalPages, resident, shared, text, data: mm.dataPages, stack, peak: mm.peakPages };
}

/** Extents whose pages are looked at one by one by `residentPages`; the others count in full. */
const EXACT_EXTENTS = 16;

export function residentPages(mm: AddressSpace): number {
  let total = 0;
  let exact = EXACT_EXTENTS;
  for (const extent of mm.extents.items) {
    if (extent.cached || extent.pages > 512 || extent.pages < 4 || exact === 0) {
      total += extent.pages;
      continue;
    }
    exact--;
    const resident = mm.physmem.resident(extent.phys, extent.pages);
    for (let i = 0; i < extent.pages; i++) total += resident[i]! & 1;
  }
  return total;
}
