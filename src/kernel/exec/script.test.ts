import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, ENOEXEC } from '../../abi/errno.js';
import { parseScript } from './script.js';

test('an interpreter line is split into interpreter and one argument', () => {
  assert.deepEqual(parseScript('#!/bin/sh\necho'), { interpreter: '/bin/sh', argument: undefined });
  assert.deepEqual(parseScript('#! \t/usr/bin/env  -S a b \n'), { interpreter: '/usr/bin/env', argument: '-S a b' });
  assert.deepEqual(parseScript('#!/bin/sh'), { interpreter: '/bin/sh', argument: undefined });
});

test('a line without an interpreter, or with one that is cut off, is no script', () => {
  assert.equal(parseScript('#!\n'), ENOEXEC);
  assert.equal(parseScript('#!  \t\n'), ENOEXEC);
  assert.equal(parseScript('#!'), EACCES);
  assert.equal(parseScript(`#!${'/x'.repeat(127)}`), ENOEXEC);
});

test('an argument may be cut off, the interpreter stays whole', () => {
  const head = `#!/bin/sh ${'y'.repeat(246)}`;
  assert.deepEqual(parseScript(head), { interpreter: '/bin/sh', argument: 'y'.repeat(246) });
});
