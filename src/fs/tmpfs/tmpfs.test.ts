import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EEXIST, ENODATA, ENOSPC, EPERM } from '../../abi/errno.js';
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  O_CREAT,
  O_RDWR,
  O_TMPFILE,
} from '../../abi/fcntl.js';
import { XATTR_CREATE, XATTR_REPLACE } from '../../abi/fs.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { Inode } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { fileSystemContract } from '../file-system-contract.js';
import { testClock, testMemory, TestTree, writeText } from '../tree-for-tests.js';
import { createMemfd } from './memfd.js';
import { parseTmpfsOptions, Tmpfs, type TmpfsOptions } from './tmpfs.js';

function newTmpfs(options: Partial<TmpfsOptions> = {}): Tmpfs {
  return new Tmpfs({ physmem: testMemory(), clock: testClock, mode: 0o755, ...options });
}

fileSystemContract('tmpfs', () => newTmpfs());

describe('tmpfs limits', () => {
  test('a full file system is ENOSPC, short where some of it fits, and unlink makes room', () => {
    const fs = newTmpfs({ sizeBytes: 8 * 4096 });
    const t = new TestTree(fs);
    assert.equal(t.write('/a', 'x'.repeat(5 * 4096)), 5 * 4096);
    assert.equal(t.write('/b', 'y'.repeat(5 * 4096)), 3 * 4096);
    assert.equal(t.write('/c', 'z'), ENOSPC);
    // Pages that a file has already can be written again.
    assert.equal(t.write('/a', 'again', O_RDWR), 5);
    assert.equal(t.unlink('/a'), 0);
    assert.equal(fs.usedPages, 3);
    assert.equal(t.write('/c', 'z'), 1);
  });
  test('the number of inodes is limited, and comes back', () => {
    const fs = newTmpfs({ maxInodes: 3 });
    const t = new TestTree(fs);
    assert.equal(t.mkdir('/d'), 0);
    assert.equal(t.symlink('/l', 'd'), 0);
    assert.equal(t.open('/f', O_CREAT | O_RDWR), ENOSPC);
    assert.equal(t.unlink('/l'), 0);
    assert.equal(t.mkdir('/e'), 0);
    assert.equal(fs.usedInodes, 3);
  });
  test('an unlinked open file keeps its pages until the last close', () => {
    const fs = newTmpfs();
    const t = new TestTree(fs);
    const frames = testMemory().framesInUse;
    const file = t.open('/f', O_CREAT | O_RDWR) as OpenFile;
    writeText(file, 'x'.repeat(100_000));
    t.unlink('/f');
    assert.equal(fs.usedPages, 25);
    dropFile(file);
    assert.deepEqual([fs.usedPages, fs.usedInodes, testMemory().framesInUse], [0, 1, frames]);
  });
  test('renaming over a file and O_TMPFILE give memory back too', () => {
    const fs = newTmpfs();
    const t = new TestTree(fs);
    t.write('/a', 'a'.repeat(5000));
    t.write('/b', 'b'.repeat(5000));
    t.rename('/a', '/b');
    assert.deepEqual([fs.usedPages, fs.usedInodes], [2, 2]);
    const unnamed = t.open('/', O_TMPFILE | O_RDWR) as OpenFile;
    writeText(unnamed, 'c'.repeat(5000));
    assert.equal(fs.usedPages, 4);
    dropFile(unnamed);
    assert.deepEqual([fs.usedPages, fs.usedInodes], [2, 2]);
  });
  test('options of mount are understood or refused', () => {
    assert.deepEqual(parseTmpfsOptions('size=10m,mode=0700,uid=7', 0), { sizeBytes: 10485760, mode: 0o700, uid: 7 });
    assert.deepEqual(parseTmpfsOptions('size=50%', 1000), { sizeBytes: 500 });
    assert.ok(isErr(parseTmpfsOptions('size=much', 0)));
    assert.ok(isErr(parseTmpfsOptions('colour=red', 0)));
  });
});

describe('tmpfs extended attributes', () => {
  test('are set, replaced, listed and removed', () => {
    const t = new TestTree(newTmpfs());
    t.write('/f', '');
    const inode = t.at('/f') as Inode;
    assert.equal(inode.getXattr('user.a'), ENODATA);
    assert.equal(inode.setXattr('user.a', Buffer.from('1'), XATTR_REPLACE), ENODATA);
    assert.equal(inode.setXattr('user.a', Buffer.from('1'), XATTR_CREATE), 0);
    assert.equal(inode.setXattr('user.a', Buffer.from('2'), XATTR_CREATE), EEXIST);
    assert.equal(inode.setXattr('user.a', Buffer.from('22'), XATTR_REPLACE), 0);
    assert.equal(Buffer.from(inode.getXattr('user.a') as Uint8Array).toString(), '22');
    assert.deepEqual(inode.listXattr(), ['user.a']);
    assert.equal(inode.removeXattr('user.a'), 0);
    assert.equal(inode.removeXattr('user.a'), ENODATA);
    assert.equal(inode.setXattr('user.big', Buffer.alloc(200_000), 0), ENOSPC);
  });
});

describe('memfd seals', () => {
  const make = (sealable: boolean): OpenFile => createMemfd(testMemory(), testClock, 'm', sealable, 0o777, 0, 0) as OpenFile;
  test('forbid what they name, and cannot be taken back', () => {
    const file = make(true);
    writeText(file, 'sealed');
    assert.equal(file.fileControl(F_GET_SEALS, 0), 0);
    assert.equal(file.fileControl(F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    assert.equal(file.truncate(3), EPERM);
    assert.equal(file.truncate(30), EPERM);
    assert.equal(writeText(file, 'xx', 4), 2);
    assert.equal(writeText(file, 'longer', 4), 2);
    assert.equal(writeText(file, 'x', 6), EPERM);
    assert.equal(file.fileControl(F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
    assert.equal(writeText(file, 'x', 0), EPERM);
    assert.equal(file.fileControl(F_ADD_SEALS, F_SEAL_GROW), EPERM);
    dropFile(file);
  });
  test('cannot be added without MFD_ALLOW_SEALING', () => {
    const file = make(false);
    assert.equal(file.fileControl(F_GET_SEALS, 0), F_SEAL_SEAL);
    assert.equal(file.fileControl(F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    dropFile(file);
  });
});
