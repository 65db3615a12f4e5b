/**
 * A host space for tests: a page table of what has been mapped, and a guest that reads and writes through it byte by byte with
 * the checks that a processor makes. A violation goes to `handleFault`, as the run loop would do it.
 */
import type { Errno, GuestAddr, PhysAddr } from '../base/brands.js';
import { KernelBug } from '../base/assert.js';
import { PAGE_SIZE } from '../base/page.js';
import { ENOSYS } from '../abi/errno.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import {
  FAULT_EXEC,
  FAULT_PROTECTION,
  FAULT_WRITE,
  TASK_SIZE,
  TRAP_FAULT,
  type HostSpace,
  type HostThread,
  type Trap,
} from '../platform/platform.js';
import type { AddressSpace } from './address-space.js';
import type { PhysMem } from './phys-mem.js';

interface Page {
  phys: PhysAddr;
  prot: number;
}

/** What a guest access came to: the byte (0 for a write), or the signal. */
export type Access = { value: number } | { signal: number; code: number };

export class FakeHostSpace implements HostSpace {
  readonly leader = 0;
  readonly pages = new Map<number, Page>();
  private queue: (() => void)[] = [];
  /** Host operations that ran. */
  operations = 0;
  faults = 0;
  /** When false the fault tells address and protection only until `completeFault`. */
  tellsAccess = false;

  constructor(private readonly physmem: PhysMem) {}

  map(address: GuestAddr, length: number, prot: number, phys: PhysAddr): void {
    this.check(address, length);
    if (phys % PAGE_SIZE !== 0) throw new KernelBug('unaligned frame');
    this.queue.push(() => {
      for (let at = 0; at < length; at += PAGE_SIZE) this.pages.set((address + at) / PAGE_SIZE, { phys: phys + at, prot });
    });
  }

  unmap(address: GuestAddr, length: number): void {
    this.check(address, length);
    this.queue.push(() => {
      for (let at = 0; at < length; at += PAGE_SIZE) this.pages.delete((address + at) / PAGE_SIZE);
    });
  }

  protect(address: GuestAddr, length: number, prot: number): void {
    this.check(address, length);
    this.queue.push(() => {
      for (let at = 0; at < length; at += PAGE_SIZE) {
        const page = this.pages.get((address + at) / PAGE_SIZE);
        if (!page) throw new KernelBug(`host mprotect of unmapped ${(address + at).toString(16)} would fail with ENOMEM`);
        page.prot = prot;
      }
    });
  }

  private check(address: GuestAddr, length: number): void {
    const valid = length > 0 && address >= 0 && address % PAGE_SIZE === 0 && length % PAGE_SIZE === 0 && address + length <= TASK_SIZE;
    if (!valid) throw new KernelBug(`bad host range ${address.toString(16)}+${length.toString(16)}`);
  }

  commit(): 0 {
    this.operations += this.queue.length;
    for (const operation of this.queue) operation();
    this.queue = [];
    return 0;
  }

  /** What HostSpace.fork does to the mappings. */
  copy(): FakeHostSpace {
    this.commit();
    const child = new FakeHostSpace(this.physmem);
    for (const [number, page] of this.pages) child.pages.set(number, { ...page });
    child.tellsAccess = this.tellsAccess;
    return child;
  }

  newThread(): HostThread | Errno {
    return ENOSYS;
  }
  fork(): HostThread | Errno {
    return ENOSYS;
  }
  clear(): void {
    this.queue.push(() => this.pages.clear());
  }
  destroy(): void {
    this.pages.clear();
  }

  /** One access of the guest. `value`: what to write. */
  access(mm: AddressSpace, address: GuestAddr, need: number, value = 0): Access {
    for (let tries = 0; tries < 4; tries++) {
      this.commit();
      const page = this.pages.get(Math.floor(address / PAGE_SIZE));
      if (page && (page.prot & need) !== 0) {
        if (this.physmem.references(page.phys) === 0) throw new KernelBug(`guest reaches a free frame at ${address.toString(16)}`);
        const bytes = this.physmem.window(page.phys);
        const offset = this.physmem.windowOffset(page.phys) + (address % PAGE_SIZE);
        if (need === PROT_WRITE) bytes[offset] = value;
        return { value: need === PROT_WRITE ? 0 : bytes[offset]! };
      }
      const outcome = this.fault(mm, address, need, page !== undefined);
      if (outcome.kind === 'signal') return { signal: outcome.signal, code: outcome.code };
    }
    throw new KernelBug(`fault at ${address.toString(16)} is never resolved`);
  }

  private fault(mm: AddressSpace, address: GuestAddr, need: number, mapped: boolean): ReturnType<AddressSpace['handleFault']> {
    this.faults++;
    const kind = need === PROT_WRITE ? FAULT_WRITE : need === PROT_EXEC ? FAULT_EXEC : 0;
    const protection = mapped ? FAULT_PROTECTION : 0;
    const trap: Trap = {
      kind: TRAP_FAULT,
      nr: 0,
      compat: false,
      address,
      errorCode: this.tellsAccess ? protection | kind : protection,
      accessKnown: this.tellsAccess,
      signal: 0,
      code: 0,
    };
    return mm.handleFault(trap, () => {
      trap.errorCode = protection | kind;
      trap.accessKnown = true;
    });
  }

  read(mm: AddressSpace, address: GuestAddr): Access {
    return this.access(mm, address, PROT_READ | PROT_WRITE | PROT_EXEC);
  }
  write(mm: AddressSpace, address: GuestAddr, value: number): Access {
    return this.access(mm, address, PROT_WRITE, value);
  }

  /** Throws when the page table and the extents of `mm` disagree. */
  verify(mm: AddressSpace): void {
    this.commit();
    let pages = 0;
    let end = 0;
    for (const extent of mm.extents.items) {
      if (extent.start < end || extent.end <= extent.start) throw new KernelBug('extents out of order');
      end = extent.end;
      const vma = mm.vmas.find(extent.start);
      if (!vma || vma.end < extent.end) throw new KernelBug(`extent ${extent.start.toString(16)} crosses its VMA`);
      if (extent.prot !== extent.hostProt(vma.prot)) throw new KernelBug(`extent ${extent.start.toString(16)} has prot ${extent.prot}`);
      for (let at = extent.start; at < extent.end; at += PAGE_SIZE, pages++) {
        const page = this.pages.get(at / PAGE_SIZE);
        if (!page || page.phys !== extent.hostPhys + (at - extent.start) || page.prot !== extent.prot)
          throw new KernelBug(`host differs at ${at.toString(16)}`);
        if (this.physmem.references(page.phys) < 1) throw new KernelBug(`free frame mapped at ${at.toString(16)}`);
      }
    }
    if (pages !== this.pages.size) throw new KernelBug(`host has ${this.pages.size} pages, extents ${pages}`);
    let total = 0;
    for (const vma of mm.vmas.items) total += vma.pages;
    if (total !== mm.totalPages) throw new KernelBug(`totalPages ${mm.totalPages}, VMAs have ${total}`);
  }
}
