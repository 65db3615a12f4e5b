import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IN_ATTRIB, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_ISDIR, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO } from '../abi/inotify.js';
import { MS_RELATIME } from '../abi/mount.js';
import { O_CREAT, O_RDONLY, O_RDWR } from '../abi/fcntl.js';
import { Tmpfs } from '../fs/tmpfs/tmpfs.js';
import { testClock, testMemory, TestTree, writeText } from '../fs/tree-for-tests.js';
import { DENTRY_LIMIT } from './dentry.js';
import { dropFile } from './fd-table.js';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';
import { mountFileSystem, unmount } from './mount-tree.js';
import { attachWatch, detachWatch, type InodeWatch } from './notify.js';
import type { OpenFile } from './open-file.js';
import { pathString, type Path } from './path.js';
import { walk } from './path-walk.js';

const newFs = (): Tmpfs => new Tmpfs({ physmem: testMemory(), clock: testClock });

describe('dentry cache', () => {
  test('stays bounded, and keeps what is in use', () => {
    const fs = newFs();
    const t = new TestTree(fs);
    t.mkdir('/held');
    const file = t.open('/held/f', O_CREAT | O_RDWR) as OpenFile;
    for (let i = 0; i < DENTRY_LIMIT + 5000; i++) t.at(`/none${i}`);
    assert.ok(fs.cachedDentries <= DENTRY_LIMIT + 1);
    t.rename('/held', '/moved');
    assert.equal(pathString(file.path!, t.root), '/moved/f');
    assert.equal((t.at('/moved/f') as Inode).ino, file.inode.ino);
    dropFile(file);
  });

  test('a lazily unmounted file system lives until its last file is closed', () => {
    const t = new TestTree(newFs());
    t.mkdir('/m');
    const frames = testMemory().framesInUse;
    const at = walk(t.context, t.cred, t.root, '/m', 0) as Path;
    const mount = mountFileSystem(newFs(), at, MS_RELATIME) as Mount;
    const file = t.open('/m/f', O_CREAT | O_RDWR) as OpenFile;
    writeText(file, 'x'.repeat(10_000));
    assert.equal(unmount(mount, true), 0);
    assert.deepEqual(t.list('/m'), []);
    assert.ok(testMemory().framesInUse > frames);
    dropFile(file);
    assert.equal(testMemory().framesInUse, frames);
  });
});

describe('file events', () => {
  function watched(t: TestTree, path: string): { events: string[]; stop: () => void } {
    const events: string[] = [];
    const inode = t.at(path) as Inode;
    const watch: InodeWatch = { onEvent: (mask, name) => void events.push(`${mask.toString(16)} ${name}`) };
    attachWatch(inode, watch);
    return { events, stop: () => detachWatch(inode, watch) };
  }
  const text = (mask: number, name = ''): string => `${mask.toString(16)} ${name}`;

  test('a directory hears of its children', () => {
    const t = new TestTree(newFs());
    t.mkdir('/d');
    const { events, stop } = watched(t, '/d');
    t.mkdir('/d/sub');
    t.mknod('/d/f', 0o644);
    t.rename('/d/f', '/d/g');
    t.unlink('/d/g');
    t.rmdir('/d/sub');
    assert.deepEqual(events, [
      text(IN_CREATE + IN_ISDIR, 'sub'),
      text(IN_CREATE, 'f'),
      text(IN_MOVED_FROM, 'f'),
      text(IN_MOVED_TO, 'g'),
      text(IN_DELETE, 'g'),
      text(IN_DELETE + IN_ISDIR, 'sub'),
    ]);
    stop();
    t.mkdir('/d/later');
    assert.equal(events.length, 6);
  });

  test('a file hears of its end when the last name and the last descriptor are gone', () => {
    const fs = newFs();
    const t = new TestTree(fs);
    t.write('/f', '');
    t.link('/f', '/g');
    const file = t.open('/f', O_RDONLY) as OpenFile;
    const { events, stop } = watched(t, '/f');
    t.unlink('/f');
    t.write('/g', 'more', O_RDWR);
    assert.ok(events.includes(text(IN_MODIFY)));
    t.unlink('/g');
    assert.ok(!events.includes(text(IN_DELETE_SELF)));
    assert.equal(events.filter((event) => event === text(IN_ATTRIB)).length, 2);
    dropFile(file);
    assert.equal(events.at(-1), text(IN_DELETE_SELF));
    assert.equal(fs.usedInodes, 2);
    stop();
    assert.equal(fs.usedInodes, 1);
  });
});
