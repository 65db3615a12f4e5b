/** seccomp(2), also as prctl(2) has it. */
import { isErr, type Errno } from '../base/brands.js';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import * as abi from '../abi/seccomp.js';
import type { BpfCode } from '../kernel/seccomp/bpf-check.js';
import { ListenerFile } from '../kernel/seccomp/listener.js';
import { addFilter, setStrict, type FilterOptions } from '../kernel/seccomp/seccomp.js';
import { address, flags, oneOf, syscall } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';

const {
  SECCOMP_SET_MODE_STRICT,
  SECCOMP_SET_MODE_FILTER,
  SECCOMP_GET_ACTION_AVAIL,
  SECCOMP_GET_NOTIF_SIZES,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} = abi;
const OPERATIONS = { SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL, SECCOMP_GET_NOTIF_SIZES };
const FILTER_FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};
const KNOWN_FLAGS = Object.values(FILTER_FLAGS).reduce((all, flag) => all | flag, 0);
const ACTIONS = new Set([
  abi.SECCOMP_RET_KILL_PROCESS,
  abi.SECCOMP_RET_KILL_THREAD,
  abi.SECCOMP_RET_TRAP,
  abi.SECCOMP_RET_ERRNO,
  abi.SECCOMP_RET_TRACE,
  abi.SECCOMP_RET_LOG,
  abi.SECCOMP_RET_USER_NOTIF,
  abi.SECCOMP_RET_ALLOW,
]);

/** Reads a struct sock_fprog and the instructions behind it. */
function readProgram(task: Task, at: number): BpfCode | Errno {
  const header = task.mm.readStruct(at, abi.SOCK_FPROG);
  if (isErr(header)) return header;
  const { len } = header;
  if (len === 0 || len > abi.BPF_MAXINSNS || header.filter === 0) return EINVAL;
  const bytes = new Uint8Array(len * abi.SOCK_FILTER_SIZE);
  const copied = task.mm.copyIn(header.filter, bytes);
  if (isErr(copied)) return EFAULT;
  const view = new DataView(bytes.buffer);
  const program = { code: new Uint16Array(len), jt: new Uint8Array(len), jf: new Uint8Array(len), k: new Uint32Array(len) };
  for (let i = 0; i < len; i++) {
    const offset = i * abi.SOCK_FILTER_SIZE;
    program.code[i] = view.getUint16(offset, true);
    program.jt[i] = bytes[offset + 2]!;
    program.jf[i] = bytes[offset + 3]!;
    program.k[i] = view.getUint32(offset + 4, true);
  }
  return program;
}

/** SECCOMP_SET_MODE_FILTER, and PR_SET_SECCOMP with SECCOMP_MODE_FILTER. */
export function installFilter(task: Task, options: number, at: number): number | Errno {
  if ((options & ~KNOWN_FLAGS) !== 0) return EINVAL;
  const sync = (options & SECCOMP_FILTER_FLAG_TSYNC) !== 0;
  const syncFailure = (options & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) !== 0;
  const listens = (options & SECCOMP_FILTER_FLAG_NEW_LISTENER) !== 0;
  const killable = (options & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) !== 0;
  // A thread that cannot follow could not be told from a descriptor.
  if ((listens && sync && !syncFailure) || (killable && !listens)) return EINVAL;
  const program = readProgram(task, at);
  if (isErr(program)) return program;
  if (listens) return installListening(task, program as BpfCode, { sync, syncFailure }, killable);
  return addFilter(task, program as BpfCode, { sync, syncFailure });
}

/** The descriptor of the new filter's listener. */
function installListening(task: Task, program: BpfCode, options: FilterOptions, killable: boolean): number | Errno {
  const listener = new ListenerFile(anonInode('anon_inode:seccomp notify'), O_RDWR, task.machine, killable);
  const fd = installFile(task, listener, true);
  if (isErr(fd)) return fd;
  const added = addFilter(task, program, { ...options, listener });
  if (!isErr(added)) return fd;
  task.files.close(fd);
  return added;
}

/** struct seccomp_notif_sizes. */
function notificationSizes(task: Task, at: number): 0 | Errno {
  const sizes = Uint16Array.of(abi.SECCOMP_NOTIF.size, abi.SECCOMP_NOTIF_RESP.size, abi.SECCOMP_DATA_SIZE);
  return isErr(task.mm.copyOut(at, new Uint8Array(sizes.buffer))) ? EFAULT : 0;
}

export const seccomp = syscall('seccomp', [oneOf(OPERATIONS), flags(FILTER_FLAGS), address], (task, operation, options, at) => {
  switch (operation) {
    case SECCOMP_SET_MODE_STRICT:
      return options !== 0 || at !== 0 ? EINVAL : setStrict(task);
    case SECCOMP_SET_MODE_FILTER:
      return installFilter(task, options, at);
    case SECCOMP_GET_ACTION_AVAIL: {
      if (options !== 0) return EINVAL;
      const action = task.mm.readU32(at);
      return isErr(action) ? action : ACTIONS.has(action) ? 0 : EOPNOTSUPP;
    }
    case SECCOMP_GET_NOTIF_SIZES:
      return options !== 0 ? EINVAL : notificationSizes(task, at);
    default:
      return EINVAL;
  }
});

/** PR_SET_SECCOMP. */
export function setSeccompMode(task: Task, mode: number, at: number): number | Errno {
  if (mode === abi.SECCOMP_MODE_STRICT) return setStrict(task);
  return mode === abi.SECCOMP_MODE_FILTER ? installFilter(task, 0, at) : EINVAL;
}
