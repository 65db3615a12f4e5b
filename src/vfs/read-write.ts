/**
 * Moving data, with the one loop in which every blocking read and write waits (Linux: fs/read_write.c, and the wait loops of
 * each driver). The fast path answers a number and allocates nothing; only a call that must wait becomes a generator.
 *
 * The rule of partial transfers: once a byte has moved, an error, a signal or the end of the file ends the call with the count
 * so far; the error shows at the next call.
 */
import { isErr, type Errno } from '../base/brands.js';
import { sleepOn, type Blocking } from '../base/blocking.js';
import { EAGAIN, EBADF, EFBIG, EINTR, ETIMEDOUT } from '../abi/errno.js';
import { IN_ACCESS, IN_MODIFY } from '../abi/inotify.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from '../abi/poll.js';
import { S_IFREG } from '../abi/stat.js';
import { IoVec } from '../mm/io-vec.js';
import { dropFile } from './fd-table.js';
import { notifyFile } from './notify.js';
import type { OpenFile } from './open-file.js';

/** For `position`: use and move the file's own position. */
export const CURRENT = -1;

/** Events that end a reader's and a writer's sleep. */
export const READ_EVENTS = POLLIN | POLLERR | POLLHUP | POLLRDHUP;
export const WRITE_EVENTS = POLLOUT | POLLERR | POLLHUP;

/** Reads as read(2) and pread(2) do. `position`: CURRENT or an offset. `noWait`: RWF_NOWAIT or MSG_DONTWAIT. */
export function readFile(file: OpenFile, io: IoVec, position: number, noWait = false): number | Errno | Blocking<number> {
  if (!file.readable) return EBADF;
  const result = readOnce(file, io, position);
  if (result !== EAGAIN || noWait || file.nonBlocking || file.queue === undefined) return result;
  return waitToRead(file, io, position);
}

function readOnce(file: OpenFile, io: IoVec, position: number): number | Errno {
  const own = position === CURRENT;
  const result = file.read(io, own ? file.position : position);
  if (result > 0) {
    if (own && file.seekable) file.position += result;
    notifyFile(file, IN_ACCESS);
  }
  return result;
}

/** The file stays open while somebody waits for it, whoever closes the descriptor. */
function* waitToRead(file: OpenFile, io: IoVec, position: number): Blocking<number> {
  const deadlineNs = file.waitDeadlineNs(false);
  file.references++;
  try {
    for (;;) {
      const woken = yield* sleepOn(file.queue!, READ_EVENTS, { deadlineNs });
      const result = readOnce(file, io, position);
      if (result !== EAGAIN) return result;
      if (isErr(woken)) return interruptedWait(woken, deadlineNs);
      if (file.nonBlocking) return EAGAIN;
    }
  } finally {
    dropFile(file);
  }
}

/** A wait with a deadline of the file's own (SO_RCVTIMEO) ends with EAGAIN, and is not begun again after a signal. */
function interruptedWait(woken: Errno, deadlineNs: number): Errno {
  if (woken === ETIMEDOUT) return EAGAIN;
  return deadlineNs === Infinity ? woken : EINTR;
}

/**
 * Writes as write(2) and pwrite(2) do. `limit`: RLIMIT_FSIZE in bytes; EFBIG when a regular file is at it already (the caller
 * raises SIGXFSZ, and SIGPIPE upon EPIPE).
 */
export function writeFile(
  file: OpenFile,
  io: IoVec,
  position: number,
  limit = Infinity,
  noWait = false,
): number | Errno | Blocking<number> {
  if (!file.writable) return EBADF;
  const own = position === CURRENT;
  let at = own ? file.position : position;
  let source = io;
  if (file.seekable) {
    if (file.appending) at = file.inode.size;
    if (at + io.remaining > limit && file.inode.type === S_IFREG && io.remaining > 0) {
      if (at >= limit) return EFBIG;
      source = new BoundedIoVec(io, limit - at);
    }
  }
  const result = file.write(source, at);
  if (result > 0) {
    if (own && file.seekable) file.position = at + result;
    notifyFile(file, IN_MODIFY);
  }
  if (file.queue === undefined || noWait || file.nonBlocking) return result;
  const unfinished = result === EAGAIN || (file.writesAll && result > 0 && io.remaining > 0);
  return unfinished ? writeOn(file, io, Math.max(result, 0)) : result;
}

/** The rest of a blocking write to a stream. */
function* writeOn(file: OpenFile, io: IoVec, moved: number): Blocking<number> {
  const deadlineNs = file.waitDeadlineNs(true);
  let total = moved;
  file.references++;
  try {
    for (;;) {
      const result = file.write(io, 0);
      if (result > 0) {
        total += result;
        if (io.remaining === 0 || !file.writesAll) return total;
        continue;
      }
      if (result !== EAGAIN) return total > 0 ? total : result;
      if (file.nonBlocking) return total > 0 ? total : EAGAIN;
      const woken = yield* sleepOn(file.queue!, WRITE_EVENTS, { deadlineNs });
      if (isErr(woken) && (file.poll() & WRITE_EVENTS) === 0) return total > 0 ? total : interruptedWait(woken, deadlineNs);
    }
  } finally {
    dropFile(file);
  }
}

/** The first `bound` bytes of another cursor. */
export class BoundedIoVec extends IoVec {
  private left: number;

  constructor(
    private readonly inner: IoVec,
    bound: number,
  ) {
    super();
    this.left = Math.min(bound, inner.remaining);
  }

  get remaining(): number {
    return this.left;
  }

  next(max: number, intoMemory: boolean): number | Errno {
    const span = this.inner.next(Math.min(max, this.left), intoMemory);
    this.spanBytes = this.inner.spanBytes;
    this.spanOffset = this.inner.spanOffset;
    this.spanHost = this.inner.spanHost;
    return span;
  }

  advance(length: number): void {
    this.inner.advance(length);
    this.left -= length;
  }
}
