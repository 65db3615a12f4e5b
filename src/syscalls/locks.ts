/** flock (Linux: fs/locks.c). Record locks are fcntl's: kernel/task-locks.ts. */
import { isErr } from '../base/brands.js';
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from '../abi/fcntl.js';
import { fd, flags, syscall } from '../kernel/syscall.js';
import { fileOf } from '../kernel/task-files.js';
import { flockFile } from '../kernel/task-locks.js';

export const flock = syscall('flock', [fd, flags({ LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN })], (task, number, operation) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : flockFile(file, operation);
});
