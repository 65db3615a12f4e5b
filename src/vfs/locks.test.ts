import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EDEADLK } from '../abi/errno.js';
import { anonInode } from './anon-inode.js';
import { beginLockWait, endLockWait, InodeLocks, locksOf, releaseLocks, type RecordLock } from './locks.js';

const a = { name: 'a' };
const b = { name: 'b' };
const record = (owner: object, exclusive: boolean, start: number, end: number): RecordLock => ({ owner, pid: 1, exclusive, start, end });
const shape = (locks: InodeLocks, owner: object) =>
  locks.records
    .filter((lock) => lock.owner === owner)
    .map((lock) => `${lock.exclusive ? 'w' : 'r'}${lock.start}-${lock.end}`)
    .sort();

test('record locks of one owner merge, split and change kind', () => {
  const locks = new InodeLocks();
  locks.set(record(a, true, 0, 9));
  locks.set(record(a, true, 10, 19));
  assert.deepEqual(shape(locks, a), ['w0-19']);
  locks.set(record(a, false, 5, 7));
  assert.deepEqual(shape(locks, a), ['r5-7', 'w0-4', 'w8-19']);
  locks.clear(a, 3, 10);
  assert.deepEqual(shape(locks, a), ['w0-2', 'w11-19']);
  locks.set(record(a, true, 0, Infinity));
  assert.deepEqual(shape(locks, a), ['w0-Infinity']);
});

test('readers share, a writer does not', () => {
  const locks = new InodeLocks();
  locks.set(record(a, false, 0, 9));
  assert.equal(locks.conflictWith(record(b, false, 0, 9)), undefined);
  assert.ok(locks.conflictWith(record(b, true, 9, 9)));
  assert.equal(locks.conflictWith(record(b, true, 10, 20)), undefined);
  assert.equal(locks.conflictWith(record(a, true, 0, 9)), undefined);
});

test('an unlock wakes who waits; an owner that goes takes its locks along', () => {
  const inode = anonInode('anon_inode:[test]');
  const locks = locksOf(inode);
  let woken = 0;
  const waiter = { onWake: () => woken++ };
  locks.queue.add(waiter);
  locks.set(record(a, true, 0, 9));
  assert.equal(woken, 0);
  locks.clear(a, 0, 4);
  assert.equal(woken, 1);
  releaseLocks(inode, a);
  assert.equal(woken, 2);
  assert.equal(locks.records.length, 0);
  locks.queue.remove(waiter);
  releaseLocks(inode, a);
  assert.equal(inode.locks, undefined);
});

test('flock: shared, exclusive, conversion', () => {
  const locks = new InodeLocks();
  assert.equal(locks.setWhole(a, false), 0);
  assert.equal(locks.setWhole(b, false), 0);
  assert.equal(locks.setWhole(a, true), EAGAIN);
  assert.equal(locks.whole.has(a), false, 'a conversion gives up the old lock first');
  assert.equal(locks.setWhole(b, true), 0);
  locks.clearWhole(b);
  assert.equal(locks.setWhole(a, true), 0);
});

test('circles of waiting owners are refused', () => {
  const c = {};
  assert.equal(beginLockWait(a, b), 0);
  assert.equal(beginLockWait(b, c), 0);
  assert.equal(beginLockWait(c, a), EDEADLK);
  endLockWait(b);
  assert.equal(beginLockWait(c, a), 0);
  for (const owner of [a, b, c]) endLockWait(owner);
});
