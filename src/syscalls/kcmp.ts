/** kcmp(2): do two processes share a file, an address space, ...? (Linux: kernel/kcmp.c). */
import type { Errno } from '../base/brands.js';
import { EBADF, EINVAL, EOPNOTSUPP, EPERM, ESRCH } from '../abi/errno.js';
import { oneOf, partial, pid, syscall, uint } from '../kernel/syscall.js';
import { mayAccess } from '../kernel/task-access.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';

const KCMP_FILE = 0;
const KCMP_VM = 1;
const KCMP_FILES = 2;
const KCMP_FS = 3;
const KCMP_SIGHAND = 4;
const KCMP_IO = 5;
const KCMP_SYSVSEM = 6;
const KCMP_EPOLL_TFD = 7;

/** An order of objects that tells nothing of where they lie: numbers in the order in which they were first compared. */
const order = new WeakMap<object, number>();
let next = 0;

function rank(object: object): number {
  let number = order.get(object);
  if (number === undefined) order.set(object, (number = next++));
  return number;
}

/** 0: the same, 1: the first is less, 2: it is greater. */
function compare(a: object, b: object): number {
  if (a === b) return 0;
  return rank(a) < rank(b) ? 1 : 2;
}

function compareFiles(a: Task, b: Task, first: number, second: number): number | Errno {
  const one = a.files.get(first);
  const other = b.files.get(second);
  return one && other ? compare(one, other) : EBADF;
}

export const kcmp = syscall(
  'kcmp',
  [pid, pid, oneOf({ KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD }), uint, uint],
  (task, id1, id2, type, first, second) => {
    const a = taskByPid(task, id1);
    const b = taskByPid(task, id2);
    if (!a || !b) return ESRCH;
    if (!mayAccess(task, a) || !mayAccess(task, b)) return EPERM;
    switch (type) {
      case KCMP_FILE:
        return compareFiles(a, b, first | 0, second | 0);
      case KCMP_VM:
        return compare(a.mm, b.mm);
      case KCMP_FILES:
        return compare(a.files, b.files);
      case KCMP_FS:
        return compare(a.fs, b.fs);
      case KCMP_SIGHAND:
        return compare(a.group.signals, b.group.signals);
      case KCMP_IO:
      case KCMP_SYSVSEM:
        // Neither has a context of that kind, as in Linux before its first use.
        return 0;
      case KCMP_EPOLL_TFD:
        return EOPNOTSUPP;
      default:
        return EINVAL;
    }
  },
  partial('no epoll targets'),
);
