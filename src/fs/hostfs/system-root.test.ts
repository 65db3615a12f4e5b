import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EACCES, ENOENT } from '../../abi/errno.js';
import type { InodeAttributes } from '../../vfs/inode.js';
import { testMemory, TestTree } from '../tree-for-tests.js';
import { HostFs } from './host-fs.js';
import { openSystemRoot, SECRETS } from './system-root.js';

const tree = new TestTree(openSystemRoot({ physmem: testMemory() }) as HostFs);

test('programs and libraries are there, home directories are not', () => {
  assert.equal(tree.read('/etc/passwd'), readFileSync('/etc/passwd', 'latin1'));
  assert.equal(tree.read('/bin/sh')?.toString().slice(0, 4), '\x7fELF');
  assert.deepEqual(tree.list('/usr/bin'), readdirSync('/usr/bin', { encoding: 'latin1' }).sort());
  const shown = new Set(tree.list('/') as string[]);
  for (const name of ['usr', 'etc', 'bin', 'var', 'tmp', 'proc']) assert.ok(shown.has(name), name);
  for (const name of readdirSync('/')) {
    if (['boot', 'lost+found', 'snap', 'work'].includes(name)) assert.equal(tree.at(`/${name}`), ENOENT, name);
  }
});

test('directories that are there, but empty', () => {
  for (const path of [
    '/home',
    '/root',
    '/run',
    '/proc',
    '/sys',
    '/dev',
    '/tmp',
    '/srv',
    '/mnt',
    '/media',
    '/var/log',
    '/var/tmp',
    '/var/spool',
  ]) {
    if (!existsSync(path) || realpathSync(path) !== path) continue;
    assert.deepEqual(tree.list(path), [], path);
    assert.equal((tree.stat(path) as InodeAttributes).nlink, 2, path);
    assert.equal(tree.at(`${path}/self`), ENOENT);
  }
  assert.equal(((tree.stat('/tmp') as InodeAttributes).mode & 0o1777).toString(8), '1777');
});

test('secrets do not exist', () => {
  assert.ok(existsSync('/etc/shadow'));
  for (const path of SECRETS) assert.equal(tree.at(path, true), ENOENT, path);
  assert.equal((tree.list('/etc') as string[]).includes('shadow'), false);
  for (const name of existsSync('/etc/ssh') ? (tree.list('/etc/ssh') as string[]) : []) assert.doesNotMatch(name, /^ssh_host_.*_key$/);
});

test('publicOnly: what others may not read is not read, even by root', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'public-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const dir = join(base, 'root');
  mkdirSync(join(dir, 'closed'), { recursive: true });
  mkdirSync(join(dir, 'listed-only'));
  for (const path of ['public', 'private', 'closed/f', 'listed-only/f']) writeFileSync(join(dir, path), 'x');
  chmodSync(join(dir, 'private'), 0o640);
  chmodSync(join(dir, 'closed'), 0o750);
  chmodSync(join(dir, 'listed-only'), 0o754);
  chmodSync(dir, 0o755);
  const fs = HostFs.open(dir, { assumeStable: true, rule: { publicOnly: true, rest: 'same' } });
  assert.ok(!isErr(fs));
  const view = new TestTree(fs as HostFs);
  assert.equal(view.read('/public'), 'x');
  assert.equal(view.read('/private'), EACCES);
  assert.equal(((view.stat('/private') as InodeAttributes).mode & 0o777).toString(8), '640');
  assert.equal(view.list('/closed'), EACCES);
  assert.equal(view.read('/closed/f'), EACCES);
  assert.deepEqual(view.list('/listed-only'), ['f']);
  assert.equal(view.read('/listed-only/f'), EACCES);
});
