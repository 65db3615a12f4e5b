import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME } from '../abi/time.js';
import { PAGE_SIZE } from '../base/page.js';
import { TscClock, tscIsClock } from '../host/clock.js';
import { addressOf, machineFunction, type HostFunction } from '../host/libc.js';
import { loadMachineCode } from '../host/machine-code.js';
import { MODE, MODE_GETCPU, MODE_TSC, writeParameters } from '../host/tsc-formula.js';
import { assembleVdso } from './vdso-code.js';
import { buildVdsoImage, elfHash } from './vdso-image.js';

const NAMES = ['clock_gettime', 'gettimeofday', 'time', 'clock_getres', 'getcpu'];

test('readelf finds nothing to complain about, and every function with its version', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vdso-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'vdso.so');
  writeFileSync(file, buildVdsoImage());
  let text: string;
  try {
    text = execFileSync('readelf', ['-aW', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('readelf is not installed');
    throw error;
  }
  for (const name of NAMES) {
    assert.match(text, new RegExp(`FUNC +GLOBAL +DEFAULT +7 __vdso_${name}@@LINUX_2\\.6`));
    assert.match(text, new RegExp(`FUNC +WEAK +DEFAULT +7 ${name}@@LINUX_2\\.6`));
  }
  assert.match(text, /SONAME.*linux-vdso\.so\.1/);
  assert.doesNotMatch(text, /[Ww]arning|[Ee]rror|<corrupt/);
});

test('the hash table leads to every symbol', () => {
  const image = buildVdsoImage();
  const view = new DataView(image.buffer);
  const dynamic = new Map<number, number>();
  const at = Number(view.getBigUint64(64 + 56 + 8, true));
  for (let i = at; ; i += 16) {
    const tag = Number(view.getBigUint64(i, true));
    if (tag === 0) break;
    dynamic.set(tag, Number(view.getBigUint64(i + 8, true)));
  }
  const [hash, strings, symbols] = [dynamic.get(4)!, dynamic.get(5)!, dynamic.get(6)!];
  const text = (offset: number): string => {
    let end = strings + offset;
    while (image[end] !== 0) end++;
    return Buffer.from(image.subarray(strings + offset, end)).toString('latin1');
  };
  const buckets = view.getUint32(hash, true);
  for (const name of NAMES.flatMap((short) => [short, `__vdso_${short}`])) {
    let index = view.getUint32(hash + 8 + (elfHash(name) % buckets) * 4, true);
    while (index !== 0 && text(view.getUint32(symbols + index * 24, true)) !== name) {
      index = view.getUint32(hash + 8 + (buckets + index) * 4, true);
    }
    assert.notEqual(index, 0, name);
  }
});

/** The parameter page and the code behind it, natively; parameters may be set until the first call. */
function loadNatively(mode: number, clock?: TscClock): Record<string, HostFunction> {
  const { code, functions } = assembleVdso(PAGE_SIZE);
  const bytes = new Uint8Array(PAGE_SIZE + code.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(MODE, mode, true);
  if (clock?.parameters) writeParameters(view, clock.parameters, -clock.epochNs);
  bytes.set(code, PAGE_SIZE);
  const base = loadMachineCode(bytes) + PAGE_SIZE;
  return Object.fromEntries(Object.entries(functions).map(([name, { offset }]) => [name, machineFunction(base + offset, 2)]));
}

const out = new Uint8Array(64);
const outView = new DataView(out.buffer);
const read = (): number => Number(outView.getBigInt64(0, true)) + Number(outView.getBigInt64(8, true)) / 1e9;

function settledClock(): TscClock | undefined {
  if (!tscIsClock()) return undefined;
  const clock = new TscClock();
  const until = performance.now() + 30;
  while (clock.parameters === undefined && performance.now() < until) clock.monotonicNs();
  return clock.parameters ? clock : undefined;
}

for (const [title, mode] of [
  ['computed', MODE_TSC],
  ['by system calls', 0],
] as const) {
  test(`times ${title} agree with the host's`, (t) => {
    const clock = settledClock();
    if (mode !== 0 && !clock) return t.skip('the time-stamp counter is no clock here');
    const functions = loadNatively(mode, clock);
    const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1, `${value} is not near ${expected}`);
    for (const id of [CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE]) {
      assert.equal(functions.clock_gettime!(id, addressOf(out)), 0);
      near(read(), Number(process.hrtime.bigint()) / 1e9);
    }
    assert.equal(functions.clock_gettime!(CLOCK_REALTIME, addressOf(out)), 0);
    near(read(), Date.now() / 1000);
    assert.ok(outView.getBigInt64(8, true) < 1_000_000_000n);
    assert.equal(functions.clock_gettime!(CLOCK_BOOTTIME, addressOf(out)), 0);
    assert.equal(functions.clock_gettime!(99, addressOf(out)), -22);
    out.fill(0xff);
    assert.equal(functions.gettimeofday!(addressOf(out), addressOf(out) + 16), 0);
    near(Number(outView.getBigInt64(0, true)) + Number(outView.getBigInt64(8, true)) / 1e6, Date.now() / 1000);
    assert.equal(functions.gettimeofday!(0, 0), 0);
    near(Number(functions.time!(addressOf(out), 0)), Date.now() / 1000);
    near(Number(outView.getBigInt64(0, true)), Date.now() / 1000);
    assert.equal(functions.clock_getres!(CLOCK_MONOTONIC, addressOf(out)), 0);
    assert.deepEqual([outView.getBigInt64(0, true), outView.getBigInt64(8, true)], [0n, 1n]);
    assert.equal(functions.clock_getres!(CLOCK_REALTIME, 0), 0);
    assert.equal(functions.clock_getres!(99, addressOf(out)), -22);
  });
}

test('computed time never goes back, also across changes of the rate', (t) => {
  const clock = settledClock();
  if (!clock) return t.skip('the time-stamp counter is no clock here');
  let last = 0;
  for (let i = 0; i < 20000; i++) {
    const now = clock.monotonicNs();
    assert.ok(now >= last, `${now} is before ${last}`);
    last = now;
    if (i % 1000 === 0) clock.update();
  }
});

test('getcpu computed and by a system call gives a CPU of this host', () => {
  for (const mode of [MODE_GETCPU, 0]) {
    out.fill(0xff);
    assert.equal(loadNatively(mode).getcpu!(addressOf(out), addressOf(out) + 4), 0);
    assert.ok(outView.getUint32(0, true) < 4096);
    assert.ok(outView.getUint32(4, true) < 4096);
    assert.equal(loadNatively(mode).getcpu!(0, 0), 0);
  }
});
