/** Which signals are kept, who gets them, what they do, and which calls go on after them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EINTR, EPERM, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS, ERESTART_RESTARTBLOCK, ESRCH } from '../../abi/errno.js';
import { RLIMIT_SIGPENDING } from '../../abi/resource.js';
import { FRAME_INFO, FRAME_UCONTEXT, SC_CR2, UC_MCONTEXT, UC_SIGMASK } from '../../abi/sigframe.js';
import {
  SA_NODEFER,
  SA_RESTART,
  SIGALRM,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGUSR1,
  SIGWINCH,
  SI_USER,
} from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { RAX, RIP, RSP } from '../../platform/registers.js';
import { userCredentials } from '../../vfs/credentials.js';
import { RunningCall } from '../machine-for-tests.js';
import type { Task } from '../task.js';
import { deliverSignals, endTemporaryMask, setTemporaryMask } from './deliver.js';
import { kill, killTask } from './kill.js';
import { forceSignal, sendToGroup, sendToTask, signalPending } from './send.js';
import { lowestSignal, SigSet } from './sig-set.js';
import { faultInfo, kernelInfo, userInfo } from './signal-info.js';
import { suspend, takeFrom, waitForSignal } from './take.js';
import { block, frame, handle, ignore, queued, RIP_NOW, STACK_TOP, task, world } from './signals-for-tests.js';

test('a signal set holds 1 to 64, and the lowest is found', () => {
  const set = SigSet.of(1, 32, 33, 64);
  for (const signal of [1, 32, 33, 64]) assert.ok(set.has(signal));
  for (const signal of [2, 31, 34, 63]) assert.ok(!set.has(signal));
  assert.equal(set.toHex(), '8000000180000001');
  assert.equal(lowestSignal(0, 0), 0);
  assert.equal(lowestSignal(1 << 31, 0), 32);
  assert.equal(lowestSignal(0, 1), 33);
  assert.equal(lowestSignal(0, 1 << 31), 64);
  set.delete(64);
  assert.deepEqual(SigSet.of(SIGKILL, SIGSTOP, SIGTERM).removeUnblockable(), SigSet.of(SIGTERM));
});

test('standard signals are kept once, real-time signals in order, up to the limit', () => {
  block(SIGUSR1, 40, 41);
  sendToGroup(task.group, userInfo(SIGUSR1, 1, 0));
  sendToGroup(task.group, userInfo(SIGUSR1, 2, 0));
  for (const value of [1, 2, 3]) sendToGroup(task.group, queued(41, value));
  sendToTask(task, queued(40, 9));
  const all = SigSet.of(SIGUSR1, 40, 41);
  const taken: [number, number | undefined][] = [];
  for (let info = takeFrom(task, all); info; info = takeFrom(task, all)) taken.push([info.signo, info.pid || Number(info.value)]);
  assert.deepEqual(taken, [
    [40, 9],
    [SIGUSR1, 1],
    [41, 1],
    [41, 2],
    [41, 3],
  ]);
  task.group.limits.set(RLIMIT_SIGPENDING, 2, 2);
  assert.equal(sendToGroup(task.group, queued(41, 1)), 0);
  assert.equal(sendToGroup(task.group, queued(41, 2)), 0);
  assert.equal(sendToGroup(task.group, queued(41, 3)), EAGAIN);
  assert.equal(sendToGroup(task.group, userInfo(SIGUSR1, 1, 0)), 0);
  assert.equal(takeFrom(task, SigSet.of(SIGUSR1))!.code, SI_USER);
});

test('ignored signals vanish, unless they are blocked; ignoring later drops them', () => {
  ignore(SIGHUP);
  sendToGroup(task.group, userInfo(SIGHUP, 1, 0));
  sendToGroup(task.group, userInfo(SIGCHLD, 1, 0));
  sendToGroup(task.group, userInfo(SIGWINCH, 1, 0));
  assert.ok(!signalPending(task));
  assert.ok(task.group.signals.pending.isEmpty);
  block(SIGHUP, SIGUSR1);
  sendToGroup(task.group, userInfo(SIGHUP, 1, 0));
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  assert.ok(task.group.signals.pending.has(SIGHUP));
  ignore(SIGUSR1);
  assert.ok(task.signals.pending.isEmpty);
});

test('a signal for the process goes to a thread that does not block it', () => {
  const other = world.thread(task);
  block(SIGUSR1);
  const call = new RunningCall(other, suspend(other, undefined));
  assert.equal(call.result, undefined);
  sendToGroup(task.group, userInfo(SIGUSR1, 1, 0));
  assert.ok(!signalPending(task));
  assert.equal(call.step(), ERESTARTNOHAND);
});

const RESTARTS: [number, 'again' | 'EINTR', 'again' | 'EINTR', 'again' | 'block'][] = [
  [ERESTARTSYS, 'again', 'EINTR', 'again'],
  [ERESTARTNOINTR, 'again', 'again', 'again'],
  [ERESTARTNOHAND, 'EINTR', 'EINTR', 'again'],
  [ERESTART_RESTARTBLOCK, 'EINTR', 'EINTR', 'block'],
];
for (const [code, restarting, plain, none] of RESTARTS) {
  test(`restart rule of ${-code}`, () => {
    for (const [flags, expected] of [
      [SA_RESTART, restarting],
      [0, plain],
      [undefined, none],
    ] as const) {
      const { regs } = task.thread;
      regs.set(RSP, STACK_TOP);
      regs.set(RIP, RIP_NOW);
      if (flags !== undefined) {
        handle(SIGUSR1, flags | SA_NODEFER);
        sendToTask(task, userInfo(SIGUSR1, 1, 0));
      }
      assert.equal(deliverSignals(task, { nr: NR.read, result: code }), 'continue');
      const interrupted = flags === undefined ? undefined : frame();
      const rax = interrupted ? interrupted.getInt32(FRAME_UCONTEXT + UC_MCONTEXT + 13 * 8, true) : regs.signed(RAX);
      const rip = interrupted ? interrupted.getUint32(FRAME_UCONTEXT + UC_MCONTEXT + 16 * 8, true) : regs.get(RIP);
      assert.equal(rax, expected === 'EINTR' ? EINTR : expected === 'block' ? NR.restart_syscall : NR.read);
      assert.equal(rip, expected === 'EINTR' ? RIP_NOW : RIP_NOW - 2);
    }
  });
}

test('a forced signal that is blocked or ignored ends the process; a fault is told in the frame', () => {
  handle(SIGSEGV);
  task.signals.faultAddress = 0xdead000;
  forceSignal(task, faultInfo(SIGSEGV, 1, 0xdead000));
  deliverSignals(task, undefined);
  const view = frame();
  assert.equal(view.getUint32(FRAME_INFO + 16, true), 0xdead000);
  assert.equal(view.getUint32(FRAME_UCONTEXT + UC_MCONTEXT + SC_CR2, true), 0xdead000);
  // Now inside the handler, SIGSEGV is blocked.
  forceSignal(task, faultInfo(SIGSEGV, 1, 0));
  assert.equal(deliverSignals(task, undefined), 'exit');
  assert.equal(task.group.exitStatus, SIGSEGV);
});

test('stop and continue of a process with two threads, as its parent sees it', () => {
  const child = world.process(task);
  const second = world.thread(child);
  sendToGroup(child.group, userInfo(SIGSTOP, 1, 0));
  assert.equal(deliverSignals(child, { nr: NR.read, result: ERESTARTSYS }), 'stopped');
  assert.equal(child.group.signals.stopToReport, 0);
  assert.ok(signalPending(second));
  assert.equal(deliverSignals(second, undefined), 'stopped');
  assert.equal(child.group.signals.stopToReport, SIGSTOP);
  assert.equal(deliverSignals(child, undefined), 'stopped');
  sendToGroup(child.group, userInfo(SIGUSR1, 1, 0));
  assert.equal(deliverSignals(second, undefined), 'stopped');
  block(SIGCHLD);
  ignore(SIGUSR1);
  takeFrom(child, SigSet.of(SIGUSR1));
  child.thread.regs.set(RIP, RIP_NOW);
  sendToGroup(child.group, userInfo(SIGCONT, 1, 0));
  assert.ok(child.group.signals.continueToReport);
  assert.equal(child.group.signals.stopToReport, 0);
  assert.ok(child.ready && second.ready);
  assert.equal(deliverSignals(second, undefined), 'continue');
  assert.equal(deliverSignals(child, undefined), 'continue');
  assert.equal(child.thread.regs.get(RIP), RIP_NOW - 2);
  assert.equal(takeFrom(task, SigSet.of(SIGCHLD))!.status, SIGCONT);
});

test('SIGCONT drops pending stops, stops drop SIGCONT, SIGKILL ends a stopped process', () => {
  block(SIGCONT, SIGTSTP);
  sendToGroup(task.group, userInfo(SIGTSTP, 1, 0));
  sendToGroup(task.group, userInfo(SIGCONT, 1, 0));
  assert.ok(!task.group.signals.pending.has(SIGTSTP) && task.group.signals.pending.has(SIGCONT));
  sendToTask(task, userInfo(SIGTSTP, 1, 0));
  assert.ok(!task.group.signals.pending.has(SIGCONT));
  sendToGroup(task.group, userInfo(SIGSTOP, 1, 0));
  assert.equal(deliverSignals(task, undefined), 'stopped');
  sendToGroup(task.group, userInfo(SIGKILL, 1, 0));
  assert.equal(deliverSignals(task, undefined), 'exit');
  assert.equal(task.group.exitStatus, SIGKILL);
});

test('terminal stops do nothing to an orphaned process group', () => {
  sendToGroup(task.group, kernelInfo(SIGTSTP));
  assert.equal(deliverSignals(task, undefined), 'continue');
  sendToGroup(task.group, kernelInfo(SIGSTOP));
  assert.equal(deliverSignals(task, undefined), 'stopped');
});

test('init is spared what it does not handle, but not what the kernel forces', () => {
  task.group.signals.unkillable = true;
  for (const signal of [SIGKILL, SIGTERM, SIGSTOP]) sendToGroup(task.group, userInfo(signal, 2, 0));
  assert.ok(!signalPending(task));
  handle(SIGTERM);
  sendToGroup(task.group, userInfo(SIGTERM, 2, 0));
  assert.equal(deliverSignals(task, undefined), 'continue');
  forceSignal(task, faultInfo(SIGSEGV, 1, 0));
  assert.equal(deliverSignals(task, undefined), 'exit');
});

test('sigtimedwait takes, times out, and is ended by other signals', () => {
  block(SIGUSR1);
  const set = SigSet.of(SIGUSR1);
  const asNumber = (of: Task, deadlineNs: number): RunningCall => {
    const generator = waitForSignal(of, set, deadlineNs);
    return new RunningCall(
      of,
      (function* () {
        const info = yield* generator;
        return typeof info === 'number' ? info : info.signo;
      })(),
    );
  };
  assert.equal(asNumber(task, 0).result, EAGAIN);
  const timed = asNumber(task, world.clock.ns + 1e9);
  world.advance(2e9);
  assert.equal(timed.step(), EAGAIN);
  const taking = asNumber(task, Infinity);
  sendToGroup(task.group, userInfo(SIGUSR1, 1, 0));
  assert.equal(taking.step(), SIGUSR1);
  assert.ok(task.signals.mask.has(SIGUSR1));
  handle(SIGALRM);
  const interrupted = asNumber(task, Infinity);
  sendToGroup(task.group, userInfo(SIGALRM, 1, 0));
  assert.equal(interrupted.step(), EINTR);
});

test("a temporary mask is in the frame's stead: the handler returns to the mask from before", () => {
  block(SIGUSR1);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  setTemporaryMask(task, SigSet.of(SIGHUP));
  handle(SIGUSR1);
  endTemporaryMask(task, true);
  deliverSignals(task, { nr: NR.ppoll, result: ERESTARTNOHAND });
  assert.deepEqual(SigSet.read(frame(), FRAME_UCONTEXT + UC_SIGMASK), SigSet.of(SIGUSR1));
  assert.deepEqual(task.signals.mask, SigSet.of(SIGHUP, SIGUSR1));
  setTemporaryMask(task, new SigSet());
  endTemporaryMask(task, false);
  assert.deepEqual(task.signals.mask, SigSet.of(SIGHUP, SIGUSR1));
});

test('who may signal whom', () => {
  const mine = world.process();
  const theirs = world.process();
  mine.cred = userCredentials(1000, 1000);
  theirs.cred = userCredentials(1001, 1001);
  assert.equal(kill(mine, theirs.group.pid, userInfo(0, 1, 1)), EPERM);
  assert.equal(kill(task, theirs.group.pid, userInfo(0, 1, 0)), 0);
  assert.equal(kill(mine, 9999, userInfo(0, 1, 1)), ESRCH);
  assert.equal(kill(mine, -9999, userInfo(0, 1, 1)), ESRCH);
  assert.equal(kill(mine, 0, userInfo(0, 1, 1)), 0);
  assert.equal(kill(mine, -1, userInfo(SIGTERM, 1, 1)), EPERM);
  assert.equal(kill(task, -1, userInfo(SIGTERM, 1, 0)), 0);
  assert.ok(signalPending(mine) && signalPending(theirs) && !signalPending(task));
  assert.equal(killTask(mine, theirs.group.pid, mine.tid, userInfo(0, 1, 1)), ESRCH);
});
