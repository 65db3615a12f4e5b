import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { isErr } from '../../base/brands.js';
import { fileSystemContract } from '../file-system-contract.js';
import { HostFs } from '../hostfs/host-fs.js';
import { Tmpfs } from '../tmpfs/tmpfs.js';
import { testClock, testMemory } from '../tree-for-tests.js';
import { OverlayFs } from './overlay-fs.js';

const base = mkdtempSync(join(tmpdir(), 'overlay-contract-'));
after(() => rmSync(base, { recursive: true, force: true }));

function emptyLower(assumeStable: boolean): HostFs {
  const dir = mkdtempSync(join(base, 'root-'));
  chmodSync(dir, 0o755);
  const mapOwner = { hostUid: process.getuid!(), hostGid: process.getgid!(), uid: 0, gid: 0 };
  const fs = HostFs.open(dir, { physmem: testMemory(), assumeStable, mapOwner });
  assert.ok(!isErr(fs));
  return fs as HostFs;
}

const upper = (): Tmpfs => new Tmpfs({ physmem: testMemory(), clock: testClock });

fileSystemContract('overlay over a directory that nobody changes', () => new OverlayFs([emptyLower(true)], upper(), testClock));
fileSystemContract('overlay over a directory that may change', () => new OverlayFs([emptyLower(false)], upper(), testClock));
