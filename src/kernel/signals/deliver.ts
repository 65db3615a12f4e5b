/**
 * Acting on signals before a thread returns to guest code (Linux: kernel/signal.c, get_signal; arch/x86/kernel/signal.c,
 * handle_signal). The run loop calls `deliverSignals` when `signalPending`, or when a system call ended with a restart code.
 */
import { SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SIGCONT, SIGKILL, SIGSEGV, SIGSTOP, SS_AUTODISARM } from '../../abi/signal.js';
import { isErr } from '../../base/brands.js';
import { dumpCore } from '../core-dump.js';
import { exitGroup } from '../exit.js';
import { announceDeath, owedStop } from '../ptrace/owed-stops.js';
import { keepWatching, newStop, recoverCall, stopOnReturn, stopStepping } from '../ptrace/stops.js';
import { WORK_STEP } from '../ptrace/trace.js';
import { isOrphaned } from '../job-control.js';
import type { Task } from '../task.js';
import { buildFrame } from './frame.js';
import { beginGroupStop, stopTask } from './stop.js';
import { finishInterruptedCall } from './restart.js';
import { forceSignal, killPending, setMask, STOP_SIGNALS } from './send.js';
import { SIG_DFL, SIG_IGN, type SignalAction } from './shared-signals.js';
import { SigSet } from './sig-set.js';
import { kernelInfo, type SignalInfo } from './signal-info.js';
import type { InterruptedCall } from './task-signals.js';

const KERNEL_ONLY = SigSet.of(9, SIGSTOP);

/**
 * Takes every deliverable signal. `restart`: the system call that just ended, when its result is a restart code (other results
 * are already in rax). 'continue': the registers are ready to run; 'stopped': the thread waits for SIGCONT or SIGKILL, call
 * again (without `restart`) when `interrupt` made it ready; 'exit': the process is ending.
 */
export function deliverSignals(task: Task, restart: InterruptedCall | undefined): 'continue' | 'stopped' | 'exit' {
  const signals = task.signals;
  const shared = task.group.signals;
  if (task.trace?.stop && !killPending(task)) return 'stopped'; // woken for nothing
  let call = restart ?? (task.trace ? recoverCall(task, task.trace) : signals.interruptedCall);
  signals.interruptedCall = undefined;
  for (;;) {
    if (killPending(task)) {
      exitGroup(task, task.group.exiting ?? 9);
      return 'exit';
    }
    const { trace } = task;
    if (trace) {
      const owed = owedStop(task, trace, call);
      if (owed !== undefined) return owed;
    }
    if (shared.stopSignal !== 0 && !task.stopPassed) {
      stopTask(task, call);
      return 'stopped';
    }
    task.state = 'running';
    const decided = signals.decision;
    const info = decided === undefined ? takeSignal(task) : takeDecided(task, decided);
    if (!info) {
      if (decided !== undefined) continue;
      break;
    }
    if (trace && decided === undefined && info.signo !== SIGKILL) {
      stopOnReturn(task, trace, newStop('signal', info.signo, info), call);
      return 'stopped';
    }
    task.machine.tracer?.signal?.(task, info.signo);
    const action = shared.actions[info.signo]!;
    if (action.handler === SIG_IGN) continue;
    if (action.handler !== SIG_DFL) {
      if (trace) stopStepping(task, trace);
      enterHandler(task, info, action, call);
      if (trace) keepWatching(task);
      call = undefined;
      if ((task.syscallWork & WORK_STEP) !== 0) trace!.stepPending = true;
      continue;
    }
    if (trace && endsProcess(task, info.signo) && announceDeath(task, trace, info.signo)) return 'stopped';
    if (actByDefault(task, info.signo)) return 'exit';
  }
  if (call) finishInterruptedCall(task.thread.regs, call.nr, call.result, 'none');
  if (signals.savedMask) {
    const saved = signals.savedMask;
    signals.savedMask = undefined;
    setMask(task, saved);
  }
  return 'continue';
}

/** The next signal that is not blocked: the thread's own before the process's. */
function takeSignal(task: Task): SignalInfo | undefined {
  const { pending, mask } = task.signals;
  return pending.takeUnblocked(mask) ?? task.group.signals.pending.takeUnblocked(mask);
}

/** The signal that a tracer wants delivered, unless it drops it (null) or the thread has come to block it. */
function takeDecided(task: Task, decided: SignalInfo | null): SignalInfo | undefined {
  const { signals } = task;
  signals.decision = undefined;
  if (decided === null) return undefined;
  if (!signals.mask.has(decided.signo)) return decided;
  signals.pending.push(decided, 1);
  return undefined;
}

/** By its default action the signal ends the process. */
function endsProcess(task: Task, signal: number): boolean {
  const shared = task.group.signals;
  if (shared.isIgnored(signal) || signal === SIGCONT || STOP_SIGNALS.has(signal)) return false;
  return !shared.unkillable || KERNEL_ONLY.has(signal);
}

/** Default action; true when it ended the process. */
/** Of a wait status: a core was written. */
const CORE_FLAG = 0x80;

function actByDefault(task: Task, signal: number): boolean {
  const shared = task.group.signals;
  if (shared.isIgnored(signal) || signal === SIGCONT) return false;
  if (shared.unkillable && !KERNEL_ONLY.has(signal)) return false;
  if (STOP_SIGNALS.has(signal)) {
    if (signal !== SIGSTOP && isOrphaned(task.group.processGroup)) return false;
    beginGroupStop(task, signal);
    return false;
  }
  exitGroup(task, dumpCore(task, signal) ? signal | CORE_FLAG : signal);
  return true;
}

/** Makes the thread run its handler when it returns to guest code. */
function enterHandler(task: Task, info: SignalInfo, action: SignalAction, call: InterruptedCall | undefined): void {
  const signals = task.signals;
  const { handler, flags, restorer } = action;
  const handlerMask = action.mask.copy();
  if ((flags & SA_RESETHAND) !== 0) action.handler = SIG_DFL;
  if (call) {
    const restarts = (flags & SA_RESTART) !== 0;
    finishInterruptedCall(task.thread.regs, call.nr, call.result, restarts ? 'restartingHandler' : 'handler');
  }
  const returnMask = signals.savedMask ?? signals.mask;
  const built = buildFrame(task, info, { handler, restorer, flags, onAltStack: (flags & SA_ONSTACK) !== 0 }, returnMask);
  if (isErr(built)) {
    failFrame(task, info.signo);
    return;
  }
  signals.savedMask = undefined;
  if ((signals.altStack.flags & SS_AUTODISARM) !== 0) signals.resetAltStack();
  handlerMask.unite(signals.mask);
  if ((flags & SA_NODEFER) === 0) handlerMask.add(info.signo);
  setMask(task, handlerMask);
}

/** The frame could not be written: SIGSEGV, which a handler for SIGSEGV itself cannot catch. */
function failFrame(task: Task, signal: number): void {
  if (signal === SIGSEGV) task.group.signals.actions[SIGSEGV]!.handler = SIG_DFL;
  forceSignal(task, kernelInfo(SIGSEGV));
}

/** The mask of sigsuspend, ppoll, pselect6 and epoll_pwait: `mask` until the call ends, then what was there before. */
export function setTemporaryMask(task: Task, mask: SigSet): void {
  task.signals.savedMask ??= task.signals.mask.copy();
  setMask(task, mask);
}

/**
 * To be called when such a call ends. `interrupted`: it ends because of a signal; deliverSignals then restores the mask, so
 * that the signal is taken under the temporary one.
 */
export function endTemporaryMask(task: Task, interrupted: boolean): void {
  const saved = task.signals.savedMask;
  if (!saved || interrupted) return;
  task.signals.savedMask = undefined;
  setMask(task, saved);
}
