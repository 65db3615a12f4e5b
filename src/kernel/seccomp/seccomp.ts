/**
 * seccomp: which system calls a task may make (Linux: kernel/seccomp.c; seccomp(2)). Filters only accumulate; all are run, and
 * the strictest answer counts. Tasks without them never come here: see Task.syscallWork.
 *
 * Leaves out the log. listener.ts has the program that a filter may leave the answer to.
 */
import type { Blocking } from '../../base/blocking.js';
import { isErr, type Errno } from '../../base/brands.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import { EACCES, EBUSY, EINVAL, ENOMEM, ENOSYS, ESRCH } from '../../abi/errno.js';
import { AUDIT_ARCH_X86_64, PTRACE_EVENT_SECCOMP, PTRACE_O_TRACESECCOMP } from '../../abi/ptrace.js';
import {
  SECCOMP_MODE_DISABLED,
  SECCOMP_MODE_FILTER,
  SECCOMP_MODE_STRICT,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  SYS_SECCOMP,
} from '../../abi/seccomp.js';
import { SIGKILL, SIGSYS, SIGTRAP } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { RAX, RIP } from '../../platform/registers.js';
import { hasOwnCapability } from '../../vfs/credentials.js';
import { exitGroup, exitTask } from '../exit.js';
import { newStop, notifyInfo, traceStop } from '../ptrace/stops.js';
import { WORK_SECCOMP } from '../ptrace/trace.js';
import { forceSignal, killPending } from '../signals/send.js';
import { sysInfo } from '../signals/signal-info.js';
import { ARGUMENT_REGISTERS, REGISTERS_SET } from '../syscall.js';
import type { Task } from '../task.js';
import { checkProgram, type BpfCode } from './bpf-check.js';
import { runProgram } from './bpf-run.js';
import type { ListenerFile, Reply } from './listener.js';

/** A filter and those that were there before it; shared by all who inherited it. */
export interface Filter {
  readonly program: BpfCode;
  readonly previous: Filter | undefined;
  /** Filters up to and including this one, and their instructions with what each costs besides. */
  readonly count: number;
  readonly cost: number;
  /** Decides SECCOMP_RET_USER_NOTIF. */
  listener: ListenerFile | undefined;
}

/** Linux: MAX_INSNS_PER_PATH, counted after translation, which makes up to two instructions of one; what a filter counts besides. */
const MAX_COST = 32768;
const TRANSLATED = 2;
const FILTER_COST = 4;
const MAX_ERRNO = 4095;
const STRICT_CALLS: ReadonlySet<number> = new Set<number>([NR.read, NR.write, NR.exit, NR.rt_sigreturn]);

/** The answer of `checkSeccomp` that lets the call be made. */
export const ALLOWED = 1;

function mayChange(task: Task, mode: number): boolean {
  return task.seccompMode === SECCOMP_MODE_DISABLED || task.seccompMode === mode;
}

export function setStrict(task: Task): 0 | Errno {
  if (!mayChange(task, SECCOMP_MODE_STRICT)) return EINVAL;
  task.seccompMode = SECCOMP_MODE_STRICT;
  task.syscallWork |= WORK_SECCOMP;
  return 0;
}

export interface FilterOptions {
  /** For all threads (SECCOMP_FILTER_FLAG_TSYNC), and how a thread that cannot follow is told of (TSYNC_ESRCH). */
  readonly sync: boolean;
  readonly syncFailure: boolean;
  readonly listener?: ListenerFile | undefined;
}

/** Adds a filter, to all threads with `sync`. A positive number is the id of a thread that could not follow. */
export function addFilter(task: Task, program: BpfCode, { sync, syncFailure, listener }: FilterOptions): number | Errno {
  if (!checkProgram(program)) return EINVAL;
  if (!task.noNewPrivs && !hasOwnCapability(task.cred, CAP_SYS_ADMIN)) return EACCES;
  if (!mayChange(task, SECCOMP_MODE_FILTER)) return EINVAL;
  const previous = task.seccompFilter;
  if (listener && hasListener(previous)) return EBUSY;
  const cost = (previous?.cost ?? 0) + program.code.length * TRANSLATED + FILTER_COST;
  if (cost > MAX_COST) return ENOMEM;
  if (sync) {
    const straggler = [...task.group.tasks].find((thread) => thread !== task && !canFollow(thread, previous));
    if (straggler) return syncFailure ? ESRCH : straggler.tid;
  }
  const filter: Filter = { program, previous, count: (previous?.count ?? 0) + 1, cost, listener };
  listener?.attach(filter);
  for (const thread of sync ? task.group.tasks : [task]) useFilter(task, thread, filter);
  return 0;
}

function hasListener(newest: Filter | undefined): boolean {
  for (let filter = newest; filter; filter = filter.previous) if (filter.listener) return true;
  return false;
}

/** A task is gone: who listened for it may have nobody left. */
export function leaveFilters(task: Task): void {
  for (let filter = task.seccompFilter; filter; filter = filter.previous) filter.listener?.onTaskEnd();
}

/** A thread may take over a filter that its own is a part of. */
function canFollow(thread: Task, filter: Filter | undefined): boolean {
  if (thread.seccompMode === SECCOMP_MODE_DISABLED) return true;
  if (thread.seccompMode !== SECCOMP_MODE_FILTER) return false;
  for (let ancestor = filter; ancestor; ancestor = ancestor.previous) if (ancestor === thread.seccompFilter) return true;
  return false;
}

function useFilter(caller: Task, thread: Task, filter: Filter): void {
  thread.seccompFilter = filter;
  thread.seccompMode = SECCOMP_MODE_FILTER;
  thread.syscallWork |= WORK_SECCOMP;
  if (caller.noNewPrivs) thread.noNewPrivs = true;
}

const data = new Uint32Array(16);

/** The filter whose answer `ask` gave. */
let decider: Filter | undefined;

/** Runs every filter: the strictest answer, the newest filter's of several. */
function ask(task: Task, number: number): number {
  const { regs } = task.thread;
  data[0] = number;
  data[1] = AUDIT_ARCH_X86_64;
  data[2] = regs.u32of(RIP);
  data[3] = regs.highOf(RIP);
  for (let i = 0; i < 6; i++) {
    data[4 + i * 2] = regs.u32of(ARGUMENT_REGISTERS[i]!);
    data[5 + i * 2] = regs.highOf(ARGUMENT_REGISTERS[i]!);
  }
  let strictest = SECCOMP_RET_ALLOW;
  decider = undefined;
  for (let filter = task.seccompFilter; filter; filter = filter.previous) {
    const answer = runProgram(filter.program, data);
    // As signed numbers: killing the process is below zero.
    if (((answer & SECCOMP_RET_ACTION_FULL) | 0) < ((strictest & SECCOMP_RET_ACTION_FULL) | 0)) {
      strictest = answer;
      decider = filter;
    }
  }
  return strictest;
}

/** ALLOWED, or what the call answers without having been made. */
export function* checkSeccomp(task: Task, number: number): Blocking<number> {
  if (task.seccompMode === SECCOMP_MODE_STRICT) {
    if (STRICT_CALLS.has(number)) return ALLOWED;
    exitTask(task, SIGKILL);
    return REGISTERS_SET;
  }
  const answer = ask(task, number);
  const action = (answer & SECCOMP_RET_ACTION_FULL) >>> 0;
  switch (action) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
      return ALLOWED;
    case SECCOMP_RET_ERRNO:
      return 0 - Math.min(answer & SECCOMP_RET_DATA, MAX_ERRNO);
    case SECCOMP_RET_TRAP:
      return trap(task, number, answer & SECCOMP_RET_DATA);
    case SECCOMP_RET_TRACE:
      return yield* trace(task, number, answer & SECCOMP_RET_DATA);
    case SECCOMP_RET_USER_NOTIF:
      return yield* notify(task, decider?.listener);
    case SECCOMP_RET_KILL_THREAD:
      if (task.group.tasks.size > 1) {
        exitTask(task, SIGSYS);
        return REGISTERS_SET;
      }
      break;
    default:
  }
  exitGroup(task, SIGSYS);
  return REGISTERS_SET;
}

/** The listener decides; without one the call does not exist. */
function* notify(task: Task, listener: ListenerFile | undefined): Blocking<number> {
  if (!listener) return ENOSYS;
  const reply = yield* listener.ask(task, new Uint8Array(data.buffer.slice(0)));
  if (isErr(reply)) return reply;
  const { proceed, value, error } = reply as Reply;
  return proceed ? ALLOWED : error !== 0 ? error : value;
}

/** SIGSYS, which the program may handle: rax holds the number again, as if the call had not been tried. */
function trap(task: Task, number: number, errno: number): number {
  const { regs } = task.thread;
  regs.set(RAX, number);
  forceSignal(task, { ...sysInfo(SIGSYS, SYS_SECCOMP, regs.get(RIP), number, AUDIT_ARCH_X86_64), errno });
  return REGISTERS_SET;
}

/** The tracer decides; without one the call does not exist. What it makes of it is filtered again. */
function* trace(task: Task, number: number, value: number): Blocking<number> {
  const tracing = task.trace;
  if (!tracing || (tracing.options & PTRACE_O_TRACESECCOMP) === 0) return ENOSYS;
  const { regs } = task.thread;
  regs.set(RAX, ENOSYS);
  tracing.origRax = number;
  tracing.seccompData = value;
  tracing.eventMessage = value;
  const code = (PTRACE_EVENT_SECCOMP << 8) | SIGTRAP;
  const alive = yield* traceStop(task, tracing, newStop('seccomp', code, notifyInfo(task, code)));
  if (!alive || killPending(task)) return REGISTERS_SET;
  const wanted = task.trace === tracing ? tracing.origRax : number;
  if (wanted < 0) {
    tracing.skipped = true;
    return REGISTERS_SET;
  }
  task.syscallNumber = wanted;
  const again = ask(task, wanted);
  if ((again & SECCOMP_RET_ACTION_FULL) >>> 0 === SECCOMP_RET_TRACE) return ALLOWED;
  return yield* checkSeccomp(task, wanted);
}
