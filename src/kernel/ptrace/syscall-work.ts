/**
 * What surrounds a system call of a task that is traced or has seccomp filters (Linux: kernel/entry/common.c,
 * syscall_trace_enter, syscall_exit_work). Others never come here.
 */
import { isBlocking, type Blocking } from '../../base/blocking.js';
import { EINTR, ENOSYS } from '../../abi/errno.js';
import { PTRACE_EVENTMSG_SYSCALL_ENTRY, PTRACE_EVENTMSG_SYSCALL_EXIT, PTRACE_O_TRACESYSGOOD } from '../../abi/ptrace.js';
import { SIGTRAP, TRAP_BRKPT } from '../../abi/signal.js';
import { RAX, RIP } from '../../platform/registers.js';
import { killPending } from '../signals/pending.js';
import { isRestartCode } from '../signals/restart.js';
import { forceSignal } from '../signals/send.js';
import { faultInfo } from '../signals/signal-info.js';
import { REGISTERS_SET, type SyscallDefinition } from '../syscall.js';
import type { Task } from '../task.js';
import { newStop, notifyInfo, stopStepping, traceStop } from './stops.js';
import { ALLOWED, checkSeccomp } from '../seccomp/seccomp.js';
import { WORK_EMULATE, WORK_SECCOMP, WORK_STEP, WORK_TRACE, type Trace } from './trace.js';

/** A syscall stop. False: killed meanwhile. */
function* syscallStop(task: Task, trace: Trace, kind: 'entry' | 'exit'): Blocking<boolean> {
  const code = (trace.options & PTRACE_O_TRACESYSGOOD) !== 0 ? SIGTRAP | 0x80 : SIGTRAP;
  trace.eventMessage = kind === 'entry' ? PTRACE_EVENTMSG_SYSCALL_ENTRY : PTRACE_EVENTMSG_SYSCALL_EXIT;
  return yield* traceStop(task, trace, newStop(kind, code, notifyInfo(task, code)));
}

/** The call with all that comes before it. */
export function* entryWork(task: Task, definition: SyscallDefinition | undefined): Blocking<number> {
  const { trace, machine } = task;
  let wanted = definition;
  if (trace && (task.syscallWork & (WORK_TRACE | WORK_EMULATE)) !== 0) {
    const emulated = (task.syscallWork & WORK_EMULATE) !== 0;
    const { regs } = task.thread;
    regs.set(RAX, ENOSYS);
    trace.origRax = task.syscallNumber;
    const alive = yield* syscallStop(task, trace, 'entry');
    if (!alive || killPending(task)) return EINTR;
    // The tracer may have changed its mind about the number, and the registers themselves.
    const number = task.trace === trace ? trace.origRax : task.syscallNumber;
    if (emulated || number < 0) {
      trace.skipped = number < 0;
      return REGISTERS_SET;
    }
    if (number !== task.syscallNumber) {
      task.syscallNumber = number;
      wanted = machine.syscalls[number];
    }
  }
  if ((task.syscallWork & WORK_SECCOMP) !== 0) {
    const verdict = yield* checkSeccomp(task, task.syscallNumber);
    if (verdict !== ALLOWED) return verdict;
    wanted = machine.syscalls[task.syscallNumber];
  }
  if (!wanted) return ENOSYS;
  const answer = wanted.invoke(task, task.thread.regs);
  return isBlocking(answer) ? yield* answer : answer;
}

/** What comes behind the call: its result, or REGISTERS_SET when it stands in rax already. */
export function* exitWork(task: Task, result: number): Blocking<number> {
  const { trace } = task;
  const { regs } = task.thread;
  if (!trace) return result;
  if (result !== REGISTERS_SET) regs.set(RAX, result);
  if ((task.syscallWork & WORK_TRACE) !== 0) {
    trace.origRax = trace.skipped ? -1 : task.syscallNumber;
    trace.skipped = false;
    yield* syscallStop(task, trace, 'exit');
  } else if ((task.syscallWork & WORK_STEP) !== 0) {
    stopStepping(task, trace);
    forceSignal(task, faultInfo(SIGTRAP, TRAP_BRKPT, regs.get(RIP)));
  }
  const changed = task.thread.regs.signed(RAX);
  return isRestartCode(changed) && result !== REGISTERS_SET && trace.origRax !== -1 ? changed : REGISTERS_SET;
}
