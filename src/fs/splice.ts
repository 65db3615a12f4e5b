/**
 * Moving data from file to file inside the kernel (Linux: fs/splice.c; sendfile(2), splice(2), tee(2), copy_file_range(2)).
 *
 * Bytes go through one bounded buffer. They are only looked at first, and taken from the source once the target has them, so a
 * target that is full loses nothing. The buffer is shared by all calls: its contents are never relied upon after a sleep.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EAGAIN } from '../abi/errno.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { dropFile } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';
import { READ_EVENTS, WRITE_EVENTS } from '../vfs/read-write.js';
import { PipeFile } from './pipe.js';

const CHUNK = 65536;
const chunk = new Uint8Array(CHUNK);

/** A file as one end of a transfer. */
export interface TransferEnd {
  readonly file: OpenFile;
  /** Where to read or write; moves on. Ignored by files that are not seekable. */
  position: number;
  /** Do not wait for this end. */
  readonly noWait: boolean;
}

export interface TransferOptions {
  /** Go on until all is moved or the source ends (sendfile); otherwise stop when a further byte would need a wait (splice). */
  readonly untilDone: boolean;
  /** Leave the bytes in the source, a pipe (tee). */
  readonly keepSource?: boolean;
}

/** Moves up to `count` bytes; returns how many, 0 at the end of the source, or the error that came before the first byte. */
export function* transfer(source: TransferEnd, target: TransferEnd, count: number, options: TransferOptions): Blocking<number> {
  source.file.references++;
  target.file.references++;
  let total = 0;
  try {
    while (total < count) {
      const result = transferChunk(source, target, count - total, options.keepSource ? total : -1);
      if (result > 0) {
        total += result;
        continue;
      }
      if (result !== EAGAIN) return total > 0 ? total : result;
      if (total > 0 && !options.untilDone) return total;
      const waited = yield* waitForEnds(source, target);
      if (isErr(waited)) return total > 0 ? total : waited;
    }
    return total;
  } finally {
    dropFile(source.file);
    dropFile(target.file);
  }
}

/** One pass through the buffer: bytes moved, 0 at the end of the source, EAGAIN when an end is not ready. */
function transferChunk(source: TransferEnd, target: TransferEnd, count: number, keptOffset: number): number | Errno {
  const wanted = Math.min(count, CHUNK, roomOf(target.file));
  // A full pipe, or one without readers, answers for itself.
  if (wanted === 0) return target.file.write(new KernelIoVec(chunk, 0, 1), target.position);
  const found = look(source, wanted, keptOffset);
  if (found <= 0) return found;
  const moved = target.file.write(new KernelIoVec(chunk, 0, found), target.position);
  if (moved <= 0) return moved;
  target.position += moved;
  if (keptOffset < 0) take(source, moved);
  return moved;
}

/** Bytes that a write to the file will surely take; pipes know. */
function roomOf(file: OpenFile): number {
  return file instanceof PipeFile ? file.pipe.buffer.room : Infinity;
}

/** Copies what the source has next into the buffer. Bytes of a stream other than a pipe are gone from it. */
function look(source: TransferEnd, wanted: number, keptOffset: number): number | Errno {
  const { file } = source;
  const io = new KernelIoVec(chunk, 0, wanted);
  if (!(file instanceof PipeFile)) return file.read(io, source.position);
  const { pipe } = file;
  const offset = Math.max(keptOffset, 0);
  if (pipe.buffer.used <= offset) return pipe.writers === 0 || offset > 0 ? 0 : EAGAIN;
  return pipe.buffer.copyTo(io, offset, wanted);
}

function take(source: TransferEnd, moved: number): void {
  const { file } = source;
  if (file instanceof PipeFile) file.pipe.skip(moved);
  else source.position += moved;
}

/** Sleeps until the end that was not ready is; EAGAIN when it may not be waited for. */
function* waitForEnds(source: TransferEnd, target: TransferEnd): Blocking<0 | Errno> {
  const sourceReady = source.file.queue === undefined || (source.file.poll() & READ_EVENTS) !== 0;
  const end = sourceReady ? target : source;
  const events = sourceReady ? WRITE_EVENTS : READ_EVENTS;
  if (end.noWait || end.file.queue === undefined) return EAGAIN;
  const woken = yield* sleepOn(end.file.queue, events);
  return isErr(woken) ? woken : 0;
}
