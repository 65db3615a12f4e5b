/** fork(2), vfork(2), clone(2), clone3(2). */
import { isErr, type Errno } from '../base/brands.js';
import { sleepOn, type Blocking } from '../base/blocking.js';
import { E2BIG, EINVAL, EFAULT } from '../abi/errno.js';
import { CLONE_ARGS, type CloneArgs } from '../abi/process-struct.js';
import {
  CLONE_ARGS_SIZE_VER0,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_FS,
  CLONE_INTO_CGROUP,
  CLONE_IO,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWTIME,
  CLONE_NEWUTS,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_PTRACE,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_UNTRACED,
  CLONE_VFORK,
  CLONE_VM,
} from '../abi/sched.js';
import {
  PTRACE_EVENT_CLONE,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_VFORK_DONE,
  PTRACE_O_TRACEVFORKDONE,
} from '../abi/ptrace.js';
import { SIGCHLD } from '../abi/signal.js';
import { PidFile } from '../fs/pidfd.js';
import { attachChild } from '../kernel/ptrace/attach.js';
import { eventStop } from '../kernel/ptrace/stops.js';
import { cloneTask, type CloneArguments } from '../kernel/clone.js';
import { address, flags, ptr, size, syscall } from '../kernel/syscall.js';
import { pidFor } from '../kernel/pid-namespace.js';
import { installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { TASK_SIZE } from '../platform/platform.js';

const CLONE_FLAGS = {
  CLONE_VM,
  CLONE_FS,
  CLONE_FILES,
  CLONE_SIGHAND,
  CLONE_PIDFD,
  CLONE_PTRACE,
  CLONE_VFORK,
  CLONE_PARENT,
  CLONE_THREAD,
  CLONE_NEWNS,
  CLONE_SYSVSEM,
  CLONE_SETTLS,
  CLONE_PARENT_SETTID,
  CLONE_CHILD_CLEARTID,
  CLONE_DETACHED,
  CLONE_UNTRACED,
  CLONE_CHILD_SETTID,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWUTS,
  CLONE_IO,
};
const SIGNAL_MASK = 0xff;
const MAX_SIGNAL = 64;

/** Clones; with CLONE_VFORK waits, killable only, until the child has exec'd or ended. */
function clone(task: Task, args: CloneArguments): number | Blocking<number> {
  const child = args.flags & CLONE_PIDFD ? cloneWithPidfd(task, args) : cloneTask(task, args);
  if (isErr(child)) return child;
  if (task.trace) return tracedClone(task, child, args);
  const id = pidFor(task, child.tid);
  return args.flags & CLONE_VFORK ? waitForVfork(child, id) : id;
}

/** As clone, with what the tracer wants to see of it. */
function* tracedClone(task: Task, child: Task, args: CloneArguments): Blocking<number> {
  const isVfork = (args.flags & CLONE_VFORK) !== 0;
  const options = task.trace!.options;
  const event = isVfork ? PTRACE_EVENT_VFORK : args.exitSignal === SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
  const wanted = (options & (1 << event)) !== 0 && (args.flags & CLONE_UNTRACED) === 0;
  if (wanted || (args.flags & CLONE_PTRACE) !== 0) attachChild(task, child);
  if (wanted) yield* eventStop(task, event, pidFor(task.trace!.tracer, child.tid));
  const id = pidFor(task, child.tid);
  if (!isVfork) return id;
  const tid = yield* waitForVfork(child, id);
  if (!isErr(tid) && (options & PTRACE_O_TRACEVFORKDONE) !== 0) yield* eventStop(task, PTRACE_EVENT_VFORK_DONE, tid);
  return tid;
}

/** CLONE_PIDFD: the descriptor is reserved first, since nothing may fail once the child exists. The child does not get it. */
function cloneWithPidfd(task: Task, args: CloneArguments): Task | Errno {
  const reserved = installFile(task, new PidFile(task.group, 0), true);
  if (isErr(reserved)) return reserved;
  const stored = task.mm.writeU32(args.pidfd, reserved);
  const child = isErr(stored) ? stored : cloneTask(task, args);
  if (isErr(child)) {
    task.files.close(reserved);
    return child;
  }
  if (child.files !== task.files) child.files.close(reserved);
  task.files.replace(reserved, new PidFile(child.group, 0), true);
  return child;
}

function* waitForVfork(child: Task, id: number): Blocking<number> {
  const { mm } = child;
  while (child.mm === mm && child.state !== 'dead' && child.state !== 'zombie') {
    const woken = yield* sleepOn(child.vforkDone, undefined, { interruptible: false });
    if (isErr(woken)) return woken;
  }
  return id;
}

function simple(cloneFlags: number): CloneArguments {
  return { flags: cloneFlags, exitSignal: SIGCHLD, stackPointer: 0, tls: 0, parentTid: 0, childTid: 0, pidfd: 0 };
}

export const fork = syscall('fork', [], (task) => clone(task, simple(0)));
export const vfork = syscall('vfork', [], (task) => clone(task, simple(CLONE_VFORK | CLONE_VM)));

export const cloneCall = syscall(
  'clone',
  [flags(CLONE_FLAGS), address, address, address, size],
  (task, word, stackPointer, parentTid, childTid, tls) =>
    // clone(2) has no argument of its own for the pidfd: it shares parent_tid.
    clone(task, {
      flags: (word & ~SIGNAL_MASK) >>> 0,
      exitSignal: word & SIGNAL_MASK,
      stackPointer,
      tls,
      parentTid: word & CLONE_PIDFD ? 0 : parentTid,
      childTid,
      pidfd: parentTid,
    }),
);

export const clone3 = syscall('clone3', [ptr(CLONE_ARGS), size], (task, pointer, length) => {
  const args = readCloneArgs(task, pointer, length);
  if (isErr(args)) return args;
  const checked = checkCloneArgs(args);
  if (isErr(checked)) return checked;
  return clone(task, {
    flags: args.flags,
    exitSignal: args.exitSignal,
    stackPointer: args.stack === 0 ? 0 : args.stack + args.stackSize,
    tls: args.tls,
    parentTid: args.parentTid,
    childTid: args.childTid,
    pidfd: args.pidfd,
  });
});

/** Structs may be shorter or, when the rest is zero, longer than ours (Linux: copy_struct_from_user). */
function readCloneArgs(task: Task, pointer: number, length: number): CloneArgs | Errno {
  if (length < CLONE_ARGS_SIZE_VER0) return EINVAL;
  if (length > 4096) return E2BIG;
  const bytes = new Uint8Array(Math.max(length, CLONE_ARGS.size));
  const copied = task.mm.copyIn(pointer, bytes, 0, length);
  if (isErr(copied)) return EFAULT;
  for (let i = CLONE_ARGS.size; i < length; i++) if (bytes[i] !== 0) return E2BIG;
  return CLONE_ARGS.read(new DataView(bytes.buffer), 0);
}

function checkCloneArgs(args: CloneArgs): 0 | Errno {
  if (args.flags >= CLONE_INTO_CGROUP || args.setTidSize > 0 || args.setTid !== 0) return EINVAL;
  const low = args.flags % CLONE_CLEAR_SIGHAND;
  if (low & (CLONE_DETACHED | (SIGNAL_MASK & ~CLONE_NEWTIME)) || args.exitSignal > MAX_SIGNAL) return EINVAL;
  if (low & (CLONE_THREAD | CLONE_PARENT) && args.exitSignal !== 0) return EINVAL;
  if ((args.stack === 0) !== (args.stackSize === 0)) return EINVAL;
  if (args.stack + args.stackSize > TASK_SIZE) return EFAULT;
  return 0;
}
