/** The checks of `skas doctor` on the host of the tests, where guests run. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { PlainFrames } from './fixture.js';
import { probeHost } from './probe.js';

test('every required check passes where the other tests do, and each says something', () => {
  const frames = new PlainFrames();
  const results = probeHost(frames);
  for (const { name, ok: fine, required, detail, advice } of results) {
    ok(fine || !required, `${name}: ${detail}`);
    ok(detail.length > 0);
    equal(fine, advice === '');
  }
  equal(new Set(results.map((r) => r.name)).size, results.length);
  equal(frames.inUse <= 10, true);
  frames.dispose();
});

test('a guest runs on both platforms', () => {
  const frames = new PlainFrames();
  const found = probeHost(frames).filter(({ name }) => name === 'ptrace' || name === 'seccomp');
  deepEqual(
    found.map(({ name, ok: fine }) => [name, fine]),
    [
      ['seccomp', true],
      ['ptrace', true],
    ],
  );
  frames.dispose();
});
