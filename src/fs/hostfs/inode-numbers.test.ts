import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InodeNumbers } from './inode-numbers.js';

test('the first file system keeps its numbers', () => {
  const numbers = new InodeNumbers();
  assert.equal(numbers.number(65024, 260074, 0), 260074);
  assert.equal(numbers.number(65024, 7, 1), 2 ** 32 + 7);
});

test('no two files share a number, whatever the devices and high bits', () => {
  const numbers = new InodeNumbers();
  const seen = new Map<number, string>();
  for (let round = 0; round < 2; round++) {
    for (let device = 1; device <= 40; device++) {
      for (const high of [0, 1, 0xffff, 0x10000, 0x80000000, 0xffffffff]) {
        for (const low of [1, 2, 0xffffffff]) {
          const key = `${device}:${high}:${low}`;
          const number = numbers.number(device, low, high);
          assert.ok(Number.isSafeInteger(number) && number > 0, key);
          assert.equal(seen.get(number) ?? key, key);
          seen.set(number, key);
        }
      }
    }
  }
  assert.equal(seen.size, 40 * 6 * 3);
});
