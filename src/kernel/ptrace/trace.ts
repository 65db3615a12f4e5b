/**
 * Being traced by another guest task (Linux: include/linux/ptrace.h, struct task_struct's ptrace and jobctl; ptrace(2)).
 *
 * A tracee's stop is one of two shapes here. Within a system call (its entry and exit, and events of clone, execve, exit) it is
 * a sleep of the call's generator: `traceStop` in stops.ts. On the way back to guest code (signals, group stops, interrupts,
 * steps) the task is put aside in state 'stopped', and deliverSignals begins anew when the tracer lets it go.
 */
import { WaitQueue } from '../../base/wait-queue.js';
import type { SignalInfo } from '../signals/signal-info.js';
import type { Task } from '../task.js';
import type { DebugRegisters } from './debug-registers.js';

/** How the tracer let it go last. */
export type ResumeMode = 'cont' | 'syscall' | 'step' | 'sysemu' | 'sysemu-step';

export interface TraceStop {
  readonly kind: 'signal' | 'group' | 'event' | 'entry' | 'exit' | 'seccomp';
  /** Bits 8.. of the status that wait(2) reports: signal, or SIGTRAP with an event above it. */
  readonly code: number;
  /** PTRACE_GETSIGINFO; absent in the group stops of attached (not seized) tracees. */
  info: SignalInfo | undefined;
  /** Some wait(2) has seen it. */
  reported: boolean;
  /** PTRACE_LISTEN: it answers no request until the group stop ends. */
  listening: boolean;
}

// Task.syscallWork: what a system call's entry and exit have to do besides the call.
export const WORK_TRACE = 1;
export const WORK_STEP = 2;
export const WORK_EMULATE = 4;
export const WORK_SECCOMP = 8;
export const WORK_ENTRY = WORK_TRACE | WORK_EMULATE | WORK_SECCOMP;
export const WORK_EXIT = WORK_TRACE | WORK_STEP;

export class Trace {
  mode: ResumeMode = 'cont';
  /** PTRACE_O_* bits. */
  options = 0;
  stop: TraceStop | undefined = undefined;
  /** PTRACE_GETEVENTMSG. */
  eventMessage = 0;
  /** Register orig_rax: number of the system call that the task is in, or -1. */
  origRax = -1;
  /** The tracer made -1 of the call's number: it was not made. */
  skipped = false;
  /** PTRACE_INTERRUPT, the first stop of a seized child, the end of a group stop: a stop is owed. */
  trapPending = false;
  /** A step ended by entering a signal handler: a stop is owed. */
  stepPending = false;
  /** TF was set by us and is not the guest's own. */
  forcedTf = false;
  /** The interrupted system call's result stands in rax for the tracer to see and change. */
  callExposed = false;
  /** Made when a tracer first sets one. */
  debug: DebugRegisters | undefined = undefined;
  /** A signal with default action ends the process as soon as the tracer has seen PTRACE_EVENT_EXIT. */
  dyingOf = 0;
  exitSeen = false;
  /** Ended, and the tracer has not waited yet: status word of wait(2). */
  exitStatus: number | undefined = undefined;
  /** Return data of the seccomp filter that stopped it. */
  seccompData = 0;
  readonly resumed = new WaitQueue();

  constructor(
    public tracer: Task,
    readonly seized: boolean,
  ) {}
}

/** True in a stop in which the tracer may give orders. */
export function isTraceStopped(task: Task): boolean {
  const stop = task.trace?.stop;
  return stop !== undefined && !stop.listening;
}
