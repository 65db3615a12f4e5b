/**
 * The kernel's life: a guest traps, the trap is served, the guest goes on (design: one way data flows, docs/ARCHITECTURE.md).
 * One thread, synchronous; it sleeps in `platform.wait` and nowhere else.
 */
import { unreachable } from '../base/assert.js';
import { TRAP_DEAD, TRAP_FAULT, TRAP_KICK, TRAP_SIGNAL, TRAP_SYSCALL, type HostThread } from '../platform/platform.js';
import { RIP } from '../platform/registers.js';
import { SIGKILL, SIGTRAP, TRAP_TRACE } from '../abi/signal.js';
import { serveSyscall } from './dispatch.js';
import { exitGroup } from './exit.js';
import type { Machine } from './machine.js';
import { watchStep } from './ptrace/debug-registers.js';
import { goOn, returnToGuest } from './resume.js';
import { takeReady, wakeTrapQueue } from './scheduler.js';
import { recordFault } from './signals/fault-record.js';
import { faultInfo } from './signals/signal-info.js';
import { forceSignal } from './signals/send.js';
import type { Task } from './task.js';

export interface RunHooks {
  /** The doorbell rang: messages may have come. */
  onDoorbell(): void;
  /** An exception escaped a handler: a bug of ours. The guest process has been killed. */
  onBug(error: unknown, task: Task): void;
}

/** Runs the machine until `machine.stopping`. */
export function runMachine(machine: Machine, hooks: RunHooks): void {
  while (!machine.stopping) {
    expireTimers(machine);
    for (let task = takeReady(machine); task; task = takeReady(machine)) guarded(machine, task, hooks, goOn);
    if (machine.stopping) return;
    const thread = machine.platform.wait(machine.timers.nextDeadlineNs);
    if (thread) guarded(machine, taskOf(thread), hooks, serveTrap);
    else hooks.onDoorbell();
  }
}

function expireTimers(machine: Machine): void {
  if (machine.timers.nextDeadlineNs !== Infinity) machine.timers.expire(machine.clock.monotonicNs());
}

function taskOf(thread: HostThread): Task {
  return thread.owner as Task;
}

/** Exceptions mean a bug of ours: the guest process dies, the machine stays. The only place that catches them. */
function guarded(machine: Machine, task: Task, hooks: RunHooks, serve: (task: Task) => void): void {
  machine.current = task;
  try {
    serve(task);
  } catch (error) {
    hooks.onBug(error, task);
    exitGroup(task, SIGKILL);
  }
}

function serveTrap(task: Task): void {
  const trap = task.thread.trap;
  if (task.trapQueue !== undefined) wakeTrapQueue(task);
  switch (trap.kind) {
    case TRAP_SYSCALL:
      if (trap.isHot) task.mm.patchSite(task.thread.regs.get(RIP), trap.nr);
      serveSyscall(task, trap.nr, trap.compat);
      return;
    case TRAP_FAULT:
      serveFault(task);
      return;
    case TRAP_SIGNAL:
      if (task.trace?.debug && trap.signal === SIGTRAP && trap.code === TRAP_TRACE && watchStep(task, task.trace)) {
        returnToGuest(task);
        return;
      }
      recordFault(task, trap);
      forceSignal(task, faultInfo(trap.signal, trap.code, trap.address));
      returnToGuest(task);
      return;
    case TRAP_KICK:
      returnToGuest(task);
      return;
    case TRAP_DEAD:
      exitGroup(task, trap.signal || SIGKILL);
      return;
    default:
      unreachable(trap.kind as never);
  }
}

function serveFault(task: Task): void {
  const { trap } = task.thread;
  const outcome = task.mm.handleFault(trap, task.completeFault);
  task.machine.memoryLimit.watch();
  task.group.counts.faults++;
  task.machine.tracer?.fault?.(task, trap.address, outcome.kind === 'resolved');
  if (outcome.kind === 'signal') {
    if (outcome.signal === SIGKILL) {
      task.machine.memoryLimit.kill(task.group);
      return;
    }
    task.thread.completeFault();
    recordFault(task, trap);
    forceSignal(task, faultInfo(outcome.signal, outcome.code, outcome.address));
  }
  returnToGuest(task);
}
