/** fork: what is shared, what is copied when, and what stays the same memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED } from '../abi/mman.js';
import { ANON, BASE, forkOf, fresh, physmem, RW } from './address-space-for-tests.js';

test('fork shares frames until either side writes', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 8 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  for (let i = 0; i < 8; i++) host.write(mm, BASE + i * PAGE_SIZE, i + 1);
  const frames = physmem.framesInUse;
  const child = forkOf(mm, host);
  assert.equal(physmem.framesInUse, frames, 'fork takes no frame');
  assert.deepEqual(child.host.read(child.mm, BASE + PAGE_SIZE), { value: 2 });
  child.host.write(child.mm, BASE, 100);
  host.write(mm, BASE + 7 * PAGE_SIZE, 200);
  assert.deepEqual(host.read(mm, BASE), { value: 1 });
  assert.deepEqual(child.host.read(child.mm, BASE), { value: 100 });
  assert.deepEqual(child.host.read(child.mm, BASE + 7 * PAGE_SIZE), { value: 8 });
  host.verify(mm);
  child.host.verify(child.mm);
  child.mm.dispose();
  const before = physmem.framesInUse;
  const operations = host.operations;
  for (let i = 0; i < 8; i++) host.write(mm, BASE + i * PAGE_SIZE, 77);
  assert.equal(physmem.framesInUse, before, 'the last owner takes pages over');
  assert(host.operations - operations <= 2, 'in one or two steps');
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('pages that are written after every fork are copied at the fork', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 64 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  for (let i = 0; i < 64; i++) host.write(mm, BASE + i * PAGE_SIZE, i + 1);
  const hint = BASE + 40 * PAGE_SIZE + 123;
  for (let round = 0; round < 3; round++) {
    assert.equal(mm.protectForFork([hint, 2 ** 60, 0]), 0);
    const childHost = host.copy();
    const child = mm.fork(childHost);
    assert(!isErr(child));
    const faults = host.faults + childHost.faults;
    childHost.write(child, hint, 99);
    host.write(mm, hint, 98);
    assert.equal(host.faults + childHost.faults, faults, 'the hinted page is writable on both sides');
    childHost.write(child, BASE + 5 * PAGE_SIZE, 97);
    host.write(mm, BASE + 9 * PAGE_SIZE, 96);
    if (round === 2) assert.equal(host.faults + childHost.faults, faults, 'pages written after earlier forks, too');
    assert.deepEqual(childHost.read(child, BASE + 9 * PAGE_SIZE), { value: round === 0 ? 10 : 96 });
    assert.deepEqual(host.read(mm, BASE + 5 * PAGE_SIZE), { value: 6 });
    assert.deepEqual(childHost.read(child, hint), { value: 99 });
    childHost.verify(child);
    host.verify(mm);
    child.dispose();
  }
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('fork does not make untouched memory resident', () => {
  const { mm, host } = fresh();
  mm.map({ address: 0x4000_0000, length: 4 * 2 ** 20, prot: RW, flags: ANON | MAP_FIXED });
  host.write(mm, 0x4000_0000, 1);
  host.write(mm, 0x4020_0000, 1);
  physmem.trim();
  const before = physmem.hostBytesUsed();
  const child = forkOf(mm, host);
  child.host.write(child.mm, 0x4000_0000 + 50 * PAGE_SIZE, 2);
  host.write(mm, 0x4020_0000 + 50 * PAGE_SIZE, 2);
  assert(physmem.hostBytesUsed() - before <= 4 * PAGE_SIZE, 'two pages touched, two pages used');
  assert.deepEqual(child.host.read(child.mm, 0x4000_0000), { value: 1 });
  mm.dispose();
  child.mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('a shared anonymous mapping is the same memory after fork', () => {
  const { mm, host } = fresh();
  const at = mm.map({ address: 0, length: 2 * PAGE_SIZE, prot: RW, flags: MAP_SHARED | MAP_ANONYMOUS });
  assert(!isErr(at));
  const child = forkOf(mm, host);
  child.host.write(child.mm, at, 9);
  assert.deepEqual(host.read(mm, at), { value: 9 });
  assert.equal(mm.futexKey(at, false), child.mm.futexKey(at, false));
  assert.notEqual(mm.futexKey(at, true), child.mm.futexKey(at, true));
  mm.dispose();
  assert.deepEqual(child.host.read(child.mm, at), { value: 9 });
  child.mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});
