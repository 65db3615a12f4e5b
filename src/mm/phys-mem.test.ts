/** Guest RAM: zeroing, reuse, contiguity, limits; random allocations against a model of owners. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelBug } from '../base/assert.js';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { ENOMEM } from '../abi/errno.js';
import { PhysMem } from './phys-mem.js';

function withMemory(limitBytes: number, body: (memory: PhysMem) => void): void {
  const memory = PhysMem.create(limitBytes);
  assert(!isErr(memory));
  body(memory);
  memory.dispose();
}

function take(memory: PhysMem, pages: number, align = 1): number {
  const address = memory.allocate(pages, align);
  assert(!isErr(address));
  return address;
}

function isZero(memory: PhysMem, address: number, pages: number): boolean {
  const start = memory.windowOffset(address);
  return memory
    .window(address)
    .subarray(start, start + pages * PAGE_SIZE)
    .every((byte) => byte === 0);
}

function soil(memory: PhysMem, address: number, pages: number): void {
  const start = memory.windowOffset(address);
  memory.window(address).fill(0xa5, start, start + pages * PAGE_SIZE);
}

test('frames are zero again after they were used, whatever their number', () => {
  withMemory(2 ** 30, (memory) => {
    for (const pages of [1, 3, 16, 17, 64, 100, 511, 512, 700, 2048]) {
      for (let round = 0; round < 3; round++) {
        const address = take(memory, pages);
        assert(isZero(memory, address, pages), `${pages} pages, round ${round}`);
        soil(memory, address, pages);
        memory.release(address, pages);
      }
    }
    assert.equal(memory.framesInUse, 0);
  });
});

test('a run with every second page soiled is cleaned where it must be', () => {
  withMemory(2 ** 30, (memory) => {
    const address = take(memory, 64);
    for (let i = 0; i < 64; i += 2) soil(memory, address + i * PAGE_SIZE, 1);
    memory.release(address, 64);
    const again = take(memory, 64);
    assert(isZero(memory, again, 64));
  });
});

test('frames live as long as somebody holds them', () => {
  withMemory(2 ** 30, (memory) => {
    const address = take(memory, 4);
    memory.hold(address + PAGE_SIZE, 2);
    memory.release(address, 4);
    assert.equal(memory.framesInUse, 2);
    assert.equal(memory.references(address), 0);
    assert.equal(memory.references(address + PAGE_SIZE), 1);
    memory.release(address + PAGE_SIZE, 2);
    assert.throws(() => memory.release(address, 1), KernelBug);
    assert.throws(() => memory.hold(address, 1), KernelBug);
  });
});

test('alignment, and runs that follow another', () => {
  withMemory(2 ** 30, (memory) => {
    take(memory, 1);
    for (const align of [2, 4, 16, 64]) assert.equal((take(memory, align, align) / PAGE_SIZE) % align, 0);
    assert.equal((take(memory, 512) / PAGE_SIZE) % 512, 0);
    const first = take(memory, 40);
    assert.equal(memory.allocateAt(first + 40 * PAGE_SIZE, 10), first + 40 * PAGE_SIZE);
    assert.equal(memory.allocateAt(first, 10), ENOMEM);
  });
});

test('freed memory goes back to the host', () => {
  withMemory(2 ** 30, (memory) => {
    const before = memory.hostBytesUsed();
    const address = take(memory, 4096);
    soil(memory, address, 4096);
    assert(memory.hostBytesUsed() - before >= 4096 * PAGE_SIZE);
    memory.release(address, 4096);
    memory.trim();
    assert.equal(memory.hostBytesUsed(), before);
  });
});

test('memory given ahead by the chunk is zero, is there, and goes back in parts', () => {
  for (const pages of [512, 1024, 700]) {
    withMemory(2 ** 30, (memory) => {
      const address = memory.allocateBacked(pages);
      assert(!isErr(address));
      assert(isZero(memory, address, pages), `${pages} pages`);
      assert(memory.touched(address, 512).every((byte) => byte === 1));
      assert.equal(memory.hostBytesUsed(), pages * PAGE_SIZE);
      soil(memory, address, pages);
      memory.release(address + PAGE_SIZE, pages - 2);
      memory.trim();
      assert.equal(memory.hostBytesUsed(), 2 * PAGE_SIZE);
      assert(isZero(memory, address + PAGE_SIZE, pages - 2));
      assert.equal(memory.window(address)[memory.windowOffset(address) + (pages - 1) * PAGE_SIZE], 0xa5);
    });
  }
});

test('untouched frames cost nothing; the limit counts what is touched', () => {
  withMemory(8 * 2 ** 20, (memory) => {
    const sparse = take(memory, 16 * 512);
    assert.equal(memory.hostBytesUsed(), 0, '32 MiB of addresses under a limit of 8');
    soil(memory, sparse, 2047);
    const last = take(memory, 1);
    soil(memory, last, 1);
    assert.equal(memory.allocate(1), ENOMEM);
    memory.release(sparse, 16 * 512);
    assert(!isErr(memory.allocate(1)), 'freed memory is available again');
  });
});

test('at the limit page caches are asked to give back', () => {
  withMemory(4 * 2 ** 20, (memory) => {
    const cached = take(memory, 1024);
    soil(memory, cached, 1024);
    let asked = 0;
    memory.reclaimers.add({
      reclaim() {
        if (asked++ === 0) memory.release(cached, 1024);
        return 1024;
      },
    });
    assert(!isErr(memory.allocate(1)));
    assert.equal(asked, 1);
  });
});

test('touched tells which frames have memory', () => {
  withMemory(2 ** 30, (memory) => {
    const address = take(memory, 512);
    soil(memory, address + 3 * PAGE_SIZE, 2);
    soil(memory, address + 511 * PAGE_SIZE, 1);
    const touched = memory.touched(address, 512);
    const found = [...touched.subarray(0, 512).keys()].filter((i) => touched[i] === 1);
    assert.deepEqual(found, [3, 4, 511]);
    memory.clear(address, 512);
    assert(memory.touched(address, 512).every((byte) => byte === 0));
    memory.back(address, 512);
    assert(memory.touched(address, 512).every((byte) => byte === 1));
    assert(isZero(memory, address, 512));
  });
});

test('random allocations never overlap and are always zero', () => {
  withMemory(2 ** 30, (memory) => {
    let state = 12345;
    const random = (below: number): number => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 8) % below;
    const owned: { address: number; pages: number }[] = [];
    const owner = new Set<number>();
    for (let step = 0; step < 4000; step++) {
      if (owned.length > 40 || (owned.length > 0 && random(3) === 0)) {
        const [run] = owned.splice(random(owned.length), 1);
        // Half of a run may go before the rest.
        const half = Math.floor(run!.pages / 2);
        for (let i = 0; i < run!.pages; i++) owner.delete(run!.address / PAGE_SIZE + i);
        if (half > 0) memory.release(run!.address, half);
        memory.release(run!.address + half * PAGE_SIZE, run!.pages - half);
        continue;
      }
      const pages = 1 + random([4, 16, 60, 600][random(4)]!);
      const address = random(5) === 0 ? memory.allocateBacked(pages) : memory.allocate(pages);
      assert(!isErr(address));
      for (let i = 0; i < pages; i++) {
        assert(!owner.has(address / PAGE_SIZE + i));
        owner.add(address / PAGE_SIZE + i);
      }
      const at = random(pages);
      assert(isZero(memory, address + at * PAGE_SIZE, 1) && isZero(memory, address, 1));
      soil(memory, address + at * PAGE_SIZE, 1);
      soil(memory, address, 1);
      owned.push({ address, pages });
      assert.equal(memory.framesInUse, owner.size);
    }
    for (const { address, pages } of owned) memory.release(address, pages);
    assert.equal(memory.framesInUse, 0);
  });
});
