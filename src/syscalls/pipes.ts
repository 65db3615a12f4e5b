/** pipe, pipe2 (Linux: fs/pipe.c; pipe(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { i32, struct } from '../base/struct.js';
import { EFAULT, EINVAL } from '../abi/errno.js';
import { CAP_SYS_RESOURCE } from '../abi/capability.js';
import { F_SETPIPE_SZ, O_CLOEXEC, O_DIRECT, O_NONBLOCK } from '../abi/fcntl.js';
import { makePipe } from '../fs/pipe.js';
import { flags, ptr, syscall } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { hasCapability } from '../vfs/credentials.js';
import { dropFile } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';
import { anonInode } from '../vfs/anon-inode.js';

const FD_PAIR = struct('fd_pair', { first: i32, second: i32 }, 8);
/** What a pipe holds when nobody has said otherwise. */
const DEFAULT_CAPACITY = 65536;
const PIPE_FLAGS = { O_CLOEXEC, O_NONBLOCK, O_DIRECT };

/** Installs two new files and tells the guest their numbers; neither stays when anything fails. */
export function installPair(task: Task, pair: number, first: OpenFile, second: OpenFile, cloexec: boolean): 0 | Errno {
  const a = installFile(task, first, cloexec);
  if (isErr(a)) {
    dropFile(second);
    return a;
  }
  const b = installFile(task, second, cloexec);
  if (isErr(b)) {
    task.files.close(a);
    return b;
  }
  if (!isErr(task.mm.writeStruct(pair, FD_PAIR, { first: a, second: b }))) return 0;
  task.files.close(a);
  task.files.close(b);
  return EFAULT;
}

function makePipeFor(task: Task, pair: number, pipeFlags: number): 0 | Errno {
  if ((pipeFlags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0) return EINVAL;
  const [readEnd, writeEnd] = makePipe(anonInode('pipe', undefined, task.cred.fsuid, task.cred.fsgid), pipeFlags);
  // Who may not ask for more than fs.pipe-max-size does not begin with more.
  const { pipeMaxSize } = task.machine.sysctl;
  if (pipeMaxSize < DEFAULT_CAPACITY && !hasCapability(task.cred, CAP_SYS_RESOURCE)) writeEnd.fileControl(F_SETPIPE_SZ, pipeMaxSize);
  return installPair(task, pair, readEnd, writeEnd, (pipeFlags & O_CLOEXEC) !== 0);
}

export const pipe = syscall('pipe', [ptr(FD_PAIR, true)], (task, pair) => makePipeFor(task, pair, 0));
export const pipe2 = syscall('pipe2', [ptr(FD_PAIR, true), flags(PIPE_FLAGS)], makePipeFor);
