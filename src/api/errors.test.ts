import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExitError, FileError, SandboxError, SpawnError, spawnExitCode, TimeoutError } from './errors.js';
import type { Result } from './result.js';

const RESULT: Result = {
  exitCode: 2,
  signal: null,
  stdout: '',
  stderr: 'first\nmake: *** [all] Error 2\n',
  ok: false,
  timedOut: false,
  aborted: false,
  durationMs: 12,
  usage: { cpuMs: 0, peakMemoryBytes: 0, syscalls: 0, outOfMemory: false, limits: [] },
};

test('every error is a SandboxError with its own name and a code', () => {
  const errors = [
    new ExitError('make', RESULT),
    new TimeoutError('make', RESULT),
    new FileError('ENOENT', 'readFile', '/x'),
    new SpawnError({ code: 'ENOENT', what: 'program', value: 'nope' }),
  ];
  assert.deepEqual(
    errors.map((error) => error.name),
    ['ExitError', 'TimeoutError', 'FileError', 'SpawnError'],
  );
  for (const error of errors) {
    assert.ok(error instanceof SandboxError);
    assert.notEqual(error.code, '');
    assert.ok(!error.message.includes('\n'), error.message);
  }
});

test('an exit error names the command, the code and the last line of stderr', () => {
  assert.equal(new ExitError('make all', RESULT).message, 'make all: exited with 2: make: *** [all] Error 2');
  const killed = { ...RESULT, exitCode: null, signal: 'SIGSEGV', stderr: '' };
  assert.equal(new ExitError('./a', killed).message, './a: killed by SIGSEGV');
});

test('exit codes of programs that did not start', () => {
  assert.equal(spawnExitCode({ code: 'ENOENT', what: 'program', value: 'x' }), 127);
  assert.equal(spawnExitCode({ code: 'ENOTDIR', what: 'program', value: 'x' }), 127);
  assert.equal(spawnExitCode({ code: 'EACCES', what: 'program', value: 'x' }), 126);
  assert.equal(spawnExitCode({ code: 'ENOEXEC', what: 'program', value: 'x' }), 126);
  assert.equal(spawnExitCode({ code: 'ENOENT', what: 'cwd', value: '/x' }), 125);
  assert.equal(spawnExitCode({ code: 'EINVAL', what: 'user', value: 'x' }), 125);
});
