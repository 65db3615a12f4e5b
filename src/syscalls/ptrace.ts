/** ptrace(2) of one guest task by another. */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, EIO, ESRCH } from '../abi/errno.js';
import * as abi from '../abi/ptrace.js';
import { SIGKILL } from '../abi/signal.js';
import { IOVEC } from '../abi/uio.js';
import { attach, detach, traceMe } from '../kernel/ptrace/attach.js';
import {
  floatingPoint,
  generalRegisters,
  peekUser,
  pokeUser,
  regset,
  setFloatingPoint,
  setGeneralRegisters,
  setRegset,
} from '../kernel/ptrace/registers.js';
import { applyMode, decideSignal, leaveStop } from '../kernel/ptrace/stops.js';
import { syscallInfo } from '../kernel/ptrace/syscall-info.js';
import { isTraceStopped, type ResumeMode, type Trace } from '../kernel/ptrace/trace.js';
import { interrupt } from '../kernel/scheduler.js';
import { sendToTask, setMask } from '../kernel/signals/send.js';
import { SigSet, SIGNAL_MAX } from '../kernel/signals/sig-set.js';
import { encodeInfo, kernelInfo, rawInfo, SIGINFO_SIZE } from '../kernel/signals/signal-info.js';
import { address, oneOf, partial, pid, syscall } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { R10 } from '../platform/registers.js';
import { pendingInfos } from '../kernel/ptrace/peek-siginfo.js';

const { PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_KILL, PTRACE_INTERRUPT } = abi;
const REQUESTS = Object.fromEntries(
  Object.entries(abi).filter(([name]) => /^PTRACE_(?!O_|EVENT|SYSCALL_INFO|PEEKSIGINFO_)/.test(name)),
) as Record<string, number>;
const FPREGS_SIZE = 512;
const REGS_SIZE = 216;

const MODES: Readonly<Record<number, ResumeMode>> = {
  [abi.PTRACE_CONT]: 'cont',
  [abi.PTRACE_SYSCALL]: 'syscall',
  [abi.PTRACE_SINGLESTEP]: 'step',
  [abi.PTRACE_SYSEMU]: 'sysemu',
  [abi.PTRACE_SYSEMU_SINGLESTEP]: 'sysemu-step',
};

export const ptrace = syscall(
  'ptrace',
  [oneOf(REQUESTS), pid, address, address],
  (task, request, id, at, data) => {
    if (request === PTRACE_TRACEME) return traceMe(task);
    const target = taskByPid(task, id);
    if (!target) return ESRCH;
    if (request === PTRACE_ATTACH) return attach(task, target, false, 0);
    if (request === PTRACE_SEIZE) {
      if (at !== 0 || (data & ~abi.PTRACE_O_MASK) !== 0 || data > abi.PTRACE_O_MASK) return EIO;
      return attach(task, target, true, data);
    }
    const { trace } = target;
    if (!trace || trace.tracer !== task || trace.exitStatus !== undefined) return ESRCH;
    if (request === PTRACE_KILL) return sendToTask(target, kernelInfo(SIGKILL)) & 0;
    if (request === PTRACE_INTERRUPT) return interruptTracee(target, trace);
    return isTraceStopped(target) ? stoppedRequest(task, target, trace, request, at, data) : ESRCH;
  },
  partial('no hardware breakpoints, no PTRACE_SECCOMP_GET_FILTER'),
);

function interruptTracee(target: Task, trace: Trace): 0 | Errno {
  if (!trace.seized) return EIO;
  trace.trapPending = true;
  if (trace.stop?.listening) trace.stop = undefined;
  if (!trace.stop) interrupt(target);
  return 0;
}

/** Requests to a tracee that stands still. */
function stoppedRequest(task: Task, target: Task, trace: Trace, request: number, at: number, data: number): number | Errno {
  const mode = MODES[request];
  if (mode !== undefined) return resume(target, trace, mode, data);
  switch (request) {
    case abi.PTRACE_DETACH:
      if (data > SIGNAL_MAX) return EIO;
      giveSignal(target, trace, data);
      detach(target);
      return 0;
    case abi.PTRACE_LISTEN:
      if (!trace.seized || trace.stop!.code >> 8 !== abi.PTRACE_EVENT_STOP) return EIO;
      trace.stop!.listening = true;
      // The stop of its process may have ended already.
      if (trace.trapPending) interruptTracee(target, trace);
      return 0;
    case abi.PTRACE_SETOPTIONS:
      if ((data & ~abi.PTRACE_O_MASK) !== 0 || data > abi.PTRACE_O_MASK) return EINVAL;
      trace.options = data;
      return 0;
    case abi.PTRACE_GETEVENTMSG:
      return task.mm.writeU64(data, trace.eventMessage);
    case abi.PTRACE_GET_SYSCALL_INFO:
      return copySyscallInfo(task, target, trace, at, data);
    case abi.PTRACE_GETSIGINFO:
    case abi.PTRACE_SETSIGINFO:
    case abi.PTRACE_PEEKSIGINFO:
    case abi.PTRACE_GETSIGMASK:
    case abi.PTRACE_SETSIGMASK:
      return signalRequest(task, target, trace, request, at, data);
    default:
      return memoryRequest(task, target, request, at, data);
  }
}

/** The tracer's `signal` goes with the resumption: to the signal that the stop is about, or as a new one. */
function giveSignal(target: Task, trace: Trace, signal: number): void {
  const stop = trace.stop!;
  if (stop.kind === 'signal') decideSignal(target, trace, stop, signal);
  else if ((stop.kind === 'entry' || stop.kind === 'exit') && signal !== 0) sendToTask(target, kernelInfo(signal));
}

function resume(target: Task, trace: Trace, mode: ResumeMode, signal: number): 0 | Errno {
  if (signal > SIGNAL_MAX) return EIO;
  giveSignal(target, trace, signal);
  if (target.group.signals.stopSignal !== 0 && trace.stop!.kind === 'group') target.stopPassed = true;
  applyMode(target, trace, mode);
  leaveStop(target, trace);
  return 0;
}

function copySyscallInfo(task: Task, target: Task, trace: Trace, size: number, at: number): number | Errno {
  const { bytes, length } = syscallInfo(target, trace);
  const copied = task.mm.copyOut(at, bytes, 0, Math.min(size, length));
  return isErr(copied) ? copied : length;
}

function signalRequest(task: Task, target: Task, trace: Trace, request: number, at: number, data: number): number | Errno {
  const { signals } = target;
  const bytes = new Uint8Array(request === abi.PTRACE_GETSIGMASK || request === abi.PTRACE_SETSIGMASK ? 8 : SIGINFO_SIZE);
  const view = new DataView(bytes.buffer);
  const stop = trace.stop!;
  switch (request) {
    case abi.PTRACE_GETSIGINFO:
      if (!stop.info) return EINVAL;
      encodeInfo(stop.info, view, 0);
      return task.mm.copyOut(data, bytes);
    case abi.PTRACE_SETSIGINFO: {
      const copied = task.mm.copyIn(data, bytes);
      if (isErr(copied)) return copied;
      if (!stop.info) return EINVAL;
      stop.info = rawInfo(view.getInt32(0, true), bytes);
      return 0;
    }
    case abi.PTRACE_PEEKSIGINFO:
      return pendingInfos(task, target, at, data);
    case abi.PTRACE_GETSIGMASK:
      if (at !== 8) return EINVAL;
      (signals.savedMask ?? signals.mask).write(view, 0);
      return task.mm.copyOut(data, bytes);
    default: {
      if (at !== 8) return EINVAL;
      const copied = task.mm.copyIn(data, bytes);
      if (isErr(copied)) return copied;
      signals.savedMask = undefined;
      setMask(target, SigSet.read(view, 0));
      return 0;
    }
  }
}

/** Memory and registers. */
function memoryRequest(task: Task, target: Task, request: number, at: number, data: number): number | Errno {
  switch (request) {
    case abi.PTRACE_PEEKTEXT:
    case abi.PTRACE_PEEKDATA: {
      const word = new Uint8Array(8);
      return target.mm.accessForcibly(at, word, false) < 8 ? EIO : task.mm.copyOut(data, word);
    }
    case abi.PTRACE_POKETEXT:
    case abi.PTRACE_POKEDATA:
      return target.mm.accessForcibly(at, wordOf(task), true) < 8 ? EIO : 0;
    case abi.PTRACE_PEEKUSR: {
      const word = peekUser(target, at);
      return isErr(word) ? word : task.mm.copyOut(data, word as Uint8Array);
    }
    case abi.PTRACE_POKEUSR: {
      const view = new DataView(wordOf(task).buffer);
      return pokeUser(target, at, view.getUint32(0, true), view.getUint32(4, true));
    }
    case abi.PTRACE_GETREGS:
      return task.mm.copyOut(data, generalRegisters(target));
    case abi.PTRACE_GETFPREGS:
      return task.mm.copyOut(data, floatingPoint(target));
    case abi.PTRACE_SETREGS:
      return withBytes(task, data, REGS_SIZE, (bytes) => setGeneralRegisters(target, bytes));
    case abi.PTRACE_SETFPREGS:
      return withBytes(task, data, FPREGS_SIZE, (bytes) => setFloatingPoint(target, bytes));
    case abi.PTRACE_GETREGSET:
    case abi.PTRACE_SETREGSET:
      return regsetRequest(task, target, request === abi.PTRACE_SETREGSET, at, data);
    default:
      return EIO;
  }
}

/** All 64 bits of the fourth argument: what a POKE stores. */
function wordOf(task: Task): Uint8Array {
  const word = new Uint8Array(8);
  const view = new DataView(word.buffer);
  const { regs } = task.thread;
  view.setUint32(0, regs.u32of(R10), true);
  view.setUint32(4, regs.highOf(R10), true);
  return word;
}

function withBytes(task: Task, at: number, size: number, use: (bytes: Uint8Array) => number | Errno): number | Errno {
  const bytes = new Uint8Array(size);
  const copied = task.mm.copyIn(at, bytes);
  return isErr(copied) ? copied : use(bytes);
}

function regsetRequest(task: Task, target: Task, write: boolean, type: number, at: number): number | Errno {
  const vector = task.mm.readStruct(at, IOVEC);
  if (isErr(vector)) return vector;
  const set = regset(target, type);
  if (isErr(set)) return set;
  if (vector.length % 8 !== 0 || vector.length < 0) return EINVAL;
  const whole = set as Uint8Array;
  const length = Math.min(vector.length, whole.length);
  const moved = write
    ? withBytes(task, vector.base, length, (bytes) => setRegset(target, type, bytes))
    : task.mm.copyOut(vector.base, whole, 0, length);
  return isErr(moved) ? moved : task.mm.writeU64(at + IOVEC.offsets.length, length);
}
