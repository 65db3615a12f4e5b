/** read, write, their vector and positioned forms, lseek (Linux: fs/read_write.c). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EBADF, EINVAL, EOPNOTSUPP, ESPIPE } from '../abi/errno.js';
import { RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOAPPEND, RWF_NOWAIT, RWF_SYNC, SEEK_HOLE } from '../abi/fs.js';
import { RLIMIT_FSIZE } from '../abi/resource.js';
import { IOVEC } from '../abi/uio.js';
import { buffer, fd, flags, int, long, partial, ptr, size, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { fileOf } from '../kernel/task-files.js';
import { afterWrite, bufferOf, buffersOf } from '../kernel/task-io.js';
import type { IoVec } from '../mm/io-vec.js';
import { clearSetid } from '../vfs/attributes.js';
import type { OpenFile } from '../vfs/open-file.js';
import { CURRENT, readFile, writeFile } from '../vfs/read-write.js';

/** No transfer may reach past the largest off_t. */
const OFFSET_END = 2 ** 63;

type Answer = number | Blocking<number>;

function readable(task: Task, number: number): OpenFile | Errno {
  const file = fileOf(task, number);
  return isErr(file) || file.readable ? file : EBADF;
}

function writable(task: Task, number: number): OpenFile | Errno {
  const file = fileOf(task, number);
  return isErr(file) || file.writable ? file : EBADF;
}

function writeTo(task: Task, file: OpenFile, io: IoVec, position: number, noWait = false): Answer {
  const answer = writeFile(file, io, position, task.group.limits.soft[RLIMIT_FSIZE]!, noWait);
  clearSetid(file.inode, task.cred);
  return file.raisesSigpipe ? afterWrite(task, answer) : answer;
}

export const read = syscall('read', [fd, buffer('result'), size], (task, number, at, count) => {
  const file = readable(task, number);
  if (isErr(file)) return file;
  const io = bufferOf(task, at, count);
  if (isErr(io)) return file.hasRead ? io : EINVAL;
  return readFile(file, io, CURRENT);
});

export const write = syscall('write', [fd, buffer(2), size], (task, number, at, count) => {
  const file = writable(task, number);
  if (isErr(file)) return file;
  const io = bufferOf(task, at, count);
  if (isErr(io)) return file.hasWrite ? io : EINVAL;
  return writeTo(task, file, io, CURRENT);
});

export const readv = syscall('readv', [fd, ptr(IOVEC), size], (task, number, at, count) => {
  const file = readable(task, number);
  if (isErr(file)) return file;
  const io = buffersOf(task, at, count);
  if (isErr(io)) return io;
  return io.remaining === 0 && file.hasRead ? 0 : readFile(file, io, CURRENT);
});

export const writev = syscall('writev', [fd, ptr(IOVEC), size], (task, number, at, count) => {
  const file = writable(task, number);
  if (isErr(file)) return file;
  const io = buffersOf(task, at, count);
  return isErr(io) ? io : writeTo(task, file, io, CURRENT);
});

function readableAt(task: Task, number: number, position: number): OpenFile | Errno {
  if (position < 0) return EINVAL;
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!file.seekable) return ESPIPE;
  return file.readable ? file : EBADF;
}

function readAt(task: Task, number: number, position: number, io: (task: Task) => IoVec | Errno): Answer {
  const file = readableAt(task, number, position);
  if (isErr(file)) return file;
  const cursor = io(task);
  if (isErr(cursor)) return cursor;
  return position + cursor.remaining >= OFFSET_END ? EINVAL : readFile(file, cursor, position);
}

/** For nothing the file is not asked, as readv(2) does and read(2) does not. */
function readVectorAt(task: Task, number: number, position: number, io: (task: Task) => IoVec | Errno, noWait: boolean): Answer {
  const file = readableAt(task, number, position);
  if (isErr(file)) return file;
  const cursor = io(task);
  if (isErr(cursor)) return cursor;
  if (cursor.remaining === 0 && file.hasRead) return 0;
  return position + cursor.remaining >= OFFSET_END ? EINVAL : readFile(file, cursor, position, noWait);
}

function writeAt(task: Task, number: number, position: number, io: (task: Task) => IoVec | Errno, noWait = false): Answer {
  if (position < 0) return EINVAL;
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!file.seekable) return ESPIPE;
  if (!file.writable) return EBADF;
  const cursor = io(task);
  if (isErr(cursor)) return cursor;
  return position + cursor.remaining >= OFFSET_END ? EINVAL : writeTo(task, file, cursor, position, noWait);
}

export const pread64 = syscall('pread64', [fd, buffer('result'), size, long], (task, number, at: GuestAddr, count, position) =>
  readAt(task, number, position, () => bufferOf(task, at, count)),
);
export const pwrite64 = syscall('pwrite64', [fd, buffer(2), size, long], (task, number, at: GuestAddr, count, position) =>
  writeAt(task, number, position, () => bufferOf(task, at, count)),
);
export const preadv = syscall('preadv', [fd, ptr(IOVEC), size, long], (task, number, at, count, position) =>
  readVectorAt(task, number, position, () => buffersOf(task, at, count), false),
);
export const pwritev = syscall('pwritev', [fd, ptr(IOVEC), size, long], (task, number, at, count, position) =>
  writeAt(task, number, position, () => buffersOf(task, at, count)),
);

const RWF_FLAGS = { RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND, RWF_NOAPPEND };

export const preadv2 = syscall(
  'preadv2',
  [fd, ptr(IOVEC), size, long, long, flags(RWF_FLAGS)],
  (task, number, at, count, position, _high, options) => {
    if ((options & ~(RWF_HIPRI | RWF_NOWAIT)) !== 0) return EOPNOTSUPP;
    const noWait = (options & RWF_NOWAIT) !== 0;
    if (position !== -1) return readVectorAt(task, number, position, () => buffersOf(task, at, count), noWait);
    const file = readable(task, number);
    if (isErr(file)) return file;
    const io = buffersOf(task, at, count);
    if (isErr(io)) return io;
    return io.remaining === 0 && file.hasRead ? 0 : readFile(file, io, CURRENT, noWait);
  },
);

export const pwritev2 = syscall(
  'pwritev2',
  [fd, ptr(IOVEC), size, long, long, flags(RWF_FLAGS)],
  (task, number, at, count, position, _high, options) => {
    if ((options & ~(RWF_HIPRI | RWF_NOWAIT | RWF_DSYNC | RWF_SYNC | RWF_APPEND)) !== 0) return EOPNOTSUPP;
    const noWait = (options & RWF_NOWAIT) !== 0;
    if (position < -1) return EINVAL;
    const file = fileOf(task, number);
    if (isErr(file)) return file;
    if (position !== -1 && !file.seekable) return ESPIPE;
    if (!file.writable) return EBADF;
    const io = buffersOf(task, at, count);
    if (isErr(io)) return io;
    const end = (options & RWF_APPEND) !== 0 && file.seekable ? file.inode.size : position;
    if (position === -1) {
      if (end !== position) file.position = end;
      return writeTo(task, file, io, CURRENT, noWait);
    }
    return writeTo(task, file, io, end, noWait);
  },
  partial('no RWF_NOAPPEND'),
);

export const lseek = syscall('lseek', [fd, long, int], (task, number, offset, whence) => {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (whence < 0 || whence > SEEK_HOLE) return EINVAL;
  return file.seek(offset, whence);
});
