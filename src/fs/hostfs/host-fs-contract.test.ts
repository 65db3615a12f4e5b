import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { isErr } from '../../base/brands.js';
import { fileSystemContract } from '../file-system-contract.js';
import { testMemory } from '../tree-for-tests.js';
import { HostFs } from './host-fs.js';

const base = mkdtempSync(join(tmpdir(), 'hostfs-contract-'));
after(() => rmSync(base, { recursive: true, force: true }));

function emptyHostFs(): HostFs {
  const dir = mkdtempSync(join(base, 'root-'));
  chmodSync(dir, 0o755);
  const mapOwner = { hostUid: process.getuid!(), hostGid: process.getgid!(), uid: 0, gid: 0 };
  const fs = HostFs.open(dir, { readOnly: false, physmem: testMemory(), mapOwner });
  assert.ok(!isErr(fs));
  return fs as HostFs;
}

fileSystemContract('hostfs', emptyHostFs, {
  skip: { 'mode and times change, ctime follows': 'set-user-ID never reaches the host: host-fs.test.ts has the rest' },
});
