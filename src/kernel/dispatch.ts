/**
 * From a trapped system call to its handler and back (Linux: arch/x86/entry/common.c, do_syscall_64). A handler that has to
 * wait is a generator; it is driven here, synchronously, each time its sleep ends.
 */
import type { Blocking, WakeReason } from '../base/blocking.js';
import { ENOSYS } from '../abi/errno.js';
import { RAX } from '../platform/registers.js';
import { entryWork, exitWork } from './ptrace/syscall-work.js';
import { WORK_ENTRY, WORK_EXIT } from './ptrace/trace.js';
import { returnToGuest, type Restart } from './resume.js';
import { interrupt } from './scheduler.js';
import { signalPending } from './signals/send.js';
import { REGISTERS_SET } from './syscall.js';
import type { Task } from './task.js';
import { countTransfer, LAST_COUNTED } from './usage-counts.js';

/** First restart code: results from -512 down to -516 are no errnos but orders to resume.ts. */
const FIRST_RESTART = -512;
const LAST_RESTART = -516;

export function serveSyscall(task: Task, number: number, compat: boolean): void {
  const { machine } = task;
  const { regs } = task.thread;
  const definition = compat ? undefined : machine.syscalls[number];
  task.syscallNumber = number;
  task.group.syscalls++;
  if (machine.tracer) machine.tracer.enter(task, number, definition, regs);
  if ((task.syscallWork & WORK_ENTRY) !== 0) {
    drive(task, entryWork(task, definition), 0);
    return;
  }
  if (definition === undefined) {
    finishSyscall(task, ENOSYS);
    return;
  }
  const answer = definition.invoke(task, regs);
  if (typeof answer === 'number') finishSyscall(task, answer);
  else drive(task, answer, 0);
}

/** Goes on with a blocked system call whose sleep has ended. */
export function continueSyscall(task: Task): void {
  const blocked = task.blocked!;
  task.blocked = undefined;
  task.state = 'running';
  drive(task, blocked, task.sleeper.reason);
}

/** Runs a generator until it sleeps again or has its result. */
function drive(task: Task, generator: Blocking<number>, reason: WakeReason): void {
  const step = generator.next(reason);
  if (step.done) {
    finishSyscall(task, step.value);
    return;
  }
  task.blocked = generator;
  task.state = 'blocked';
  task.group.counts.waits++;
  task.machine.waits++;
  task.sleeper.begin(step.value);
  if (signalPending(task)) interrupt(task);
}

function finishSyscall(task: Task, result: number): void {
  if (task.inExitWork) {
    task.inExitWork = false;
    complete(task, result);
    return;
  }
  const { machine } = task;
  const number = task.syscallNumber;
  if (machine.tracer) machine.tracer.exit(task, number, machine.syscalls[number], result);
  if (task.state === 'dead' || task.state === 'zombie') {
    task.syscallNumber = -1;
    return;
  }
  if ((task.syscallWork & WORK_EXIT) !== 0) {
    task.inExitWork = true;
    drive(task, exitWork(task, result), 0);
    return;
  }
  complete(task, result);
}

/** Stores a call's result, or restarts it, and returns to the guest. */
function complete(task: Task, result: number): void {
  const number = task.syscallNumber;
  task.syscallNumber = -1;
  if (task.state === 'dead' || task.state === 'zombie') return;
  if (number <= LAST_COUNTED) countTransfer(task.group.counts, number, result);
  if (result <= FIRST_RESTART && result >= LAST_RESTART) {
    const restart: Restart = { nr: number, result };
    returnToGuest(task, restart);
    return;
  }
  if (result !== REGISTERS_SET) task.thread.regs.set(RAX, result);
  returnToGuest(task);
}
