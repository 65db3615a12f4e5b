/** Interval timers, POSIX timers, clocks of the guest. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EINVAL } from '../abi/errno.js';
import { SIGALRM, SIGEV_NONE, SIGEV_SIGNAL, SIGUSR1 } from '../abi/signal.js';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME } from '../abi/time.js';
import { cpuClock } from './cpu-clock.js';
import { absoluteDeadline, durationNs, readClock } from './guest-clock.js';
import { getRealTimer, setRealTimer } from './interval-timers.js';
import { TestMachine } from './machine-for-tests.js';
import { createTimer, deleteTimers, type PosixTimer } from './posix-timers.js';
import { SIG_IGN } from './signals/shared-signals.js';
import { SigSet } from './signals/sig-set.js';
import { takeFrom } from './signals/take.js';
import type { Task } from './task.js';

let world: TestMachine;
let task: Task;
beforeEach(() => {
  world = new TestMachine();
  task = world.process();
  task.signals.mask = SigSet.of(SIGALRM, SIGUSR1);
  world.machine.current = task; // whose time namespace counts
});
afterEach(() => world.dispose());

const take = (signal: number) => takeFrom(task, SigSet.of(signal));

test("the guest's monotonic clock begins with the machine, the wall clock is the host's", () => {
  world.advance(5_000_000_007);
  const out = { sec: 0, nsec: 0 };
  for (const clock of [CLOCK_MONOTONIC, CLOCK_BOOTTIME]) {
    assert.ok(readClock(world.machine, clock, out));
    assert.deepEqual(out, { sec: 5, nsec: 7 });
  }
  readClock(world.machine, CLOCK_REALTIME, out);
  assert.equal(out.sec, 1_700_001_005);
  assert.ok(!readClock(world.machine, 12345, out));
});

test("absolute times of both kinds become deadlines of the host's clock", () => {
  const { machine, clock } = world;
  assert.equal(absoluteDeadline(machine, CLOCK_MONOTONIC, 3, 5), machine.bootNs + 3e9 + 5);
  const wall = clock.realtime();
  assert.equal(absoluteDeadline(machine, CLOCK_REALTIME, wall.sec + 2, wall.nsec), clock.ns + 2e9);
  assert.ok((absoluteDeadline(machine, CLOCK_REALTIME, 0, 0) as number) < clock.ns);
  assert.equal(absoluteDeadline(machine, CLOCK_REALTIME, -1, 0), EINVAL);
  assert.equal(durationNs(0, 1e9), EINVAL);
  assert.equal(durationNs(2 ** 62, 0), Infinity);
});

test('ITIMER_REAL sends SIGALRM each period and skips those that were missed', () => {
  const { machine } = world;
  setRealTimer(machine, task.group, { valueNs: 1e9, intervalNs: 2e9 });
  assert.equal(getRealTimer(machine, task.group).valueNs, 1e9);
  world.advance(1e9);
  assert.ok(take(SIGALRM));
  assert.equal(getRealTimer(machine, task.group).valueNs, 2e9);
  world.advance(7e9);
  assert.ok(take(SIGALRM));
  assert.equal(take(SIGALRM), undefined);
  assert.equal(getRealTimer(machine, task.group).valueNs, 1e9);
  assert.deepEqual(setRealTimer(machine, task.group, { valueNs: 0, intervalNs: 0 }), { valueNs: 1e9, intervalNs: 2e9 });
  world.advance(100e9);
  assert.equal(take(SIGALRM), undefined);
});

function timer(notify = SIGEV_SIGNAL, signal = SIGUSR1): PosixTimer {
  const made = createTimer(task, CLOCK_MONOTONIC, undefined, () => ({ notify, signal, value: 42n, target: undefined }));
  assert.ok(typeof made === 'object');
  return made as PosixTimer;
}

test('a periodic POSIX timer counts the periods that passed until its signal was taken', () => {
  const periodic = timer();
  periodic.set(1, 0, 1e9, false);
  world.advance(1e9);
  world.advance(3.5e9);
  const info = take(SIGUSR1)!;
  assert.equal(info.value, 42n);
  assert.equal(info.overrun, 3);
  assert.equal(periodic.overrun, 3);
  assert.deepEqual(periodic.get(), { valueNs: 0.5e9, intervalNs: 1e9 });
  world.advance(0.5e9);
  assert.equal(take(SIGUSR1)!.overrun, 0);
});

test('two timers with the same standard signal both get through; a deleted one is silent', () => {
  const [first, second] = [timer(), timer()];
  first.set(1, 0, 0, false);
  second.set(1, 0, 0, false);
  world.advance(1e9);
  assert.ok(take(SIGUSR1) && take(SIGUSR1));
  assert.equal(first.get().valueNs, 0);
  first.set(1, 0, 1e9, false);
  deleteTimers(task.group);
  world.advance(5e9);
  assert.equal(take(SIGUSR1), undefined);
  assert.equal(task.group.posixTimers.size, 0);
});

test('an ignored signal does not stop a periodic timer, SIGEV_NONE only counts', () => {
  const periodic = timer();
  task.signals.mask = new SigSet();
  task.group.signals.actions[SIGUSR1]!.handler = SIG_IGN;
  periodic.set(1, 0, 1e9, false);
  world.advance(1e9);
  world.advance(1e9);
  assert.equal(periodic.get().valueNs, 1e9);
  const silent = timer(SIGEV_NONE);
  silent.set(1, 0, 0, false);
  assert.equal(silent.get().valueNs, 1e9);
  world.advance(2e9);
  assert.equal(silent.get().valueNs, 0);
});

test("an absolute timer of the guest's monotonic clock", () => {
  const absolute = timer();
  world.advance(10e9);
  absolute.set(12, 0, 0, true);
  assert.equal(absolute.get().valueNs, 2e9);
  absolute.set(3, 0, 0, true);
  world.advance(0);
  assert.ok(take(SIGUSR1));
});

test('CPU clock ids name the caller, or a process by its id', () => {
  assert.equal(typeof cpuClock(task, CLOCK_PROCESS_CPUTIME_ID), 'function');
  const of = (pid: number, bits: number): unknown => cpuClock(task, (~pid << 3) | bits);
  const other = world.process();
  assert.equal(typeof of(other.tid, 2), 'function');
  assert.equal(of(other.tid, 6), EINVAL);
  assert.equal(typeof of(0, 6), 'function');
  assert.equal(of(9999, 2), EINVAL);
  assert.equal(of(other.tid, 3), EINVAL);
  assert.equal(cpuClock(task, 99), EINVAL);
});
