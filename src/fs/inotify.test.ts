import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EEXIST, EINVAL } from '../abi/errno.js';
import { O_RDONLY } from '../abi/fcntl.js';
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_MODIFY,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
} from '../abi/inotify.js';
import { POLLIN } from '../abi/poll.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { Sysctl } from '../kernel/sysctl.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { dropInode, holdInode } from '../vfs/dentry.js';
import { notifyInode } from '../vfs/notify.js';
import { InotifyFile } from './inotify.js';

const inode = () => anonInode('anon_inode:[watched]');
const make = () => new InotifyFile(anonInode('anon_inode:inotify'), O_RDONLY, new Sysctl(), () => {});

function read(file: InotifyFile, size = 4096): string[] | number {
  const target = new Uint8Array(size);
  const moved = file.read(new KernelIoVec(target));
  if (moved < 0) return moved;
  const view = new DataView(target.buffer);
  const events: string[] = [];
  for (let at = 0; at < moved; ) {
    const length = view.getUint32(at + 12, true);
    const name = Buffer.from(target.subarray(at + 16, at + 16 + length))
      .toString()
      .replace(/\0+$/, '');
    events.push(`${view.getInt32(at, true)}:${view.getUint32(at + 4, true).toString(16)}:${name}`);
    at += 16 + length;
  }
  return events;
}
const hex = (mask: number) => (mask >>> 0).toString(16);

test('tells what was asked for, with names', () => {
  const file = make();
  const directory = inode();
  assert.equal(file.add(directory, IN_CREATE | IN_DELETE), 1);
  notifyInode(directory, IN_CREATE + IN_ISDIR, 'sub');
  notifyInode(directory, IN_MODIFY, 'other');
  assert.equal(file.poll() & POLLIN, POLLIN);
  assert.deepEqual(read(file), [`1:${hex(IN_CREATE | IN_ISDIR)}:sub`]);
  assert.equal(read(file), EAGAIN);
  dropFile(file);
  assert.equal(directory.watches, undefined);
});

test('equal events in a row are one; a small buffer gets whole events', () => {
  const file = make();
  const directory = inode();
  file.add(directory, IN_MODIFY | IN_ATTRIB);
  for (let i = 0; i < 3; i++) notifyInode(directory, IN_MODIFY, 'a-name-of-more-than-16-bytes');
  notifyInode(directory, IN_ATTRIB, 'b');
  assert.equal(read(file, 32), EINVAL);
  assert.deepEqual(read(file, 48), [`1:${hex(IN_MODIFY)}:a-name-of-more-than-16-bytes`]);
  assert.deepEqual(read(file, 48), [`1:${hex(IN_ATTRIB)}:b`]);
});

test('watches change, end with a notice, and end with their inode', () => {
  const file = make();
  const target = inode();
  assert.equal(file.add(target, IN_MODIFY), 1);
  assert.equal(file.add(target, IN_ATTRIB | IN_MASK_ADD), 1);
  assert.equal(file.add(target, IN_ATTRIB | IN_MASK_CREATE), EEXIST);
  notifyInode(target, IN_MODIFY);
  assert.equal(file.remove(1), 0);
  assert.equal(file.remove(1), EINVAL);
  assert.deepEqual(read(file), [`1:${hex(IN_MODIFY)}:`, `1:${hex(IN_IGNORED)}:`]);
  assert.equal(file.add(target, IN_MODIFY), 2);
  notifyInode(target, IN_DELETE_SELF);
  assert.deepEqual(read(file), [`2:${hex(IN_IGNORED)}:`]);
  assert.equal(file.add(target, IN_MODIFY | IN_ONESHOT), 3);
  notifyInode(target, IN_MODIFY);
  notifyInode(target, IN_MODIFY);
  assert.deepEqual(read(file), [`3:${hex(IN_MODIFY)}:`, `3:${hex(IN_IGNORED)}:`]);
});

test('a queue that nobody reads overflows once', () => {
  const file = make();
  const target = inode();
  file.add(target, IN_MODIFY);
  for (let i = 0; i < 17000; i++) notifyInode(target, IN_MODIFY, `${i}`);
  let all: string[] = [];
  for (let events = read(file); typeof events !== 'number'; events = read(file)) all = all.concat(events);
  assert.equal(all.length, 16385);
  assert.equal(all.at(-1), `-1:${hex(IN_Q_OVERFLOW)}:`);
});

test('an unlinked inode ends once, when only watches are left of it', () => {
  const first = make();
  const second = make();
  const target = inode();
  let evictions = 0;
  target.evict = () => void evictions++;
  holdInode(target);
  first.add(target, IN_DELETE_SELF);
  second.add(target, IN_DELETE_SELF);
  target.unlinked = true;
  holdInode(target);
  dropInode(target);
  assert.equal(read(first), EAGAIN, 'somebody has it open');
  dropInode(target);
  for (const file of [first, second]) assert.deepEqual(read(file), [`1:${hex(IN_DELETE_SELF)}:`, `1:${hex(IN_IGNORED)}:`]);
  assert.equal(evictions, 1);
  assert.equal(target.references, 0);
});
