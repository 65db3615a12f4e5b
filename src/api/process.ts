/** A program that runs in a sandbox: what `spawn` returns. */
import { checkTerminalSize } from './check-options.js';
import { ClosedError, SandboxError, SpawnError } from './errors.js';
import type { KernelClient, ProcessListener } from './kernel-client.js';
import type { KillTarget, SpawnFailure, SpawnRequest, Usage } from './protocol.js';
import { decodeStatus, type Result } from './result.js';
import { signalNumber } from './signal-names.js';
import { OutputStream } from './output-stream.js';
import { StdinFeed, type StdinInput } from './stdin-source.js';

/** A piece of output, in the order in which it arrived. */
export interface OutputChunk {
  stream: 'stdout' | 'stderr';
  data: string;
}

/** SIGTERM, and this long after it SIGKILL. */
export const KILL_GRACE_MS = 2000;

export interface ProcessOptions {
  /** Stops the program when it aborts: SIGTERM, then SIGKILL; the result says `aborted`. */
  signal?: AbortSignal;
  /** Stops the program after so many milliseconds: SIGTERM, then SIGKILL; the result says `timedOut`. */
  timeoutMs?: number;
}

const NO_USAGE: Usage = { cpuMs: 0, peakMemoryBytes: 0, syscalls: 0, outOfMemory: false, limits: [] };

/**
 * A running program. Its `stdout` and `stderr` must be read (or cancelled), or the program waits once a mebibyte is unread;
 * `for await` over the process reads both as text.
 */
export class SandboxProcess implements AsyncDisposable {
  /** Process id in the guest. */
  pid = 0;
  /** Bytes (or strings) written here are the program's standard input, or typed on its terminal. A write waits until the guest wants it. */
  readonly stdin: WritableStream<Uint8Array | string>;
  /** Standard output, or what the program's terminal shows. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Standard error; empty when the program has a terminal. */
  readonly stderr: ReadableStream<Uint8Array>;
  /**
   * Resolves when the program has ended and no process can write to its output streams any more (as node's 'close' event).
   * `stdout` and `stderr` of the result are empty: the streams have it all. Never rejects because of what the program does.
   */
  readonly exited: Promise<Result>;

  private readonly id: number;
  private readonly out: OutputStream;
  private readonly err: OutputStream;
  private readonly feed: StdinFeed;
  private readonly startedAt = performance.now();
  private ended: { status: number; usage: Usage } | undefined = undefined;
  private settled = false;
  private timedOut = false;
  private aborted = false;
  /** Why the input of `sendInput` broke off. */
  inputFailure: { readonly error: unknown } | undefined = undefined;
  private readonly timers = new Set<NodeJS.Timeout>();
  private settle!: { resolve(result: Result): void; reject(error: Error): void };
  private readonly started: Promise<void>;
  private start!: { resolve(): void; reject(error: Error): void };

  private constructor(
    private readonly client: KernelClient,
    request: SpawnRequest,
    private readonly options: ProcessOptions,
  ) {
    this.exited = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.started = new Promise((resolve, reject) => (this.start = { resolve, reject }));
    this.exited.catch(() => {});
    this.started.catch(() => {});
    const flow = (fd: 1 | 2) => ({
      consumed: (bytes: number) => client.consumed(this.id, fd, bytes),
      cancelled: () => client.closeOutput(this.id, fd),
    });
    this.out = new OutputStream(flow(1));
    this.err = new OutputStream(flow(2));
    const input = { send: (bytes: Uint8Array) => client.stdin(this.id, bytes), end: () => client.stdinEnd(this.id) };
    this.feed = new StdinFeed(input, (error) => this.inputFailed(error));
    this.stdout = this.out.stream;
    this.stderr = this.err.stream;
    this.stdin = new WritableStream<Uint8Array | string>({
      write: (chunk) => this.feed.write(chunk),
      close: () => this.feed.end(),
      abort: () => this.feed.end(),
    });
    if (request.stdout === 'null' && !request.pty) this.out.end();
    if (request.stderr !== 'pipe' || request.pty) this.err.end();
    this.id = client.spawn(request, this.listener());
  }

  /** Use `Sandbox.spawn`. Rejects with a SpawnError when the program cannot be started. */
  static async start(client: KernelClient, request: SpawnRequest, options: ProcessOptions = {}): Promise<SandboxProcess> {
    options.signal?.throwIfAborted();
    const process = new SandboxProcess(client, request, options);
    await process.started;
    return process;
  }

  /** Gives the program its standard input; used instead of `stdin`. If `input` fails, the program is stopped: it has seen half of it. */
  sendInput(input: StdinInput | undefined): void {
    if (input === undefined) this.feed.end();
    else this.feed.feed(input);
  }

  private inputFailed(error: unknown): void {
    this.inputFailure = { error };
    this.stop();
  }

  /** Sends a signal (name or number) to the program, its process group, or everything that it started and left behind. */
  kill(signal: string | number = 'SIGTERM', target: KillTarget = 'process'): void {
    const number = signalNumber(signal);
    if (number === undefined) throw new SandboxError(`${signal} is no signal: give a name such as SIGTERM, or a number up to 64`, 'EINVAL');
    if (!this.settled) this.client.kill(this.id, number, target);
  }

  /** Changes the size of the program's terminal (spawned with `pty`); it gets SIGWINCH. */
  resize(cols: number, rows: number): void {
    this.client.resize(this.id, checkTerminalSize({ cols, rows }));
  }

  /** SIGTERM now and SIGKILL to all it started two seconds later, unless it has ended. Also used for time-outs and aborts. */
  stop(): void {
    if (this.settled) return;
    this.kill('SIGTERM', 'group');
    this.later(KILL_GRACE_MS, () => this.kill('SIGKILL', 'session'));
    if (this.ended) this.kill('SIGKILL', 'session');
  }

  /** Reads stdout and stderr together, decoded as UTF-8, until both end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    const chunks: OutputChunk[] = [];
    let wake = (): void => {};
    let running = 2;
    const collect = async (stream: 'stdout' | 'stderr'): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const bytes of this[stream]) {
        chunks.push({ stream, data: decoder.decode(bytes, { stream: true }) });
        wake();
      }
      const rest = decoder.decode();
      if (rest !== '') chunks.push({ stream, data: rest });
      running--;
      wake();
    };
    const failed: unknown[] = [];
    for (const stream of ['stdout', 'stderr'] as const) {
      collect(stream).catch((error: unknown) => {
        failed.push(error);
        wake();
      });
    }
    while (running > 0 || chunks.length > 0) {
      if (failed.length > 0) throw failed[0];
      const chunk = chunks.shift();
      if (chunk) yield chunk;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  /** Kills the program and everything it started, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.settled) {
      this.discardOutput();
      this.kill('SIGKILL', 'session');
    }
    await this.exited.catch(() => {});
  }

  private discardOutput(): void {
    this.out.discard();
    this.err.discard();
  }

  private listener(): ProcessListener {
    return {
      started: (pid) => {
        this.pid = pid;
        this.armLimits();
        this.start.resolve();
      },
      failed: (failure) => this.failedToStart(failure),
      output: (fd, bytes) => (fd === 1 ? this.out : this.err).push(bytes),
      outputEnd: (fd) => {
        (fd === 1 ? this.out : this.err).end();
        this.finishIfDone();
      },
      stdinWanted: () => this.feed.want(),
      stdinClosed: () => this.feed.close(),
      exited: (status, usage) => {
        this.ended = { status, usage };
        this.feed.close();
        // What it left behind may hold the streams open for ever: a program that was to be stopped takes it along.
        if (this.timedOut || this.aborted) this.kill('SIGKILL', 'session');
        this.finishIfDone();
      },
      lost: () => this.lost(),
    };
  }

  private armLimits(): void {
    const { timeoutMs, signal } = this.options;
    if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs !== Infinity) {
      this.later(timeoutMs, () => {
        this.timedOut = true;
        this.stop();
      });
    }
    if (!signal) return;
    const abort = (): void => {
      this.aborted = true;
      this.stop();
    };
    if (signal.aborted) abort();
    else {
      signal.addEventListener('abort', abort, { once: true });
      void this.exited.catch(() => {}).finally(() => signal.removeEventListener('abort', abort));
    }
  }

  /** setTimeout holds at most 2^31 ms; what is longer needs no timer. */
  private later(delayMs: number, action: () => void): void {
    if (delayMs >= 2 ** 31) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.settled) action();
    }, delayMs);
    timer.unref();
    this.timers.add(timer);
  }

  private failedToStart(failure: SpawnFailure): void {
    const error = new SpawnError(failure);
    this.start.reject(error);
    this.conclude(() => this.settle.reject(error));
  }

  private lost(): void {
    const error = new ClosedError();
    this.start.reject(error);
    const { ended } = this;
    if (ended) this.conclude(() => this.settle.resolve(this.result(ended.status, ended.usage)));
    else if (this.client.closed && this.pid !== 0) this.conclude(() => this.settle.resolve(this.result(9, NO_USAGE)));
    else this.conclude(() => this.settle.reject(error));
  }

  private finishIfDone(): void {
    const { ended } = this;
    if (!ended || !this.out.complete || !this.err.complete) return;
    this.conclude(() => this.settle.resolve(this.result(ended.status, ended.usage)));
  }

  private conclude(settle: () => void): void {
    if (this.settled) return;
    this.settled = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.feed.close();
    this.out.end();
    this.err.end();
    this.client.forget(this.id);
    settle();
  }

  private result(status: number, usage: Usage): Result {
    const ended = decodeStatus(status);
    return {
      ...ended,
      stdout: '',
      stderr: '',
      ok: ended.exitCode === 0,
      timedOut: this.timedOut,
      aborted: this.aborted,
      durationMs: performance.now() - this.startedAt,
      usage: this.timedOut ? { ...usage, limits: [...usage.limits, 'wall'] } : usage,
    };
  }
}
