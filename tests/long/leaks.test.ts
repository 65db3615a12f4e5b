import { test } from 'node:test';
import { assertNoLeaks } from '../support/leaks.js';

test('10,000 processes leave frames, tasks, stubs and descriptors where they were', { timeout: 1_200_000 }, async () => {
  await assertNoLeaks(10_000);
});
