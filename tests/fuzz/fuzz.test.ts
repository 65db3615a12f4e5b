/** Random scripts of system calls, the same ones each time: natively and on each platform. `npm run fuzz` goes on from there. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS } from '../support/platforms.js';
import { Differential, fuzz } from './differential.js';
import { firstDifference, formatScripts, makeScript, splitOutput } from './scripts.js';

const FIRST_SEED = 1;
const SCRIPTS = 300;
const SHOWN = 3;

const skip = !isInstalled('gcc') ? 'no gcc' : !isInstalled('setpriv') ? 'no setpriv' : false;

for (const platform of PLATFORMS) {
  test(`${SCRIPTS} random scripts do on ${platform} what they do natively`, { skip, timeout: 240_000 }, async () => {
    await using differential = await Differential.open(platform);
    const texts = await fuzz(differential, FIRST_SEED, SCRIPTS, SHOWN);
    assert.deepEqual(texts, [], texts.join('\n'));
  });
}

describe('the fuzzer itself', () => {
  test('a seed makes the same script each time, and another seed another one', () => {
    assert.deepEqual(makeScript(7), makeScript(7));
    assert.notDeepEqual(makeScript(7), makeScript(8));
    assert.equal(formatScripts([[[1, 2, 3, 4, 5]]]), 'S 1\n1 2 3 4 5\n');
  });

  test('outputs are told apart, and differ where they differ', () => {
    const [one, other] = splitOutput('S 0\n0 dup = EBADF\nend 0\nS 1\nend b\n');
    assert.deepEqual(one, ['0 dup = EBADF', 'end 0']);
    assert.deepEqual(other, ['end b']);
    assert.equal(firstDifference(one!, one!), -1);
    assert.equal(firstDifference(one!, ['0 dup = EBADF', 'end 9']), 1);
    assert.equal(firstDifference(one!, ['0 dup = EBADF']), 1);
  });
});
