/** Runs a command natively or under skas, in the same folder, with the same environment, and collects what it did. */
import { spawn } from 'node:child_process';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../tools/repository.js';
import type { PlatformName } from './platforms.js';

export interface Outcome {
  /** As a shell reports it: 128 + n for signal n. */
  exitCode: number;
  stdout: Buffer;
  stderr: string;
  timedOut: boolean;
  durationMs: number;
}

export interface RunOptions {
  cwd: string;
  env: Readonly<Record<string, string>>;
  timeoutMs: number;
  stdin?: string | undefined;
  /** More options for `skas run`, before the `--`. */
  skasOptions?: readonly string[];
}

/** The command line under test; SKAS_CLI names another build of it. */
export const CLI = process.env['SKAS_CLI'] ?? join(ROOT, 'dist/cli.cjs');

const MAX_OUTPUT = 64 << 20;

/** The command at the priority that it has natively: a guest begins with 0, whatever the tests were started with. */
export function atOurPriority(argv: readonly string[]): readonly string[] {
  const priority = getPriority();
  return priority === 0 ? argv : ['nice', '-n', String(priority), ...argv];
}

export function runNatively(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  return run(argv, options);
}

export function runUnderSkas(platform: PlatformName, argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const environment = Object.entries(options.env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const skas = [process.execPath, CLI, 'run', '--platform', platform, ...environment, ...(options.skasOptions ?? []), '--'];
  return run([...skas, ...atOurPriority(argv)], options);
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function run(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    let timedOut = false;
    const end = (): void => {
      timedOut = true;
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
      // A session of its own that it has left behind may hold the pipes open for ever.
      child.stdout!.destroy();
      child.stderr!.destroy();
    };
    const timer = setTimeout(end, options.timeoutMs);
    child.on('error', reject);
    child.stdout!.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) stdout.push(chunk);
      else end();
    });
    child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk));
    if (options.stdin !== undefined) {
      child.stdin!.on('error', () => undefined);
      child.stdin!.end(options.stdin);
    }
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        exitCode: code ?? 128 + (SIGNAL_NUMBERS[signal!] ?? 0),
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString('latin1'),
        timedOut,
        durationMs: performance.now() - started,
      });
    });
  });
}
