import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EPIPE, ERESTARTSYS } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { isErr, type Errno } from '../base/brands.js';
import { KernelIoVec, type IoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { OpenFile } from '../vfs/open-file.js';
import { makePipe, type PipeFile } from './pipe.js';
import { transfer, type TransferEnd } from './splice.js';

/** A file in memory. */
class MemoryFile extends OpenFile {
  constructor(public data: Uint8Array) {
    super(anonInode('anon_inode:[test]'), O_RDWR);
  }
  override read(io: IoVec, position: number): number | Errno {
    return io.put(this.data, position, Math.max(0, Math.min(io.remaining, this.data.length - position)));
  }
  override write(io: IoVec, position: number): number | Errno {
    const next = new Uint8Array(Math.max(this.data.length, position + io.remaining));
    next.set(this.data);
    const moved = io.take(next, position, io.remaining);
    if (!isErr(moved)) this.data = next;
    return moved;
  }
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
const end = (file: OpenFile, position = 0, noWait = false): TransferEnd => ({ file, position, noWait });
const pipe = () => makePipe(anonInode('pipe'), 0);
const put = (file: PipeFile, data: Uint8Array) => assert.equal(file.write(new KernelIoVec(data)), data.length);

test('file to file, in chunks, from and to a position', () => {
  const source = new MemoryFile(bytes(200000));
  const target = new MemoryFile(new Uint8Array(10));
  const from = end(source, 1000);
  assert.deepEqual(transfer(from, end(target, 10), 150000, { untilDone: true }).next(0), { done: true, value: 150000 });
  assert.equal(from.position, 151000);
  assert.deepEqual(target.data.subarray(10), source.data.subarray(1000, 151000));
  assert.deepEqual(transfer(end(source, 200000), end(target), 5, { untilDone: true }).next(0), { done: true, value: 0 });
});

test('sendfile to a full pipe waits and loses nothing; splice returns what went', () => {
  const source = new MemoryFile(bytes(100000));
  const [reader, writer] = pipe();
  const sending = transfer(end(source), end(writer), 100000, { untilDone: true });
  assert.equal(sending.next(0).done, false);
  const target = new Uint8Array(100000);
  assert.equal(reader.read(new KernelIoVec(target)), 65536);
  assert.deepEqual(sending.next(0), { done: true, value: 100000 });
  assert.equal(reader.read(new KernelIoVec(target, 65536)), 34464);
  assert.deepEqual(target, source.data);
  const [, full] = pipe();
  assert.deepEqual(transfer(end(source), end(full), 100000, { untilDone: false }).next(0), { done: true, value: 65536 });
  assert.deepEqual(transfer(end(source), end(full, 0, true), 1, { untilDone: false }).next(0), { done: true, value: EAGAIN });
});

test('pipe to file; an empty pipe waits, an ended one is the end', () => {
  const [reader, writer] = pipe();
  const target = new MemoryFile(new Uint8Array(0));
  const moving = transfer(end(reader), end(target), 1000, { untilDone: false });
  assert.equal(moving.next(0).done, false);
  put(writer, bytes(10));
  assert.deepEqual(moving.next(0), { done: true, value: 10 });
  assert.deepEqual(target.data, bytes(10));
  const interrupted = transfer(end(reader), end(target), 1, { untilDone: false });
  interrupted.next(0);
  assert.deepEqual(interrupted.next(ERESTARTSYS), { done: true, value: ERESTARTSYS });
  dropFile(writer);
  assert.deepEqual(transfer(end(reader), end(target), 1, { untilDone: false }).next(0), { done: true, value: 0 });
});

test('tee copies and leaves the bytes where they are', () => {
  const [reader, writer] = pipe();
  const [copyReader, copyWriter] = pipe();
  put(writer, bytes(5000));
  const result = transfer(end(reader), end(copyWriter), 70000, { untilDone: false, keepSource: true }).next(0);
  assert.deepEqual(result, { done: true, value: 5000 });
  assert.equal(reader.pipe.buffer.used, 5000);
  const target = new Uint8Array(5000);
  copyReader.read(new KernelIoVec(target));
  assert.deepEqual(target, bytes(5000));
});

test('a target without readers is EPIPE, and the source keeps its bytes', () => {
  const [reader, writer] = pipe();
  const [gone, broken] = pipe();
  dropFile(gone);
  put(writer, bytes(10));
  assert.deepEqual(transfer(end(reader), end(broken), 10, { untilDone: false }).next(0), { done: true, value: EPIPE });
  assert.equal(reader.pipe.buffer.used, 10);
  assert.equal(reader.references, 1);
});
