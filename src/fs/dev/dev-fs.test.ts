import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EAGAIN, EINVAL, ENODEV, ENOSPC, ENXIO, EPERM } from '../../abi/errno.js';
import { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/fcntl.js';
import { SEEK_END, SEEK_SET } from '../../abi/fs.js';
import { POLLIN } from '../../abi/poll.js';
import { S_IFCHR, S_IFMT } from '../../abi/stat.js';
import type { Machine } from '../../kernel/machine.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import type { Mappable } from '../../mm/page-cache.js';
import { userCredentials } from '../../vfs/credentials.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { InodeAttributes } from '../../vfs/inode.js';
import type { IoctlCaller, OpenFile } from '../../vfs/open-file.js';
import { readFile } from '../../vfs/read-write.js';
import { testClock, testMemory, TestTree, writeText } from '../tree-for-tests.js';
import { DevFs } from './dev-fs.js';

/** As much of a machine as /dev needs. */
const machine = {
  physmem: testMemory(),
  clock: testClock,
  bootNs: testClock.monotonicNs(),
  release: '6.12.0-test',
  version: '#1',
  randomBytes: (target: Uint8Array) => void crypto.getRandomValues(target),
} as unknown as Machine;

const tree = new TestTree(new DevFs(machine));

function opened(path: string, flags: number): OpenFile {
  const file = tree.open(path, flags);
  assert.ok(!isErr(file), `${path}: ${String(file)}`);
  return file as OpenFile;
}

function read(file: OpenFile, length: number): Uint8Array | number {
  const bytes = new Uint8Array(length).fill(0xaa);
  const moved = readFile(file, new KernelIoVec(bytes), -1, true) as number;
  return isErr(moved) ? moved : bytes.subarray(0, moved);
}

const device = (path: string): number[] => {
  const { mode, rdev } = tree.stat(path) as InodeAttributes;
  assert.equal(mode & S_IFMT, S_IFCHR, path);
  return [rdev >>> 8, rdev & 0xff, mode & 0o777];
};

test('nodes have the numbers and permissions that programs expect', () => {
  assert.deepEqual(device('/null'), [1, 3, 0o666]);
  assert.deepEqual(device('/zero'), [1, 5, 0o666]);
  assert.deepEqual(device('/full'), [1, 7, 0o666]);
  assert.deepEqual(device('/random'), [1, 8, 0o666]);
  assert.deepEqual(device('/urandom'), [1, 9, 0o666]);
  assert.deepEqual(device('/tty'), [5, 0, 0o666]);
  assert.deepEqual(device('/console'), [5, 1, 0o600]);
  assert.deepEqual(device('/ptmx'), [5, 2, 0o666]);
  assert.equal(tree.readlink('/stdin'), '/proc/self/fd/0');
  assert.equal(tree.readlink('/fd'), '/proc/self/fd');
  assert.equal((tree.stat('/shm') as InodeAttributes).mode & 0o7777, 0o1777);
});

test('null', () => {
  const file = opened('/null', O_RDWR);
  assert.equal((read(file, 10) as Uint8Array).length, 0);
  assert.equal(writeText(file, 'gone'), 4);
  assert.equal(file.seek(100, SEEK_SET), 0);
  assert.equal(file.mappable(), ENODEV);
  dropFile(file);
});

test('zero', () => {
  const file = opened('/zero', O_RDWR);
  assert.deepEqual(read(file, 100), new Uint8Array(100));
  assert.equal(writeText(file, 'gone'), 4);
  const first = (file.mappable() as Mappable).cache;
  const second = (file.mappable() as Mappable).cache;
  assert.notEqual(first, second, 'each mapping is memory of its own');
  first.dispose();
  second.dispose();
  dropFile(file);
});

test('full', () => {
  const file = opened('/full', O_RDWR);
  assert.deepEqual(read(file, 3), new Uint8Array(3));
  assert.equal(writeText(file, 'x'), ENOSPC);
  dropFile(file);
});

test('random and urandom', () => {
  for (const path of ['/random', '/urandom']) {
    const file = opened(path, O_RDWR);
    const one = read(file, 100_000) as Uint8Array;
    assert.equal(one.length, 100_000);
    assert.ok(new Set(one).size === 256);
    assert.notDeepEqual(one, read(file, 100_000));
    assert.equal(writeText(file, 'seed'), 4);
    let answer = -1;
    const caller: IoctlCaller = {
      copyIn: () => 0,
      copyOut: (_address, bytes) => {
        answer = bytes[0]! + bytes[1]! * 256;
        return 0;
      },
    };
    assert.equal(file.ioctl(caller, 0x80045200, 0), 0);
    assert.equal(answer, 256);
    assert.equal(file.ioctl(caller, 0x5206, 0), EPERM);
    dropFile(file);
  }
});

test('kmsg: one record for each read', () => {
  const file = opened('/kmsg', O_RDWR | O_NONBLOCK);
  const text = (): string | number => {
    const bytes = read(file, 8192);
    return typeof bytes === 'number' ? bytes : Buffer.from(bytes).toString('latin1');
  };
  assert.match(String(text()), /^5,0,\d+,-;Linux version 6\.12\.0-test #1\n$/);
  assert.equal(text(), EAGAIN);
  assert.equal(file.poll() & POLLIN, 0);
  assert.equal(writeText(file, '<3>disk on fire\n'), 16);
  assert.equal(writeText(file, 'plain\x01'), 6);
  assert.equal(file.poll() & POLLIN, POLLIN);
  assert.match(String(text()), /^11,1,\d+,-;disk on fire\n$/);
  assert.match(String(text()), /^12,2,\d+,-;plain\\x01\n$/);
  assert.equal(file.seek(0, SEEK_SET), 0);
  assert.equal(read(file, 4), EINVAL, 'a record must fit');
  assert.match(String(text()), /^5,0,/);
  assert.equal(file.seek(0, SEEK_END), 0);
  assert.equal(text(), EAGAIN);
  assert.equal(writeText(file, 'x'.repeat(1025)), EINVAL);
  dropFile(file);
});

test('a node of another number has no driver, and users may not make one', () => {
  assert.equal(tree.mknod('/mem', S_IFCHR | 0o666, 0x101), 0);
  assert.equal(tree.open('/mem', O_RDONLY), ENXIO);
  assert.equal(tree.mknod('/sda', S_IFCHR | 0o666, 0x800), 0);
  assert.equal(tree.open('/sda', O_WRONLY), ENXIO);
  const user = new TestTree(tree.fs, userCredentials(1000, 1000));
  assert.ok(isErr(user.mknod('/own', S_IFCHR | 0o666, 0x103)));
});
