/** Inode numbers of /proc: fixed files count from 1; a task's files have its id in the high part. */
const FILES_PER_TASK = 4 * 1048576 + 1024;

let nextFixed = 2;

export const ROOT_INO = 1;

/** A number for a file that exists once. */
export function fixedIno(): number {
  return nextFixed++;
}

/** A number for a task's file: `index` below 1024 for a fixed one; see `fdIno` for descriptors. */
export function taskIno(tid: number, index: number): number {
  return (tid + 1) * FILES_PER_TASK + index;
}

export function fdIno(tid: number, fd: number): number {
  return taskIno(tid, 1024 + fd);
}
