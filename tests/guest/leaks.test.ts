/** A thousand processes leave nothing behind; ten thousand: tests/long/leaks.test.ts. */
import { test } from 'node:test';
import { assertNoLeaks } from '../support/leaks.js';

test('1,000 processes leave frames, tasks, stubs and descriptors where they were', { timeout: 240_000 }, async () => {
  await assertNoLeaks(1000);
});
