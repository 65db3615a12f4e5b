import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EBUSY, EPERM, EPIPE, ERESTARTSYS, ENXIO } from '../abi/errno.js';
import { O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../abi/fcntl.js';
import { S_IFIFO } from '../abi/stat.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll.js';
import { isBlocking, type Blocking } from '../base/blocking.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { openFifo } from './fifo.js';
import { makePipe, Pipe, PipeFile } from './pipe.js';

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (i + from) & 0xff);
const input = (data: Uint8Array | string) => new KernelIoVec(typeof data === 'string' ? Buffer.from(data) : data);

function readAll(file: PipeFile, length: number): string | number {
  const target = new Uint8Array(length);
  const moved = file.read(new KernelIoVec(target));
  return moved < 0 ? moved : Buffer.from(target.subarray(0, moved)).toString('latin1');
}

test('bytes come out as they went in, over the end of the ring', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  let sent = 0;
  let received = 0;
  for (let round = 0; round < 100; round++) {
    const length = 1 + ((round * 7919) % 5000);
    assert.equal(writer.write(input(bytes(length, sent))), length);
    sent += length;
    const target = new Uint8Array(length);
    assert.equal(reader.read(new KernelIoVec(target)), length);
    assert.deepEqual(target, bytes(length, received));
    received += length;
  }
});

test('a full pipe takes no more; a write of PIPE_BUF bytes is whole or not at all', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  assert.equal(writer.write(input(new Uint8Array(65000))), 65000);
  assert.equal(writer.write(input(new Uint8Array(4096))), EAGAIN);
  assert.equal(writer.poll() & POLLOUT, 0);
  assert.equal(writer.write(input(new Uint8Array(5000))), 536);
  assert.equal(writer.write(input('x')), EAGAIN);
  readAll(reader, 4096);
  assert.equal(writer.poll(), POLLOUT | POLLWRNORM);
});

test('wakes readers for every write, writers only when a full pipe has room again', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  const keys: number[] = [];
  reader.queue.add({ onWake: (key) => keys.push(key) });
  writer.write(input('a'));
  readAll(reader, 1);
  assert.deepEqual(keys, [POLLIN | POLLRDNORM]);
  writer.write(input(new Uint8Array(65536)));
  readAll(reader, 100);
  readAll(reader, 4000);
  assert.deepEqual(keys.slice(1), [POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM]);
});

test('end of file, EPIPE and the poll bits of a closed other end', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  assert.equal(readAll(reader, 1), EAGAIN);
  writer.write(input('rest'));
  dropFile(writer);
  assert.equal(reader.poll(), POLLIN | POLLRDNORM | POLLHUP);
  assert.equal(readAll(reader, 10), 'rest');
  assert.equal(readAll(reader, 10), '');
  const [reader2, writer2] = makePipe(anonInode('pipe'), 0);
  dropFile(reader2);
  assert.equal(writer2.poll(), POLLOUT | POLLWRNORM | POLLERR);
  assert.equal(writer2.write(input('x')), EPIPE);
  assert.equal(writer2.write(input('')), 0);
});

test('packets keep their bounds, and what a short read leaves of one is lost', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), O_DIRECT);
  writer.write(input('first'));
  writer.write(input('second'));
  writer.flags &= ~O_DIRECT;
  writer.write(input('stream'));
  assert.equal(readAll(reader, 3), 'fir');
  assert.equal(readAll(reader, 100), 'second');
  assert.equal(readAll(reader, 2), 'st');
  assert.equal(readAll(reader, 100), 'ream');
});

test('capacity changes keep the contents', () => {
  const [reader, writer] = makePipe(anonInode('pipe'), 0);
  const { pipe } = reader;
  writer.write(input(bytes(60000)));
  readAll(reader, 50000);
  writer.write(input(bytes(20000, 60000)));
  assert.equal(pipe.setCapacity(10000), EBUSY);
  assert.equal(pipe.setCapacity(100000), 131072);
  assert.equal(pipe.setCapacity(2 << 20), EPERM);
  const target = new Uint8Array(30000);
  assert.equal(reader.read(new KernelIoVec(target)), 30000);
  assert.deepEqual(target, bytes(30000, 50000));
  assert.equal(pipe.setCapacity(1), 4096);
});

function step(answer: unknown): Blocking<unknown> {
  assert.ok(isBlocking(answer));
  assert.equal(answer.next(0).done, false);
  return answer as Blocking<unknown>;
}

test('opening a FIFO waits for the other side', () => {
  const inode = anonInode('a FIFO', S_IFIFO | 0o600);
  assert.equal(openFifo(inode, O_WRONLY | O_NONBLOCK), ENXIO);
  const waiting = step(openFifo(inode, O_RDONLY));
  const writer = openFifo(inode, O_WRONLY) as PipeFile;
  assert.ok(writer instanceof PipeFile);
  const done = waiting.next(0);
  assert.ok(done.done && done.value instanceof PipeFile);
  dropFile(writer);
  assert.equal((done.value as PipeFile).poll(), POLLHUP);
  dropFile(done.value as PipeFile);
  assert.ok(openFifo(inode, O_RDWR) instanceof PipeFile);
});

test('an interrupted open of a FIFO leaves no trace', () => {
  const inode = anonInode('a FIFO', S_IFIFO | 0o600);
  const waiting = step(openFifo(inode, O_RDONLY));
  assert.deepEqual(waiting.next(ERESTARTSYS), { done: true, value: ERESTARTSYS });
  assert.equal(openFifo(inode, O_WRONLY | O_NONBLOCK), ENXIO);
  const killed = step(openFifo(inode, O_WRONLY));
  killed.return(0);
  const reader = openFifo(inode, O_RDONLY | O_NONBLOCK) as PipeFile;
  assert.equal(reader.poll(), 0, 'no POLLHUP before any writer came');
  assert.equal(readAll(reader, 1), '');
});

test('a pipe that nobody has open holds no bytes', () => {
  const pipe = new Pipe();
  pipe.addReader();
  pipe.addWriter();
  pipe.write(input('abc'));
  pipe.dropReader();
  pipe.dropWriter();
  assert.equal(pipe.buffer.used, 0);
});

test('a pipe that is opened again by its descriptor does not wait for the other side', () => {
  const inode = anonInode('pipe');
  const [reader, writer] = makePipe(inode, 0);
  const again = openFifo(inode, O_RDONLY);
  assert.ok(again instanceof PipeFile);
  assert.equal(writer.write(new KernelIoVec(Uint8Array.of(7))), 1);
  const buffer = new Uint8Array(4);
  assert.equal(again.read(new KernelIoVec(buffer)), 1);
  dropFile(writer);
  dropFile(reader);
  const orphan = openFifo(inode, O_RDONLY);
  assert.ok(orphan instanceof PipeFile);
  assert.equal(orphan.read(new KernelIoVec(buffer)), 0);
});
