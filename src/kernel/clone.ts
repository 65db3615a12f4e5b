/**
 * New tasks (Linux: kernel/fork.c; clone(2)). fork, vfork, clone and clone3 differ in where their arguments come from
 * (syscalls/processes.ts) and meet here.
 *
 * In Linux a child is a copy of kernel structures and page tables. Here the parent's writable private memory is made read-only,
 * the stub process copies itself with all its mappings, and both sides copy frames when they write.
 */
import { isErr, type Errno } from '../base/brands.js';
import { EAGAIN, EINVAL, ENOMEM, ERESTARTNOINTR } from '../abi/errno.js';
import {
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
} from '../abi/sched.js';
import { noteLimit } from './limits-reached.js';
import { RLIMIT_NPROC } from '../abi/resource.js';
import { FS_BASE, RAX, RSP } from '../platform/registers.js';
import type { HostThread } from '../platform/platform.js';
import { CAP_SYS_RESOURCE } from '../abi/capability.js';
import { setExecutable } from './exec/executable.js';
import { watchCpuLimit } from './cpu-timers.js';
import { hasCapability, type Credentials } from '../vfs/credentials.js';
import type { FsContext } from '../vfs/fs-context.js';
import { undoListOf } from './ipc/sem-undo.js';
import { threadKeyring } from './keys/task-keyrings.js';
import { moveToGroup } from './job-control.js';
import { newNamespaces, switchNamespaces, type NsProxy } from './nsproxy.js';
import { enterPidNamespaces, pidFor } from './pid-namespace.js';
import { createUserNamespace } from './user-namespaces.js';
import { clearTrapFlag } from './ptrace/stops.js';
import { makeReady } from './scheduler.js';
import { signalPending } from './signals/pending.js';
import { Task } from './task.js';
import { enterTimeForChildren } from './time-namespace.js';
import { ThreadGroup } from './thread-group.js';
import type { AddressSpace } from '../mm/address-space.js';
import { sendRealTimerSignal } from './interval-timers.js';

/** What clone3 passes, and what the others are translated to. */
export interface CloneArguments {
  /** CLONE_* without the exit signal; may exceed 32 bits. */
  flags: number;
  exitSignal: number;
  /** Stack pointer of the child; 0: the parent's. */
  stackPointer: number;
  tls: number;
  parentTid: number;
  childTid: number;
  pidfd: number;
}

/** Checks flag combinations as copy_process() does. */
function checkFlags(task: Task, args: CloneArguments): 0 | Errno {
  const flags = args.flags | 0;
  if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) return EINVAL;
  if (flags & CLONE_SIGHAND && !(flags & CLONE_VM)) return EINVAL;
  if (flags & CLONE_THREAD && flags & CLONE_PIDFD) return EINVAL;
  if (flags & CLONE_FS && flags & (CLONE_NEWNS | CLONE_NEWUSER)) return EINVAL;
  if (flags & CLONE_SYSVSEM && flags & CLONE_NEWIPC) return EINVAL;
  if (flags & CLONE_SIGHAND && args.flags >= CLONE_CLEAR_SIGHAND && Math.floor(args.flags / CLONE_CLEAR_SIGHAND) % 2 === 1) return EINVAL;
  if (flags & CLONE_PARENT && (task.group === task.machine.init || task.group.pidNs.init === task.group)) return EINVAL;
  if (flags & CLONE_THREAD) {
    const { pidForChildren, time, timeForChildren } = task.nsproxy;
    if (flags & (CLONE_NEWUSER | CLONE_NEWPID) || pidForChildren !== task.group.pidNs || time !== timeForChildren) return EINVAL;
  }
  return 0;
}

function checkLimits(task: Task): 0 | Errno {
  const allowed = countTasks(task);
  if (isErr(allowed)) noteLimit(task.group, 'processes');
  return allowed;
}

function countTasks(task: Task): 0 | Errno {
  const { machine, group, cred } = task;
  if (machine.tasks.size >= machine.config.maxProcesses) return EAGAIN;
  const limit = group.limits.soft[RLIMIT_NPROC]!;
  if (limit === Infinity || cred.uid === 0 || hasCapability(cred, CAP_SYS_RESOURCE)) return 0;
  let own = 0;
  for (const other of machine.tasks.values()) if (other.cred.uid === cred.uid) own++;
  return own >= limit ? EAGAIN : 0;
}

interface Memory {
  thread: HostThread;
  mm: AddressSpace;
}

function cloneMemory(task: Task, flags: number): Memory | Errno {
  const { mm, thread } = task;
  if (flags & CLONE_VM) {
    const sibling = mm.space.newThread(thread);
    if (isErr(sibling)) return sibling;
    mm.users++;
    return { thread: sibling, mm };
  }
  const prepared = mm.protectForFork([thread.regs.get(RSP), thread.regs.get(FS_BASE)]);
  if (isErr(prepared)) return prepared;
  const child = mm.space.fork(thread);
  if (isErr(child)) return child;
  const copy = mm.fork(child.space);
  if (isErr(copy)) {
    child.destroy();
    return copy;
  }
  return { thread: child, mm: copy };
}

/** Makes the task and lets it run. Returns it, or an Errno with nothing changed. */
export function cloneTask(task: Task, args: CloneArguments): Task | Errno {
  const flags = args.flags | 0;
  const checked = checkFlags(task, args) || checkLimits(task);
  if (isErr(checked)) return checked;
  // A signal to the whole group counts the child as not there yet: it must not appear once the signal has been sent.
  if (signalPending(task)) return ERESTARTNOINTR;
  const cred = flags & CLONE_NEWUSER ? createUserNamespace(task) : task.cred;
  if (isErr(cred)) return cred;
  const fs = flags & CLONE_FS ? task.fs : task.fs.copy();
  if (flags & CLONE_FS) fs.users++;
  const proxy = newNamespaces(task, flags, cred, fs);
  if (isErr(proxy)) {
    fs.release();
    return proxy;
  }
  proxy.hold();
  const memory = proxy.pidForChildren.dead ? ENOMEM : cloneMemory(task, flags);
  const child = isErr(memory) ? memory : makeTask(task, args, memory, { cred, fs, proxy });
  if (isErr(child)) fs.release();
  proxy.drop();
  return child;
}

/** What the child may have for itself. */
interface Own {
  cred: Credentials;
  fs: FsContext;
  proxy: NsProxy;
}

function makeTask(task: Task, args: CloneArguments, memory: Memory, { cred, fs, proxy }: Own): Task {
  const flags = args.flags | 0;
  const { machine } = task;
  const tid = machine.pids.next(machine);
  const pidNs = flags & CLONE_THREAD ? task.group.pidNs : proxy.pidForChildren;
  const nsTid = enterPidNamespaces(machine, tid, pidNs);
  const group = flags & CLONE_THREAD ? task.group : newGroup(task, tid, args, proxy);
  const files = flags & CLONE_FILES ? task.files : task.files.copy();
  if (flags & CLONE_FILES) files.users++;
  const signals = task.signals.copyForClone((flags & CLONE_VM) !== 0 && !(flags & CLONE_VFORK));
  const child = new Task(machine, tid, group, memory.thread, memory.mm, files, fs, cred, signals);
  child.nsTid = nsTid;
  if (group !== task.group) group.nsPid = nsTid;
  switchNamespaces(child, proxy);
  if (!(flags & CLONE_VM)) enterTimeForChildren(child);
  child.name = task.name;
  child.inherit(task);
  if (flags & CLONE_THREAD && task.keyrings?.thread) threadKeyring(child, true);
  if (flags & CLONE_SYSVSEM) {
    child.semUndo = undoListOf(task);
    child.semUndo.users++;
  }
  memory.thread.owner = child;
  group.leader ??= child;
  if (group === task.group) group.hadThreads = true;
  group.tasks.add(child);
  machine.tasks.set(tid, child);
  setUpRegisters(child, args);
  // A step is the parent's business (Linux: user_disable_single_step in copy_process).
  if (task.trace?.forcedTf) clearTrapFlag(child);
  publishTid(task, child, args);
  makeReady(child);
  return child;
}

function newGroup(task: Task, pid: number, args: CloneArguments, { pidForChildren }: NsProxy): ThreadGroup {
  const { machine, group } = task;
  const parent = args.flags & CLONE_PARENT ? group.parent : group;
  const shared = group.signals.copy((args.flags & CLONE_SIGHAND) !== 0);
  if (Math.floor(args.flags / CLONE_CLEAR_SIGHAND) % 2 === 1) shared.resetHandlers();
  const child = new ThreadGroup(pid, undefined, parent, group.processGroup, shared, group.limits.copy(), machine.clock.monotonicNs(), () =>
    sendRealTimerSignal(child),
  );
  child.parentTask = args.flags & CLONE_PARENT ? group.parentTask : task;
  child.pidNs = pidForChildren;
  if (pidForChildren.parent !== null && pidForChildren.init === undefined) {
    pidForChildren.init = child;
    shared.unkillable = true;
  }
  child.exitSignal = args.flags & CLONE_PARENT ? group.exitSignal : args.exitSignal;
  setExecutable(child, group.executable);
  child.dumpable = group.dumpable;
  child.hugePagesDisabled = group.hugePagesDisabled;
  child.oomScoreAdjust = group.oomScoreAdjust;
  child.oomScoreLowest = group.oomScoreLowest;
  child.withoutTerminal = group.withoutTerminal;
  moveToGroup(machine, child, group.processGroup);
  parent?.children.add(child);
  watchCpuLimit(machine, child);
  machine.groups.set(pid, child);
  return child;
}

function setUpRegisters(child: Task, args: CloneArguments): void {
  const { regs } = child.thread;
  regs.set(RAX, 0);
  if (args.stackPointer !== 0) regs.set(RSP, args.stackPointer);
  if (args.flags & CLONE_SETTLS) regs.set(FS_BASE, args.tls);
}

/** Writing where the guest pointed may fail; Linux ignores that too. */
function publishTid(task: Task, child: Task, args: CloneArguments): void {
  if (args.flags & CLONE_PARENT_SETTID) task.mm.writeU32(args.parentTid, pidFor(task, child.tid));
  if (args.flags & CLONE_CHILD_SETTID) child.mm.writeU32(args.childTid, child.nsTid);
  if (args.flags & CLONE_CHILD_CLEARTID) child.clearChildTid = args.childTid;
}
