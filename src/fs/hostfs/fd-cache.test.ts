import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Errno, HostFd } from '../../base/brands.js';
import { EMFILE, ENFILE } from '../../abi/errno.js';
import { FdCache, type FdHolder } from './fd-cache.js';

class Holder implements FdHolder {
  fdUsed = false;
  fdSlot = -1;
  fdPins = 0;
  open = true;
  dropFd(): void {
    this.open = false;
  }
}

const openOnes = (holders: Holder[]): number[] => holders.flatMap((holder, i) => (holder.open ? [i] : []));

test('keeps as many as it may, and those in use longest', () => {
  const cache = new FdCache(4);
  const holders = Array.from({ length: 10 }, () => new Holder());
  for (const holder of holders) cache.add(holder);
  assert.equal(openOnes(holders).length, 4);
  const kept = openOnes(holders)[0]!;
  for (let i = 0; i < 20; i++) {
    holders[kept]!.fdUsed = true;
    cache.add(new Holder());
  }
  assert.ok(holders[kept]!.open);
});

test('a pinned one stays, also when all are given back', () => {
  const cache = new FdCache(4);
  const pinned = new Holder();
  cache.add(pinned);
  pinned.fdPins++;
  for (let i = 0; i < 50; i++) cache.add(new Holder());
  cache.clear();
  assert.ok(pinned.open);
  pinned.fdPins--;
  cache.clear();
  assert.equal(pinned.open, false);
  assert.equal(pinned.fdSlot, -1);
});

test('what is removed is no longer closed', () => {
  const cache = new FdCache(4);
  const holder = new Holder();
  cache.add(holder);
  cache.remove(holder);
  cache.clear();
  for (let i = 0; i < 10; i++) cache.add(new Holder());
  assert.ok(holder.open);
});

test('when the host has no descriptors left, the cached ones go and the open is tried again', () => {
  const cache = new FdCache(4);
  const holder = new Holder();
  cache.add(holder);
  let tries = 0;
  const second = cache.withRoom((): HostFd | Errno => (tries++ === 0 ? EMFILE : 7));
  assert.deepEqual([second, tries, holder.open], [7, 2, false]);
  assert.equal(
    cache.withRoom(() => EMFILE),
    ENFILE,
    "the guest's own table is not full",
  );
});
