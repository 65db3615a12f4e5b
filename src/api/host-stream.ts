/**
 * A guest's standard streams on the kernel's side. The guest holds one end of an ordinary pipe (or the slave of a terminal); the
 * other end is held here and bridged to messages:
 *
 *   OutputBridge   pipe's read end, terminal's master  -->  `output` messages, as long as there is credit
 *   InputBridge    `stdin` messages  -->  pipe's write end, terminal's master
 *
 * Wait queues may call us in the middle of a handler, where nothing may be moved; so a wake-up arms a timer of the machine, and
 * the data moves when the run loop comes round to it. The timer also gathers small writes: a bridge that has just sent waits
 * GATHER_NS before it sends again, unless half a pipe has come together.
 */
import { isErr } from '../base/brands.js';
import type { Clock } from '../base/clock.js';
import type { Waiter } from '../base/wait-queue.js';
import { EAGAIN } from '../abi/errno.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../abi/poll.js';
import { KernelIoVec } from '../mm/io-vec.js';
import type { OpenFile } from '../vfs/open-file.js';
import { dropFile } from '../vfs/fd-table.js';
import { Timer, type TimerQueue } from '../kernel/timers.js';
import { OUTPUT_WINDOW_BYTES } from './protocol.js';

/** How long small writes are gathered once a message has been sent. */
const GATHER_NS = 200_000;
/** Largest message; the buffer is transferred when a read fills it, and copied out of otherwise. */
const MESSAGE_BYTES = 64 << 10;

/** What a bridge needs of the machine. */
export interface BridgeContext {
  readonly timers: TimerQueue;
  readonly clock: Clock;
}

/** Where an OutputBridge delivers. */
export interface OutputSink {
  /** Takes over the bytes. */
  data(bytes: Uint8Array): void;
  /** Nothing will come any more. */
  end(): void;
  /** All that had been written has been delivered, for now. */
  drained(): void;
}

export class OutputBridge implements Waiter {
  private readonly timer: Timer;
  private credit = OUTPUT_WINDOW_BYTES;
  private lastSentNs = -GATHER_NS;
  private buffer = new Uint8Array(0);
  private open = true;
  private final = false;

  constructor(
    private readonly context: BridgeContext,
    /** The readable end; the bridge owns the reference. */
    private readonly file: OpenFile,
    private readonly sink: OutputSink,
  ) {
    this.timer = new Timer(() => this.pump());
    file.queue?.add(this, POLLIN | POLLHUP | POLLERR);
  }

  get ended(): boolean {
    return !this.open;
  }

  onWake(): void {
    if (!this.open || this.timer.armed || this.credit <= 0) return;
    this.context.timers.arm(this.timer, this.lastSentNs + GATHER_NS);
  }

  /** Main has consumed so many bytes. */
  giveCredit(bytes: number): void {
    this.credit = Math.min(this.credit + bytes, OUTPUT_WINDOW_BYTES);
    if (this.open && !this.timer.armed && this.credit > 0) this.context.timers.arm(this.timer, 0);
  }

  /** Delivers what there is, as far as there is credit. */
  pump(): void {
    if (this.timer.armed) this.context.timers.cancel(this.timer);
    while (this.open && this.credit > 0) {
      if (this.buffer.length === 0) this.buffer = new Uint8Array(MESSAGE_BYTES);
      const length = Math.min(this.buffer.length, this.credit);
      const got = this.file.read(new KernelIoVec(this.buffer, 0, length), 0);
      if (got === EAGAIN) {
        this.sink.drained();
        return;
      }
      // A terminal's master answers EIO while nobody has the slave open; it may be opened again until the process is gone.
      if (isErr(got) && !this.final) {
        this.sink.drained();
        return;
      }
      if (isErr(got) || got === 0) {
        this.close();
        return;
      }
      this.send(got);
    }
  }

  private send(length: number): void {
    this.credit -= length;
    this.lastSentNs = this.context.clock.monotonicNs();
    const whole = length === this.buffer.length;
    const bytes = whole ? this.buffer : this.buffer.slice(0, length);
    if (whole) this.buffer = new Uint8Array(0);
    this.sink.data(bytes);
  }

  /** The process is gone: from now on an error of the file ends the stream. */
  finish(): void {
    this.final = true;
    this.pump();
  }

  /** Gives the file back: guests that write get EPIPE. Tells the sink, once. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.context.timers.cancel(this.timer);
    this.file.queue?.remove(this);
    this.buffer = new Uint8Array(0);
    dropFile(this.file);
    this.sink.end();
  }
}

export class InputBridge implements Waiter {
  private readonly timer: Timer;
  private readonly chunks: Uint8Array[] = [];
  private offset = 0;
  private ending = false;
  private open = true;

  constructor(
    private readonly context: BridgeContext,
    /** The writable end; the bridge owns the reference. */
    private readonly file: OpenFile,
    /** Nobody can read what is written any more, or all has been written after `end`. */
    private readonly onClosed: () => void,
    /** All that was pushed has been written. */
    private readonly onEmpty: () => void = () => {},
  ) {
    this.timer = new Timer(() => this.pump());
    file.queue?.add(this, POLLOUT | POLLHUP | POLLERR);
  }

  onWake(): void {
    if (this.open && !this.timer.armed) this.context.timers.arm(this.timer, 0);
  }

  push(bytes: Uint8Array): void {
    if (!this.open || this.ending || bytes.length === 0) return;
    this.chunks.push(bytes);
    this.pump();
  }

  /** End of file, behind what has been pushed. */
  end(): void {
    this.ending = true;
    this.pump();
  }

  private pump(): void {
    while (this.open && this.chunks.length > 0) {
      const chunk = this.chunks[0]!;
      const moved = this.file.write(new KernelIoVec(chunk, this.offset), 0);
      if (moved === EAGAIN || moved === 0) return;
      if (isErr(moved)) {
        this.close();
        return;
      }
      this.offset += moved;
      if (this.offset < chunk.length) continue;
      this.chunks.shift();
      this.offset = 0;
      if (this.chunks.length === 0 && !this.ending) this.onEmpty();
    }
    if (this.open && (this.ending || (this.file.poll() & POLLERR) !== 0)) this.close();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.chunks.length = 0;
    this.context.timers.cancel(this.timer);
    this.file.queue?.remove(this);
    dropFile(this.file);
    this.onClosed();
  }
}
