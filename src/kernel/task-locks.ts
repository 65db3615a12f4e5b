/** fcntl's record locks for a task: F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ forms (Linux: fs/locks.c fcntl_setlk). */
import type { Blocking } from '../base/blocking.js';
import { ENOLCK } from '../abi/errno.js';
import type { OpenFile } from '../vfs/open-file.js';
import type { Task } from './task.js';

/** `argument`: guest address of a struct flock. `number`: the descriptor, for the check after a wait that it was not closed. */
export function lockControl(_task: Task, _number: number, _file: OpenFile, _command: number, _argument: number): number | Blocking<number> {
  return ENOLCK;
}
