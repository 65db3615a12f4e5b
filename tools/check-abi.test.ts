/** src/abi against the C headers of this machine: skipped without a C compiler. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { NR } from '../src/abi/syscall-numbers.js';
import { constantDifferences, frameDifferences, numberDifferences, structDifferences } from './check-abi.js';
import { isInstalled } from './install-test-programs.js';
import { BUILD, listFiles } from './repository.js';

const skip = isInstalled('gcc') && isInstalled('/usr/include/stdio.h') ? false : 'no C compiler';

test('structs have the sizes and offsets of C', { skip }, () => {
  assert.deepEqual(structDifferences(), []);
});

test('the signal frame has the offsets of C', { skip }, () => {
  assert.deepEqual(frameDifferences(), []);
});

test('constants have the values of C', { skip }, async () => {
  const files = listFiles('src/abi', '.ts').filter((file) => !file.endsWith('.test.ts'));
  const modules = await Promise.all(files.map((file) => import(pathToFileURL(join(BUILD, file.replace(/\.ts$/, '.js'))).href)));
  const { compared, problems } = constantDifferences(modules as Record<string, unknown>[]);
  assert.deepEqual(problems, []);
  assert.ok(compared > 500, `only ${compared} constants were found in the headers`);
});

test('system calls have the numbers of C', { skip }, () => {
  const { compared, problems } = numberDifferences(NR);
  assert.deepEqual(problems, []);
  assert.ok(compared > 300);
});
