/** What the tests of address spaces start from: guest memory, spaces on a fake host, files. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { isErr } from '../base/brands.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { AddressSpace, type MappedFile } from './address-space.js';
import { FakeHostSpace } from './fake-host-space.js';
import { KernelIoVec } from './io-vec.js';
import { PageCache } from './page-cache.js';
import { PhysMem } from './phys-mem.js';

export const created = PhysMem.create(256 * 2 ** 20);
assert(!isErr(created));
export const physmem: PhysMem = created;
after(() => physmem.dispose());

export const RW = PROT_READ | PROT_WRITE;
export const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
export const BASE = 0x1000_0000;

export function fresh(): { mm: AddressSpace; host: FakeHostSpace } {
  const host = new FakeHostSpace(physmem);
  return { mm: new AddressSpace(physmem, host), host };
}

export function forkOf(parent: AddressSpace, host: FakeHostSpace): { mm: AddressSpace; host: FakeHostSpace } {
  assert.equal(parent.protectForFork(), 0);
  const childHost = host.copy();
  const mm = parent.fork(childHost);
  assert(!isErr(mm));
  return { mm, host: childHost };
}

export function fileOf(cache: PageCache): MappedFile & { references: number } {
  return {
    references: 0,
    mappable: { cache },
    hold() {
      this.references++;
    },
    drop() {
      this.references--;
    },
    describe: () => ({ device: 0x801, ino: 7, path: '/a/file' }),
  };
}

export function cacheOf(bytes: Uint8Array): PageCache {
  const cache = new PageCache(physmem, 0);
  assert.equal(cache.write(new KernelIoVec(bytes), 0), bytes.length);
  return cache;
}

export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + Math.floor(i / 4096) * 13 + seed) & 0xff);
}
