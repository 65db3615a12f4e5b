/** fcntl's record locks for a task: F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ forms; flock (Linux: fs/locks.c fcntl_setlk, flock). */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EAGAIN, EBADF, EFAULT, EINVAL, EOVERFLOW } from '../abi/errno.js';
import { FLOCK, type Flock } from '../abi/flock-struct.js';
import {
  F_GETLK,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
} from '../abi/fcntl.js';
import { SEEK_CUR, SEEK_END, SEEK_SET } from '../abi/fs.js';
import { dropFile } from '../vfs/fd-table.js';
import { beginLockWait, endLockWait, locksOf, type InodeLocks, type RecordLock } from '../vfs/locks.js';
import type { OpenFile } from '../vfs/open-file.js';
import { pidFor } from './pid-namespace.js';
import type { Task } from './task.js';

/** Offsets from here on mean "to the end, however far": numbers are exact only below. */
const LARGEST_OFFSET = Number.MAX_SAFE_INTEGER;

/** `argument`: guest address of a struct flock. `number`: the descriptor, for the check after a wait that it was not closed. */
export function lockControl(task: Task, number: number, file: OpenFile, command: number, argument: number): number | Blocking<number> {
  const flock = task.mm.readStruct(argument, FLOCK);
  if (isErr(flock)) return EFAULT;
  const isOfd = command === F_OFD_GETLK || command === F_OFD_SETLK || command === F_OFD_SETLKW;
  if (isOfd && flock.pid !== 0) return EINVAL;
  const range = rangeOf(file, flock);
  if (isErr(range)) return range;
  const owner = isOfd ? file : task.files;
  const lock: RecordLock = { ...range, owner, pid: isOfd ? -1 : task.group.pid, exclusive: flock.type === F_WRLCK };
  switch (command) {
    case F_GETLK:
    case F_OFD_GETLK:
      return flock.type === F_UNLCK ? EINVAL : reportConflict(task, file, lock, flock, argument);
    case F_SETLK:
    case F_OFD_SETLK:
      return setRecord(file, flock.type, lock);
    case F_SETLKW:
    case F_OFD_SETLKW: {
      const result = setRecord(file, flock.type, lock);
      return result === EAGAIN ? waitForRecord(task, number, file, lock, !isOfd) : result;
    }
    default:
      return EINVAL;
  }
}

/** First and last byte of a struct flock. */
function rangeOf(file: OpenFile, { type, whence, start, length }: Flock): { start: number; end: number } | Errno {
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return EINVAL;
  const base = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? file.position : whence === SEEK_END ? file.inode.size : -1;
  if (base < 0) return EINVAL;
  let first = base + start;
  if (first < 0) return EINVAL;
  if (first > LARGEST_OFFSET) return EOVERFLOW;
  if (length === 0) return { start: first, end: Infinity };
  if (length > 0) return { start: first, end: first + length - 1 >= LARGEST_OFFSET ? Infinity : first + length - 1 };
  const end = first - 1;
  first += length;
  return first < 0 ? EINVAL : { start: first, end };
}

function setRecord(file: OpenFile, type: number, lock: RecordLock): 0 | Errno {
  if (type === F_UNLCK) return file.inode.locks ? file.inode.locks.clear(lock.owner, lock.start, lock.end) : 0;
  if (lock.exclusive ? !file.writable : !file.readable) return EBADF;
  const locks = locksOf(file.inode);
  return locks.conflictWith(lock) ? EAGAIN : locks.set(lock);
}

function reportConflict(task: Task, file: OpenFile, lock: RecordLock, asked: Flock, argument: number): 0 | Errno {
  const conflict = file.inode.locks?.conflictWith(lock);
  const answer: Flock = conflict
    ? {
        type: conflict.exclusive ? F_WRLCK : F_RDLCK,
        whence: SEEK_SET,
        start: conflict.start,
        length: conflict.end === Infinity ? 0 : conflict.end - conflict.start + 1,
        pid: conflict.pid === -1 ? -1 : pidFor(task, conflict.pid),
      }
    : { ...asked, type: F_UNLCK };
  return isErr(task.mm.writeStruct(argument, FLOCK, answer)) ? EFAULT : 0;
}

function* waitForRecord(task: Task, number: number, file: OpenFile, lock: RecordLock, detectsCircles: boolean): Blocking<number> {
  file.references++;
  try {
    for (;;) {
      const locks = locksOf(file.inode);
      const conflict = locks.conflictWith(lock);
      if (!conflict) {
        // Another thread may have closed the descriptor meanwhile: its close did not see this lock.
        return task.files.get(number) === file ? locks.set(lock) : EBADF;
      }
      const circle = detectsCircles ? beginLockWait(lock.owner, conflict.owner) : 0;
      if (circle !== 0) return circle;
      const woken = yield* sleepOn(locks.queue);
      endLockWait(lock.owner);
      if (isErr(woken)) return woken;
    }
  } finally {
    endLockWait(lock.owner);
    dropFile(file);
  }
}

/** flock(2). */
export function flockFile(file: OpenFile, operation: number): number | Blocking<number> {
  const kind = operation & ~LOCK_NB;
  if (kind === LOCK_UN) {
    file.inode.locks?.clearWhole(file);
    return 0;
  }
  if (kind !== LOCK_SH && kind !== LOCK_EX) return EINVAL;
  const locks = locksOf(file.inode);
  const result = locks.setWhole(file, kind === LOCK_EX);
  return result === EAGAIN && (operation & LOCK_NB) === 0 ? waitForWhole(file, locks, kind === LOCK_EX) : result;
}

function* waitForWhole(file: OpenFile, locks: InodeLocks, exclusive: boolean): Blocking<number> {
  file.references++;
  try {
    for (;;) {
      const woken = yield* sleepOn(locks.queue);
      const current = locksOf(file.inode);
      const result = current.setWhole(file, exclusive);
      if (result !== EAGAIN) return result;
      if (isErr(woken)) return woken;
      locks = current;
    }
  } finally {
    dropFile(file);
  }
}
