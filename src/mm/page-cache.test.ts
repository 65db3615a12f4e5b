/** Page caches of in-memory files and of files with a filler: random reads, writes, truncations and holes against plain bytes. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isErr, type Errno } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { EIO } from '../abi/errno.js';
import { KernelIoVec, type IoVec } from './io-vec.js';
import { PageCache, type PageFiller } from './page-cache.js';
import { PhysMem } from './phys-mem.js';

const created = PhysMem.create(256 * 2 ** 20);
assert(!isErr(created));
const physmem: PhysMem = created;
after(() => physmem.dispose());

/** A file elsewhere: counts what is asked of it. */
class Store implements PageFiller {
  fills = 0;
  error: Errno | undefined = undefined;
  /** Bytes moved by one call at most. */
  piece = Infinity;
  constructor(public bytes: Uint8Array) {}
  fill(offset: number, io: IoVec): number | Errno {
    this.fills++;
    if (this.error !== undefined) return this.error;
    return io.put(this.bytes, offset, Math.max(0, Math.min(io.remaining, this.piece, this.bytes.length - offset)));
  }
  writeBack(offset: number, io: IoVec): number | Errno {
    if (this.error !== undefined) return this.error;
    const length = Math.min(io.remaining, this.piece);
    if (offset + length > this.bytes.length) {
      const grown = new Uint8Array(offset + length);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    return io.take(this.bytes, offset, length);
  }
}

function storeOf(length: number): Store {
  return new Store(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 12)) & 0xff));
}

function read(cache: PageCache, position: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const moved = cache.read(new KernelIoVec(out), position);
  assert(!isErr(moved));
  return out.subarray(0, moved);
}

function write(cache: PageCache, position: number, bytes: Uint8Array): void {
  assert.equal(cache.write(new KernelIoVec(bytes), position), bytes.length);
}

test('holes of an in-memory file take no memory', () => {
  const cache = new PageCache(physmem, 0);
  write(cache, 2 ** 32 + 5, Uint8Array.of(1, 2, 3));
  assert.equal(cache.size, 2 ** 32 + 8);
  assert.equal(cache.residentPages, 1);
  assert.deepEqual(read(cache, 2 ** 32 + 4, 10), Uint8Array.of(0, 1, 2, 3));
  assert(read(cache, 12345, 9000).every((byte) => byte === 0));
  assert.equal(cache.residentPages, 1);
  assert.equal(cache.read(new KernelIoVec(new Uint8Array(4)), 2 ** 33), 0);
  cache.dispose();
  assert.equal(physmem.framesInUse, 0);
});

test('a file that is written from its beginning to its end has long runs, and what it took ahead goes with it', () => {
  const inUse = physmem.framesInUse;
  const cache = new PageCache(physmem, 0);
  const length = 5 * 2 ** 20;
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 13 + (i >> 12)) & 0xff);
  for (let done = 0; done < length; done += 65536) write(cache, done, bytes.subarray(done, done + 65536));
  assert.deepEqual(read(cache, 0, length + 1), bytes);
  assert.equal(cache.residentPages, length / PAGE_SIZE);
  assert.equal(cache.prepare(600, 0, 2000, false), 0);
  assert.equal(cache.runPages, 512);
  cache.truncate(0);
  assert.equal(physmem.framesInUse, inUse);
  cache.truncate(length);
  assert(read(cache, 0, length).every((byte) => byte === 0));
  cache.dispose();
});

test('what is cut off comes back as zeros', () => {
  const cache = new PageCache(physmem, 0);
  write(cache, 0, new Uint8Array(3 * PAGE_SIZE).fill(9));
  cache.truncate(PAGE_SIZE + 10);
  cache.truncate(3 * PAGE_SIZE);
  const bytes = read(cache, 0, 3 * PAGE_SIZE);
  assert(bytes.subarray(0, PAGE_SIZE + 10).every((byte) => byte === 9));
  assert(bytes.subarray(PAGE_SIZE + 10).every((byte) => byte === 0));
  cache.dispose();
});

test('a filler is asked in long runs, once for each page, in pieces if it likes', () => {
  for (const piece of [Infinity, 1000, 4096, 5000]) {
    const store = storeOf(200 * PAGE_SIZE + 77);
    store.piece = piece;
    const cache = new PageCache(physmem, store.bytes.length, store);
    assert.deepEqual(read(cache, 0, store.bytes.length + 10), store.bytes);
    const { fills } = store;
    if (piece === Infinity) assert(fills < 10);
    assert.deepEqual(read(cache, 5 * PAGE_SIZE + 1, 10 * PAGE_SIZE), store.bytes.subarray(5 * PAGE_SIZE + 1, 15 * PAGE_SIZE + 1));
    assert.equal(store.fills, fills);
    cache.dispose();
    assert.equal(physmem.framesInUse, 0);
  }
});

test('a file that ends before its size reads as zeros there; an error is passed on and forgotten', () => {
  const store = storeOf(PAGE_SIZE + 100);
  const cache = new PageCache(physmem, 3 * PAGE_SIZE, store);
  store.error = EIO;
  assert.equal(cache.read(new KernelIoVec(new Uint8Array(10)), 0), EIO);
  store.error = undefined;
  const bytes = read(cache, 0, 3 * PAGE_SIZE);
  assert.deepEqual(bytes.subarray(0, PAGE_SIZE + 100), store.bytes);
  assert(bytes.subarray(PAGE_SIZE + 100).every((byte) => byte === 0));
  cache.dispose();
});

test('frames that held other data never show it behind the end of a file', () => {
  const soiled = physmem.allocate(16);
  assert(!isErr(soiled));
  physmem.window(soiled).fill(0xee, physmem.windowOffset(soiled), physmem.windowOffset(soiled) + 16 * PAGE_SIZE);
  physmem.release(soiled, 16);
  const store = storeOf(100);
  const cache = new PageCache(physmem, 100, store);
  assert(!isErr(cache.prepare(0, 0, 1, false)));
  const start = physmem.windowOffset(cache.runPhys);
  assert(
    physmem
      .window(cache.runPhys)
      .subarray(start + 100, start + PAGE_SIZE)
      .every((byte) => byte === 0),
  );
  cache.dispose();
});

test('write-back moves dirty bytes only, up to the size; a failure leaves them dirty', () => {
  const store = storeOf(10 * PAGE_SIZE);
  const original = store.bytes.slice();
  const cache = new PageCache(physmem, store.bytes.length, store);
  write(cache, 3 * PAGE_SIZE + 5, Uint8Array.of(1, 2, 3));
  store.bytes.fill(0, 0, PAGE_SIZE);
  store.error = EIO;
  assert.equal(cache.writeBack(), EIO);
  store.error = undefined;
  store.piece = 1000;
  assert.equal(cache.writeBack(), 0);
  assert(
    store.bytes.subarray(0, PAGE_SIZE).every((byte) => byte === 0),
    'clean pages are left alone',
  );
  original.fill(0, 0, PAGE_SIZE).set([1, 2, 3], 3 * PAGE_SIZE + 5);
  assert.deepEqual(store.bytes, original);
  write(cache, 10 * PAGE_SIZE, Uint8Array.of(7));
  assert.equal(cache.writeBack(), 0);
  assert.equal(store.bytes.length, 10 * PAGE_SIZE + 1);
  cache.dispose();
});

test('refresh shows what changed behind the cache, reclaim keeps what is dirty', () => {
  const store = storeOf(4 * PAGE_SIZE);
  const cache = new PageCache(physmem, store.bytes.length, store);
  read(cache, 0, 4 * PAGE_SIZE);
  store.bytes.fill(200, PAGE_SIZE, PAGE_SIZE + 50);
  assert.notEqual(read(cache, PAGE_SIZE, 1)[0], 200);
  cache.refresh(PAGE_SIZE, 50);
  assert.equal(read(cache, PAGE_SIZE, 1)[0], 200);
  write(cache, 0, Uint8Array.of(9));
  assert.equal(cache.reclaim(), 0);
  assert.equal(cache.writeBack(), 0);
  assert(cache.reclaim() > 0);
  assert.equal(cache.residentPages, 0);
  assert.deepEqual(read(cache, 0, 4 * PAGE_SIZE), store.bytes);
  cache.dispose();
  assert.equal(physmem.framesInUse, 0);
});

for (const kind of ['in memory', 'with a filler'] as const) {
  test(`random operations on a file ${kind}`, () => {
    let state = 99;
    const random = (below: number): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 4) % below;
    const most = 900 * PAGE_SIZE;
    const store = storeOf(kind === 'in memory' ? 0 : 40 * PAGE_SIZE + 99);
    const cache = new PageCache(physmem, store.bytes.length, kind === 'in memory' ? undefined : store);
    const model = new Uint8Array(2 * most);
    model.set(store.bytes);
    let size = store.bytes.length;
    for (let step = 0; step < 1500; step++) {
      const position = random(random(4) === 0 ? most : 60 * PAGE_SIZE);
      const length = 1 + random(random(3) === 0 ? 20 * PAGE_SIZE : 300);
      switch (random(6)) {
        case 0:
        case 1: {
          const bytes = Uint8Array.from({ length }, (_, i) => (i + step) & 0xff);
          write(cache, position, bytes);
          model.set(bytes, position);
          size = Math.max(size, position + length);
          break;
        }
        case 2:
          if (kind === 'in memory' || position < size) {
            cache.truncate(position);
            model.fill(0, Math.min(position, size));
            size = position;
            if (store.bytes.length > position) store.bytes = store.bytes.slice(0, position);
          }
          break;
        case 3:
          if (kind === 'in memory') {
            cache.punch(position, Math.min(length, Math.max(0, size - position)));
            model.fill(0, position, Math.min(position + length, Math.max(size, position)));
          } else assert.equal(cache.writeBack(), 0);
          break;
        default:
          assert.deepEqual(read(cache, position, length), model.slice(position, Math.max(position, Math.min(size, position + length))));
      }
      assert.equal(cache.size, size);
    }
    cache.dispose();
    assert.equal(physmem.framesInUse, 0);
  });
}
