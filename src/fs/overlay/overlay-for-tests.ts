/** What the tests of overlays start from: lower directories on the host, an upper file system in memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { isErr } from '../../base/brands.js';
import type { InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { HostFs } from '../hostfs/host-fs.js';
import { Tmpfs } from '../tmpfs/tmpfs.js';
import { testClock, testMemory, TestTree } from '../tree-for-tests.js';
import { OverlayFs } from './overlay-fs.js';

export let base = '';
before(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'overlay-')));
});
after(() => rmSync(base, { recursive: true, force: true }));

export let count = 0;

export function hostDirectory(fill: (dir: string) => void): string {
  const dir = join(base, `lower-${count++}`);
  mkdirSync(dir);
  fill(dir);
  return dir;
}

export function lowerOf(dir: string): HostFs {
  const fs = HostFs.open(dir, { physmem: testMemory(), assumeStable: true });
  assert.ok(!isErr(fs));
  return fs as HostFs;
}

export const newUpper = (sizeBytes?: number): Tmpfs => new Tmpfs({ physmem: testMemory(), clock: testClock, sizeBytes });

export function overlayOn(...dirs: string[]): TestTree & { fs: OverlayFs } {
  return new TestTree(new OverlayFs(dirs.map(lowerOf), newUpper(), testClock)) as TestTree & { fs: OverlayFs };
}

/** The usual lower directory. */
export function fillUsual(dir: string): void {
  mkdirSync(join(dir, 'd', 'inner'), { recursive: true });
  mkdirSync(join(dir, 'empty'));
  writeFileSync(join(dir, 'f'), 'lower f');
  writeFileSync(join(dir, 'd', 'g'), 'lower g');
  writeFileSync(join(dir, 'd', 'inner', 'h'), 'lower h');
  writeFileSync(join(dir, 'big'), Buffer.alloc(700_001, 'big'));
  symlinkSync('d/g', join(dir, 'link'));
  linkSync(join(dir, 'f'), join(dir, 'd', 'f2'));
}

export const snapshot = (dir: string): string =>
  execFileSync('sh', [
    '-c',
    `cd '${dir}' && find . | sort | xargs ls -ldn --time-style=full-iso && find . -type f | sort | xargs cat | cksum`,
  ]).toString();

export function changesOf(tree: { fs: OverlayFs }): string[] {
  return [...tree.fs.changes()].map((change) => `${change.kind} ${change.path}`).sort();
}

export const stat = (tree: TestTree, path: string): InodeAttributes => {
  const found = tree.stat(path);
  assert.ok(!isErr(found), `stat ${path}: ${String(found)}`);
  return found as InodeAttributes;
};
export const opened = (tree: TestTree, path: string, flags: number): OpenFile => {
  const file = tree.open(path, flags);
  assert.ok(!isErr(file), `open ${path}: ${String(file)}`);
  return file as OpenFile;
};
