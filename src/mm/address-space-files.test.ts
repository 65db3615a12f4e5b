/** Mappings of files: private copies, shared writes, reading ahead, writing back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_SIZE } from '../base/page.js';
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED } from '../abi/mman.js';
import { BUS_ADRERR, SIGBUS } from '../abi/signal.js';
import { KernelIoVec } from './io-vec.js';
import { PageCache } from './page-cache.js';
import { BASE, cacheOf, fileOf, fresh, pattern, physmem, RW } from './address-space-for-tests.js';

test('file mappings: private copies, shared writes, SIGBUS behind the end', () => {
  const { mm, host } = fresh();
  const bytes = pattern(3 * PAGE_SIZE + 100, 1);
  const cache = cacheOf(bytes);
  const file = fileOf(cache);
  const length = 6 * PAGE_SIZE;
  mm.map({ address: BASE, length, prot: RW, flags: MAP_PRIVATE | MAP_FIXED, file });
  mm.map({ address: BASE + 0x100000, length, prot: RW, flags: MAP_SHARED | MAP_FIXED, file });
  assert.equal(file.references, 2);
  assert.deepEqual(host.read(mm, BASE + 5000), { value: bytes[5000] });
  host.write(mm, BASE + 5000, 250);
  assert.deepEqual(host.read(mm, BASE + 0x100000 + 5000), { value: bytes[5000] });
  host.write(mm, BASE + 0x100000, 99);
  const out = new Uint8Array(10);
  assert.equal(cache.read(new KernelIoVec(out), 0), 10);
  assert.equal(out[0], 99);
  assert.deepEqual(host.read(mm, BASE + 3 * PAGE_SIZE + 200), { value: 0 }, 'zero behind the end in the last page');
  assert.deepEqual(host.read(mm, BASE + 4 * PAGE_SIZE), { signal: SIGBUS, code: BUS_ADRERR });
  cache.truncate(PAGE_SIZE);
  assert.deepEqual(host.read(mm, BASE + 5000), { signal: SIGBUS, code: BUS_ADRERR });
  assert.deepEqual(host.read(mm, BASE + 0x100000 + 2 * PAGE_SIZE), { signal: SIGBUS, code: BUS_ADRERR });
  host.verify(mm);
  cache.truncate(2 * PAGE_SIZE);
  assert.deepEqual(host.read(mm, BASE + 5000), { value: 0 });
  mm.dispose();
  assert.equal(file.references, 0);
  cache.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('a cache with a filler reads ahead, and writes back what a shared mapping may have changed', () => {
  const { mm, host } = fresh();
  const store = pattern(300 * PAGE_SIZE, 3);
  let fills = 0;
  const cache = new PageCache(physmem, store.length, {
    fill(offset, io) {
      fills++;
      const moved = io.put(store, offset, Math.min(io.remaining, store.length - offset));
      return moved;
    },
    writeBack(offset, io) {
      return io.take(store, offset, Math.min(io.remaining, store.length - offset));
    },
  });
  const file = fileOf(cache);
  mm.map({ address: BASE, length: store.length, prot: RW, flags: MAP_SHARED | MAP_FIXED, file });
  for (let page = 0; page < 300; page++)
    assert.deepEqual(host.read(mm, BASE + page * PAGE_SIZE + 7), { value: store[page * PAGE_SIZE + 7] });
  assert(fills < 12, `sequential reading is done in long runs, not ${fills}`);
  host.write(mm, BASE + 17 * PAGE_SIZE + 3, 201);
  assert.equal(mm.sync(BASE, store.length, 4), 0);
  assert.equal(store[17 * PAGE_SIZE + 3], 201);
  assert.equal(cache.reclaim(), 0, 'mapped pages are not dropped');
  mm.dispose();
  assert.equal(cache.writeBack(), 0);
  assert(cache.reclaim() >= 300);
  assert.equal(physmem.framesInUse, 0);
  cache.dispose();
});
