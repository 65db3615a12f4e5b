/** What the tests of signals start from: a process of one thread, its handlers, and the frame on its stack. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { FRAME_SIZE } from '../../abi/sigframe.js';
import { SA_RESTORER, SI_QUEUE } from '../../abi/signal.js';
import { EFLAGS, RIP, RSP } from '../../platform/registers.js';
import { TestMachine, TEST_MEMORY, TEST_MEMORY_BYTES } from '../machine-for-tests.js';
import type { Task } from '../task.js';
import { changeAction, changeMask } from './action.js';
import { SIG_IGN } from './shared-signals.js';
import { SigSet } from './sig-set.js';
import { rawInfo } from './signal-info.js';

export const HANDLER = 0x40_1000;
export const RESTORER = 0x40_2000;
export const STACK_TOP = TEST_MEMORY + TEST_MEMORY_BYTES - 4096;
export const RIP_NOW = 0x40_0123;

export let world: TestMachine;
export let task: Task;

beforeEach(() => {
  world = new TestMachine();
  task = world.process();
  task.thread.regs.set(RSP, STACK_TOP);
  task.thread.regs.set(RIP, RIP_NOW);
  task.thread.regs.set(EFLAGS, 0x202);
});
afterEach(() => world.dispose());

export function handle(signal: number, flags = 0, mask = new SigSet(), of = task): void {
  changeAction(of, signal, { handler: HANDLER + signal, flags: flags | SA_RESTORER, restorer: RESTORER, mask });
}
export function ignore(signal: number): void {
  changeAction(task, signal, { handler: SIG_IGN, flags: 0, restorer: 0, mask: new SigSet() });
}
export function queued(signal: number, value: number): ReturnType<typeof rawInfo> {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, SI_QUEUE, true);
  view.setInt32(24, value, true);
  return rawInfo(signal, bytes);
}
export function block(...signals: number[]): void {
  changeMask(task, 0, SigSet.of(...signals));
}
/** The frame that rsp points at. */
export function frame(length = FRAME_SIZE): DataView {
  const bytes = new Uint8Array(length);
  assert.equal(task.copyIn(task.thread.regs.get(RSP), bytes), 0);
  return new DataView(bytes.buffer);
}
