/** Queues, sending, stops, restarts, frames: signals against a machine that does not run. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { EAGAIN, EINTR, EPERM, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS, ERESTART_RESTARTBLOCK, ESRCH } from '../../abi/errno.js';
import { RLIMIT_SIGPENDING } from '../../abi/resource.js';
import {
  FRAME_INFO,
  FRAME_SIZE,
  FRAME_UCONTEXT,
  FP_XSTATE_MAGIC1,
  SC_CR2,
  SC_FPSTATE,
  SW_MAGIC1,
  UC_MCONTEXT,
  UC_SIGMASK,
  XSAVE_HEADER,
} from '../../abi/sigframe.js';
import {
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
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
  SIGUSR2,
  SIGWINCH,
  SI_QUEUE,
  SI_USER,
  SS_AUTODISARM,
} from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { EFLAGS, R15, RAX, RCX, RDI, RDX, RIP, RSI, RSP } from '../../platform/registers.js';
import { userCredentials } from '../../vfs/credentials.js';
import { RunningCall, TestMachine, TEST_MEMORY, TEST_MEMORY_BYTES, type TestThread } from '../machine-for-tests.js';
import type { Task } from '../task.js';
import { changeAction, changeMask } from './action.js';
import { setAltStack } from './alt-stack.js';
import { deliverSignals, endTemporaryMask, setTemporaryMask } from './deliver.js';
import { kill, killTask } from './kill.js';
import { forceSignal, sendToGroup, sendToTask, signalPending } from './send.js';
import { SIG_IGN } from './shared-signals.js';
import { lowestSignal, SigSet } from './sig-set.js';
import { faultInfo, kernelInfo, rawInfo, userInfo } from './signal-info.js';
import { sigreturn } from './sigreturn.js';
import { suspend, takeFrom, waitForSignal } from './take.js';

const HANDLER = 0x40_1000;
const RESTORER = 0x40_2000;
const STACK_TOP = TEST_MEMORY + TEST_MEMORY_BYTES - 4096;
const RIP_NOW = 0x40_0123;

let world: TestMachine;
let task: Task;

beforeEach(() => {
  world = new TestMachine();
  task = world.process();
  task.thread.regs.set(RSP, STACK_TOP);
  task.thread.regs.set(RIP, RIP_NOW);
  task.thread.regs.set(EFLAGS, 0x202);
});
afterEach(() => world.dispose());

function handle(signal: number, flags = 0, mask = new SigSet(), of = task): void {
  changeAction(of, signal, { handler: HANDLER + signal, flags: flags | SA_RESTORER, restorer: RESTORER, mask });
}
function ignore(signal: number): void {
  changeAction(task, signal, { handler: SIG_IGN, flags: 0, restorer: 0, mask: new SigSet() });
}
function queued(signal: number, value: number): ReturnType<typeof rawInfo> {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, SI_QUEUE, true);
  view.setInt32(24, value, true);
  return rawInfo(signal, bytes);
}
function block(...signals: number[]): void {
  changeMask(task, 0, SigSet.of(...signals));
}
/** The frame that rsp points at. */
function frame(length = FRAME_SIZE): DataView {
  const bytes = new Uint8Array(length);
  assert.equal(task.copyIn(task.thread.regs.get(RSP), bytes), 0);
  return new DataView(bytes.buffer);
}

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

test('the frame holds the registers, the information, the mask; sigreturn brings all back', () => {
  const { regs } = task.thread;
  regs.set(R15, 0x1234_5678_9abc);
  regs.set(RCX, -2);
  regs.set(EFLAGS, 0x10747); // RF, IF, TF, DF, ZF, PF, CF
  block(SIGTERM);
  handle(SIGUSR1, 0, SigSet.of(SIGHUP));
  sendToTask(task, userInfo(SIGUSR1, 77, 5));
  assert.equal(deliverSignals(task, undefined), 'continue');
  const sp = regs.get(RSP);
  assert.equal(sp % 16, 8);
  assert.ok(sp + FRAME_SIZE <= STACK_TOP - 128);
  assert.deepEqual([regs.get(RIP), regs.get(RDI), regs.get(RAX)], [HANDLER + SIGUSR1, SIGUSR1, 0]);
  assert.deepEqual([regs.get(RSI), regs.get(RDX)], [sp + FRAME_INFO, sp + FRAME_UCONTEXT]);
  assert.equal(regs.get(EFLAGS) & 0x10500, 0);
  const view = frame();
  assert.equal(view.getUint32(0, true), RESTORER);
  assert.equal(view.getInt32(FRAME_INFO, true), SIGUSR1);
  assert.equal(view.getInt32(FRAME_INFO + 16, true), 77);
  assert.deepEqual(SigSet.read(view, FRAME_UCONTEXT + UC_SIGMASK), SigSet.of(SIGTERM));
  const { mask } = task.signals;
  assert.deepEqual(mask, SigSet.of(SIGTERM, SIGHUP, SIGUSR1));
  regs.set(R15, 1);
  regs.set(RCX, 1);
  regs.set(RSP, sp + 8);
  sigreturn(task);
  assert.ok(!signalPending(task));
  assert.deepEqual([regs.get(R15), regs.signed(RCX), regs.get(RSP), regs.get(RIP)], [0x1234_5678_9abc, -2, STACK_TOP, RIP_NOW]);
  assert.equal(regs.get(EFLAGS), 0x10747);
  assert.deepEqual(task.signals.mask, SigSet.of(SIGTERM));
});

test('several signals nest: the last one delivered runs first', () => {
  handle(SIGUSR1);
  handle(SIGUSR2, SA_RESETHAND);
  sendToTask(task, userInfo(SIGUSR2, 1, 0));
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  deliverSignals(task, undefined);
  const { regs } = task.thread;
  assert.equal(regs.get(RIP), HANDLER + SIGUSR2);
  assert.equal(task.group.signals.actions[SIGUSR2]!.handler, 0);
  regs.set(RSP, regs.get(RSP) + 8);
  sigreturn(task);
  assert.equal(regs.get(RIP), HANDLER + SIGUSR1);
});

test('floating-point state travels in the frame; forged state is refused', () => {
  const size = 832;
  const fpTask = world.process(undefined, size);
  const thread = fpTask.thread as unknown as TestThread;
  const saved = Uint8Array.from({ length: size }, (_, i) => (i >= 32 && i < 464 ? i & 0xff : 0));
  new DataView(saved.buffer).setUint32(24, 0x1f80, true);
  saved[XSAVE_HEADER] = 3;
  thread.fp = saved.slice();
  const { regs } = fpTask.thread;
  regs.set(RSP, STACK_TOP);
  regs.set(RIP, RIP_NOW);
  handle(SIGUSR1, SA_NODEFER, new SigSet(), fpTask);
  sendToTask(fpTask, userInfo(SIGUSR1, 1, 0));
  deliverSignals(fpTask, undefined);
  const sp = regs.get(RSP);
  const fpstate = fpTask.mm.readU64(sp + FRAME_UCONTEXT + UC_MCONTEXT + SC_FPSTATE);
  assert.equal(fpstate % 64, 0);
  assert.equal(fpTask.mm.readU32(fpstate + SW_MAGIC1), FP_XSTATE_MAGIC1);
  const enter = (): void => {
    regs.set(RSP, sp + 8);
    thread.fp.fill(0);
    sigreturn(fpTask);
  };
  enter();
  assert.ok(!signalPending(fpTask));
  assert.deepEqual(thread.fp.subarray(32, 464), saved.subarray(32, 464));
  // Reserved bits of the header and of mxcsr make the CPU fault: SIGSEGV instead.
  for (const [offset, value] of [
    [XSAVE_HEADER + 8, 1],
    [XSAVE_HEADER + 20, 1],
    [XSAVE_HEADER + 7, 0x40],
    [27, 0xff],
  ] as const) {
    const before = new Uint8Array(1);
    fpTask.copyIn(fpstate + offset, before);
    fpTask.copyOut(fpstate + offset, Uint8Array.of(value));
    enter();
    assert.ok(fpTask.signals.pending.has(SIGSEGV), `byte ${offset}`);
    takeFrom(fpTask, SigSet.of(SIGSEGV));
    fpTask.copyOut(fpstate + offset, before);
  }
  // Without the magic number only the legacy part is taken, the rest gets its initial state.
  fpTask.mm.writeU32(fpstate + SW_MAGIC1, 0);
  enter();
  assert.ok(!signalPending(fpTask));
  assert.equal(thread.fp[XSAVE_HEADER], 3);
});

test('the alternate stack is used, reported, and never overflowed', () => {
  const base = TEST_MEMORY + 0x10000;
  assert.equal(setAltStack(task, base, 0, 8192), 0);
  handle(SIGUSR1, SA_ONSTACK);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  deliverSignals(task, undefined);
  const { regs } = task.thread;
  const sp = regs.get(RSP);
  assert.ok(sp > base && sp < base + 8192);
  assert.equal(setAltStack(task, base, 0, 8192), EPERM);
  regs.set(RSP, base + 300);
  handle(SIGUSR2, SA_ONSTACK);
  sendToTask(task, userInfo(SIGUSR2, 1, 0));
  handle(SIGSEGV, SA_ONSTACK);
  assert.equal(deliverSignals(task, undefined), 'exit');
  assert.equal(task.group.exitStatus, SIGSEGV);
});

test('SS_AUTODISARM takes the alternate stack away while a handler runs', () => {
  const base = TEST_MEMORY + 0x10000;
  setAltStack(task, base, SS_AUTODISARM, 8192);
  handle(SIGUSR1, SA_ONSTACK);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  deliverSignals(task, undefined);
  assert.equal(task.signals.altStack.size, 0);
  const { regs } = task.thread;
  regs.set(RSP, regs.get(RSP) + 8);
  sigreturn(task);
  assert.deepEqual(task.signals.altStack, { base, size: 8192, flags: SS_AUTODISARM });
});

test('no stack for the frame, no restorer: SIGSEGV by default action', () => {
  task.thread.regs.set(RSP, 0x1000);
  handle(SIGUSR1);
  sendToTask(task, userInfo(SIGUSR1, 1, 0));
  assert.equal(deliverSignals(task, undefined), 'exit');
  assert.equal(task.group.exitStatus, SIGSEGV);
  const other = world.process();
  other.thread.regs.set(RSP, STACK_TOP);
  changeAction(other, SIGUSR1, { handler: HANDLER, flags: 0, restorer: 0, mask: new SigSet() });
  sendToTask(other, userInfo(SIGUSR1, 1, 0));
  assert.equal(deliverSignals(other, undefined), 'exit');
});

test('hostile frames: wild rsp, wild rip', () => {
  const { regs } = task.thread;
  for (const sp of [0, 7, 0x7fff_ffff_f000, 2 ** 63, 2 ** 64 - 4096]) {
    regs.set(RSP, sp);
    sigreturn(task);
    assert.ok(task.signals.pending.has(SIGSEGV), `rsp ${sp}`);
    takeFrom(task, SigSet.of(SIGSEGV));
  }
  const sp = TEST_MEMORY + 0x8000;
  task.mm.writeU64(sp - 8 + FRAME_UCONTEXT + UC_MCONTEXT + 16 * 8, 2 ** 48);
  regs.set(RSP, sp);
  sigreturn(task);
  assert.ok(task.signals.pending.has(SIGSEGV));
});

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
