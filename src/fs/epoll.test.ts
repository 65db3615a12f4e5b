import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EEXIST, EINVAL, ELOOP, ENOENT, EPERM } from '../abi/errno.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLRDHUP } from '../abi/epoll.js';
import { O_RDWR } from '../abi/fcntl.js';
import { POLLIN, POLLOUT } from '../abi/poll.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { OpenFile } from '../vfs/open-file.js';
import { EpollFile, type EpollEvent } from './epoll.js';
import { waitForEpoll } from './epoll-wait.js';
import { EventFile } from './eventfd.js';

const inode = anonInode('anon_inode:[test]');
const epollFile = () => new EpollFile(inode, O_RDWR);
const eventFile = (initial = 0, semaphore = false) => new EventFile(inode, O_RDWR, initial, semaphore);
const word = (low: number, high = 0) => new KernelIoVec(new Uint8Array(new Uint32Array([low, high]).buffer));
const event = (events: number, data = 0): EpollEvent => ({ events, dataLow: data, dataHigh: 0 });

function drain(epoll: EpollFile, max = 10): [number, number][] {
  const out: EpollEvent[] = [];
  const count = epoll.collect(out, max);
  return out.slice(0, count).map((e) => [e.events, e.dataLow]);
}

function counter(file: EventFile): number {
  const target = new Uint8Array(8);
  const moved = file.read(new KernelIoVec(target));
  return moved < 0 ? moved : new Uint32Array(target.buffer)[0]!;
}

test('eventfd: counts, semaphores, limits', () => {
  const file = eventFile(3);
  assert.equal(file.write(word(4)), 8);
  assert.equal(counter(file), 7);
  assert.equal(counter(file), EAGAIN);
  assert.equal(file.write(word(0xffffffff, 0xffffffff)), EINVAL);
  assert.equal(file.write(word(0xfffffffe, 0xffffffff)), 8);
  assert.equal(file.poll(), POLLIN | 0x40);
  const repeated = word(1);
  assert.equal(file.write(repeated), EAGAIN);
  assert.equal(repeated.remaining, 8, 'a write that must wait can be repeated');
  const semaphore = eventFile(2, true);
  assert.deepEqual([counter(semaphore), counter(semaphore), counter(semaphore)], [1, 1, EAGAIN]);
  assert.equal(file.read(new KernelIoVec(new Uint8Array(7))), EINVAL);
});

test('level-triggered items stay ready until they are not', () => {
  const epoll = epollFile();
  const file = eventFile();
  assert.equal(epoll.add(file, 5, event(EPOLLIN, 55)), 0);
  assert.deepEqual(drain(epoll), []);
  file.write(word(1));
  assert.deepEqual(drain(epoll), [[EPOLLIN, 55]]);
  assert.deepEqual(drain(epoll), [[EPOLLIN, 55]]);
  counter(file);
  assert.equal(epoll.poll(), 0);
  assert.deepEqual(drain(epoll), []);
});

test('edge-triggered items are told once for each change', () => {
  const epoll = epollFile();
  const file = eventFile(1);
  epoll.add(file, 5, event(EPOLLIN | EPOLLET));
  assert.equal(drain(epoll).length, 1);
  assert.equal(drain(epoll).length, 0);
  file.write(word(1));
  assert.equal(drain(epoll).length, 1);
});

test('one-shot items sleep until they are modified', () => {
  const epoll = epollFile();
  const file = eventFile(1);
  epoll.add(file, 5, event(EPOLLIN | EPOLLONESHOT));
  assert.equal(drain(epoll).length, 1);
  file.write(word(1));
  assert.equal(drain(epoll).length, 0);
  assert.equal(epoll.modify(file, 5, event(EPOLLOUT | EPOLLONESHOT, 9)), 0);
  assert.deepEqual(drain(epoll), [[EPOLLOUT, 9]]);
});

test('what does not fit comes first next time', () => {
  const epoll = epollFile();
  const files = [eventFile(1), eventFile(1), eventFile(1)];
  for (const [i, file] of files.entries()) epoll.add(file, i, event(EPOLLIN, i));
  assert.deepEqual(
    drain(epoll, 2).map(([, data]) => data),
    [0, 1],
  );
  assert.deepEqual(
    drain(epoll, 2).map(([, data]) => data),
    [2, 0],
  );
});

test('errors of epoll_ctl', () => {
  const epoll = epollFile();
  const file = eventFile();
  class Plain extends OpenFile {}
  assert.equal(epoll.add(new Plain(inode, 0), 1, event(EPOLLIN)), EPERM);
  assert.equal(epoll.add(epoll, 1, event(EPOLLIN)), EINVAL);
  assert.equal(epoll.modify(file, 1, event(EPOLLIN)), ENOENT);
  assert.equal(epoll.remove(file, 1), ENOENT);
  assert.equal(epoll.add(file, 1, event(EPOLLIN)), 0);
  assert.equal(epoll.add(file, 1, event(EPOLLIN)), EEXIST);
  assert.equal(epoll.add(file, 2, event(EPOLLIN)), 0, 'a duplicate is another item');
  assert.equal(epoll.add(file, 3, event(EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP)), EINVAL);
  assert.equal(epoll.add(file, 3, event(EPOLLIN | EPOLLEXCLUSIVE)), 0);
  assert.equal(epoll.modify(file, 3, event(EPOLLIN)), EINVAL);
  assert.equal(epoll.remove(file, 2), 0);
});

test('items vanish with the last reference to their file', () => {
  const epoll = epollFile();
  const file = eventFile(1);
  file.references = 2;
  epoll.add(file, 5, event(EPOLLIN));
  dropFile(file);
  assert.equal(drain(epoll).length, 1);
  dropFile(file);
  assert.equal(drain(epoll).length, 0);
  assert.ok(file.queue.isEmpty);
});

test('a released epoll file leaves no waiter behind', () => {
  const epoll = epollFile();
  const file = eventFile();
  epoll.add(file, 5, event(EPOLLIN));
  dropFile(epoll);
  assert.ok(file.queue.isEmpty);
});

test('nested epoll files: readiness passes up, circles and deep chains are refused', () => {
  const inner = epollFile();
  const outer = epollFile();
  const file = eventFile();
  inner.add(file, 1, event(EPOLLIN, 1));
  assert.equal(outer.add(inner, 2, event(EPOLLIN, 2)), 0);
  assert.equal(inner.add(outer, 3, event(EPOLLIN)), ELOOP);
  file.write(word(1));
  assert.deepEqual(drain(outer), [[EPOLLIN, 2]]);
  counter(file);
  assert.deepEqual(drain(outer), []);
  const chain = Array.from({ length: 6 }, epollFile);
  const results = chain.slice(1).map((above, i) => above.add(chain[i]!, 1, event(EPOLLIN)));
  assert.deepEqual(results, [0, 0, 0, 0, ELOOP]);
});

test('of two waiters one is woken, and a killed one passes the wake-up on', () => {
  const epoll = epollFile();
  const file = eventFile();
  epoll.add(file, 1, event(EPOLLIN | EPOLLET));
  const woken: string[] = [];
  for (const name of ['a', 'b']) {
    const waiter = {
      onWake: () => {
        woken.push(name);
        epoll.queue.remove(waiter);
      },
    };
    epoll.queue.add(waiter, POLLIN, true);
  }
  file.write(word(1));
  assert.deepEqual(woken, ['a']);
  const wait = waitForEpoll(epoll, Infinity, () => 0);
  wait.next(0);
  wait.return(0);
  assert.deepEqual(woken, ['a', 'b']);
  assert.equal(epoll.references, 1);
});

test('an exclusive item does not swallow a wake-up that it does not want', () => {
  const file = eventFile();
  const wants = (events: number) => {
    const epoll = epollFile();
    epoll.add(file, 1, event(events | EPOLLEXCLUSIVE | EPOLLET));
    drain(epoll);
    epoll.queue.add({ onWake: () => {} });
    return epoll;
  };
  wants(EPOLLOUT);
  const reader = wants(EPOLLIN);
  const late = wants(EPOLLIN);
  file.write(word(1));
  assert.equal(drain(reader).length, 1);
  assert.equal(drain(late).length, 0);
  assert.equal(file.poll() & POLLOUT, POLLOUT);
});

test('an exclusive item of an epoll file that nobody waits for passes the wake-up on', () => {
  const file = eventFile();
  const make = () => {
    const epoll = epollFile();
    epoll.add(file, 1, event(EPOLLIN | EPOLLEXCLUSIVE | EPOLLET));
    return epoll;
  };
  make();
  const waitedFor = make();
  let woken = 0;
  waitedFor.queue.add({ onWake: () => woken++ });
  file.write(word(1));
  assert.equal(woken, 1);
});
