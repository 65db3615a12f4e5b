/** Random bytes differ from call to call, over the pool's edge as well. */
import { deepEqual, equal, notDeepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { fillRandom, randomU32 } from './random.js';

test('every byte is filled, and nothing comes twice', () => {
  const seen = new Set<string>();
  for (let round = 0; round < 100; round++) {
    const bytes = new Uint8Array(24);
    fillRandom(bytes);
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  equal(seen.size, 100);
  const large = new Uint8Array(4096);
  fillRandom(large);
  ok(new Set(large).size > 250);
  notDeepEqual(large.subarray(0, 256), large.subarray(256, 512));
  deepEqual(fillRandom(new Uint8Array(0)), undefined);
});

test('words have 32 bits', () => {
  let bits = 0;
  for (let round = 0; round < 200; round++) bits |= randomU32();
  equal(bits >>> 0, 0xffffffff);
});
