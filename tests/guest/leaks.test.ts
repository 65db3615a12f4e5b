/** A thousand processes leave nothing behind; ten thousand: tests/long/leaks.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureLeaks } from '../support/leaks.js';

test('1,000 processes leave frames, tasks, stubs and descriptors where they were', { timeout: 240_000 }, async () => {
  const { before, after } = await measureLeaks(1000);
  assert.deepEqual(after, before);
});
