import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isBlocking, type Blocking, type WaitRequest, type WakeReason } from '../base/blocking.js';
import type { Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EBADF, EFBIG, EIO, ERESTARTSYS } from '../abi/errno.js';
import { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../abi/fcntl.js';
import { POLLIN, POLLOUT } from '../abi/poll.js';
import { Tmpfs } from '../fs/tmpfs/tmpfs.js';
import { readAll, testClock, testMemory, TestTree } from '../fs/tree-for-tests.js';
import { KernelIoVec, type IoVec } from '../mm/io-vec.js';
import { anonInode } from './anon-inode.js';
import { dropFile } from './fd-table.js';
import { OpenFile } from './open-file.js';
import { CURRENT, readFile, writeFile } from './read-write.js';

/** A stream whose answers are scripted: bytes moved, or an Errno. */
class Script extends OpenFile {
  private readonly waiters = new WaitQueue();

  constructor(
    flags: number,
    private readonly answers: number[],
  ) {
    super(anonInode('pipe'), flags);
  }
  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.waiters;
  }
  override poll(): number {
    return 0;
  }
  override read(io: IoVec): number | Errno {
    const answer = this.answers.shift()!;
    return answer > 0 ? io.put(new Uint8Array(answer)) : answer;
  }
  override write(io: IoVec): number | Errno {
    const answer = this.answers.shift()!;
    return answer > 0 ? io.take(new Uint8Array(answer)) : answer;
  }
}

const io = (length: number): KernelIoVec => new KernelIoVec(new Uint8Array(length));

/** Drives a wait: each reason ends one sleep. */
function drive(answer: number | Blocking<number>, ...reasons: WakeReason[]): number {
  assert.ok(isBlocking(answer), `does not wait: ${String(answer)}`);
  let step = answer.next(0);
  for (const reason of reasons) {
    assert.ok(!step.done, `ended with ${String(step.value)}`);
    step = answer.next(reason);
  }
  assert.ok(step.done, 'still waits');
  return step.value as number;
}

describe('reading', () => {
  test('what is there is answered at once, and a dry non-blocking file with EAGAIN', () => {
    assert.equal(readFile(new Script(O_RDONLY, [5]), io(10), CURRENT), 5);
    assert.equal(readFile(new Script(O_RDONLY | O_NONBLOCK, [EAGAIN]), io(10), CURRENT), EAGAIN);
    assert.equal(readFile(new Script(O_RDONLY, [EAGAIN]), io(10), CURRENT, true), EAGAIN);
    assert.equal(readFile(new Script(O_WRONLY, [5]), io(10), CURRENT), EBADF);
  });
  test('a dry file waits, looks again after every wake-up, and ends with data, end of file or a signal', () => {
    assert.equal(drive(readFile(new Script(O_RDONLY, [EAGAIN, EAGAIN, 3]), io(10), CURRENT), 0, 0), 3);
    assert.equal(drive(readFile(new Script(O_RDONLY, [EAGAIN, 0]), io(10), CURRENT), 0), 0);
    assert.equal(drive(readFile(new Script(O_RDONLY, [EAGAIN, EAGAIN]), io(10), CURRENT), ERESTARTSYS), ERESTARTSYS);
    assert.equal(drive(readFile(new Script(O_RDONLY, [EAGAIN, 4]), io(10), CURRENT), ERESTARTSYS), 4);
  });
  test('a sleep asks for the right events', () => {
    const reading = readFile(new Script(O_RDONLY, [EAGAIN]), io(1), CURRENT) as Blocking<number>;
    const request = reading.next(0).value as WaitRequest;
    assert.equal(request.sources[0]!.mask & (POLLIN | POLLOUT), POLLIN);
  });
});

describe('writing', () => {
  test('goes on until all is written', () => {
    assert.equal(drive(writeFile(new Script(O_WRONLY, [4, EAGAIN, 4, 2]), io(10), CURRENT), 0), 10);
  });
  test('some bytes were moved: an error or a signal ends with the count so far', () => {
    assert.equal(drive(writeFile(new Script(O_WRONLY, [4, EIO]), io(10), CURRENT)), 4);
    assert.equal(drive(writeFile(new Script(O_WRONLY, [4, EAGAIN]), io(10), CURRENT), ERESTARTSYS), 4);
    assert.equal(drive(writeFile(new Script(O_WRONLY, [EAGAIN, EAGAIN]), io(10), CURRENT), ERESTARTSYS), ERESTARTSYS);
    assert.equal(writeFile(new Script(O_WRONLY, [EIO]), io(10), CURRENT), EIO);
    assert.equal(writeFile(new Script(O_WRONLY | O_NONBLOCK, [4]), io(10), CURRENT), 4);
    assert.equal(writeFile(new Script(O_RDONLY, [4]), io(10), CURRENT), EBADF);
  });
  test('RLIMIT_FSIZE shortens, then forbids', () => {
    const t = new TestTree(new Tmpfs({ physmem: testMemory(), clock: testClock }));
    const file = t.open('/f', O_CREAT | O_RDWR) as OpenFile;
    assert.equal(writeFile(file, io(10), CURRENT, 6), 6);
    assert.equal(writeFile(file, io(10), CURRENT, 6), EFBIG);
    assert.equal(writeFile(file, io(2), 4, 6), 2);
    assert.equal(readAll(file), '\0'.repeat(6));
    dropFile(file);
  });
});
