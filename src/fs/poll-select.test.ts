import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EBADF, EINTR, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { POLLERR, POLLIN, POLLNVAL, POLLOUT } from '../abi/poll.js';
import type { Blocking } from '../base/blocking.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile, FdTable } from '../vfs/fd-table.js';
import { EventFile } from './eventfd.js';
import { makePipe } from './pipe.js';
import { PollList, readPollfds, readSets, waitForList, writeRevents, writeSets } from './poll-select.js';

const eventFile = () => new EventFile(anonInode('anon_inode:[test]'), O_RDWR, 0, false);
const one = () => new KernelIoVec(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));

function pollfds(entries: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * 8).fill(0xee);
  const view = new DataView(bytes.buffer);
  for (const [i, [fd, events]] of entries.entries()) {
    view.setInt32(i * 8, fd, true);
    view.setUint16(i * 8 + 4, events, true);
  }
  return bytes;
}

test('poll: closed and negative descriptors, unasked errors; only revents are written', () => {
  const table = new FdTable();
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  table.install(writer, false, 10);
  dropFile(reader);
  const bytes = pollfds([
    [0, 0],
    [5, POLLIN],
    [-1, POLLIN],
  ]);
  const list = readPollfds(new DataView(bytes.buffer), 3, table);
  assert.equal(list.scan(), 2);
  assert.deepEqual(list.found, [POLLERR, POLLNVAL, 0]);
  const before = bytes.slice();
  writeRevents(new KernelIoVec(bytes), list.found);
  const view = new DataView(bytes.buffer);
  assert.deepEqual(
    [6, 14, 22].map((at) => view.getUint16(at, true)),
    [POLLERR, POLLNVAL, 0],
  );
  for (const at of [6, 7, 14, 15, 22, 23]) bytes[at] = before[at]!;
  assert.deepEqual(bytes, before);
});

function waiting(list: PollList): Blocking<number> {
  const wait = waitForList(list, 1e9);
  const step = wait.next(0);
  assert.ok(!step.done && step.value.deadlineNs === 1e9);
  return wait;
}

test('a wait ends with the event, the deadline or a signal, and holds its files meanwhile', () => {
  const file = eventFile();
  const list = new PollList();
  list.add(file, POLLIN);
  const wait = waiting(list);
  assert.equal(file.references, 2);
  assert.equal(wait.next(0).done, false, 'woken for nothing');
  file.write(one());
  assert.deepEqual(wait.next(0), { done: true, value: 1 });
  assert.equal(file.references, 1);
  file.read(new KernelIoVec(new Uint8Array(8)));
  assert.deepEqual(waiting(list).next(ETIMEDOUT), { done: true, value: 0 });
  assert.deepEqual(waiting(list).next(ERESTARTSYS), { done: true, value: EINTR });
  waiting(list).return(0);
  assert.equal(file.references, 1);
});

test('select: sets in and out, bad descriptors', () => {
  const table = new FdTable();
  table.install(eventFile(), false, 10);
  const sets = { read: Uint8Array.of(1), write: Uint8Array.of(1), except: undefined };
  const fds: number[] = [];
  const list = readSets(sets, 8, table, fds);
  assert.ok(list instanceof PollList);
  assert.equal(list.scan(), 1);
  assert.equal(list.found[0]! & POLLOUT, POLLOUT);
  assert.equal(writeSets(sets, list, fds), 1);
  assert.deepEqual([sets.read[0], sets.write[0]], [0, 1]);
  assert.equal(readSets({ ...sets, read: Uint8Array.of(4) }, 8, table, []), EBADF);
});
