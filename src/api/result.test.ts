import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStatus, shellExitCode } from './result.js';
import { signalName, signalNumber } from './signal-names.js';

test('status words become exit codes and signals', () => {
  assert.deepEqual(decodeStatus(0), { exitCode: 0, signal: null });
  assert.deepEqual(decodeStatus(7 << 8), { exitCode: 7, signal: null });
  assert.deepEqual(decodeStatus(9), { exitCode: null, signal: 'SIGKILL' });
  assert.deepEqual(decodeStatus(0x80 | 11), { exitCode: null, signal: 'SIGSEGV' });
  assert.equal(shellExitCode(255 << 8), 255);
  assert.equal(shellExitCode(15), 143);
  assert.equal(shellExitCode(0x80 | 6), 134);
});

test('signals by name and number', () => {
  assert.equal(signalNumber('SIGTERM'), 15);
  assert.equal(signalNumber('kill'), 9);
  assert.equal(signalNumber(0), 0);
  assert.equal(signalNumber('SIGRTMIN+3'), 37);
  for (const bad of ['SIGNONE', '', 'RTMIN+31', 65, -1, 1.5]) assert.equal(signalNumber(bad), undefined);
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(34), 'SIGRTMIN+0');
});
