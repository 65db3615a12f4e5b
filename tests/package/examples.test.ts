/** The programs in examples/ run and say what they are meant to say. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { listFiles, ROOT } from '../../tools/repository.js';

const EXPECTED: Readonly<Record<string, readonly RegExp[]>> = {
  'examples/judge.mjs': [
    /^right: accepted, accepted$/m,
    /^wrong: accepted, wrong answer$/m,
    /^endless: time limit, time limit$/m,
    /^greedy: memory limit, memory limit$/m,
    /^broken: run-time error \(1\)/m,
  ],
  'examples/agent.mjs': [/one\nthree\ntwo\n\[exit code 0\]/, /\[ENOENT: /, /cannot access 'src'/, /src is still there/],
  'examples/playground.mjs': [/root\nplayground\n\/dev\/pts\/0$/m, /'\/etc\/passwd': No such file/, /ended with 3/],
};

test('every example is here', () => assert.deepEqual(Object.keys(EXPECTED).sort(), listFiles('examples', '.mjs')));

const skip = isInstalled('/usr/bin/python3') ? false : 'no python3';
for (const [file, patterns] of Object.entries(EXPECTED)) {
  test(file, { timeout: 120_000, skip }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    for (const pattern of patterns) assert.match(stdout, pattern);
  });
}
