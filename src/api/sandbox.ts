/** The library's main class: a Linux machine with its processes and files, owned by this program. */
import {
  checkArgv,
  checkEnvironment,
  checkExec,
  checkProcessLimits,
  checkSandbox,
  checkSpawn,
  checkTerminalSize,
  checkTimeout,
} from './check-options.js';
import { ClosedError, ExitError, KernelError, LimitError, OptionError, TimeoutError, UnsupportedHostError } from './errors.js';
import { SandboxFs } from './fs.js';
import { BootError, KernelClient, startWorker } from './kernel-client.js';
import type { FileSystemSpec, Limits, PlatformChoice } from './machine-options.js';
import { guestPath } from './mount-spec.js';
import { resolveImages } from './resolve-images.js';
import { SandboxProcess, type ProcessOptions } from './process.js';
import type { MachineStatistics, ProcessLimits, SpawnRequest, TerminalSize } from './protocol.js';
import type { Result } from './result.js';
import { shellCommand, type ShellValue } from './shell.js';
import type { StdinInput } from './stdin-source.js';

export interface SandboxOptions {
  /**
   * The root of the tree: a host directory, a tar archive or an OCI image layout as a string (changes stay in memory), or one of
   * `hostdir`, `memfs`, `overlay`, `image`, `tarfs`. An image brings environment, user and working directory along.
   * Default: the host's own system directories, with every change kept in memory; home directories, /tmp, /run and /var/tmp of
   * the host are not shown.
   */
  root?: string | FileSystemSpec;
  /** What else is mounted: guest path -> `hostdir`, `memfs`, `overlay`, `image`, `tarfs`, or a string as for `root`. */
  mounts?: Readonly<Record<string, string | FileSystemSpec>>;
  /** Files to make before anything runs: guest path (relative ones in `cwd`) -> contents. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** Environment of programs, on top of PATH, HOME, USER, LOGNAME, SHELL, LANG, TZ. The host's environment is not passed. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Working directory of programs, an absolute guest path. Default: the user's home directory, empty and writable. */
  cwd?: string;
  /** Who programs run as: 'UID', 'UID:GID' or a name in the guest's /etc/passwd. Default: the user who runs Node. */
  user?: string;
  hostname?: string;
  /** The guest has no network: 'deny-all' is the only policy yet. */
  network?: 'deny-all';
  limits?: Partial<Limits>;
  platform?: PlatformChoice;
  /** Closes the sandbox when it aborts. */
  signal?: AbortSignal;
  /** Called with lines of a system call trace; `traceCalls` names the calls (default: all). */
  onTrace?: (text: string) => void;
  traceCalls?: readonly string[];
}

interface CommonOptions extends ProcessOptions {
  cwd?: string;
  /** Variables on top of the sandbox's. */
  env?: Readonly<Record<string, string | undefined>>;
  user?: string;
  /** Smaller limits than the sandbox's, for this program and what it starts. */
  limits?: ProcessLimits;
}

export interface SpawnOptions extends CommonOptions {
  /** Gives the program a terminal of this size in place of the three streams. */
  pty?: TerminalSize;
  /** 'pipe' (the default) or 'null' for /dev/null. */
  stdin?: 'pipe' | 'null';
}

export interface ExecOptions extends CommonOptions {
  /** Standard input; without it the program reads an empty one. If it fails, the program is stopped and exec rejects with its error. */
  stdin?: StdinInput;
  /** Throws ExitError for a non-zero code or a signal, TimeoutError for a time-out. */
  check?: boolean;
  /** Most bytes collected of each stream; beyond, the program is killed and LimitError is thrown. Default 64 MiB. */
  maxBuffer?: number;
  /** 'utf8' (the default) for strings in the result, 'buffer' for bytes. */
  encoding?: 'utf8' | 'buffer';
}

type BufferOptions = ExecOptions & { encoding: 'buffer' };
type TextOptions = ExecOptions & { encoding?: 'utf8' };

/** `` sb.$`cmd ${arg}` ``, or `sb.$({ cwd, check })` for one with options. */
export interface Shell {
  (strings: TemplateStringsArray, ...values: ShellValue[]): Promise<Result>;
  (options: TextOptions): (strings: TemplateStringsArray, ...values: ShellValue[]) => Promise<Result>;
}

const DEFAULT_MAX_BUFFER = 64 << 20;

/**
 * A sandbox. Several may be open in one program; they share nothing. It does not keep the program alive by itself: a program
 * that has nothing else to do may exit with an open sandbox, which ends all that runs in it. While a process runs or a call is
 * pending the program stays.
 */
export class Sandbox implements AsyncDisposable {
  /** The machine's files. */
  readonly fs: SandboxFs;
  /** Runs a command line with /bin/sh; values are quoted. Returns what `exec` returns. */
  readonly $: Shell;

  private constructor(
    private readonly client: KernelClient,
    private readonly limits: Limits,
    cwd: string,
    /** How guest code is run: 'ptrace' or 'seccomp'. */
    readonly platform: string,
    /** What the image that is the root says to run: its entry point and arguments. Empty for other roots. */
    readonly command: readonly string[],
  ) {
    this.fs = new SandboxFs(client, cwd);
    this.$ = this.makeShell();
  }

  /**
   * Boots a machine. Rejects with UnsupportedHostError when this host cannot run guests, OptionError when an option makes no
   * sense, or `signal`'s reason.
   */
  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { options: machine, config } = await abortable(resolveImages(checkSandbox(options)), signal);
    const client = new KernelClient(startWorker(), machine, {
      trace: options.onTrace,
      bug: (pid, name, message) => process.emitWarning(`a defect of skas killed guest process ${pid} (${name}): ${message}`),
    });
    try {
      const platform = await abortable(client.booted, signal);
      const { cwd } = await client.file({ op: 'realpath', path: '.' }).then((path) => ({ cwd: path as string }));
      const sandbox = new Sandbox(client, machine.limits, cwd, platform, config ? [...config.entrypoint, ...config.cmd] : []);
      if (options.files) await abortable(sandbox.fs.writeFiles(options.files), signal);
      signal?.addEventListener('abort', () => void sandbox.close(), { once: true });
      return sandbox;
    } catch (error) {
      await client.close();
      throw error instanceof BootError ? bootError(error) : error;
    }
  }

  /**
   * Runs a program to its end and collects what it writes. A non-zero exit code is a result, not an error, unless `check` is
   * set. Rejects with SpawnError when the program cannot be started.
   */
  exec(program: string, args: readonly string[], options: BufferOptions): Promise<Result<Uint8Array>>;
  exec(program: string, args?: readonly string[], options?: TextOptions): Promise<Result>;
  async exec(program: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<Result<string | Uint8Array>> {
    checkExec(options);
    const request = this.request(program, args, options, options.stdin === undefined ? 'null' : 'pipe');
    const process = await SandboxProcess.start(this.client, request, this.processOptions(options));
    if (options.stdin !== undefined) process.sendInput(options.stdin);
    const maxBuffer = options.maxBuffer ?? DEFAULT_MAX_BUFFER;
    let overflow: string | undefined;
    const collect = async (name: 'stdout' | 'stderr'): Promise<Uint8Array[]> => {
      const chunks: Uint8Array[] = [];
      let room = maxBuffer;
      for await (const bytes of process[name]) {
        if (bytes.length > room) {
          overflow ??= name;
          process.kill('SIGKILL', 'session');
        }
        if (room > 0) chunks.push(bytes.length > room ? bytes.subarray(0, room) : bytes);
        room = Math.max(0, room - bytes.length);
      }
      return chunks;
    };
    const [stdout, stderr, ended] = await Promise.all([collect('stdout'), collect('stderr'), process.exited]);
    if (process.inputFailure) throw process.inputFailure.error;
    const decode = options.encoding === 'buffer' ? joinBytes : joinText;
    const result: Result<string | Uint8Array> = { ...ended, stdout: decode(stdout), stderr: decode(stderr) };
    return this.check([program, ...args].join(' '), result, options, overflow, maxBuffer);
  }

  /** Starts a program and returns at once; its streams are the caller's to read. Rejects as exec does. */
  async spawn(program: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<SandboxProcess> {
    checkSpawn(options);
    const request = this.request(program, args, options, options.stdin ?? 'pipe');
    if (options.pty) request.pty = checkTerminalSize(options.pty);
    return SandboxProcess.start(this.client, request, this.processOptions(options));
  }

  /** Counters of the machine: system calls, faults, host calls, frames. */
  async statistics(): Promise<MachineStatistics> {
    if (this.client.closed) throw new ClosedError();
    return this.client.statistics();
  }

  /** Kills every process and gives back all that the machine held. Safe to call twice. */
  close(): Promise<void> {
    return this.client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private request(program: string, args: readonly string[], options: CommonOptions, stdin: 'pipe' | 'null'): SpawnRequest {
    if (this.client.closed) throw new ClosedError();
    return {
      argv: checkArgv(program, args),
      env: checkEnvironment(options.env ?? {}),
      cwd: options.cwd === undefined ? undefined : guestPath(options.cwd, 'cwd'),
      user: options.user,
      limits: options.limits && checkProcessLimits(options.limits),
      stdin,
      stdout: 'pipe',
      stderr: 'pipe',
    };
  }

  private processOptions(options: CommonOptions): ProcessOptions {
    const wallMs = this.limits.wallSeconds * 1000;
    return { signal: options.signal, timeoutMs: Math.min(checkTimeout(options.timeoutMs), wallMs) };
  }

  private check(
    command: string,
    result: Result<string | Uint8Array>,
    options: ExecOptions,
    overflow: string | undefined,
    maxBuffer: number,
  ): Result<string | Uint8Array> {
    if (overflow) {
      const advice = 'raise maxBuffer, or use spawn and read the stream';
      throw new LimitError(`${command}: ${overflow} is longer than maxBuffer (${maxBuffer} bytes): ${advice}`, result);
    }
    if (!options.check || result.ok) return result;
    if (result.timedOut) throw new TimeoutError(command, result);
    throw new ExitError(command, result);
  }

  private makeShell(): Shell {
    const run = (options: TextOptions, strings: TemplateStringsArray, values: ShellValue[]): Promise<Result> =>
      this.exec('/bin/sh', ['-c', shellCommand(strings, values)], options);
    return ((first: TemplateStringsArray | TextOptions, ...values: ShellValue[]) =>
      'raw' in first
        ? run({}, first, values)
        : (strings: TemplateStringsArray, ...rest: ShellValue[]) => run(first, strings, rest)) as Shell;
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function bootError({ failure }: BootError): Error {
  switch (failure.kind) {
    case 'unsupported':
      return new UnsupportedHostError(failure.message);
    case 'option':
      return new OptionError(failure.message);
    case 'bug':
      return new KernelError(failure.message);
  }
}

function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks);
}

function joinText(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
