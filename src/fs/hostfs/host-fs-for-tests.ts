/** What the tests of hostfs start from: a directory of the host, and file systems on it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { isErr } from '../../base/brands.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { testMemory, TestTree } from '../tree-for-tests.js';
import { HostFs, type HostFsOptions } from './host-fs.js';

export let base = '';
before(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'hostfs-')));
});
after(() => rmSync(base, { recursive: true, force: true }));

/** A fresh host directory, and a file system on it. */
export function onDirectory(name: string, options: HostFsOptions, fill: (dir: string) => void = () => {}): { dir: string; tree: TestTree } {
  const dir = join(base, name);
  mkdirSync(dir);
  fill(dir);
  return { dir, tree: onPath(dir, options) };
}

export function onPath(path: string, options: HostFsOptions): TestTree {
  const fs = HostFs.open(path, { physmem: testMemory(), ...options });
  assert.ok(!isErr(fs), `opening ${path}: ${String(fs)}`);
  return new TestTree(fs as HostFs);
}

export function opened(tree: TestTree, path: string, flags: number): OpenFile {
  const file = tree.open(path, flags);
  assert.ok(!isErr(file), `opening ${path}: ${String(file)}`);
  return file as OpenFile;
}

/** Descriptors of this process that lead into our directory. */
export function hostFds(): number {
  const target = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  };
  return readdirSync('/proc/self/fd').filter((fd) => target(fd).startsWith(base)).length;
}
