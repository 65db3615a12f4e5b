/**
 * Errors that the API throws. Each message is one sentence that says what to do; `code` is for programs.
 *
 *   SandboxError
 *     UnsupportedHostError   this host cannot run guests
 *     OptionError            an option makes no sense
 *     SpawnError             the program was not started (not found, not executable, bad directory or user)
 *     ExitError              it ended with a non-zero code or by a signal (only with `check: true`)
 *     TimeoutError           it ran out of wall time (only with `check: true`)
 *     LimitError             it hit a limit of the API, such as `maxBuffer`
 *     FileError              a file operation failed; `code` is Linux's error name
 *     ClosedError            the sandbox is closed
 *     KernelError            skas itself failed
 */
import type { SpawnFailure } from './protocol.js';
import type { Result } from './result.js';

export class SandboxError extends Error {
  override readonly name: string = 'SandboxError';
  constructor(
    message: string,
    /** For programs: 'ENOENT', 'ETIMEDOUT', 'ERR_CLOSED', ... */
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** This host lacks something; the message names it and `skas doctor` shows all that is checked. */
export class UnsupportedHostError extends SandboxError {
  override readonly name = 'UnsupportedHostError';
  constructor(message: string) {
    super(message, 'ERR_UNSUPPORTED_HOST');
  }
}

/** An option has a value that makes no sense. */
export class OptionError extends SandboxError {
  override readonly name = 'OptionError';
  constructor(message: string) {
    super(message, 'ERR_OPTION');
  }
}

/** The program was not started. `code` is Linux's: ENOENT, EACCES, ENOEXEC, ENOTDIR, EAGAIN, ... */
export class SpawnError extends SandboxError {
  override readonly name = 'SpawnError';
  /** What a shell would exit with: 127 when the program was not found, 126 when it cannot be executed, 125 otherwise. */
  readonly exitCode: number;
  constructor(readonly failure: SpawnFailure) {
    super(spawnFailureMessage(failure), failure.code);
    this.exitCode = spawnExitCode(failure);
  }
}

/** What a shell exits with when it could not start the program. */
export function spawnExitCode(failure: SpawnFailure): number {
  if (failure.what !== 'program') return 125;
  return failure.code === 'ENOENT' || failure.code === 'ENOTDIR' ? 127 : 126;
}

const PROGRAM_MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: 'not found: check the name, or give the path of a program that the guest can see',
  ENOTDIR: 'not found: a part of its path is not a directory',
  EACCES: 'not executable: make it so with chmod +x, or name a file instead of a directory',
  ENOEXEC: 'not executable: neither an x86-64 ELF program nor a script that begins with #!',
  EISDIR: 'is a directory: give the path of a program',
  ELIBBAD: 'not executable: its interpreter is damaged or not for x86-64',
  ENOMEM: 'does not fit into memory: raise the memory limit (-m, limits.memoryBytes)',
  E2BIG: 'cannot start: its arguments and environment are too long',
  EAGAIN: 'cannot start: the limit of processes is reached (--pids, limits.processes)',
  ETXTBSY: 'not executable: it is open for writing',
  ELOOP: 'not found: too many symbolic links on the way',
  ENAMETOOLONG: 'not found: the name is too long',
};

/** One sentence about a program that was not started. */
export function spawnFailureMessage({ code, what, value }: SpawnFailure): string {
  switch (what) {
    case 'program':
      return `${value}: ${PROGRAM_MESSAGES[code] ?? `cannot be executed (${code})`}`;
    case 'cwd':
      return `working directory ${value}: ${code === 'ENOENT' ? 'does not exist in the guest: mount it, or choose another' : `cannot be entered (${code}): choose another`}`;
    case 'user':
      return `user ${value}: unknown: give UID, UID:GID, or a name in the guest's /etc/passwd`;
    case 'process':
      return `no process for ${value}: ${code === 'EAGAIN' ? 'the limit of processes is reached (--pids, limits.processes)' : `the kernel answered ${code}`}`;
  }
}

/** The program ended with a non-zero code or by a signal, and `check` was set. */
export class ExitError extends SandboxError {
  override readonly name = 'ExitError';
  constructor(
    command: string,
    readonly result: Result<string | Uint8Array>,
  ) {
    super(`${command}: ${endedHow(result)}${lastLine(result.stderr)}`, 'ERR_EXIT');
  }
}

/** The program ran longer than `timeoutMs` or `limits.wallSeconds`, and `check` was set. */
export class TimeoutError extends SandboxError {
  override readonly name = 'TimeoutError';
  constructor(
    command: string,
    readonly result: Result<string | Uint8Array>,
  ) {
    super(`${command}: stopped after ${Math.round(result.durationMs)} ms: raise timeoutMs if it needs longer`, 'ETIMEDOUT');
  }
}

/** A limit of the API was hit: `maxBuffer`. The process has been killed; `result` holds what was collected. */
export class LimitError extends SandboxError {
  override readonly name = 'LimitError';
  constructor(
    message: string,
    readonly result: Result<string | Uint8Array>,
  ) {
    super(message, 'ERR_LIMIT');
  }
}

/** A file operation failed, with the members of node:fs errors. */
export class FileError extends SandboxError {
  override readonly name = 'FileError';
  constructor(
    code: string,
    readonly syscall: string,
    readonly path: string,
  ) {
    super(`${code}: ${syscall} '${path}' failed in the sandbox`, code);
  }
}

/** The sandbox is closed, or closing. */
export class ClosedError extends SandboxError {
  override readonly name = 'ClosedError';
  constructor() {
    super('the sandbox is closed: create another one', 'ERR_CLOSED');
  }
}

/** A failure of skas itself; please report it. */
export class KernelError extends SandboxError {
  override readonly name = 'KernelError';
  constructor(message: string, options?: ErrorOptions) {
    super(`${message} (a defect of skas: please report it)`, 'ERR_KERNEL', options);
  }
}

function endedHow({ exitCode, signal }: Result<string | Uint8Array>): string {
  return signal === null ? `exited with ${exitCode}` : `killed by ${signal}`;
}

/** The last line of stderr says most; the whole is in `result`. */
function lastLine(stderr: string | Uint8Array): string {
  const text = typeof stderr === 'string' ? stderr : new TextDecoder().decode(stderr.subarray(-1024));
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line.slice(0, 300)}`;
}
