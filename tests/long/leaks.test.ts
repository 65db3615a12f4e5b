import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureLeaks } from '../support/leaks.js';

test('10,000 processes leave frames, tasks, stubs and descriptors where they were', { timeout: 1_200_000 }, async () => {
  const { before, after } = await measureLeaks(10_000);
  assert.deepEqual(after, before);
});
