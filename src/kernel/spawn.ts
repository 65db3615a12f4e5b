/** Processes that start from outside the machine (Linux: the role of init/main.c and usermode helpers). */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import type { Credentials } from '../vfs/credentials.js';
import type { FdTable } from '../vfs/fd-table.js';
import { FsContext } from '../vfs/fs-context.js';
import type { Path } from '../vfs/path.js';
import { EAGAIN } from '../abi/errno.js';
import { setExecutable } from './exec/executable.js';
import { watchCpuLimit } from './cpu-timers.js';
import { loadProgram, startRegisters } from './exec/exec.js';
import { prepareProgram, type Program } from './exec/program.js';
import { sendRealTimerSignal } from './interval-timers.js';
import { moveToGroup, newSession } from './job-control.js';
import type { Machine } from './machine.js';
import { ResourceLimits } from './resource-limits.js';
import { makeReady } from './scheduler.js';
import { SharedSignals } from './signals/shared-signals.js';
import { TaskSignals } from './signals/task-signals.js';
import { Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

export interface SpawnRequest {
  /** Path of the program, resolved from `cwd`; no search in PATH. */
  readonly file: ByteString;
  readonly argv: readonly ByteString[];
  readonly envp: readonly ByteString[];
  readonly root: Path;
  readonly cwd: Path;
  readonly umask: number;
  readonly cred: Credentials;
  /** Taken over. */
  readonly files: FdTable;
  readonly limits?: ResourceLimits;
}

/** Starts a process in a session of its own, without a parent: `machine.onExit` tells of its end. */
export function spawnProcess(machine: Machine, request: SpawnRequest): ThreadGroup | Errno {
  if (machine.tasks.size >= machine.config.maxProcesses) return EAGAIN;
  const fs = new FsContext(request.root, request.cwd, request.umask);
  const limits = request.limits ?? ResourceLimits.defaults(machine.config.maxProcesses);
  const program = prepareProgram(
    { fs, cred: request.cred, limits, noNewPrivs: false },
    { base: request.cwd, name: request.file, readStrings: () => ({ argv: request.argv, envp: request.envp }) },
  );
  if (isErr(program)) return program;
  const group = startProgram(machine, request, fs, limits, program);
  program.close();
  return group;
}

function startProgram(
  machine: Machine,
  request: SpawnRequest,
  fs: FsContext,
  limits: ResourceLimits,
  program: Program,
): ThreadGroup | Errno {
  const thread = machine.platform.createSpace();
  if (isErr(thread)) return thread;
  const loaded = loadProgram({ machine, cred: program.cred, limits, secure: program.secure, randomize: true }, thread.space, program);
  if (isErr(loaded)) {
    thread.destroy();
    return loaded;
  }
  const pid = machine.pids.next(machine);
  const now = machine.clock.monotonicNs();
  const pgrp = newSession(machine, pid);
  const group = new ThreadGroup(pid, undefined, undefined, pgrp, new SharedSignals(), limits, now, () => sendRealTimerSignal(group));
  moveToGroup(machine, group, pgrp);
  const task = new Task(machine, pid, group, thread, loaded.mm, request.files, fs, program.cred, new TaskSignals());
  task.name = program.name;
  thread.owner = task;
  group.leader = task;
  setExecutable(group, program.path);
  group.hasExeced = true;
  group.tasks.add(task);
  machine.groups.set(pid, group);
  machine.tasks.set(pid, task);
  startRegisters(thread, loaded);
  watchCpuLimit(machine, group);
  makeReady(task);
  return group;
}
