/** Frames on the stack: what they hold, where they lie, and what a forged one can do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EPERM } from '../../abi/errno.js';
import {
  FRAME_INFO,
  FRAME_SIZE,
  FRAME_UCONTEXT,
  FP_XSTATE_MAGIC1,
  SC_FPSTATE,
  SW_MAGIC1,
  UC_MCONTEXT,
  UC_SIGMASK,
  XSAVE_HEADER,
} from '../../abi/sigframe.js';
import { SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SIGHUP, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2, SS_AUTODISARM } from '../../abi/signal.js';
import { EFLAGS, R15, RAX, RCX, RDI, RDX, RIP, RSI, RSP } from '../../platform/registers.js';
import { TEST_MEMORY, type TestThread } from '../machine-for-tests.js';
import { changeAction } from './action.js';
import { setAltStack } from './alt-stack.js';
import { deliverSignals } from './deliver.js';
import { sendToTask, signalPending } from './send.js';
import { SigSet } from './sig-set.js';
import { userInfo } from './signal-info.js';
import { sigreturn } from './sigreturn.js';
import { takeFrom } from './take.js';
import { block, frame, handle, HANDLER, RESTORER, RIP_NOW, STACK_TOP, task, world } from './signals-for-tests.js';

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
