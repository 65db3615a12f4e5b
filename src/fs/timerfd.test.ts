import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, ECANCELED, EINVAL } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import { POLLIN } from '../abi/poll.js';
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../abi/time.js';
import type { Machine } from '../kernel/machine.js';
import { Timekeeping } from '../kernel/timekeeping.js';
import { TimerQueue } from '../kernel/timers.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { TimerFile } from './timerfd.js';

/** A machine that began at 1 s of the host's clock, at 1000 s of wall-clock time. */
function fakeMachine() {
  let now = 1e9;
  const timers = new TimerQueue();
  let shift = 0;
  const clock = {
    monotonicNs: () => now,
    realtime: (out = { sec: 0, nsec: 0 }) => Object.assign(out, { sec: 999 + Math.floor(now / 1e9) + shift, nsec: now % 1e9 }),
    setRealtime: (sec: number) => (shift = sec - 999 - Math.floor(now / 1e9)),
  };
  const current = { nsproxy: { time: { offsetOf: () => 0 } } };
  const machine = { timers, clock, bootNs: 1e9, timekeeping: new Timekeeping(), current } as unknown as Machine;
  return {
    machine,
    timers,
    advance: (ns: number) => {
      now += ns;
      timers.expire(now);
    },
  };
}

function ticks(file: TimerFile): number {
  const target = new Uint8Array(8);
  const moved = file.read(new KernelIoVec(target));
  return moved < 0 ? moved : new Uint32Array(target.buffer)[0]!;
}

const make = (machine: Machine, clock = CLOCK_MONOTONIC) => new TimerFile(anonInode('anon_inode:[timerfd]'), O_RDWR, machine, clock);

test('a timer rings once, and reading it resets the count', () => {
  const { machine, advance } = fakeMachine();
  const file = make(machine);
  let woken = 0;
  file.queue.add({ onWake: () => woken++ });
  assert.equal(ticks(file), EAGAIN);
  assert.equal(file.set(false, 2, 5, 0), 0);
  assert.deepEqual(file.get(), { valueNs: 2e9 + 5, intervalNs: 0 });
  advance(2e9);
  assert.equal(file.poll(), 0);
  advance(5);
  assert.equal(woken, 1);
  assert.equal(file.poll() & POLLIN, POLLIN);
  assert.equal(ticks(file), 1);
  assert.equal(ticks(file), EAGAIN);
  assert.deepEqual(file.get(), { valueNs: 0, intervalNs: 0 });
});

test('a periodic timer counts the periods that passed', () => {
  const { machine, advance } = fakeMachine();
  const file = make(machine);
  file.set(false, 1, 0, 1e8);
  advance(1e9 + 3.5e8);
  assert.equal(ticks(file), 4);
  assert.equal(file.get().valueNs, 5e7);
  advance(5e7);
  assert.equal(ticks(file), 1);
});

test('absolute times of both clocks; setting to zero disarms', () => {
  const { machine, timers, advance } = fakeMachine();
  const monotonic = make(machine);
  const wall = make(machine, CLOCK_REALTIME);
  monotonic.set(true, 3, 0, 0);
  wall.set(true, 1004, 0, 0);
  advance(3e9);
  assert.equal(ticks(monotonic), 1);
  assert.equal(ticks(wall), EAGAIN);
  advance(1e9);
  assert.equal(ticks(wall), 1);
  wall.set(true, 1, 0, 0);
  advance(0);
  assert.equal(ticks(wall), 1, 'a time in the past rings at once');
  wall.set(false, 5, 0, 0);
  wall.set(false, 0, 0, 0);
  assert.equal(timers.nextDeadlineNs, Infinity);
  assert.equal(wall.set(false, 0, 1e9, 0), EINVAL);
  wall.set(false, 5, 0, 0);
  dropFile(wall);
  assert.equal(timers.nextDeadlineNs, Infinity);
});

test('setting the clock moves an absolute timer of the wall clock, and cancels one that asked for that', () => {
  const { machine, advance } = fakeMachine();
  const file = make(machine, CLOCK_REALTIME);
  assert.equal(file.set(true, 1100, 0, 0), 0);
  const other = make(machine);
  other.set(true, 50, 0, 0);
  const cancelled = make(machine, CLOCK_REALTIME);
  cancelled.set(true, 5000, 0, 0, true);
  assert.equal(machine.timekeeping.set(machine, 1099, 0), 0);
  assert.equal(ticks(cancelled), ECANCELED);
  assert.equal(ticks(cancelled), EAGAIN);
  advance(1e9);
  assert.equal(ticks(file), 1);
  assert.equal(ticks(other), EAGAIN);
  assert.equal(machine.timekeeping.set(machine, -1, 0), EINVAL);
  for (const each of [file, other, cancelled]) dropFile(each);
  assert.equal(machine.timekeeping.timers.size, 0);
});
