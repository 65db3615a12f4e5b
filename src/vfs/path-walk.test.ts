import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isErr, type Errno } from '../base/brands.js';
import { EACCES, EBUSY, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EROFS, EXDEV } from '../abi/errno.js';
import { O_CREAT, O_PATH, O_RDONLY, O_RDWR } from '../abi/fcntl.js';
import { MS_RDONLY } from '../abi/mount.js';
import { RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../abi/openat2.js';
import { Tmpfs } from '../fs/tmpfs/tmpfs.js';
import { testClock, testMemory, TestTree } from '../fs/tree-for-tests.js';
import { userCredentials } from './credentials.js';
import { dropFile } from './fd-table.js';
import { FsContext } from './fs-context.js';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';
import { listMounts } from './mount-list.js';
import { bindMount, mountFileSystem, moveMount, unmount } from './mount-tree.js';
import type { OpenFile } from './open-file.js';
import { LOOKUP_EMPTY, LOOKUP_FOLLOW, walk } from './path-walk.js';
import { pathString, pathWithin, type Path } from './path.js';

const newFs = (): Tmpfs => new Tmpfs({ physmem: testMemory(), clock: testClock, mode: 0o755 });

/** A tree with directories /a/b/c, files /f and /a/b/g. */
function tree(): TestTree {
  const t = new TestTree(newFs());
  for (const directory of ['/a', '/a/b', '/a/b/c']) assert.equal(t.mkdir(directory), 0);
  t.write('/f', 'f');
  t.write('/a/b/g', 'g');
  return t;
}

function find(t: TestTree, path: string, flags = 0, base = t.root, context = t.context): string | Errno {
  const found = walk(context, t.cred, base, path, flags);
  return isErr(found) ? found : pathString(found, t.root);
}

function place(t: TestTree, path: string): Path {
  const found = walk(t.context, t.cred, t.root, path, LOOKUP_FOLLOW);
  assert.ok(!isErr(found), path);
  return found as Path;
}

describe('path walk', () => {
  test('resolves components, dots and slashes', () => {
    const t = tree();
    const table: [string, string | Errno][] = [
      ['/', '/'],
      ['///', '/'],
      ['.', '/'],
      ['..', '/'],
      ['/..', '/'],
      ['/a/./b//c/', '/a/b/c'],
      ['a/../a/b/..', '/a'],
      ['/a/b/g', '/a/b/g'],
      ['/a/b/g/', ENOTDIR],
      ['/f/..', ENOTDIR],
      ['/f/.', ENOTDIR],
      ['/x', ENOENT],
      ['/x/y', ENOENT],
      ['', ENOENT],
      [`/${'n'.repeat(256)}`, ENAMETOOLONG],
      [`/${'n'.repeat(256)}/x`, ENAMETOOLONG],
      ['/a/b/c/../../../../f', '/f'],
      ['...', ENOENT],
      ['/a/.b', ENOENT],
    ];
    for (const [path, expected] of table) assert.equal(find(t, path), expected, JSON.stringify(path));
    assert.equal(find(t, '', LOOKUP_EMPTY, place(t, '/a')), '/a');
    assert.equal(find(t, 'b/g', 0, place(t, '/a')), '/a/b/g');
    assert.equal(find(t, '/f', 0, place(t, '/a')), '/f');
  });

  test('follows links in the middle always, at the end when asked or before a slash', () => {
    const t = tree();
    for (const [path, target] of [
      ['/to-b', 'a/b'],
      ['/abs', '/a/b/'],
      ['/root', '/'],
      ['/a/up', '../f'],
      ['/l1', 'l2'],
      ['/l2', 'to-b'],
      ['/gone', 'nowhere'],
      ['/to-f', 'f'],
    ] as const)
      assert.equal(t.symlink(path, target), 0);
    const table: [string, number, string | Errno][] = [
      ['/to-b', 0, '/to-b'],
      ['/to-b', LOOKUP_FOLLOW, '/a/b'],
      ['/to-b/', 0, '/a/b'],
      ['/to-b/g', 0, '/a/b/g'],
      ['/abs/c', 0, '/a/b/c'],
      ['/root/a', 0, '/a'],
      ['/root', LOOKUP_FOLLOW, '/'],
      ['/a/up', LOOKUP_FOLLOW, '/f'],
      ['/l1/g', 0, '/a/b/g'],
      ['/l1/..', 0, '/a'],
      ['/gone', 0, '/gone'],
      ['/gone', LOOKUP_FOLLOW, ENOENT],
      ['/to-f/', 0, ENOTDIR],
      ['/to-f/x', 0, ENOTDIR],
    ];
    for (const [path, flags, expected] of table) assert.equal(find(t, path, flags), expected, path);
  });

  test('gives up after 40 links', () => {
    const t = tree();
    t.symlink('/self', 'self');
    assert.equal(find(t, '/self', LOOKUP_FOLLOW), ELOOP);
    assert.equal(find(t, '/self/x'), ELOOP);
    t.symlink('/c0', 'a');
    for (let i = 1; i <= 40; i++) t.symlink(`/c${i}`, `c${i - 1}`);
    assert.equal(find(t, '/c39', LOOKUP_FOLLOW), '/a');
    assert.equal(find(t, '/c40', LOOKUP_FOLLOW), ELOOP);
  });

  test('needs search permission on every directory', () => {
    const t = tree();
    t.change('/a/b', { mode: 0o700 });
    t.cred = userCredentials(1000, 1000);
    assert.equal(find(t, '/a/b'), '/a/b');
    assert.equal(find(t, '/a/b/g'), EACCES);
    assert.equal(find(t, '/a/b/nothing'), EACCES);
    assert.equal(find(t, '/a/b/..'), EACCES);
    assert.equal(t.open('/f', O_RDWR), EACCES);
    assert.equal(t.open('/new', O_CREAT | O_RDWR), EACCES);
    assert.equal(t.mkdir('/new'), EACCES);
  });

  test("stops at the task's root, which '..' and links cannot leave", () => {
    const t = tree();
    const root = place(t, '/a');
    const jail = new FsContext(root, root, 0);
    t.symlink('/a/escape', '/../../f');
    assert.equal(find(t, '/../b/g', 0, root, jail), '/a/b/g');
    assert.equal(find(t, '../../f', 0, root, jail), ENOENT);
    assert.equal(find(t, '/escape', LOOKUP_FOLLOW, root, jail), ENOENT);
    assert.equal(pathString(place(t, '/a/b'), root), '/b');
    assert.equal(pathWithin(place(t, '/f'), root), undefined);
  });

  test('RESOLVE_* of openat2 hold', () => {
    const t = tree();
    t.symlink('/a/abs', '/f');
    t.symlink('/a/rel', 'b/g');
    t.symlink('/a/out', '../f');
    const base = place(t, '/a');
    const table: [string, number, string | Errno][] = [
      ['b/g', RESOLVE_BENEATH, '/a/b/g'],
      ['../f', RESOLVE_BENEATH, EXDEV],
      ['/f', RESOLVE_BENEATH, EXDEV],
      ['out', RESOLVE_BENEATH, EXDEV],
      ['abs', RESOLVE_BENEATH, EXDEV],
      ['rel', RESOLVE_BENEATH, '/a/b/g'],
      ['b/../b/g', RESOLVE_BENEATH, '/a/b/g'],
      ['/b/g', RESOLVE_IN_ROOT, '/a/b/g'],
      ['../../b', RESOLVE_IN_ROOT, '/a/b'],
      ['abs', RESOLVE_IN_ROOT, ENOENT],
      ['rel', RESOLVE_NO_SYMLINKS, ELOOP],
      ['b', RESOLVE_NO_SYMLINKS, '/a/b'],
      ['rel', RESOLVE_NO_MAGICLINKS, '/a/b/g'],
    ];
    for (const [path, flags, expected] of table) assert.equal(find(t, path, flags | LOOKUP_FOLLOW, base), expected, `${path} ${flags}`);
  });

  test('a removed directory resolves to itself and nothing beneath', () => {
    const t = tree();
    const held = place(t, '/a/b/c');
    assert.equal(t.rmdir('/a/b/c'), 0);
    assert.equal(find(t, '.', 0, held), '/a/b/c (deleted)');
    assert.equal(find(t, 'x', 0, held), ENOENT);
    assert.equal(find(t, '..', 0, held), '/a/b');
    t.mkdir('/a/b/c');
    assert.notEqual(place(t, '/a/b/c').dentry, held.dentry);
  });

  test('negative names are noticed when they come to be', () => {
    const t = tree();
    assert.equal(find(t, '/n'), ENOENT);
    t.write('/n', '');
    assert.equal(find(t, '/n'), '/n');
    t.rename('/n', '/m');
    assert.equal(find(t, '/n'), ENOENT);
    t.link('/m', '/n');
    assert.equal(find(t, '/n'), '/n');
  });
});

describe('mounts', () => {
  function mounted(t: TestTree, at: string, flags = 0): { mount: Mount; fs: Tmpfs } {
    const fs = newFs();
    const mount = mountFileSystem(fs, place(t, at), flags);
    assert.ok(!isErr(mount));
    return { mount: mount as Mount, fs };
  }

  test("cover what was there, and '..' leads out of them", () => {
    const t = tree();
    const { mount } = mounted(t, '/a');
    assert.equal(find(t, '/a/b'), ENOENT);
    t.mkdir('/a/inner');
    assert.equal(find(t, '/a/inner'), '/a/inner');
    assert.equal(find(t, '/a/inner/../../f'), '/f');
    assert.equal(find(t, '/a/..'), '/');
    assert.equal(find(t, '/a/inner', RESOLVE_NO_XDEV), EXDEV);
    assert.equal(t.rmdir('/a'), EBUSY);
    assert.equal(t.rename('/a', '/z'), EBUSY);
    assert.equal(t.rename('/f', '/a/f'), EXDEV);
    assert.equal(t.link('/f', '/a/f'), EXDEV);
    assert.equal(unmount(mount, false), 0);
    assert.equal(find(t, '/a/b'), '/a/b');
  });

  test('stack, and the last one is seen', () => {
    const t = tree();
    mounted(t, '/a');
    t.mkdir('/a/first');
    const { mount } = mounted(t, '/a');
    assert.equal(find(t, '/a/first'), ENOENT);
    assert.equal(find(t, '/a/../a'), '/a');
    unmount(mount, false);
    assert.equal(find(t, '/a/first'), '/a/first');
  });

  test('are busy while a file is open or another mount is beneath', () => {
    const t = tree();
    const { mount } = mounted(t, '/a');
    t.write('/a/x', 'x');
    const file = t.open('/a/x', O_RDONLY) as OpenFile;
    assert.equal(unmount(mount, false), EBUSY);
    dropFile(file);
    t.mkdir('/a/m');
    const inner = mounted(t, '/a/m');
    assert.equal(unmount(mount, false), EBUSY);
    assert.equal(unmount(inner.mount, false), 0);
    const spot = t.open('/a/m', O_PATH) as OpenFile;
    assert.equal(unmount(mount, false), EBUSY);
    dropFile(spot);
    assert.equal(unmount(mount, false), 0);
  });

  test('give their memory back at unmount', () => {
    const t = tree();
    const frames = testMemory().framesInUse;
    const { mount, fs } = mounted(t, '/a');
    t.write('/a/x', 'x'.repeat(50_000));
    assert.ok(testMemory().framesInUse > frames);
    unmount(mount, false);
    assert.equal(testMemory().framesInUse, frames);
    assert.equal(fs.rootDentry, undefined);
  });

  test('read-only ones refuse every change, after the errors of the path', () => {
    const t = tree();
    const { mount } = mounted(t, '/a');
    t.write('/a/x', 'x');
    t.mkdir('/a/d');
    mount.flags |= MS_RDONLY;
    assert.equal(t.open('/a/x', O_RDWR), EROFS);
    assert.equal(t.open('/a/new', O_CREAT | O_RDWR), EROFS);
    assert.equal(t.open('/a/none', O_RDWR), ENOENT);
    assert.equal(t.mkdir('/a/new'), EROFS);
    assert.equal(t.unlink('/a/x'), EROFS);
    assert.equal(t.rename('/a/x', '/a/y'), EROFS);
    assert.equal(t.read('/a/x'), 'x');
  });

  test('bind mounts show a directory, or a file, a second time', () => {
    const t = tree();
    mounted(t, '/a/b/c');
    t.write('/a/b/c/deep', 'deep');
    t.mkdir('/copy');
    const bound = bindMount(place(t, '/a/b'), place(t, '/copy'), true);
    assert.ok(!isErr(bound));
    assert.equal(t.read('/copy/g'), 'g');
    assert.equal(t.read('/copy/c/deep'), 'deep');
    t.write('/copy/new', 'n');
    assert.equal(t.read('/a/b/new'), 'n');
    assert.equal(find(t, '/copy/..'), '/');
    assert.ok(!isErr(bindMount(place(t, '/f'), place(t, '/a/b/g'), false)));
    assert.equal(t.read('/a/b/g'), 'f');
    assert.equal(t.unlink('/a/b/g'), EBUSY);
    assert.ok(isErr(bindMount(place(t, '/f'), place(t, '/a'), false)));
    const listed = listMounts(t.root).map(({ path, rootPath }) => `${path} ${rootPath}`);
    assert.deepEqual(listed.sort(), ['/ /', '/a/b/c /', '/a/b/g /f', '/copy /a/b', '/copy/c /']);
  });

  test('move, but not into themselves', () => {
    const t = tree();
    const { mount } = mounted(t, '/a');
    t.mkdir('/a/in');
    t.mkdir('/to');
    assert.equal(moveMount(mount, place(t, '/a/in')), ELOOP);
    assert.equal(moveMount(mount, place(t, '/to')), 0);
    assert.equal(find(t, '/to/in'), '/to/in');
    assert.equal(find(t, '/a/b'), '/a/b');
    assert.equal(unmount(t.root.mount, false), EINVAL);
  });
});

describe('names of other users', () => {
  test('a sticky directory protects its files', () => {
    const t = tree();
    t.mkdir('/tmp');
    t.change('/tmp', { mode: 0o1777 });
    t.write('/tmp/roots', '');
    t.cred = userCredentials(1000, 1000);
    assert.equal(t.write('/tmp/mine', ''), 0);
    assert.equal(t.unlink('/tmp/roots'), -1);
    assert.equal(t.rename('/tmp/mine', '/tmp/roots'), -1);
    assert.equal(t.link('/tmp/roots', '/tmp/link'), -1);
    assert.equal(t.unlink('/tmp/mine'), 0);
  });

  test('a setgid directory hands its group down', () => {
    const t = tree();
    t.mkdir('/shared');
    t.change('/shared', { gid: 50, mode: 0o2777 });
    t.cred = userCredentials(1000, 1000);
    t.write('/shared/f', '');
    t.mkdir('/shared/d');
    const gid = (path: string): number => (t.at(path) as Inode).gid;
    assert.deepEqual([gid('/shared/f'), gid('/shared/d')], [50, 50]);
    assert.equal((t.at('/shared/d') as Inode).mode & 0o7777, 0o2755);
  });

  test('rmdir and rename know dots', () => {
    const t = tree();
    assert.equal(t.rmdir('/a/.'), EINVAL);
    assert.equal(t.rmdir('/a/..'), ENOTEMPTY);
    assert.equal(t.rmdir('/'), EBUSY);
    assert.equal(t.rename('/a/.', '/z'), EBUSY);
    assert.equal(t.unlink('/a/b/g/'), ENOTDIR);
  });
});
