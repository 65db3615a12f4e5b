/**
 * Random operations on address spaces against a model of bytes. A run is told by its seed; SKAS_SEEDS=n runs more of them.
 *
 * The model: an array of pages per space, each private bytes, or a page of a file. Files that are mapped privately are never
 * written after that (what an untouched private page shows then is unspecified), but truncated and extended.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { EFAULT } from '../abi/errno.js';
import {
  MADV_DONTNEED,
  MADV_FREE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../abi/mman.js';
import { BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGSEGV } from '../abi/signal.js';
import { AddressSpace, type MappedFile } from './address-space.js';
import { FakeHostSpace, type Access } from './fake-host-space.js';
import { KernelIoVec } from './io-vec.js';
import { PageCache } from './page-cache.js';
import { physmem, RW } from './address-space-for-tests.js';

/** The arena lies across a 2 MiB boundary. */
const PAGES = 700;
const START = 0x4000_0000 - 100 * PAGE_SIZE;
const MAX_SPACES = 4;

type Random = (below: number) => number;
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below) | 0;
  };
}

interface ModelFile {
  bytes: Uint8Array;
  size: number;
  cache: PageCache;
  file: MappedFile & { references: number };
}
interface ModelPage {
  prot: number;
  /** Own bytes (private memory, or a private copy); undefined: zero, or what the file has. */
  bytes: Uint8Array | undefined;
  file: ModelFile | undefined;
  filePage: number;
  shared: boolean;
}
interface Space {
  mm: AddressSpace;
  host: FakeHostSpace;
  pages: (ModelPage | undefined)[];
}

function newFile(pages: number, withFiller: boolean): ModelFile {
  const bytes = new Uint8Array(PAGES * PAGE_SIZE);
  const store = new Uint8Array(bytes.length);
  for (let i = 0; i < pages * PAGE_SIZE; i += 61) store[i] = bytes[i] = (i * 31 + pages) & 0xff;
  const filler = {
    fill: (offset: number, io: import('./io-vec.js').IoVec): number | import('../base/brands.js').Errno =>
      io.put(store, offset, Math.min(io.remaining, store.length - offset)),
  };
  const cache = new PageCache(physmem, pages * PAGE_SIZE, withFiller ? filler : undefined);
  if (!withFiller) cache.write(new KernelIoVec(bytes, 0, pages * PAGE_SIZE), 0);
  const file = {
    references: 0,
    mappable: { cache },
    hold() {
      this.references++;
    },
    drop() {
      this.references--;
    },
    describe: () => ({ device: 1, ino: pages, path: '/f' }),
  };
  return { bytes, size: pages * PAGE_SIZE, cache, file };
}

class World {
  readonly spaces: Space[] = [];
  /** Private mappings use the first two, shared ones the last two. */
  readonly files = [newFile(90, false), newFile(300, true), newFile(60, false), newFile(64, false)];
  readonly anonymous: ModelFile[] = [];

  constructor(readonly random: Random) {
    const host = new FakeHostSpace(physmem);
    host.tellsAccess = random(2) === 0;
    this.spaces.push({ mm: new AddressSpace(physmem, host), host, pages: new Array<undefined>(PAGES).fill(undefined) });
  }

  get space(): Space {
    return this.spaces[this.random(this.spaces.length)]!;
  }

  range(most = 200): { first: number; count: number; address: number; length: number } {
    const first = this.random(PAGES);
    const count = 1 + this.random(Math.min(PAGES - first, this.random(3) === 0 ? most : 8));
    return { first, count, address: START + first * PAGE_SIZE, length: count * PAGE_SIZE };
  }

  prot(): number {
    return [RW, RW, RW, RW, PROT_READ, PROT_NONE][this.random(6)]!;
  }

  // Operations on both.

  mapPrivate(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range(600);
    const prot = this.prot();
    const file = this.random(3) === 0 ? this.files[this.random(2)]! : undefined;
    const filePage = file ? this.random(80) : 0;
    const flags = MAP_PRIVATE | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS);
    assert.equal(mm.map({ address, length, prot, flags, file: file?.file, offset: filePage * PAGE_SIZE }), address);
    for (let i = 0; i < count; i++) pages[first + i] = { prot, bytes: undefined, file, filePage: filePage + i, shared: false };
  }

  mapShared(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range(100);
    const prot = this.prot();
    const file = this.files[2 + this.random(2)]!;
    const filePage = this.random(50);
    const flags = MAP_SHARED | MAP_FIXED;
    assert.equal(mm.map({ address, length, prot, flags, file: file.file, offset: filePage * PAGE_SIZE }), address);
    for (let i = 0; i < count; i++) pages[first + i] = { prot, bytes: undefined, file, filePage: filePage + i, shared: true };
  }

  unmap(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range();
    assert.equal(mm.unmap(address, length), 0);
    pages.fill(undefined, first, first + count);
  }

  protect(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range();
    const prot = this.prot();
    const gap = pages.slice(first, first + count).indexOf(undefined);
    const result = mm.protect(address, length, prot);
    assert.equal(result === 0, gap < 0);
    for (let i = first; i < first + (gap < 0 ? count : gap); i++) pages[i] = { ...pages[i]!, prot };
  }

  discard(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range();
    const advice = this.random(3) === 0 ? MADV_FREE : MADV_DONTNEED;
    const result = mm.advise(address, length, advice);
    for (let i = first; i < first + count; i++) {
      const page = pages[i];
      if (page?.file && advice === MADV_FREE) {
        assert.notEqual(result, 0);
        return;
      }
      if (page) pages[i] = { ...page, bytes: undefined };
    }
  }

  remap(): void {
    const { mm, pages } = this.space;
    const { first, count, address, length } = this.range(60);
    const page = pages[first];
    const target = this.random(PAGES - 60);
    const newCount = this.random(2) === 0 ? count : 1 + this.random(60);
    const keep = newCount === count && this.random(4) === 0 && page !== undefined;
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0);
    const vma = mm.vmas.find(address);
    const whole = vma !== undefined && vma.end >= address + length;
    const result = mm.remap(address, length, newCount * PAGE_SIZE, flags, START + target * PAGE_SIZE);
    if (isErr(result)) return;
    assert(whole || newCount < count);
    const moved: (ModelPage | undefined)[] = [];
    for (let i = 0; i < newCount; i++) {
      const filePage = page!.filePage + i;
      moved.push(i < count ? pages[first + i]! : { ...page!, bytes: undefined, filePage });
    }
    for (let i = 0; i < count; i++) pages[first + i] = keep ? { ...pages[first + i]!, bytes: undefined } : undefined;
    // What was at the target is gone, but not what has been moved from there: the ranges are apart.
    for (let i = 0; i < newCount; i++) pages[target + i] = moved[i];
  }

  fork(): void {
    if (this.spaces.length >= MAX_SPACES) {
      this.exit();
      return;
    }
    const parent = this.space;
    assert.equal(parent.mm.protectForFork(), 0);
    const host = parent.host.copy();
    const mm = parent.mm.fork(host);
    assert(!isErr(mm));
    const pages = parent.pages.map((page) => page && { ...page, bytes: page.bytes?.slice() });
    this.spaces.push({ mm, host, pages });
  }

  exit(): void {
    if (this.spaces.length === 1) return;
    const [space] = this.spaces.splice(this.random(this.spaces.length), 1);
    space!.mm.dispose();
  }

  truncate(): void {
    const file = this.files[this.random(4)]!;
    const size = this.random(100 * PAGE_SIZE);
    const isPrivate = this.files.indexOf(file) < 2;
    if (file.cache.filler && size > file.size) return;
    file.cache.truncate(size);
    if (size < file.size) file.bytes.fill(0, size);
    file.size = size;
    if (!isPrivate) return;
    const gone = Math.ceil(size / PAGE_SIZE);
    for (const { pages } of this.spaces) {
      for (const page of pages) if (page?.file === file && page.filePage >= gone) page.bytes = undefined;
    }
  }

  writeFile(): void {
    const file = this.files[2 + this.random(2)]!;
    const position = this.random(80 * PAGE_SIZE);
    const data = Uint8Array.from({ length: 1 + this.random(3 * PAGE_SIZE) }, () => this.random(256));
    assert.equal(file.cache.write(new KernelIoVec(data), position), data.length);
    file.bytes.set(data, position);
    file.size = Math.max(file.size, position + data.length);
  }

  readFile(): void {
    const file = this.files[this.random(4)]!;
    const position = this.random(100 * PAGE_SIZE);
    const out = new Uint8Array(1 + this.random(3 * PAGE_SIZE));
    const expected = Math.max(0, Math.min(out.length, file.size - position));
    assert.equal(file.cache.read(new KernelIoVec(out), position), expected);
    assert.deepEqual(out.subarray(0, expected), file.bytes.subarray(position, position + expected));
  }

  punch(): void {
    const file = this.files[2 + this.random(2)]!;
    const position = this.random(60 * PAGE_SIZE);
    const length = Math.min(1 + this.random(10 * PAGE_SIZE), file.size - position);
    if (length <= 0) return;
    file.cache.punch(position, length);
    file.bytes.fill(0, position, position + length);
  }

  // Accesses, by the guest or by the kernel.

  expected(page: ModelPage | undefined, offset: number, write: boolean): Access {
    if (!page) return { signal: SIGSEGV, code: SEGV_MAPERR };
    if (page.prot === PROT_NONE || (write && (page.prot & PROT_WRITE) === 0)) return { signal: SIGSEGV, code: SEGV_ACCERR };
    if (page.file && page.bytes === undefined && page.filePage * PAGE_SIZE >= page.file.size) return { signal: SIGBUS, code: BUS_ADRERR };
    if (write) return { value: 0 };
    if (page.bytes) return { value: page.bytes[offset]! };
    return { value: page.file ? page.file.bytes[page.filePage * PAGE_SIZE + offset]! : 0 };
  }

  /** Enters a write into the model. */
  store(page: ModelPage, offset: number, value: number): void {
    if (page.shared) {
      page.file!.bytes[page.filePage * PAGE_SIZE + offset] = value;
      return;
    }
    page.bytes ??= page.file
      ? page.file.bytes.slice(page.filePage * PAGE_SIZE, (page.filePage + 1) * PAGE_SIZE)
      : new Uint8Array(PAGE_SIZE);
    page.bytes[offset] = value;
  }

  access(): void {
    const { mm, host, pages } = this.space;
    const number = this.random(PAGES);
    // Not behind the end of a file within its last page: what is there belongs to nobody.
    const offset = this.random(2) === 0 ? 0 : this.random(PAGE_SIZE);
    const page = pages[number];
    if (page?.file && page.filePage * PAGE_SIZE + offset >= page.file.size && page.filePage * PAGE_SIZE < page.file.size) return;
    const address = START + number * PAGE_SIZE + offset;
    const write = this.random(2) === 0;
    const value = 1 + this.random(255);
    const expected = this.expected(page, offset, write);
    const real =
      this.random(3) === 0
        ? this.kernelAccess(mm, address, write, value, expected)
        : write
          ? host.write(mm, address, value)
          : host.read(mm, address);
    assert.deepEqual(real, expected, `${write ? 'write' : 'read'} at ${address.toString(16)}`);
    if (write && 'value' in expected) this.store(page!, offset, value);
  }

  kernelAccess(mm: AddressSpace, address: number, write: boolean, value: number, expected: Access): Access {
    const byte = Uint8Array.of(value);
    const result = write ? mm.copyOut(address, byte) : mm.copyIn(address, byte);
    if (result === EFAULT) return 'signal' in expected ? expected : { signal: 0, code: 0 };
    return { value: write ? 0 : byte[0]! };
  }

  step(): void {
    const n = this.random(100);
    if (n < 8) this.mapPrivate();
    else if (n < 12) this.mapShared();
    else if (n < 15) this.unmap();
    else if (n < 20) this.protect();
    else if (n < 23) this.discard();
    else if (n < 26) this.remap();
    else if (n < 29) this.fork();
    else if (n < 31) this.exit();
    else if (n < 33) this.truncate();
    else if (n < 35) this.writeFile();
    else if (n < 37) this.readFile();
    else if (n < 38) this.punch();
    else for (let i = 0; i < 4; i++) this.access();
  }

  verify(): void {
    for (const { mm, host } of this.spaces) host.verify(mm);
  }

  end(): void {
    for (const { mm } of this.spaces) mm.dispose();
    for (const file of this.files) {
      assert.equal(file.file.references, 0);
      file.cache.dispose();
    }
  }
}

const SEEDS = Number(process.env['SKAS_SEEDS'] ?? 12);
const FIRST = Number(process.env['SKAS_FIRST_SEED'] ?? 1);
for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`random operations, seed ${seed}`, () => {
    const world = new World(randomOf(seed));
    for (let step = 0; step < 1500; step++) {
      world.step();
      if (step % 25 === 0) world.verify();
    }
    world.verify();
    world.end();
    assert.equal(physmem.framesInUse, 0, 'no frame leaks');
  });
}
