/** execve(2), execveat(2). */
import type { Blocking } from '../base/blocking.js';
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.js';
import { E2BIG, EFAULT, EINVAL, ENAMETOOLONG } from '../abi/errno.js';
import { PTRACE_EVENT_EXEC, PTRACE_O_TRACEEXEC } from '../abi/ptrace.js';
import { SIGKILL, SIGTRAP } from '../abi/signal.js';
import { MAX_ARGUMENT_BYTES, MAX_ARGUMENTS_BYTES } from '../kernel/exec/arguments.js';
import { execTask } from '../kernel/exec/exec.js';
import { prepareProgram, type ProgramStrings } from '../kernel/exec/program.js';
import { exitGroup } from '../kernel/exit.js';
import { eventStop } from '../kernel/ptrace/stops.js';
import { sendToTask } from '../kernel/signals/send.js';
import { userInfo } from '../kernel/signals/signal-info.js';
import { address, dirfd, flags, path, REGISTERS_SET, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { CAP_SYS_PTRACE } from '../abi/capability.js';
import { hasCapability } from '../vfs/credentials.js';
import { basePath } from '../kernel/task-files.js';

/** Reads a NULL-terminated array of strings once, bounded so that a hostile one costs no more than E2BIG allows. */
function readStrings(task: Task, pointer: GuestAddr): ByteString[] | Errno {
  const texts: ByteString[] = [];
  if (pointer === 0) return texts;
  let total = 0;
  for (let at = pointer; ; at += 8) {
    const item = task.mm.readU64(at);
    if (isErr(item)) return EFAULT;
    if (item === 0) return texts;
    const text = task.mm.copyInString(item, MAX_ARGUMENT_BYTES);
    if (isErr(text)) return text === ENAMETOOLONG ? E2BIG : EFAULT;
    texts.push(text);
    total += text.length + 9;
    if (total > MAX_ARGUMENTS_BYTES) return E2BIG;
  }
}

function readBoth(task: Task, argvAt: GuestAddr, envpAt: GuestAddr): ProgramStrings | Errno {
  const argv = readStrings(task, argvAt);
  if (isErr(argv)) return argv;
  const envp = readStrings(task, envpAt);
  return isErr(envp) ? envp : { argv, envp };
}

function exec(task: Task, fd: number, name: ByteString, argvAt: GuestAddr, envpAt: GuestAddr, atFlags: number): number | Blocking<number> {
  if (atFlags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return EINVAL;
  const base = basePath(task, fd, name);
  if (isErr(base)) return base;
  const program = prepareProgram(
    { fs: task.fs, cred: task.cred, limits: task.group.limits, noNewPrivs: task.noNewPrivs || tracerForbids(task) },
    {
      base,
      name,
      directoryFd: fd,
      emptyPath: (atFlags & AT_EMPTY_PATH) !== 0,
      noFollow: (atFlags & AT_SYMLINK_NOFOLLOW) !== 0,
      readStrings: () => readBoth(task, argvAt, envpAt),
    },
  );
  if (isErr(program)) return program;
  const oldTid = task.tid;
  const result = execTask(task, program);
  program.close();
  if (isErr(result)) {
    if (!result || task.mm.users === 0) exitGroup(task, SIGKILL);
    return result;
  }
  return task.trace ? tracedExec(task, oldTid) : REGISTERS_SET;
}

/** A tracer that has not asked for the event gets a SIGTRAP instead, as it ever was. */
function* tracedExec(task: Task, oldTid: number): Blocking<number> {
  const trace = task.trace!;
  if ((trace.options & PTRACE_O_TRACEEXEC) !== 0) yield* eventStop(task, PTRACE_EVENT_EXEC, oldTid);
  else if (!trace.seized) sendToTask(task, userInfo(SIGTRAP, task.group.pid, task.cred.uid));
  return REGISTERS_SET;
}

/** A tracer without privilege must not get hold of a program that has it. */
function tracerForbids(task: Task): boolean {
  return task.trace !== undefined && !hasCapability(task.trace.tracer.cred, CAP_SYS_PTRACE);
}

export const execve = syscall('execve', [path, address, address], (task, name, argv, envp) => exec(task, AT_FDCWD, name, argv, envp, 0));
export const execveat = syscall('execveat', [dirfd, path, address, address, flags({ AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW })], exec);
