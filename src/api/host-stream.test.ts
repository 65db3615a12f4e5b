import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timespec } from '../base/clock.js';
import { EAGAIN, EFBIG, EPIPE } from '../abi/errno.js';
import { POLLIN } from '../abi/poll.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { TimerQueue } from '../kernel/timers.js';
import { dropFile } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';
import { makeInputPipe, makeOutputPipe } from './guest-pipes.js';
import { InputBridge, OutputBridge } from './host-stream.js';
import { OUTPUT_WINDOW_BYTES } from './protocol.js';

/** A machine's timers under a clock that moves when told. */
class Bench {
  readonly timers = new TimerQueue();
  nowNs = 1e9;
  readonly clock = {
    monotonicNs: (): number => this.nowNs,
    realtime: (out: Timespec = { sec: 0, nsec: 0 }): Timespec => out,
    setRealtime: (): void => {},
  };
  /** What the run loop does between two traps, after `ns` have passed. */
  tick(ns = 0): void {
    this.nowNs += ns;
    this.timers.expire(this.nowNs);
  }
}

function write(file: OpenFile, data: string | number): number {
  const bytes = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data);
  return file.write(new KernelIoVec(bytes), 0);
}

function read(file: OpenFile, length = 100): string | number {
  const buffer = new Uint8Array(length);
  const got = file.read(new KernelIoVec(buffer), 0);
  return got < 0 ? got : Buffer.from(buffer.subarray(0, got)).toString();
}

function outputOn(bench: Bench, limit = Infinity): { guest: OpenFile; bridge: OutputBridge; log: string[]; bytes: () => number } {
  const log: string[] = [];
  let bytes = 0;
  const [ours, guest] = makeOutputPipe(0, 0, { left: limit });
  const bridge = new OutputBridge(bench, ours, {
    data: (data) => {
      bytes += data.length;
      log.push(data.length < 20 ? Buffer.from(data).toString() : `${data.length} bytes`);
    },
    end: () => log.push('END'),
    drained: () => {},
  });
  return { guest, bridge, log, bytes: () => bytes };
}

test("nothing is delivered inside the guest's write, all of it in the next round", () => {
  const bench = new Bench();
  const { guest, log } = outputOn(bench);
  write(guest, 'hello');
  assert.deepEqual(log, []);
  bench.tick();
  assert.deepEqual(log, ['hello']);
});

test('small writes that follow a message are gathered', () => {
  const bench = new Bench();
  const { guest, log } = outputOn(bench);
  write(guest, '1');
  bench.tick();
  write(guest, '2');
  bench.tick(1000);
  write(guest, '3');
  bench.tick(1000);
  assert.deepEqual(log, ['1']);
  bench.tick(200_000);
  assert.deepEqual(log, ['1', '23']);
});

test('the window closes without credit, the guest then waits, and credit opens it', () => {
  const bench = new Bench();
  const { guest, bridge, bytes } = outputOn(bench);
  let written = 0;
  for (;;) {
    const moved = write(guest, 65536);
    if (moved === EAGAIN) {
      const before = bytes();
      bench.tick(1e6);
      if (bytes() === before) break;
      continue;
    }
    written += moved;
  }
  assert.equal(bytes(), OUTPUT_WINDOW_BYTES);
  assert.equal(written, OUTPUT_WINDOW_BYTES + 65536);
  bridge.giveCredit(65536);
  bench.tick();
  assert.equal(bytes(), OUTPUT_WINDOW_BYTES + 65536);
  assert.ok(write(guest, 10) > 0);
});

test('the end comes after the last byte, once', () => {
  const bench = new Bench();
  const { guest, bridge, log } = outputOn(bench);
  write(guest, 'bye');
  dropFile(guest);
  bench.tick(1e6);
  bridge.finish();
  assert.deepEqual(log, ['bye', 'END']);
  assert.equal(bridge.ended, true);
});

test('a stream that is closed from outside gives the guest EPIPE', () => {
  const bench = new Bench();
  const { guest, bridge, log } = outputOn(bench);
  bridge.close();
  assert.equal(write(guest, 'x'), EPIPE);
  assert.deepEqual(log, ['END']);
});

test('a spent budget gives the guest EFBIG', () => {
  const bench = new Bench();
  const { guest } = outputOn(bench, 4);
  assert.equal(write(guest, 'abcd'), 4);
  assert.equal(write(guest, 'e'), EFBIG);
});

test('input is asked for when a guest looks, and not before', () => {
  const bench = new Bench();
  let wanted = 0;
  let closed = 0;
  const [guest, ours] = makeInputPipe(0, 0, () => wanted++);
  const bridge = new InputBridge(bench, ours, () => closed++);
  assert.equal(wanted, 0);
  assert.equal(read(guest), EAGAIN);
  assert.equal(wanted, 1);
  assert.equal(guest.poll() & POLLIN, 0);
  assert.equal(wanted, 2);
  bridge.push(Buffer.from('line\n'));
  assert.equal(guest.poll() & POLLIN, POLLIN);
  assert.equal(read(guest), 'line\n');
  assert.equal(wanted, 2);
  bridge.end();
  assert.equal(closed, 1);
  assert.equal(read(guest), '');
  assert.equal(wanted, 2);
});

test('input that does not fit follows when there is room', () => {
  const bench = new Bench();
  const [guest, ours] = makeInputPipe(0, 0, () => {});
  const bridge = new InputBridge(bench, ours, () => {});
  bridge.push(new Uint8Array(65536));
  bridge.push(Buffer.from('tail'));
  bridge.end();
  assert.equal((read(guest, 65536) as string).length, 65536);
  bench.tick();
  assert.equal(read(guest), 'tail');
  assert.equal(read(guest), '');
});

test('input is over when no guest can read it', () => {
  const bench = new Bench();
  let closed = 0;
  const [guest, ours] = makeInputPipe(0, 0, () => {});
  const bridge = new InputBridge(bench, ours, () => closed++);
  dropFile(guest);
  bench.tick();
  assert.equal(closed, 1);
  bridge.push(Buffer.from('late'));
  assert.equal(closed, 1);
});
