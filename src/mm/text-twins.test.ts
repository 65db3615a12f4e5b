/** Patched text against a fake host: what is executed, what is read, and when a twin goes away. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import { isErr, type GuestAddr, type PhysAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import type { PatchedPage, SitePatcher } from '../platform/platform.js';
import { AddressSpace } from './address-space.js';
import { FakeHostSpace } from './fake-host-space.js';
import { KernelIoVec } from './io-vec.js';
import { PageCache } from './page-cache.js';
import { PhysMem } from './phys-mem.js';

const created = PhysMem.create(64 * 2 ** 20);
if (isErr(created)) throw new Error('memory for the test');
const physmem: PhysMem = created;
after(() => physmem.dispose());

const BASE = 0x1000_0000;
const TEXT = PROT_READ | PROT_EXEC;
const PAGES = 8;
const PATCH = 0xee;

/** Puts PATCH before the byte where a site ends. */
const patcher: SitePatcher = {
  patch(page, end, nr, before) {
    if (nr !== 7 || page[end - 1] === PATCH) return undefined;
    page[end - 1] = PATCH;
    return before ?? { id: 1 };
  },
};

class PatchingSpace extends FakeHostSpace {
  readonly patcher = patcher;
  readonly patched = new Map<GuestAddr, PatchedPage>();

  mapPatched(address: GuestAddr, prot: number, phys: PhysAddr, page: PatchedPage): boolean {
    this.map(address, PAGE_SIZE, prot, phys);
    this.patched.set(address, page);
    return true;
  }
  forgetPatched(address: GuestAddr): void {
    ok(this.patched.delete(address));
  }
}

interface Mapped {
  readonly mm: AddressSpace;
  readonly host: PatchingSpace;
}

function file(): PageCache {
  const cache = new PageCache(physmem, 0);
  equal(cache.write(new KernelIoVec(new Uint8Array(PAGES * PAGE_SIZE).fill(0x11)), 0), PAGES * PAGE_SIZE);
  return cache;
}

function map(cache: PageCache, prot = TEXT, flags = MAP_PRIVATE): Mapped {
  const host = new PatchingSpace(physmem);
  const mm = new AddressSpace(physmem, host);
  mapInto(mm, cache, BASE, prot, flags);
  return { mm, host };
}

function mapInto(mm: AddressSpace, cache: PageCache, address: GuestAddr, prot: number, flags: number): void {
  const mapped = { mappable: { cache }, hold: () => {}, drop: () => {}, describe: () => ({ device: 0, ino: 0, path: '' as never }) };
  equal(mm.map({ address, length: PAGES * PAGE_SIZE, prot, flags: flags | MAP_FIXED, file: mapped }), address);
}

/** The byte that the guest sees at the addresses it executes, and the one that the kernel reads. */
function views({ mm, host }: Mapped, address: GuestAddr): readonly (number | undefined)[] {
  const seen = host.read(mm, address);
  const read = new Uint8Array(1);
  equal(mm.copyIn(address, read), 0);
  host.verify(mm);
  return ['value' in seen ? seen.value : undefined, read[0]];
}

const SITE = BASE + 2 * PAGE_SIZE + 100;

test('a patched page is executed, and never read by the kernel or from the file', () => {
  const before = physmem.framesInUse;
  const cache = file();
  const space = map(cache);
  deepEqual(views(space, SITE - 1), [0x11, 0x11]);
  space.mm.patchSite(SITE, 8);
  deepEqual(views(space, SITE - 1), [0x11, 0x11]);
  space.mm.patchSite(SITE, 7);
  deepEqual(views(space, SITE - 1), [PATCH, 0x11]);
  space.mm.patchSite(SITE + 50, 7); // a further version
  deepEqual([...views(space, SITE - 1), ...views(space, SITE + 49)], [PATCH, 0x11, PATCH, 0x11]);
  const bytes = new Uint8Array(PAGES * PAGE_SIZE);
  equal(cache.read(new KernelIoVec(bytes), 0), bytes.length);
  ok(!bytes.includes(PATCH));
  const forced = new Uint8Array(200);
  equal(space.mm.accessForcibly(SITE - 100, forced, false), 200);
  ok(!forced.includes(PATCH));
  // Others: one that maps it later, and one that mapped it before.
  const later = map(cache);
  deepEqual(views(later, SITE - 1), [PATCH, 0x11]);
  const reader = map(cache, PROT_READ);
  deepEqual(views(reader, SITE - 1), [0x11, 0x11]);
  const shared = map(cache, TEXT, MAP_SHARED);
  deepEqual(views(shared, SITE - 1)[0], 0x11);
  for (const { mm } of [space, later, reader, shared]) mm.dispose();
  cache.dispose();
  equal(physmem.framesInUse, before);
});

test('forked spaces share it; writing, and protection that allows it, bring the file back', () => {
  const before = physmem.framesInUse;
  const cache = file();
  const space = map(cache);
  space.mm.patchSite(SITE, 7);
  equal(space.mm.protectForFork(), 0);
  const childHost = new PatchingSpace(physmem);
  space.host.commit();
  for (const [number, page] of space.host.pages) childHost.pages.set(number, { ...page });
  for (const [address, page] of space.host.patched) childHost.patched.set(address, page);
  const mm = space.mm.fork(childHost);
  if (isErr(mm)) throw new Error('fork');
  const child = { mm, host: childHost };
  deepEqual([...views(space, SITE - 1), ...views(child, SITE - 1)], [PATCH, 0x11, PATCH, 0x11]);
  equal(child.mm.protect(BASE, PAGES * PAGE_SIZE, PROT_READ), 0);
  deepEqual(views(child, SITE - 1), [0x11, 0x11]);
  equal(child.mm.accessForcibly(SITE - 1, Uint8Array.of(0x22), true), 1);
  deepEqual(views(child, SITE - 1), [0x22, 0x22]);
  equal(space.mm.protect(BASE, PAGES * PAGE_SIZE, TEXT | PROT_WRITE), 0);
  deepEqual(views(space, SITE - 1), [0x11, 0x11]);
  space.host.write(space.mm, SITE, 0x33);
  deepEqual(views(space, SITE), [0x33, 0x33]);
  space.mm.dispose();
  child.mm.dispose();
  cache.dispose();
  equal(physmem.framesInUse, before);
});

test('a write to the file, a shared writer, unmapping and moving take the twin away', () => {
  const before = physmem.framesInUse;
  const cache = file();
  const space = map(cache);
  const patch = (): void => {
    views(space, SITE - 1);
    space.mm.patchSite(SITE, 7);
    deepEqual(views(space, SITE - 1), [PATCH, 0x11]);
  };
  patch();
  equal(cache.write(new KernelIoVec(Uint8Array.of(0x44)), 2 * PAGE_SIZE), 1);
  deepEqual([...views(space, SITE - 1), ...views(space, SITE - 100)], [0x11, 0x11, 0x44, 0x44]);
  patch();
  mapInto(space.mm, cache, BASE + 0x100_0000, PROT_READ | PROT_WRITE, MAP_SHARED);
  deepEqual(views(space, SITE - 1), [0x11, 0x11]);
  space.mm.patchSite(SITE, 7);
  deepEqual(views(space, SITE - 1), [0x11, 0x11]);
  equal(space.mm.unmap(BASE + 0x100_0000, PAGES * PAGE_SIZE), 0);
  patch();
  const moved = BASE + 0x200_0000;
  equal(space.mm.remap(BASE, PAGES * PAGE_SIZE, PAGES * PAGE_SIZE, 3, moved), moved);
  equal(space.host.patched.size, 0);
  deepEqual(views(space, moved + (SITE - 1 - BASE)), [0x11, 0x11]);
  equal(space.mm.unmap(moved, PAGES * PAGE_SIZE), 0);
  space.mm.dispose();
  cache.dispose();
  equal(physmem.framesInUse, before);
});
