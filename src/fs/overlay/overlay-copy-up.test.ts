/** Copying up: when it happens, and what stays the same through it. */
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { ENOENT, ENOSPC } from '../../abi/errno.js';
import { O_APPEND, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/fcntl.js';
import type { Mappable } from '../../mm/page-cache.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { Inode, InodeAttributes } from '../../vfs/inode.js';
import { readAll, testClock, TestTree, writeText } from '../tree-for-tests.js';
import { OverlayFs } from './overlay-fs.js';
import { changesOf, fillUsual, hostDirectory, lowerOf, newUpper, opened, overlayOn, snapshot, stat } from './overlay-for-tests.js';

describe('copy-up', () => {
  // What is done, to which file, what it then holds, and what the listing of changes says.
  const table: [string, string, (tree: TestTree) => unknown, string | number, string[]][] = [
    ['reading', '/f', (t) => t.read('/f'), 'lower f', []],
    ['opening to write, without writing', '/f', (t) => dropFile(opened(t, '/f', O_RDWR)), 'lower f', []],
    ['writing', '/f', (t) => t.write('/f', 'UP', O_WRONLY), 'UPwer f', ['modified /f']],
    ['appending', '/f', (t) => t.write('/f', '+', O_WRONLY | O_APPEND), 'lower f+', ['modified /f']],
    ['opening with O_TRUNC', '/f', (t) => t.write('/f', 'new'), 'new', ['modified /f']],
    ['truncating', '/f', (t) => t.change('/f', { size: 3 }), 'low', ['modified /f']],
    ['growing', '/f', (t) => t.change('/f', { size: 9 }), 'lower f\0\0', ['modified /f']],
    ['chmod', '/f', (t) => t.change('/f', { mode: 0o600 }), 'lower f', ['modified /f']],
    ['chown', '/f', (t) => t.change('/f', { uid: 7, gid: 8 }), 'lower f', ['modified /f']],
    ['utimes', '/f', (t) => t.change('/f', { mtime: { sec: 5, nsec: 6 } }), 'lower f', ['modified /f']],
    ['xattr', '/f', (t) => (t.at('/f') as Inode).setXattr('user.x', Buffer.from('y'), 0), 'lower f', ['modified /f']],
    ['writing deep below', '/d/inner/h', (t) => t.write('/d/inner/h', 'H', O_WRONLY), 'Hower h', ['modified /d/inner/h']],
    [
      'a large file',
      '/big',
      (t) => t.write('/big', 'X', O_WRONLY),
      `X${Buffer.alloc(700_001, 'big').toString().slice(1)}`,
      ['modified /big'],
    ],
    ['through a link', '/d/g', (t) => t.write('/link', 'G', O_WRONLY), 'Gower g', ['modified /d/g']],
    ['unlinking', '/f', (t) => t.unlink('/f'), ENOENT, ['deleted /f']],
    ['replacing', '/f', (t) => t.unlink('/f') || t.write('/f', 'again'), 'again', ['modified /f']],
    ['renaming', '/moved', (t) => t.rename('/f', '/moved'), 'lower f', ['added /moved', 'deleted /f']],
    ['renaming to and fro', '/f', (t) => t.rename('/f', '/m') || t.rename('/m', '/f'), 'lower f', []],
    ['renaming over', '/d/g', (t) => t.rename('/f', '/d/g'), 'lower f', ['deleted /f', 'modified /d/g']],
    ['making', '/d/new', (t) => t.write('/d/new', 'n'), 'n', ['added /d/new']],
    ['making and removing', '/n', (t) => t.write('/n', 'n') === 1 && t.unlink('/n'), ENOENT, []],
  ];
  for (const [what, path, act, content, changes] of table) {
    test(what, () => {
      const dir = hostDirectory(fillUsual);
      const untouched = snapshot(dir);
      const tree = overlayOn(dir);
      const before = tree.stat(path);
      const result = act(tree);
      assert.ok(!isErr(result), `${what}: ${String(result)}`);
      assert.equal(tree.read(path), content);
      assert.deepEqual(changesOf(tree), changes);
      assert.equal(snapshot(dir), untouched, 'the host is as it was');
      const replaced = what === 'replacing' || what === 'renaming over';
      if (!isErr(before) && typeof content === 'string' && !replaced) assert.equal(stat(tree, path).ino, (before as InodeAttributes).ino);
    });
  }

  test('attributes survive', () => {
    const dir = hostDirectory((at) => {
      fillUsual(at);
      utimesSync(join(at, 'f'), 1000, 2000);
    });
    const tree = overlayOn(dir);
    const before = stat(tree, '/f');
    assert.equal(tree.change('/f', { uid: 42 }), 0);
    const after = stat(tree, '/f');
    assert.deepEqual({ ...after, uid: before.uid, ctime: 0, blocks: 0, blksize: 0 }, { ...before, ctime: 0, blocks: 0, blksize: 0 });
    assert.equal(after.uid, 42);
    const file = opened(tree, '/f', O_RDWR);
    assert.equal(file.truncate(7), 0);
    assert.equal(stat(tree, '/f').size, 7);
    dropFile(file);
  });

  test('an open file sees what is written through another description', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    const reader = opened(tree, '/f', O_RDONLY);
    const writer = opened(tree, '/f', O_RDWR);
    assert.equal(readAll(reader), 'lower f');
    assert.equal(writeText(writer, 'UPPER', 0), 5);
    assert.equal(readAll(reader), 'UPPER f');
    assert.equal(readAll(writer), 'UPPER f');
    dropFile(reader);
    dropFile(writer);
  });

  test('mappings: the lower cache until there is data above', () => {
    const dir = hostDirectory(fillUsual);
    const lower = lowerOf(dir);
    const tree = new TestTree(new OverlayFs([lower], newUpper(), testClock));
    const reader = opened(tree, '/f', O_RDONLY);
    assert.equal(reader.mappable(), (lower.root.lookup('f') as Inode).mappable());
    const writer = opened(tree, '/f', O_RDWR);
    const above = writer.mappable() as Mappable;
    assert.equal(reader.mappable(), above);
    assert.equal(above.cache.size, 7);
    dropFile(reader);
    dropFile(writer);
  });

  test('hard links stay one file', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(stat(tree, '/f').nlink, 2);
    assert.equal(tree.write('/f', 'BOTH', O_WRONLY), 4);
    assert.equal(tree.read('/d/f2'), 'BOTHr f');
    assert.equal(stat(tree, '/d/f2').ino, stat(tree, '/f').ino);
    assert.equal(tree.link('/d/f2', '/third'), 0);
    assert.equal(stat(tree, '/f').nlink, 3);
    assert.equal(tree.unlink('/f'), 0);
    assert.equal(stat(tree, '/third').nlink, 2);
    assert.equal(tree.unlink('/third'), 0);
    assert.equal(tree.read('/d/f2'), 'BOTHr f');
    assert.equal(tree.write('/d/f2', 'last', O_WRONLY), 4);
    assert.equal(tree.read('/d/f2'), 'last' + 'r f');
  });

  test('writing to a file that was removed while open brings no name back', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    const file = opened(tree, '/d/g', O_RDWR);
    assert.equal(tree.unlink('/d/g'), 0);
    assert.equal(writeText(file, 'ghost', 0), 5);
    assert.equal(readAll(file), 'ghost g');
    assert.equal(tree.read('/d/g'), ENOENT);
    assert.deepEqual(tree.list('/d'), ['f2', 'inner']);
    dropFile(file);
    assert.equal(tree.write('/d/g', 'fresh'), 5);
    assert.equal(tree.read('/d/g'), 'fresh');
  });

  test('no room above: ENOSPC, and the file keeps its contents', () => {
    const tree = new TestTree(new OverlayFs([lowerOf(hostDirectory(fillUsual))], newUpper(16 * 4096), testClock));
    assert.equal(tree.write('/big', 'x', O_WRONLY), ENOSPC);
    assert.equal((tree.read('/big') as string).length, 700_001);
    assert.equal(tree.write('/f', 'ok', O_WRONLY), 2);
  });
});
