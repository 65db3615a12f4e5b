import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ERESTARTSYS, ETIMEDOUT } from '../abi/errno.js';
import { FUTEX_OWNER_DIED, FUTEX_WAITERS } from '../abi/futex.js';
import { SIGKILL, SIGUSR1 } from '../abi/signal.js';
import { exitTask } from './exit.js';
import { lockPi, unlockPi } from './futex-pi.js';
import { exitRobustList, futexRequeue, futexWait, futexWaitMultiple, futexWake, futexWakeOp } from './futex.js';
import { RunningCall, TestMachine, TEST_MEMORY } from './machine-for-tests.js';
import { sendToTask } from './signals/send.js';
import { userInfo } from './signals/signal-info.js';
import type { Task } from './task.js';

const WORD = TEST_MEMORY;
const SECOND = TEST_MEMORY + 4;
const ANY = -1;

let world: TestMachine;
let task: Task;
beforeEach(() => {
  world = new TestMachine();
  task = world.process();
});
afterEach(() => world.dispose());

function wait(of: Task, at = WORD, bitset = ANY, deadlineNs = Infinity, expected = 0): RunningCall {
  return new RunningCall(of, futexWait(of, at, expected, bitset, deadlineNs, true));
}

test('waits only while the word holds the value; wakes in the order of arrival', () => {
  const [a, b, c] = [world.thread(task), world.thread(task), world.thread(task)];
  task.mm.writeU32(WORD, 5);
  assert.equal(wait(a).result, EAGAIN);
  task.mm.writeU32(WORD, 0);
  const calls = [wait(a), wait(b), wait(c)];
  assert.equal(futexWake(task, WORD, 2, ANY, true), 2);
  assert.deepEqual(
    calls.map((call) => call.step()),
    [0, 0, undefined],
  );
  assert.equal(futexWake(task, WORD, 0x7fffffff, ANY, true), 1);
  assert.equal(calls[2]!.step(), 0);
  assert.equal(futexWake(task, WORD, 1, ANY, true), 0);
});

test('errors: unaligned, unmapped, no bitset; timeouts and signals leave no waiter behind', () => {
  assert.equal(futexWake(task, WORD + 1, 1, ANY, true), EINVAL);
  assert.equal(wait(task, 0x1000).result, EFAULT);
  assert.equal(wait(task, WORD, 0).result, EINVAL);
  const timed = wait(task, WORD, ANY, world.clock.ns + 1000);
  world.advance(2000);
  assert.equal(timed.step(), ETIMEDOUT);
  const interrupted = wait(task);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  assert.equal(interrupted.step(), ERESTARTSYS);
  assert.equal(futexWake(task, WORD, 9, ANY, true), 0);
});

test('a wake-up that comes with a signal counts as a wake-up', () => {
  const call = wait(task);
  assert.equal(futexWake(task, WORD, 1, ANY, true), 1);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  assert.equal(call.step(), 0);
});

test('bitsets choose', () => {
  const [a, b] = [world.thread(task), world.thread(task)];
  const first = wait(a, WORD, 1);
  const second = wait(b, WORD, 2);
  assert.equal(futexWake(task, WORD, 9, 2, true), 1);
  assert.deepEqual([first.step(), second.step()], [undefined, 0]);
  assert.equal(futexWake(task, WORD, 9, 3, true), 1);
});

test('requeue wakes some and moves others, which then wait for the second word', () => {
  const calls = [0, 1, 2, 3].map(() => wait(world.thread(task)));
  assert.equal(futexRequeue(task, WORD, SECOND, 1, 2, 7, true), EAGAIN);
  assert.equal(futexRequeue(task, WORD, SECOND, 1, 2, 0, true), 3);
  assert.deepEqual(
    calls.map((call) => call.step()),
    [0, undefined, undefined, undefined],
  );
  assert.equal(futexWake(task, SECOND, 9, ANY, true), 2);
  assert.deepEqual(
    calls.map((call) => call.step()),
    [0, 0, 0, undefined],
  );
  assert.equal(futexRequeue(task, WORD, SECOND, -1, 0, undefined, true), EINVAL);
});

test('wake-op changes the word and compares what it was', () => {
  const first = wait(world.thread(task), WORD);
  const second = wait(world.thread(task), SECOND);
  const operation = (op: number, argument: number, cmp: number, compared: number): number =>
    (op << 28) | (cmp << 24) | ((argument & 0xfff) << 12) | (compared & 0xfff);
  assert.equal(futexWakeOp(task, WORD, SECOND, 1, 1, operation(1, 3, 0, 9), true), 1); // += 3; was it 9?
  assert.equal(task.mm.readU32(SECOND), 3);
  assert.deepEqual([first.step(), second.step()], [0, undefined]);
  assert.equal(futexWakeOp(task, WORD, SECOND, 1, 1, operation(0, -1, 4, 2), true), 1); // = -1; was it > 2?
  assert.equal(task.mm.readU32(SECOND), 0xffffffff);
  assert.equal(second.step(), 0);
  assert.ok(futexWakeOp(task, WORD, SECOND, 1, 1, operation(6, 0, 0, 0), true) < 0);
});

test('private words of two processes are different', () => {
  const other = world.process();
  const call = wait(other);
  assert.equal(futexWake(task, WORD, 1, ANY, true), 0);
  assert.equal(call.step(), undefined);
});

test('waiting for several words tells which was woken', () => {
  const entries = [WORD, SECOND].map((address) => ({ address, expected: 0, isPrivate: true }));
  const call = new RunningCall(task, futexWaitMultiple(task, entries, Infinity));
  futexWake(task, SECOND, 1, ANY, true);
  assert.equal(call.step(), 1);
  assert.equal(futexWake(task, WORD, 1, ANY, true), 0);
});

test('priority-inheritance locks are handed over in order', () => {
  const [a, b] = [world.thread(task), world.thread(task)];
  const lock = (of: Task): RunningCall => new RunningCall(of, lockPi(of, WORD, Infinity, false, true));
  assert.equal(lock(task).result, 0);
  assert.equal(lock(task).result, EDEADLK);
  const calls = [lock(a), lock(b)];
  assert.equal(task.mm.readU32(WORD), (task.tid | FUTEX_WAITERS) >>> 0);
  assert.equal(lockPi(b, WORD, Infinity, true, true), EAGAIN);
  assert.equal(unlockPi(a, WORD, true), EPERM);
  assert.equal(unlockPi(task, WORD, true), 0);
  assert.deepEqual(
    calls.map((call) => call.step()),
    [0, undefined],
  );
  assert.equal(task.mm.readU32(WORD), (a.tid | FUTEX_WAITERS) >>> 0);
  assert.equal(unlockPi(a, WORD, true), 0);
  assert.equal(calls[1]!.step(), 0);
  assert.equal(unlockPi(b, WORD, true), 0);
  assert.equal(task.mm.readU32(WORD), 0);
});

test('a dying thread gives up its robust mutexes and tells who joins it', () => {
  const dying = world.thread(task);
  const [head, node, lock] = [TEST_MEMORY + 0x100, TEST_MEMORY + 0x200, TEST_MEMORY + 0x210];
  task.mm.writeU64(head, node);
  task.mm.writeU64(head + 8, lock - node);
  task.mm.writeU64(node, head);
  task.mm.writeU32(lock, (dying.tid | FUTEX_WAITERS) >>> 0);
  dying.robustList = head;
  dying.clearChildTid = SECOND;
  task.mm.writeU32(SECOND, dying.tid);
  const locking = new RunningCall(task, futexWait(task, lock, (dying.tid | FUTEX_WAITERS) >>> 0, ANY, Infinity, false));
  const joining = world.thread(task);
  const join = new RunningCall(joining, futexWait(joining, SECOND, dying.tid, ANY, Infinity, false));
  exitTask(dying, 0);
  assert.equal(task.mm.readU32(lock), (FUTEX_OWNER_DIED | FUTEX_WAITERS) >>> 0);
  assert.equal(task.mm.readU32(SECOND), 0);
  assert.deepEqual([locking.step(), join.step()], [0, 0]);
});

test('hostile robust lists end: a cycle, a wild pointer, a negative offset', () => {
  const head = TEST_MEMORY + 0x100;
  for (const [next, offset] of [
    [TEST_MEMORY + 0x200, 16],
    [0x1000, 0],
    [TEST_MEMORY + 0x200, -(2 ** 40)],
  ] as const) {
    task.mm.writeU64(head, next);
    task.mm.writeU32(head + 8, offset);
    task.mm.writeU32(head + 12, Math.floor(offset / 2 ** 32));
    task.mm.writeU64(TEST_MEMORY + 0x200, TEST_MEMORY + 0x200);
    task.robustList = head;
    exitRobustList(task);
    assert.equal(task.robustList, 0);
  }
});

test('a killed waiter leaves the queue', () => {
  const waiter = world.thread(task);
  const answer = futexWait(waiter, WORD, 0, ANY, Infinity, true);
  assert.notEqual(typeof answer, 'number');
  const generator = answer as Exclude<typeof answer, number>;
  generator.next(0);
  waiter.blocked = generator;
  exitTask(waiter, SIGKILL);
  assert.equal(futexWake(task, WORD, 9, ANY, true), 0);
});
