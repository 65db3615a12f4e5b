/** Address spaces against a fake host, call by call; address-space-random.test.ts has sequences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { EEXIST, EFAULT, EINVAL, ENAMETOOLONG, ENOMEM, EPERM } from '../abi/errno.js';
import {
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
} from '../abi/mman.js';
import { BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGSEGV } from '../abi/signal.js';
import { TASK_SIZE } from '../platform/platform.js';
import { KernelIoVec } from './io-vec.js';
import { PageCache } from './page-cache.js';
import { ANON, BASE, cacheOf, fileOf, forkOf, fresh, pattern, physmem, RW } from './address-space-for-tests.js';

test('an anonymous page reads as zero, keeps what is written and returns at dispose', () => {
  const { mm, host } = fresh();
  const at = mm.map({ address: 0, length: 30 * PAGE_SIZE, prot: RW, flags: ANON });
  assert(!isErr(at));
  assert.deepEqual(host.read(mm, at + 5000), { value: 0 });
  assert.deepEqual(host.write(mm, at + 5000, 42), { value: 0 });
  assert.deepEqual(host.read(mm, at + 5000), { value: 42 });
  assert.equal(host.faults, 1, 'one fault maps the whole area');
  host.verify(mm);
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('faults tell MAPERR from ACCERR', () => {
  for (const tellsAccess of [false, true]) {
    const { mm, host } = fresh();
    host.tellsAccess = tellsAccess;
    mm.map({ address: BASE, length: PAGE_SIZE, prot: PROT_NONE, flags: ANON | MAP_FIXED });
    mm.map({ address: BASE + 0x10000, length: PAGE_SIZE, prot: PROT_READ, flags: ANON | MAP_FIXED });
    assert.deepEqual(host.read(mm, BASE), { signal: SIGSEGV, code: SEGV_ACCERR });
    assert.deepEqual(host.read(mm, BASE + PAGE_SIZE), { signal: SIGSEGV, code: SEGV_MAPERR });
    assert.deepEqual(host.write(mm, BASE + 0x10000, 1), { signal: SIGSEGV, code: SEGV_ACCERR });
    assert.deepEqual(host.read(mm, BASE + 0x10000), { value: 0 });
    assert.deepEqual(host.write(mm, BASE + 0x10000, 1), { signal: SIGSEGV, code: SEGV_ACCERR });
    assert.deepEqual(host.access(mm, BASE + 0x10000, PROT_EXEC), { signal: SIGSEGV, code: SEGV_ACCERR });
    assert.deepEqual(host.read(mm, TASK_SIZE + 4096), { signal: SIGSEGV, code: SEGV_MAPERR });
    assert.deepEqual(host.read(mm, 2 ** 63), { signal: SIGSEGV, code: SEGV_MAPERR });
    mm.dispose();
  }
});

test('what is sure to be touched is mapped at once: cached text, copied data, bss, small areas', () => {
  const { mm, host } = fresh();
  const store = pattern(40 * PAGE_SIZE, 5);
  const cache = new PageCache(physmem, store.length, {
    fill: (offset, io) => io.put(store, offset, Math.min(io.remaining, store.length - offset)),
  });
  const file = fileOf(cache);
  const map = (page: number, pages: number, prot: number, flags: number, offset: number): void => {
    const request = { address: BASE + page * PAGE_SIZE, length: pages * PAGE_SIZE, prot, flags: flags | MAP_FIXED };
    const mapped = mm.map((flags & MAP_ANONYMOUS) !== 0 ? request : { ...request, file, offset: offset * PAGE_SIZE });
    assert.equal(mapped, request.address);
  };
  cache.read(new KernelIoVec(new Uint8Array(PAGE_SIZE)), 3 * PAGE_SIZE);
  map(0, 30, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
  map(30, 10, RW, MAP_PRIVATE, 35);
  map(40, 20, RW, ANON, 0);
  map(100, 2, RW, ANON, 0);
  assert.deepEqual(host.read(mm, BASE + 3 * PAGE_SIZE), { value: store[3 * PAGE_SIZE] });
  assert.deepEqual(host.write(mm, BASE + 30 * PAGE_SIZE, 1), { value: 0 });
  assert.deepEqual(host.read(mm, BASE + 34 * PAGE_SIZE + 9), { value: store[39 * PAGE_SIZE + 9] });
  assert.deepEqual(host.write(mm, BASE + 59 * PAGE_SIZE, 1), { value: 0 });
  assert.deepEqual(host.write(mm, BASE + 100 * PAGE_SIZE, 1), { value: 0 });
  assert.equal(host.faults, 0);
  assert.deepEqual(host.read(mm, BASE + 35 * PAGE_SIZE), { signal: SIGBUS, code: BUS_ADRERR }, 'but not behind the end');
  host.verify(mm);
  mm.dispose();
  cache.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('MAP_FIXED_NOREPLACE, hints, low addresses, lengths', () => {
  const { mm } = fresh();
  const map = (address: number, length: number, flags: number): number => mm.map({ address, length, prot: RW, flags });
  assert.equal(map(BASE, PAGE_SIZE, ANON | MAP_FIXED), BASE);
  assert.equal(map(BASE, PAGE_SIZE, ANON | MAP_FIXED_NOREPLACE), EEXIST);
  assert.equal(map(BASE + PAGE_SIZE, PAGE_SIZE, ANON), BASE + PAGE_SIZE, 'a free hint is taken');
  assert.notEqual(map(BASE, PAGE_SIZE, ANON), BASE);
  assert.equal(map(0, PAGE_SIZE, ANON | MAP_FIXED), EPERM);
  assert.equal(map(BASE + 1, PAGE_SIZE, ANON | MAP_FIXED), EINVAL);
  assert.equal(map(0, 0, ANON), EINVAL);
  assert.equal(map(0, TASK_SIZE, ANON), ENOMEM);
  assert.equal(map(0, 2 ** 53, ANON), ENOMEM);
  assert.equal(map(TASK_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, ANON | MAP_FIXED), ENOMEM);
  assert.equal(map(TASK_SIZE - PAGE_SIZE, PAGE_SIZE, ANON | MAP_FIXED), TASK_SIZE - PAGE_SIZE);
  assert.equal(map(0, 512 * 2 ** 20, ANON), ENOMEM, 'more than all memory');
  assert(map(0, 64 * 2 ** 30, ANON | MAP_NORESERVE) > 0);
  assert.equal(mm.unmap(BASE, 0), EINVAL);
  assert.equal(mm.unmap(TASK_SIZE, PAGE_SIZE), EINVAL);
  assert.equal(mm.unmap(BASE, 2 ** 60), EINVAL);
  mm.limits.addressSpace = mm.totalPages * PAGE_SIZE;
  assert.equal(map(0, PAGE_SIZE, ANON), ENOMEM);
  mm.dispose();
});

test('gaps are filled from the top, and found again after unmap', () => {
  const { mm } = fresh();
  const map = (pages: number): number => mm.map({ address: 0, length: pages * PAGE_SIZE, prot: PROT_NONE, flags: ANON });
  const a = map(4);
  const b = map(4);
  const c = map(4);
  assert.equal(b, a - 4 * PAGE_SIZE);
  assert.equal(c, b - 4 * PAGE_SIZE);
  mm.unmap(b, 4 * PAGE_SIZE);
  assert.equal(map(8), c - 8 * PAGE_SIZE, 'too long for the gap');
  assert.equal(map(2), b + 2 * PAGE_SIZE);
  assert.equal(map(2), b);
  mm.dispose();
});

test('mprotect splits and joins; a gap is ENOMEM', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 10 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  host.write(mm, BASE + 5 * PAGE_SIZE, 3);
  assert.equal(mm.protect(BASE + 5 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
  assert.equal(mm.vmas.size, 3);
  assert.deepEqual(host.write(mm, BASE + 5 * PAGE_SIZE, 4), { signal: SIGSEGV, code: SEGV_ACCERR });
  assert.deepEqual(host.read(mm, BASE + 5 * PAGE_SIZE), { value: 3 });
  assert.deepEqual(host.write(mm, BASE + 4 * PAGE_SIZE, 4), { value: 0 });
  host.verify(mm);
  assert.equal(mm.protect(BASE, 10 * PAGE_SIZE, RW), 0);
  assert.equal(mm.vmas.size, 1);
  assert.equal(mm.extents.size, 1);
  assert.deepEqual(host.write(mm, BASE + 5 * PAGE_SIZE, 4), { value: 0 });
  assert.equal(mm.protect(BASE + 9 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ), ENOMEM);
  assert.equal(mm.protect(BASE + 1, PAGE_SIZE, PROT_READ), EINVAL);
  host.verify(mm);
  mm.dispose();
});

test('the stack grows down to its limit and keeps its guard gap', () => {
  const { mm, host } = fresh();
  const top = 0x7000_0000_0000;
  mm.limits.stack = 2 ** 20;
  mm.map({ address: top - 0x20000, length: 0x20000, prot: RW, flags: ANON | MAP_FIXED | MAP_GROWSDOWN, name: '[stack]' });
  assert.deepEqual(host.write(mm, top - 0x30000, 1), { value: 0 });
  assert.deepEqual(host.write(mm, top - 2 ** 20, 1), { value: 0 });
  assert.deepEqual(host.write(mm, top - 2 ** 20 - 1, 1), { signal: SIGSEGV, code: SEGV_MAPERR });
  assert.equal(mm.copyOut(top - 2 ** 20 - 8, new Uint8Array(8)), EFAULT);
  host.verify(mm);
  mm.limits.stack = 16 * 2 ** 20;
  mm.map({ address: top - 4 * 2 ** 20, length: PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  assert.deepEqual(host.write(mm, top - 4 * 2 ** 20 + 2 * PAGE_SIZE, 1), { signal: SIGSEGV, code: SEGV_MAPERR });
  assert.deepEqual(host.write(mm, top - 2 * 2 ** 20, 1), { value: 0 });
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('brk grows, shrinks, and gives zeroed memory again', () => {
  const { mm, host } = fresh();
  mm.startBrk = mm.brk = BASE;
  assert.equal(mm.setBrk(0), BASE);
  assert.equal(mm.setBrk(BASE + 5000), BASE + 5000);
  assert.deepEqual(host.write(mm, BASE + 8000, 5), { value: 0 });
  assert.equal(mm.setBrk(BASE + 0x21000), BASE + 0x21000);
  assert.deepEqual(host.read(mm, BASE + 8000), { value: 5 });
  assert.equal(mm.vmas.size, 1);
  assert.equal(mm.setBrk(BASE + 100), BASE + 100);
  assert.equal(mm.setBrk(BASE + 0x2000), BASE + 0x2000);
  assert.deepEqual(host.read(mm, BASE + PAGE_SIZE + 8000 - 8000 + 100), { value: 0 });
  mm.limits.data = 0x10000;
  assert.equal(mm.setBrk(BASE + 0x20000), BASE + 0x2000, 'RLIMIT_DATA');
  host.verify(mm);
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('mremap grows in place, moves, and keeps with DONTUNMAP', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 2 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  host.write(mm, BASE + 10, 1);
  host.write(mm, BASE + PAGE_SIZE, 2);
  assert.equal(mm.remap(BASE, 2 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0), BASE);
  host.write(mm, BASE + 3 * PAGE_SIZE, 4);
  mm.map({ address: BASE + 4 * PAGE_SIZE, length: PAGE_SIZE, prot: PROT_READ, flags: ANON | MAP_FIXED });
  assert.equal(mm.remap(BASE, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), ENOMEM);
  const moved = mm.remap(BASE, 4 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
  assert(!isErr(moved) && moved !== BASE);
  assert.deepEqual(host.read(mm, moved + 10), { value: 1 });
  assert.deepEqual(host.read(mm, moved + 3 * PAGE_SIZE), { value: 4 });
  assert.deepEqual(host.read(mm, BASE), { signal: SIGSEGV, code: SEGV_MAPERR });
  assert.equal(mm.remap(moved, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x2000_0000), 0x2000_0000);
  assert.deepEqual(host.read(mm, 0x2000_0000 + 10), { value: 1 });
  const kept = mm.remap(0x2000_0000, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  assert(!isErr(kept));
  assert.deepEqual(host.read(mm, kept + 10), { value: 1 });
  assert.deepEqual(host.read(mm, 0x2000_0000 + 10), { value: 0 });
  assert.equal(mm.remap(0x3000_0000, PAGE_SIZE, PAGE_SIZE, 0, 0), EFAULT);
  assert.equal(mm.remap(kept, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, 0x2000_0000), EINVAL);
  host.verify(mm);
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('madvise: DONTNEED zeroes without host operations, DONTFORK and WIPEONFORK act at fork', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 16 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  for (let i = 0; i < 16; i++) host.write(mm, BASE + i * PAGE_SIZE, i + 1);
  const operations = host.operations;
  assert.equal(mm.advise(BASE + PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
  assert.deepEqual(host.read(mm, BASE + PAGE_SIZE), { value: 0 });
  assert.deepEqual(host.read(mm, BASE + 2 * PAGE_SIZE), { value: 3 });
  assert.equal(host.operations, operations);
  assert.equal(mm.advise(BASE + 4 * PAGE_SIZE, PAGE_SIZE, MADV_DONTFORK), 0);
  assert.equal(mm.advise(BASE + 6 * PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
  assert.equal(mm.advise(BASE + 20 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), ENOMEM);
  assert.equal(mm.advise(BASE, PAGE_SIZE, 12345), EINVAL);
  const child = forkOf(mm, host);
  assert.deepEqual(child.host.read(child.mm, BASE + 4 * PAGE_SIZE), { signal: SIGSEGV, code: SEGV_MAPERR });
  assert.deepEqual(child.host.read(child.mm, BASE + 6 * PAGE_SIZE), { value: 0 });
  assert.deepEqual(child.host.read(child.mm, BASE + 5 * PAGE_SIZE), { value: 6 });
  assert.equal(child.mm.advise(BASE + 5 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
  assert.deepEqual(child.host.read(child.mm, BASE + 5 * PAGE_SIZE), { value: 0 });
  assert.deepEqual(host.read(mm, BASE + 5 * PAGE_SIZE), { value: 6 });
  child.host.verify(child.mm);
  child.mm.dispose();
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('user memory: pages are faulted in, protections hold, ranges cross extents', () => {
  const { mm, host } = fresh();
  mm.map({ address: BASE, length: 4 * PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  const bytes = pattern(2 * PAGE_SIZE, 9);
  assert.equal(mm.copyOut(BASE + 100, bytes), 0);
  const back = new Uint8Array(bytes.length);
  assert.equal(mm.copyIn(BASE + 100, back), 0);
  assert.deepEqual(back, bytes);
  assert.deepEqual(host.read(mm, BASE + 100), { value: bytes[0] });
  assert.equal(host.faults, 0, 'the kernel mapped it for the guest too');
  assert.equal(mm.copyOut(BASE + 4 * PAGE_SIZE - 4, new Uint8Array(8)), EFAULT);
  assert.equal(mm.writeU64(BASE + 8, 2 ** 40 + 5), 0);
  assert.equal(mm.readU64(BASE + 8), 2 ** 40 + 5);
  assert.equal(mm.writeU64(BASE + 8, -2), 0);
  assert.equal(mm.readU32(BASE + 12), 0xffffffff);
  mm.protect(BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ);
  assert.equal(mm.writeU32(BASE + PAGE_SIZE - 2, 1), EFAULT);
  assert.equal(mm.readU32(BASE + PAGE_SIZE), new DataView(bytes.buffer).getUint32(PAGE_SIZE - 100, true));
  mm.protect(BASE + 2 * PAGE_SIZE, PAGE_SIZE, PROT_NONE);
  assert.equal(mm.readU32(BASE + 2 * PAGE_SIZE), EFAULT);
  for (const wild of [0, 4095, TASK_SIZE - 4, TASK_SIZE, 2 ** 47, 2 ** 63, 2 ** 64 - 8, BASE - 1]) {
    assert.equal(mm.copyOut(wild, new Uint8Array(4)), EFAULT, wild.toString(16));
    assert.equal(mm.copyIn(wild, new Uint8Array(4)), EFAULT);
    assert.equal(mm.copyInString(wild, 100), EFAULT);
    assert.equal(mm.futexKey(wild, false), EFAULT);
    assert.equal(mm.ioVec(wild, 10).put(new Uint8Array(10)), EFAULT);
  }
  mm.copyOut(BASE, new TextEncoder().encode('hello\0'));
  assert.equal(mm.copyInString(BASE, 100), 'hello');
  assert.equal(mm.copyInString(BASE, 6), 'hello');
  assert.equal(mm.copyInString(BASE, 5), ENAMETOOLONG);
  const io = mm.ioVecs([
    { base: BASE, length: 3 },
    { base: BASE, length: 0 },
    { base: BASE + 3 * PAGE_SIZE, length: PAGE_SIZE + 1 },
  ]);
  assert.equal(io.remaining, 3 + PAGE_SIZE + 1);
  assert.equal(io.put(new Uint8Array(5000).fill(7)), 3 + PAGE_SIZE, 'short at the fault');
  assert.equal(mm.atomicCompareExchange(BASE, 0x6c070707, 5), 0x6c070707);
  assert.equal(mm.atomicLoad(BASE), 5);
  mm.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('maps has the columns of Linux', () => {
  const { mm } = fresh();
  const cache = cacheOf(pattern(PAGE_SIZE, 1));
  mm.map({
    address: 0x400000,
    length: PAGE_SIZE,
    prot: PROT_READ | PROT_EXEC,
    flags: MAP_PRIVATE | MAP_FIXED,
    file: fileOf(cache),
    offset: 0,
  });
  mm.map({ address: BASE, length: PAGE_SIZE, prot: RW, flags: ANON | MAP_FIXED });
  mm.map({ address: 0x7ffc0000000 - 0x21000, length: 0x21000, prot: RW, flags: ANON | MAP_FIXED | MAP_GROWSDOWN, name: '[stack]' });
  assert.equal(
    mm.formatMaps(),
    '00400000-00401000 r-xp 00000000 08:01 7                                  /a/file\n' +
      '10000000-10001000 rw-p 00000000 00:00 0 \n' +
      '7ffbffdf000-7ffc0000000 rw-p 00000000 00:00 0                            [stack]\n',
  );
  assert.match(mm.formatSmaps(), /^Rss: +\d+ kB$/m);
  mm.dispose();
  cache.dispose();
  assert.equal(physmem.framesInUse, 0);
});
