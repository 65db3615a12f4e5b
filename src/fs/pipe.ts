/**
 * Pipes (Linux: fs/pipe.c, pipe(7)). `Pipe` is the object, `PipeFile` one open end of it; fifo.ts opens named ones.
 *
 * A pipe counts as writable while a write of PIPE_BUF bytes would succeed; a larger write takes whatever room there is. So a
 * write that answered EAGAIN always finds POLLOUT clear, and the sleeper is woken when it comes. Left out: packets merging
 * into Linux's slots (capacity counts bytes), O_NOTIFICATION_PIPE.
 */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { PAGE_SIZE } from '../base/page.js';
import { EAGAIN, EBADF, EBUSY, EINVAL, ENOTTY, EPERM, EPIPE } from '../abi/errno.js';
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/fcntl.js';
import { FIONREAD } from '../abi/ioctls.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../abi/poll.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Inode } from '../vfs/inode.js';
import { answerInt, OpenFile, type IoctlCaller } from '../vfs/open-file.js';
import { DEFAULT_CAPACITY, PIPE_BUF, PipeBuffer } from './pipe-buffer.js';

/** /proc/sys/fs/pipe-max-size. */
export const MAX_CAPACITY = 1 << 20;

const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;

export class Pipe {
  readonly queue = new WaitQueue();
  /** Where who opens it by a name waits for the other side. */
  readonly arrivals = new WaitQueue();
  readonly buffer = new PipeBuffer(DEFAULT_CAPACITY);
  readers = 0;
  writers = 0;
  /** Opens so far: a FIFO's opener waits for the other side's to move, and POLLHUP needs that a writer has been there. */
  readerOpens = 0;
  writerOpens = 0;

  /** A reader looks whether there is something to read. */
  look(): void {}

  get isWritable(): boolean {
    return this.buffer.room >= PIPE_BUF;
  }

  /** Up to `max` bytes; 0 at the end (no writer is left), EAGAIN when empty. */
  read(io: IoVec, max = io.remaining): number | Errno {
    if (max === 0) return 0;
    const wasWritable = this.isWritable;
    const moved = this.buffer.remove(io, max);
    if (moved === EAGAIN) return this.writers === 0 ? 0 : EAGAIN;
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
    return moved;
  }

  /** Drops bytes that have been copied out of the buffer (splice). */
  skip(length: number): void {
    const wasWritable = this.isWritable;
    this.buffer.skip(length);
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
  }

  /**
   * EPIPE without readers (the caller sends SIGPIPE); EAGAIN when nothing fits; up to PIPE_BUF bytes go whole or not at all.
   * `most`: bytes to write at most, whatever `io` has.
   */
  write(io: IoVec, asPackets = false, most = io.remaining): number | Errno {
    const length = Math.min(io.remaining, most);
    if (length === 0) return 0;
    if (this.readers === 0) return EPIPE;
    if (length <= PIPE_BUF && this.buffer.room < length) return EAGAIN;
    const moved = asPackets ? this.writePackets(io) : this.buffer.append(io, length);
    // Also when it was not empty: an edge-triggered watcher is told of every write.
    if (!isErr(moved)) this.queue.wake(READABLE);
    return moved;
  }

  private writePackets(io: IoVec): number | Errno {
    let done = 0;
    while (io.remaining > 0) {
      const moved = this.buffer.appendPacket(io);
      if (isErr(moved)) return done > 0 ? done : moved;
      done += moved;
    }
    return done;
  }

  addReader(): void {
    this.readers++;
    this.readerOpens++;
  }
  addWriter(): void {
    this.writers++;
    this.writerOpens++;
  }

  dropReader(): void {
    if (--this.readers === 0) this.queue.wake(WRITABLE | POLLERR | POLLHUP);
    this.disposeIfUnused();
  }
  dropWriter(): void {
    if (--this.writers === 0) this.queue.wake(READABLE | POLLHUP);
    this.disposeIfUnused();
  }

  /** F_SETPIPE_SZ: rounds up to a power of two of pages; returns the new capacity. Nobody, root included, gets more than 1 MiB. */
  setCapacity(bytes: number): number | Errno {
    if (bytes > 2 ** 31) return EINVAL;
    let capacity = PAGE_SIZE;
    while (capacity < bytes) capacity *= 2;
    if (capacity > MAX_CAPACITY) return EPERM;
    if (capacity < this.buffer.used) return EBUSY;
    const wasWritable = this.isWritable;
    if (capacity !== this.buffer.capacity) this.buffer.resize(capacity);
    if (!wasWritable && this.isWritable) this.queue.wake(WRITABLE);
    return capacity;
  }

  private disposeIfUnused(): void {
    if (this.readers === 0 && this.writers === 0) this.buffer.dispose();
  }
}

/** One open end, or both (a FIFO opened O_RDWR). The pipe's counts have been raised by the maker. */
export class PipeFile extends OpenFile {
  /** A FIFO's reader that came before any writer sees no POLLHUP until one has come and gone. */
  private readonly writersBefore: number;

  constructor(
    inode: Inode,
    flags: number,
    readonly pipe: Pipe,
    awaitsWriter = false,
  ) {
    super(inode, flags);
    this.writersBefore = awaitsWriter ? pipe.writerOpens : -1;
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.pipe.queue;
  }

  override read(io: IoVec): number | Errno {
    return this.readable ? this.pipe.read(io) : EBADF;
  }
  override write(io: IoVec): number | Errno {
    return this.writable ? this.pipe.write(io, (this.flags & O_DIRECT) !== 0) : EBADF;
  }

  override poll(): number {
    const { pipe } = this;
    let events = 0;
    if (this.readable) {
      pipe.look();
      if (pipe.buffer.used > 0) events |= READABLE;
      if (pipe.writers === 0 && pipe.writerOpens !== this.writersBefore) events |= POLLHUP;
    }
    if (this.writable) {
      if (pipe.isWritable) events |= WRITABLE;
      if (pipe.readers === 0) events |= POLLERR;
    }
    return events;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (request !== FIONREAD) return ENOTTY;
    return answerInt(caller, argument, this.pipe.buffer.used);
  }

  /** F_GETPIPE_SZ, F_SETPIPE_SZ. */
  override fileControl(command: number, argument: number): number | Errno {
    if (command === F_GETPIPE_SZ) return this.pipe.buffer.capacity;
    return command === F_SETPIPE_SZ ? this.pipe.setCapacity(argument) : EINVAL;
  }

  override release(): void {
    if (this.readable) this.pipe.dropReader();
    if (this.writable) this.pipe.dropWriter();
  }
}

const pipes = new WeakMap<Inode, Pipe>();

/** The pipe of an inode, a FIFO or one without a name that is opened again (/dev/fd/N): it lives while somebody has it open. */
export function pipeOf(inode: Inode): Pipe {
  const known = pipes.get(inode);
  if (known && (known.readers > 0 || known.writers > 0)) return known;
  const pipe = new Pipe();
  pipes.set(inode, pipe);
  return pipe;
}

/** The two ends of a new pipe, read end first. `flags`: O_NONBLOCK and O_DIRECT count. */
export function makePipe(inode: Inode, flags: number): [PipeFile, PipeFile] {
  return pipeEnds(inode, new Pipe(), flags);
}

/** The ends of a pipe of the caller's making. */
export function pipeEnds(inode: Inode, pipe: Pipe, flags = 0): [PipeFile, PipeFile] {
  pipes.set(inode, pipe);
  pipe.addReader();
  pipe.addWriter();
  return [
    new PipeFile(inode, O_RDONLY | (flags & O_NONBLOCK), pipe),
    new PipeFile(inode, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), pipe),
  ];
}
