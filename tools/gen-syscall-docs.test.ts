import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EPERM } from '../src/abi/errno.js';
import { full, partial, stub, syscall } from '../src/kernel/syscall.js';
import { syscallDocs } from './gen-syscall-docs.js';

const numbers = { read: 0, write: 1, reboot: 2, gone: 3 };
const table = {
  0: syscall('read', [], () => 0, full),
  1: syscall('write', [], () => 0, partial('a | b')),
  2: stub('reboot', EPERM, 'a guest must not'),
};

test('one row for each entry, its support, and the absent ones at the end', () => {
  const text = syscallDocs(numbers, table, () => 'x.ts');
  assert.match(text, /Of the 4 calls of x86-64 Linux, 1 are supported, 1 in part, 1 are refused/);
  assert.match(text, /^\| 0 \| read \| \[x\.ts\]\(\.\.\/src\/syscalls\/x\.ts\) \| full \|$/m);
  assert.match(text, /^\| 1 \| write \| .* \| partial: a \\\| b \|$/m);
  assert.match(text, /^\| 2 \| reboot \| .* \| refused with EPERM: a guest must not \|$/m);
  assert.match(text, /`gone`\n$/);
});
