import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from './errors.js';
import { defaultLimits, machineOptions } from './machine-options.js';
import { guestPath, hostdir, memfs, mountList, overlay } from './mount-spec.js';

test('every limit is finite by default', () => {
  for (const [name, value] of Object.entries(defaultLimits())) assert.ok(Number.isFinite(value) && value > 0, name);
});

test('given limits replace defaults, and memory bounds the disk', () => {
  const { limits } = machineOptions({ limits: { memoryBytes: 64 << 20, processes: undefined } });
  assert.equal(limits.memoryBytes, 64 << 20);
  assert.equal(limits.diskBytes, 64 << 20);
  assert.equal(limits.processes, defaultLimits().processes);
});

test('options survive a structured clone', () => {
  const options = machineOptions({ root: overlay(hostdir('/')), mounts: mountList({ '/m': memfs({ sizeBytes: 1 }), '/d': '/tmp' }) });
  assert.deepEqual(structuredClone(options), options);
});

test('a mount that is a string is an overlay over that directory', () => {
  assert.deepEqual(mountList({ '/d/': '/tmp' }), [{ target: '/d', fs: { type: 'overlay', lower: { type: 'hostdir', path: '/tmp' } } }]);
  assert.throws(() => mountList({ relative: '/tmp' }), OptionError);
});

test('guest paths are absolute and normal', () => {
  assert.equal(guestPath('/a/../b//c/', 'cwd'), '/b/c');
  assert.equal(guestPath('/', 'cwd'), '/');
  assert.throws(() => guestPath('a', 'cwd'), OptionError);
  assert.throws(() => guestPath('/a\0b', 'cwd'), OptionError);
});
