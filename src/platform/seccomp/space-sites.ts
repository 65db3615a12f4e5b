/**
 * What one address space has of patched text: which pages lie where, and STUB_RETURNS, the page that says where their calls go
 * back to. A page of text can be patched in one place of a space only. Spaces share STUB_RETURNS after a fork, until one of them
 * maps something; one that has patched nothing has the empty page of all.
 */
import type { GuestAddr, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { PAGE_SIZE, pageDown } from '../../base/page.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ } from '../../abi/mman.js';
import { NR } from '../../abi/syscall-numbers.js';
import { frameBytes, type FrameStore } from '../frames.js';
import type { RequestPage } from '../stub/request-page.js';
import { STUB_RETURNS } from './layout.js';
import { JUMP_BYTES } from './site.js';
import { writeReturns, type PatchedText, type SiteTable } from './site-table.js';

/** Calls by signal from one place after which it is worth a change of its page. */
const HOT_TRAPS = 16;
const MOST_PLACES = 4096;
const SYSCALL_BYTES = 2;

/** Bytes of a patched site that trap. */
export interface SiteTrap {
  /** Behind the site's system call instruction. */
  readonly end: GuestAddr;
  /** They stand for the system call; otherwise for the comparison behind it. */
  readonly isCall: boolean;
  /** Reached by executing an instruction of the jump: a single step ends there too. */
  readonly isStep: boolean;
}

/** A STUB_RETURNS and how many spaces map it. */
interface Returns {
  readonly frame: PhysAddr;
  users: number;
}

export class SpaceSites {
  private readonly pages = new Map<GuestAddr, PatchedText>();
  /** Addresses by the pages' ids. */
  private readonly places = new Map<number, GuestAddr>();
  /** Pages that may still be mapped, as their replacement is queued. */
  private readonly leaving = new Map<GuestAddr, PatchedText>();
  /** Traps by address. */
  private readonly traps = new Map<GuestAddr, number>();
  private returns: Returns | undefined = undefined;
  /** Replaced, but mapped until the queued operations have run. */
  private retired: Returns[] = [];

  constructor(
    private readonly frames: FrameStore,
    readonly table: SiteTable,
  ) {}

  /** For a forked space, whose stub process maps what this one's does. */
  copyTo(child: SpaceSites): void {
    for (const [address, page] of this.pages) child.pages.set(address, page);
    for (const [id, address] of this.places) child.places.set(id, address);
    child.returns = this.returns;
    if (this.returns) this.returns.users++;
  }

  /** All guest memory is unmapped. */
  clear(): void {
    this.pages.clear();
    this.places.clear();
    this.traps.clear();
    this.leaving.clear();
  }

  /** Counts a call by signal that ended at `rip`. True when the place has become hot. */
  noteTrap(rip: GuestAddr): boolean {
    const count = (this.traps.get(rip) ?? 0) + 1;
    if (count > HOT_TRAPS) return false;
    if (this.traps.size >= MOST_PLACES) this.traps.clear();
    this.traps.set(rip, count);
    return count === HOT_TRAPS;
  }

  /** The page is going to be mapped at `address`: false when it must not. */
  place(address: GuestAddr, page: PatchedText, queue: RequestPage): boolean {
    const other = this.places.get(page.id);
    if (other !== undefined && other !== address) return false;
    const returns = this.ownReturns(queue);
    if (!returns) return false;
    const bytes = frameBytes(this.frames, returns.frame, PAGE_SIZE);
    writeReturns(new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE_SIZE / 4), page, address);
    this.places.set(page.id, address);
    this.pages.set(address, page);
    return true;
  }

  private ownReturns(queue: RequestPage): Returns | undefined {
    if (this.returns?.users === 1) return this.returns;
    const frame = this.frames.allocate(1);
    if (isErr(frame)) return undefined;
    if (this.returns) {
      frameBytes(this.frames, frame, PAGE_SIZE).set(frameBytes(this.frames, this.returns.frame, PAGE_SIZE));
      this.retired.push(this.returns);
    }
    this.returns = { frame, users: 1 };
    queue.call(NR.mmap, STUB_RETURNS, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, this.frames.fd, frame);
    return this.returns;
  }

  forget(address: GuestAddr): void {
    const page = this.pages.get(address);
    if (!page) return;
    this.pages.delete(address);
    this.places.delete(page.id);
    this.leaving.set(address, page);
  }

  /** The site whose bytes at `rip` trap, and what is to be done in their stead. */
  trapAt(rip: GuestAddr): SiteTrap | undefined {
    return findTrap(this.pages.get(pageDown(rip)), rip);
  }

  /** As trapAt for a page that was patched a moment ago; once. */
  leftTrapAt(rip: GuestAddr): SiteTrap | undefined {
    const start = pageDown(rip);
    const page = this.leaving.get(start);
    this.leaving.delete(start);
    return findTrap(page, rip);
  }

  /** Where the jump of site `index` goes back to, and its number; undefined for a site that this space does not have. */
  siteOf(index: number): { start: GuestAddr; end: GuestAddr; nr: number } | undefined {
    for (const [address, page] of this.pages) {
      const site = page.sites.find((each) => each.index === index);
      if (site) return { start: address + site.start, end: address + site.end, nr: site.nr };
    }
    return undefined;
  }

  /** Queued operations have run. */
  settle(): void {
    for (const returns of this.retired) this.release(returns);
    this.retired.length = 0;
  }

  private release(returns: Returns): void {
    returns.users--;
    if (returns.users === 0) this.frames.release(returns.frame, 1);
  }

  /** The stub process has ended. */
  dispose(): void {
    this.settle();
    if (this.returns) this.release(this.returns);
    this.returns = undefined;
  }
}

function findTrap(page: PatchedText | undefined, rip: GuestAddr): SiteTrap | undefined {
  if (!page) return undefined;
  const start = pageDown(rip);
  for (const site of page.sites) {
    const end = start + site.end;
    // Of a read the system call traps behind the jump, and the comparison where it was.
    if (rip === (site.compares ? start + site.start + JUMP_BYTES : end - SYSCALL_BYTES))
      return { end, isCall: true, isStep: site.compares };
    if (site.compares && rip === end) return { end, isCall: false, isStep: false };
  }
  return undefined;
}
