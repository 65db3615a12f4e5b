/**
 * What callers give, checked before anything is started: TypeScript sees most mistakes, JavaScript none, and a misspelt limit that
 * is silently left out is no limit. Each mistake throws an OptionError that names the option.
 */
import { OptionError } from './errors.js';
import { defaultLimits, machineOptions, MIN_MEMORY_BYTES, PLATFORM_CHOICES, type Limits, type MachineOptions } from './machine-options.js';
import { fileSystemSpec, guestPath, mountList } from './mount-spec.js';
import type { ProcessLimits, TerminalSize } from './protocol.js';
import type { ExecOptions, SandboxOptions, SpawnOptions } from './sandbox.js';

/** Every option once: the compiler sees to it that none is missing. */
type Names<T> = Readonly<Record<keyof T, true>>;

const COMMON = { cwd: true, env: true, user: true, limits: true, signal: true, timeoutMs: true } as const;
const EXEC: Names<ExecOptions> = { ...COMMON, stdin: true, check: true, maxBuffer: true, encoding: true };
const SPAWN: Names<SpawnOptions> = { ...COMMON, pty: true, stdin: true };
const CREATE: Names<SandboxOptions> = {
  root: true,
  mounts: true,
  files: true,
  env: true,
  cwd: true,
  user: true,
  hostname: true,
  network: true,
  limits: true,
  platform: true,
  signal: true,
  onTrace: true,
  traceCalls: true,
};
const PROCESS_LIMITS: Names<ProcessLimits> = { openFiles: true, cpuSeconds: true, outputBytes: true };

function checkNames(given: object, known: Readonly<Record<string, true>>, prefix = ''): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined)
    throw new OptionError(`${prefix}${unknown}: there is no such option; there are ${Object.keys(known).join(', ')}`);
}

/** Options of Sandbox.create as those of a machine. */
export function checkSandbox(options: SandboxOptions): MachineOptions {
  checkNames(options, CREATE);
  const { network, platform = 'auto', root, cwd, user, hostname, onTrace, traceCalls } = options;
  if (network !== undefined && network !== 'deny-all') {
    throw new OptionError(`network ${JSON.stringify(network)}: only 'deny-all' is possible yet`);
  }
  if (!PLATFORM_CHOICES.includes(platform)) {
    throw new OptionError(`platform ${JSON.stringify(platform)}: choose one of ${PLATFORM_CHOICES.join(', ')}`);
  }
  return machineOptions({
    platform,
    root: root === undefined ? undefined : fileSystemSpec(root, 'root'),
    mounts: mountList(options.mounts ?? {}),
    env: checkEnvironment(options.env ?? {}),
    cwd: cwd === undefined ? undefined : guestPath(cwd, 'cwd'),
    user,
    hostname: hostname === undefined ? undefined : checkHostname(hostname),
    limits: checkLimits(options.limits ?? {}),
    trace: onTrace ? { calls: traceCalls ? [...traceCalls] : undefined } : undefined,
  });
}

export function checkExec(options: ExecOptions): void {
  checkNames(options, EXEC);
  const { maxBuffer = 0, encoding = 'utf8' } = options;
  if (!(maxBuffer >= 0)) throw new OptionError(`maxBuffer ${maxBuffer}: give a number of bytes`);
  if (encoding !== 'utf8' && encoding !== 'buffer') throw new OptionError(`encoding ${String(encoding)}: choose 'utf8' or 'buffer'`);
}

export function checkSpawn(options: SpawnOptions): void {
  checkNames(options, SPAWN);
  const { stdin = 'pipe' } = options;
  if (stdin !== 'pipe' && stdin !== 'null')
    throw new OptionError(`stdin ${String(stdin)}: choose 'pipe' or 'null', and write to the process`);
}

/** Program and arguments as argv. */
export function checkArgv(program: string, args: readonly string[]): string[] {
  if (!Array.isArray(args)) throw new OptionError('arguments: give an array of strings after the program');
  const argv = [program, ...(args as readonly string[])].map(String);
  if (argv.some((word) => word.includes('\0'))) throw new OptionError('program and arguments must not contain NUL characters');
  return argv;
}

/** Milliseconds until the program is stopped. */
export function checkTimeout(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return Infinity;
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw new OptionError(`timeoutMs ${String(timeoutMs)}: give a number of milliseconds, or 0 for none`);
  }
  return timeoutMs === 0 ? Infinity : timeoutMs;
}

function checkPositive(limits: object): void {
  for (const [name, value] of Object.entries(limits) as [string, unknown][]) {
    if (value !== undefined && !(typeof value === 'number' && value > 0)) throw new OptionError(`limits.${name}: give a number above 0`);
  }
}

function checkLimits(limits: Partial<Limits>): Partial<Limits> {
  checkNames(limits, Object.fromEntries(Object.keys(defaultLimits()).map((name) => [name, true])), 'limits.');
  checkPositive(limits);
  if ((limits.memoryBytes ?? Infinity) < MIN_MEMORY_BYTES) throw new OptionError('limits.memoryBytes: give at least 4 MiB');
  return limits;
}

/** Limits of one program. */
export function checkProcessLimits(limits: ProcessLimits): ProcessLimits {
  checkNames(limits, PROCESS_LIMITS, 'limits.');
  checkPositive(limits);
  return { ...limits };
}

/** A variable that is undefined is left out, so that `process.env` may be given. */
export function checkEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name === '' || name.includes('=') || `${name}${value}`.includes('\0')) {
      throw new OptionError(`env ${JSON.stringify(name)}: a name must not be empty or contain '=', and neither part a NUL`);
    }
    checked[name] = String(value);
  }
  return checked;
}

/** As sethostname(2) and DNS will have it. */
function checkHostname(name: string): string {
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(name)) throw new OptionError(`hostname ${name}: use up to 64 letters, digits, dots and hyphens`);
  return name;
}

export function checkTerminalSize({ cols, rows }: TerminalSize): TerminalSize {
  const ok = (n: number): boolean => Number.isInteger(n) && n > 0 && n < 65536;
  if (!ok(cols) || !ok(rows)) throw new OptionError(`pty ${cols}x${rows}: give columns and rows between 1 and 65535`);
  return { cols, rows };
}
