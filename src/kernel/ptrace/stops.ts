/** Entering and leaving ptrace stops, and telling the tracer (Linux: kernel/signal.c, ptrace_stop, ptrace_signal; ptrace(2)). */
import { sleepOn, type Blocking } from '../../base/blocking.js';
import { isErr } from '../../base/brands.js';
import { PTRACE_EVENT_STOP } from '../../abi/ptrace.js';
import { CLD_TRAPPED, SA_NOCLDSTOP, SI_USER, SIGCHLD, SIGTRAP } from '../../abi/signal.js';
import { EFLAGS, RAX } from '../../platform/registers.js';
import { makeReady } from '../scheduler.js';
import { isRestartCode } from '../signals/restart.js';
import { sendToGroup } from '../signals/send.js';
import { SIG_IGN } from '../signals/shared-signals.js';
import { childInfo, type SignalInfo } from '../signals/signal-info.js';
import type { InterruptedCall } from '../signals/task-signals.js';
import type { Task } from '../task.js';
import { WORK_EMULATE, WORK_SECCOMP, WORK_STEP, WORK_TRACE, type ResumeMode, type Trace, type TraceStop } from './trace.js';

const EFLAGS_TF = 0x100;

/** siginfo of a stop that no signal caused (Linux: ptrace_do_notify). */
export function notifyInfo(task: Task, code: number): SignalInfo {
  return { signo: SIGTRAP, code, layout: 'kill', pid: task.tid, uid: task.cred.uid };
}

export function newStop(kind: TraceStop['kind'], code: number, info: SignalInfo | undefined): TraceStop {
  return { kind, code, info, reported: false, listening: false };
}

/** The task, which does not run, is now in `stop`; the tracer hears of it. */
function enterStop(task: Task, trace: Trace, stop: TraceStop): void {
  trace.stop = stop;
  stopStepping(task, trace);
  const { group } = trace.tracer;
  const action = group.signals.actions[SIGCHLD]!;
  if (action.handler !== SIG_IGN && (action.flags & SA_NOCLDSTOP) === 0) {
    sendToGroup(group, childInfo(CLD_TRAPPED, task.tid, task.cred.uid, stop.code & 0x7f, task.group.userNs, task.group.systemNs));
  }
  group.childQueue.wake();
}

/** A stop on the way back to guest code; `call`: an interrupted system call, whose fate the tracer may change. */
export function stopOnReturn(task: Task, trace: Trace, stop: TraceStop, call: InterruptedCall | undefined): void {
  task.state = 'stopped';
  task.signals.interruptedCall = call;
  trace.origRax = call ? call.nr : -1;
  trace.callExposed = call !== undefined;
  if (call) task.thread.regs.set(RAX, call.result);
  enterStop(task, trace, stop);
}

/** What the tracer has left of the system call that was interrupted before the stop. */
export function recoverCall(task: Task, trace: Trace): InterruptedCall | undefined {
  const { signals } = task;
  const call = signals.interruptedCall;
  if (!trace.callExposed) return call;
  trace.callExposed = false;
  const result = task.thread.regs.signed(RAX);
  return trace.origRax >= 0 && isRestartCode(result) ? { nr: trace.origRax, result } : undefined;
}

/** A stop within a system call: sleeps until the tracer lets it go. False: killed meanwhile. */
export function* traceStop(task: Task, trace: Trace, stop: TraceStop): Blocking<boolean> {
  enterStop(task, trace, stop);
  try {
    while (trace.stop === stop) {
      const woken = yield* sleepOn(trace.resumed, -1, { interruptible: false });
      if (isErr(woken)) return false;
    }
    return true;
  } finally {
    if (trace.stop === stop) trace.stop = undefined;
  }
}

/** PTRACE_EVENT_* that the tracer has asked for. */
export function* eventStop(task: Task, event: number, message: number): Blocking<void> {
  const { trace } = task;
  if (!trace) return;
  const code = (event << 8) | SIGTRAP;
  trace.eventMessage = message;
  yield* traceStop(task, trace, newStop('event', code, notifyInfo(task, code)));
}

/** The code of a group stop, or of a trap without a signal (0), of a seized tracee. */
export function seizedCode(signal: number): number {
  return (PTRACE_EVENT_STOP << 8) | (signal === 0 ? SIGTRAP : signal);
}

/** The task takes part in its process's stop under the eyes of its tracer. */
export function stopInGroup(task: Task, trace: Trace, signal: number, call: InterruptedCall | undefined): void {
  const code = trace.seized ? seizedCode(signal) : signal;
  stopOnReturn(task, trace, newStop('group', code, trace.seized ? { ...notifyInfo(task, code), signo: signal } : undefined), call);
}

/** Lets the task go on from its stop. */
export function leaveStop(task: Task, trace: Trace): void {
  trace.stop = undefined;
  if (task.blocked) trace.resumed.wake();
  else makeReady(task);
}

/** What the mode of the last resumption means for system calls and single steps. */
export function applyMode(task: Task, trace: Trace, mode: ResumeMode): void {
  trace.mode = mode;
  let work = task.syscallWork & WORK_SECCOMP;
  if (mode === 'syscall') work |= WORK_TRACE;
  if (mode === 'sysemu' || mode === 'sysemu-step') work |= WORK_EMULATE;
  if (mode === 'step' || mode === 'sysemu-step') work |= WORK_STEP;
  task.syscallWork = work;
  if ((work & WORK_STEP) !== 0 || trace.debug?.isOn) startStepping(task, trace);
}

/** The thread's registers were replaced (a handler, sigreturn): it goes on being watched. */
export function keepWatching(task: Task): void {
  const { trace } = task;
  if (trace?.debug?.isOn) startStepping(task, trace);
}

function startStepping(task: Task, trace: Trace): void {
  const { regs } = task.thread;
  const flags = regs.u32of(EFLAGS);
  if ((flags & EFLAGS_TF) !== 0) return;
  trace.forcedTf = true;
  regs.setHalves(EFLAGS, flags | EFLAGS_TF, 0);
}

/** TF is taken out of the registers where the guest had not set it itself. */
export function stopStepping(task: Task, trace: Trace): void {
  if (!trace.forcedTf) return;
  trace.forcedTf = false;
  clearTrapFlag(task);
}

export function clearTrapFlag({ thread: { regs } }: Task): void {
  regs.setHalves(EFLAGS, regs.u32of(EFLAGS) & ~EFLAGS_TF, 0);
}

/** The tracer's word on the signal of a stop: `signal` 0 drops it; another number than it had comes as if from the tracer. */
export function decideSignal(task: Task, trace: Trace, stop: TraceStop, signal: number): void {
  const { tracer } = trace;
  const { signals } = task;
  if (signal === 0) signals.decision = null;
  else if (stop.info?.signo === signal) signals.decision = stop.info;
  else signals.decision = { signo: signal, code: SI_USER, layout: 'kill', pid: tracer.group.pid, uid: tracer.cred.uid };
}
