/** `skas run`: one program, connected to this process's streams or terminal, whose exit status becomes ours. */
import { isatty } from 'node:tty';
import { OptionError, spawnExitCode, spawnFailureMessage } from '../api/errors.js';
import { type BootError, KernelClient, type KernelThread, type ProcessListener } from '../api/kernel-client.js';
import type { SpawnFailure, SpawnRequest, Usage } from '../api/protocol.js';
import { decodeStatus, shellExitCode } from '../api/result.js';
import { signalNumber } from '../api/signal-names.js';
import { hiddenProgramMessage } from './hidden-program.js';
import { HostInput } from './host-input.js';
import { HostOutput, sameFile } from './host-output.js';
import { CliError, oneLine } from './messages.js';
import type { RunOptions } from './run-options.js';
import type { HostTerminal } from './terminal.js';

/** SIGTERM, and this long after it SIGKILL. */
const KILL_GRACE_MS = 2000;
/** A second interrupt within this time kills. */
const INSIST_MS = 2000;
const SIGTERM = 15;
const SIGKILL = 9;
const SIGCONT = 18;
const SIGTSTP = 20;

/** What is sent on to the guest, and to whom: what a keyboard sends goes to the whole process group. */
const FORWARDED: readonly (readonly [NodeJS.Signals, 'process' | 'group'])[] = [
  ['SIGINT', 'group'],
  ['SIGQUIT', 'group'],
  ['SIGHUP', 'group'],
  ['SIGTERM', 'process'],
  ['SIGUSR2', 'process'],
];

/** Runs the program; resolves to the exit code of this process. */
export async function run(given: RunOptions, thread: KernelThread): Promise<number> {
  const options = await withImage(given);
  // Loaded only where it is needed: it brings the FFI into this thread.
  const terminal = options.terminal ? (await import('./terminal.js')).HostTerminal.open() : undefined;
  const session = new RunSession(options, thread, terminal);
  try {
    const code = await session.run();
    await session.flush();
    // Nobody shall take for done what has not reached its file.
    return session.outputLost && code === 0 ? 125 : code;
  } finally {
    await session.flush();
  }
}

/** Unpacks the root where it is an image, and fills in what the image says to run. */
async function withImage(given: RunOptions): Promise<RunOptions> {
  if (given.machine.root?.type !== 'image') return given;
  const { resolveImages } = await import('../api/resolve-images.js');
  const { ProgressLine } = await import('./progress.js');
  const progress = new ProgressLine();
  try {
    const { options: machine, config } = await resolveImages(given.machine, (source, done, total) =>
      progress.show(`unpacking ${source}`, done, total),
    );
    const entrypoint = given.entrypoint === undefined ? (config?.entrypoint ?? []) : [given.entrypoint].filter((word) => word !== '');
    const words = given.argv.length > 0 || given.entrypoint !== undefined ? given.argv : (config?.cmd ?? []);
    const argv = [...entrypoint, ...words];
    if (argv.length === 0) throw new CliError('no program given, and the root names none: try skas run --root ... -- /bin/sh');
    return { ...given, machine, argv };
  } catch (error) {
    throw error instanceof OptionError ? new CliError(error.message) : error;
  } finally {
    progress.end();
  }
}

class RunSession {
  private readonly client: KernelClient;
  private readonly input: HostInput;
  private readonly out = new HostOutput();
  private readonly err: HostOutput;
  private readonly collected: Record<1 | 2, Uint8Array[]> = { 1: [], 2: [] };
  private readonly oneStream = sameFile();
  private id = 0;
  private readonly startedAt = performance.now();
  private readonly openStreams = new Set<1 | 2>();
  private ended: { status: number; usage: Usage } | undefined = undefined;
  private told = false;
  private timedOut = false;
  /** Asked to stop from outside: what the program leaves behind is not waited for. */
  private stopping = false;
  private lastInterrupt = -Infinity;
  /** Standard output could not be written, and that not because its reader has gone. */
  outputLost = false;
  private finish!: { resolve(code: number): void; reject(error: Error): void };

  constructor(
    private readonly options: RunOptions,
    thread: KernelThread,
    private readonly terminal: HostTerminal | undefined,
  ) {
    this.err = this.oneStream ? this.out : new HostOutput();
    this.client = new KernelClient(thread, options.machine, {
      trace: (text) => this.say(text),
      bug: (pid, name, message) =>
        this.say(oneLine(`a defect of skas killed guest process ${pid} (${name}), please report it: ${message}`)),
    });
    this.input = new HostInput({
      send: (bytes) => this.client.stdin(this.id, bytes),
      end: (error) => {
        if (error) this.say(oneLine(`standard input: ${error.message}: the program sees its end`));
        this.client.stdinEnd(this.id);
      },
    });
  }

  async run(): Promise<number> {
    const done = new Promise<number>((resolve, reject) => (this.finish = { resolve, reject }));
    this.client.booted.catch((error: BootError) => this.finish.reject(new CliError(bootMessage(error))));
    this.id = this.client.spawn(this.request(), this.listener());
    this.forwardSignals();
    this.followJobControl();
    try {
      const code = await done;
      if (this.options.stats) await this.printStatistics();
      return code;
    } finally {
      this.terminal?.end();
      this.input.close();
    }
  }

  /** Waits until all output is with the host. */
  async flush(): Promise<void> {
    await Promise.all([this.out.idle(), this.err.idle()]);
  }

  private request(): SpawnRequest {
    const { argv, json } = this.options;
    const base: SpawnRequest = { argv, env: {}, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' };
    if (this.terminal) {
      this.openStreams.add(1);
      const env = { TERM: process.env.TERM ?? 'xterm', ...(process.env.COLORTERM ? { COLORTERM: process.env.COLORTERM } : {}) };
      return { ...base, env, pty: this.terminal.size };
    }
    this.openStreams.add(1);
    if (this.oneStream && !json) return { ...base, stderr: 'stdout' };
    this.openStreams.add(2);
    return base;
  }

  private listener(): ProcessListener {
    return {
      started: () => this.started(),
      failed: (failure) => this.failed(failure),
      output: (fd, bytes) => this.output(fd, bytes),
      outputEnd: (fd) => {
        this.openStreams.delete(fd);
        this.finishIfDone();
      },
      stdinWanted: () => this.input.want(),
      stdinClosed: () => this.input.close(),
      exited: (status, usage) => {
        this.ended = { status, usage };
        this.input.close();
        this.finishIfDone();
      },
      // Where it has not come up, `booted` tells why.
      lost: () =>
        void this.client.booted.then(
          () => this.finish.reject(new CliError('the kernel ended unexpectedly: please report this')),
          () => {},
        ),
    };
  }

  private started(): void {
    this.terminal?.begin((size) => this.client.resize(this.id, size));
    const { timeoutSeconds } = this.options;
    if (timeoutSeconds * 1000 < 2 ** 31) setTimeout(() => this.timeOut(), timeoutSeconds * 1000).unref();
  }

  private failed(failure: SpawnFailure): void {
    const { what, code, value } = failure;
    const mayBeHidden = what === 'program' && code === 'ENOENT' && this.options.machine.root === undefined;
    const message = (mayBeHidden ? hiddenProgramMessage(value) : undefined) ?? spawnFailureMessage(failure);
    this.finish.reject(new CliError(message, spawnExitCode(failure)));
  }

  private output(fd: 1 | 2, bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.options.json) {
      this.collected[fd].push(bytes);
      this.client.consumed(this.id, fd, length);
      return;
    }
    (fd === 1 ? this.out : this.err).write(fd, bytes, (error) => {
      if (error) this.outputFailed(fd, error);
      else this.client.consumed(this.id, fd, length);
    });
  }

  private outputFailed(fd: 1 | 2, error: NodeJS.ErrnoException): void {
    this.client.closeOutput(this.id, fd);
    if (error.code === 'EPIPE' || fd !== 1 || this.outputLost) return;
    this.outputLost = true;
    this.say(oneLine(`standard output: ${error.message}: free some space or write elsewhere`));
  }

  /** As natively: the program's own end counts on a terminal; whoever reads from a pipe waits until nobody can write to it. */
  private finishIfDone(): void {
    if (!this.ended || this.told) return;
    const waits = [...this.openStreams].some((fd) => this.options.json || !isatty(fd));
    if (waits && !this.stopping && !this.timedOut && !this.terminal) return;
    // What ends after this (streams that others held) changes nothing any more.
    this.told = true;
    const { status, usage } = this.ended;
    if (this.options.json) this.printJson(status, usage);
    else if (usage.outOfMemory) this.say(oneLine('killed: the machine has no memory left: give it more with -m'));
    this.finish.resolve(shellExitCode(status));
  }

  private forwardSignals(): void {
    for (const [name, target] of FORWARDED) {
      process.on(name, () => {
        const insists = performance.now() - this.lastInterrupt < INSIST_MS;
        if (name === 'SIGINT') this.lastInterrupt = performance.now();
        if (name !== 'SIGUSR2') this.stopping = true;
        if (name === 'SIGINT' && insists) this.client.kill(this.id, SIGKILL, 'session');
        else this.client.kill(this.id, signalNumber(name)!, target);
        this.finishIfDone();
      });
    }
  }

  /** Stopped by the keyboard: the guest first, then this process, as a job that the shell sees stop; and on again. */
  private followJobControl(): void {
    process.on('SIGTSTP', () => {
      this.client.kill(this.id, SIGTSTP, 'group');
      process.kill(process.pid, 'SIGSTOP');
    });
    process.on('SIGCONT', () => this.client.kill(this.id, SIGCONT, 'group'));
  }

  private timeOut(): void {
    if (this.ended && this.openStreams.size === 0) return;
    this.timedOut = true;
    this.client.kill(this.id, SIGTERM, 'group');
    setTimeout(() => this.client.kill(this.id, SIGKILL, 'session'), KILL_GRACE_MS).unref();
    if (!this.options.json) this.say(oneLine(`stopped after ${this.options.timeoutSeconds} s: raise -t if it needs longer`));
    this.finishIfDone();
  }

  private printJson(status: number, usage: Usage): void {
    const stdout = Buffer.concat(this.collected[1]);
    const stderr = Buffer.concat(this.collected[2]);
    const isText = [stdout, stderr].every((bytes) => Buffer.from(bytes.toString('utf8')).equals(bytes));
    const encoding = isText ? 'utf8' : 'base64';
    const ended = decodeStatus(status);
    const result = {
      ...ended,
      stdout: stdout.toString(encoding),
      stderr: stderr.toString(encoding),
      encoding,
      ok: ended.exitCode === 0,
      timedOut: this.timedOut,
      aborted: this.stopping,
      durationMs: Math.round((performance.now() - this.startedAt) * 1000) / 1000,
      usage: this.timedOut ? { ...usage, limits: [...usage.limits, 'wall'] } : usage,
    };
    this.out.write(1, Buffer.from(`${JSON.stringify(result)}\n`), () => {});
  }

  private async printStatistics(): Promise<void> {
    const { formatRunStatistics } = await import('./statistics.js');
    this.say(formatRunStatistics(await this.client.statistics(), this.ended!.usage, performance.now() - this.startedAt));
  }

  private say(text: string): void {
    this.err.write(2, Buffer.from(text), () => {});
  }
}

function bootMessage({ failure }: BootError): string {
  switch (failure.kind) {
    case 'unsupported':
      return `${failure.message} (skas doctor checks everything)`;
    case 'option':
      return failure.message;
    case 'bug':
      return `the kernel failed to start, please report it: ${failure.message}`;
  }
}
