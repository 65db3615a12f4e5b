/** The options of `skas run`, from words to data. The parser takes words up to the program's name; the rest is the program's. */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, normalize, resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  machineOptions,
  MIN_MEMORY_BYTES,
  PLATFORM_CHOICES,
  type FileSystemSpec,
  type Limits,
  type MachineOptions,
  type MountSpec,
  type PlatformChoice,
} from '../api/machine-options.js';
import { isImage } from '../api/mount-spec.js';
import { CliError } from './messages.js';
import { parseCount, parseDuration, parseSize } from './quantities.js';

export interface RunOptions {
  machine: MachineOptions;
  /** Empty: what the image says. */
  argv: string[];
  /** In place of the image's entry point; an empty word: none. */
  entrypoint: string | undefined;
  /** Seconds of wall time, as the limit says; 0: none given on the command line. */
  timeoutSeconds: number;
  interactive: boolean;
  terminal: boolean;
  json: boolean;
  stats: boolean;
}

interface ParsedOptions {
  write?: string[];
  read?: string[];
  volume?: string[];
  root?: string;
  rootLimit?: string;
  entrypoint?: string;
  platform: PlatformChoice;
  env?: string[];
  user?: string;
  cwd?: string;
  hostname?: string;
  memory?: string;
  cpu?: string;
  timeout?: string;
  pids?: string;
  files?: string;
  disk?: string;
  output?: string;
  strace?: string | true;
  stats?: boolean;
  json?: boolean;
  interactive?: boolean;
  tty?: boolean;
  current: boolean;
}

const EXAMPLES = `
Examples:
  skas run -- bash -c 'ls /usr/bin | sort | head'
  skas run -w . -t 30s -- make test        the guest may change this directory
  skas run -it -- bash                     a shell with a terminal
  skas run --strace=openat,execve -- id    shows these system calls

By default the guest sees the host's system directories and the current directory; what it writes stays in memory and
is gone when it ends. Home directories, /tmp and /run of the host are not shown. It has no network.
Exit status: the program's own; 128+N when signal N ended it; 127 not found, 126 not executable, 125 skas itself failed.`;

function collect(value: string, list: string[] = []): string[] {
  return [...list, value];
}

/** The grammar, also used for --help. */
function runCommand(): Command {
  return new Command('skas run')
    .usage('[options] [--] CMD [ARG...]')
    .description('Runs a program of this host, or of --root, under a Linux kernel of its own.')
    .argument('[CMD...]')
    .option('-w, --write <dir>', 'show a host directory at its own path, writable', collect)
    .option('-r, --read <dir>', 'show a host directory at its own path, read-only', collect)
    .option('-v, --volume <host:guest[:ro]>', 'show a host directory or file at another path', collect)
    .option('--root <path>', "root instead of the host's system directories: a directory, a tar archive, an OCI layout DIR[:TAG]")
    .option('--root-limit <size>', 'most bytes that an archive or image may have when unpacked: 64G')
    .option('--entrypoint <program>', "run this instead of the image's entry point")
    .addOption(new Option('--platform <name>', 'how guest code is run').choices(PLATFORM_CHOICES).default('auto'))
    .option('-e, --env <k=v>', "set a variable; K alone passes the host's on", collect)
    .option('-u, --user <uid[:gid]>', 'run as this user (number or name)')
    .option('-C, --cwd <dir>', 'working directory in the guest')
    .option('--no-current', 'do not show the current directory')
    .option('--hostname <name>', "the machine's name")
    .option('-m, --memory <size>', 'limit of memory, files in memory included: 512M')
    .option('--cpu <time>', 'limit of CPU time of each process: 10s')
    .option('-t, --timeout <time>', 'stop the program after this long: 30s')
    .option('--pids <n>', 'limit of threads and processes at one time')
    .option('--files <n>', 'limit of open descriptors of a process')
    .option('--disk <size>', 'limit of files that are kept in memory')
    .option('--output <size>', 'limit of what is written to stdout and stderr')
    .option('--strace [calls]', 'print system calls to stderr; --strace=openat,read only these')
    .option('--stats', 'print counters to stderr at the end')
    .option('--json', 'collect the output and print the result as one JSON object')
    .option('-i, --interactive', 'for -it; standard input is always passed on')
    .option('--tty', 'give the program a terminal: skas run -it -- bash')
    .addHelpText('after', EXAMPLES)
    .passThroughOptions()
    .allowUnknownOption(false)
    .helpOption('-h, --help', 'show this')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

/** Words that mean a terminal, as docker has them: -it, -ti, and a -t that no time follows. */
function expandTerminal(words: readonly string[]): string[] {
  const expanded: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--' || !word.startsWith('-') || word === '-') return [...expanded, ...words.slice(i)];
    if (word === '-it' || word === '-ti') expanded.push('--interactive', '--tty');
    else if (word === '-t' && (i + 1 === words.length || words[i + 1]!.startsWith('-'))) expanded.push('--tty');
    // An optional value must be attached, or it would swallow the program's name.
    else if (word === '--strace') expanded.push('--strace=');
    else {
      expanded.push(word);
      if (!TAKES_VALUE.test(word)) continue;
      if (i + 1 === words.length || words[i + 1] === '--') throw new CliError(`option '${word}' argument missing: see skas run --help`);
      expanded.push(words[++i]!);
    }
  }
  return expanded;
}

/** Options whose value is the next word. */
const TAKES_VALUE =
  /^(?:-[wrveuCmt]|--(?:write|read|volume|root|root-limit|entrypoint|platform|env|user|cwd|hostname|memory|cpu|timeout|pids|files|disk|output))$/;

/** Parses what stands behind `skas run`. Throws CliError; returns undefined after --help, which `print` has shown. */
export function parseRun(words: readonly string[], print: (text: string) => void): RunOptions | undefined {
  const command = runCommand().configureOutput({ writeOut: print });
  try {
    command.parse(expandTerminal(words), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return undefined;
    throw new CliError(parserMessage(error));
  }
  const options = toRunOptions(command.opts<ParsedOptions>(), command.args);
  if (options.argv.length === 0 && options.entrypoint === undefined && options.machine.root?.type !== 'image')
    throw new CliError("no program given: try skas run -- bash -c 'echo hello', or skas run --help");
  return options;
}

function parserMessage(error: CommanderError): string {
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '');
  return error instanceof InvalidArgumentError ? message : `${message}: see skas run --help`;
}

function toRunOptions(given: ParsedOptions, argv: string[]): RunOptions {
  const limits = limitsOf(given);
  const machine = machineOptions({
    platform: given.platform,
    root: given.root === undefined ? undefined : rootOf(given.root, given.rootLimit),
    mounts: mountsOf(given),
    hostCwd: given.current ? currentDirectory() : undefined,
    env: environment(given.env ?? []),
    cwd: given.cwd === undefined ? undefined : absolute(given.cwd, '--cwd'),
    user: given.user,
    hostname: hostname(given.hostname),
    limits,
    trace: given.strace === undefined ? undefined : { calls: callNames(given.strace) },
    stats: given.stats ?? false,
  });
  if (given.json && given.tty) throw new CliError('--json and -it: choose one, a terminal cannot be collected');
  return {
    machine,
    argv,
    entrypoint: given.entrypoint,
    timeoutSeconds: machine.limits.wallSeconds,
    interactive: given.interactive ?? false,
    terminal: given.tty ?? false,
    json: given.json ?? false,
    stats: given.stats ?? false,
  };
}

function rootOf(path: string, limit: string | undefined): FileSystemSpec {
  if (!isImage(path)) return { type: 'overlay', lower: { type: 'hostdir', path: directory(path, '--root') } };
  return { type: 'image', source: path, maxBytes: limit === undefined ? undefined : parseSize(limit, '--root-limit') };
}

function limitsOf(given: ParsedOptions): Partial<Limits> {
  return {
    memoryBytes:
      given.memory === undefined
        ? undefined
        : atLeast(parseSize(given.memory, '-m'), MIN_MEMORY_BYTES, `-m ${given.memory}: give at least 4M`),
    cpuSeconds: given.cpu === undefined ? undefined : Math.max(1, Math.ceil(parseDuration(given.cpu, '--cpu'))),
    wallSeconds: given.timeout === undefined ? undefined : parseDuration(given.timeout, '-t'),
    processes: given.pids === undefined ? undefined : parseCount(given.pids, '--pids', 1, 1 << 22),
    openFiles: given.files === undefined ? undefined : parseCount(given.files, '--files', 8, 1 << 20),
    diskBytes: given.disk === undefined ? undefined : parseSize(given.disk, '--disk'),
    outputBytes: given.output === undefined ? undefined : parseSize(given.output, '--output'),
  };
}

function atLeast(value: number, least: number, message: string): number {
  if (value < least) throw new CliError(message);
  return value;
}

function mountsOf(given: ParsedOptions): MountSpec[] {
  const writable = (given.write ?? []).map((path) => directory(path, '-w'));
  const readable = (given.read ?? []).map((path) => directory(path, '-r'));
  for (const path of writable) {
    if (readable.includes(path)) throw new CliError(`-w ${path} and -r ${path}: choose one of the two`);
  }
  const plain = (path: string, readOnly: boolean): MountSpec => ({ target: path, fs: { type: 'hostdir', path, readOnly } });
  const volumes = (given.volume ?? []).map(volumeMount);
  const all = [...readable.map((path) => plain(path, true)), ...writable.map((path) => plain(path, false)), ...volumes];
  // Parents first, so that a mount never hides one beneath it.
  return all.sort((a, b) => a.target.split('/').length - b.target.split('/').length);
}

function volumeMount(text: string): MountSpec {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new CliError(`-v ${text}: write HOST:GUEST or HOST:GUEST:ro, with an absolute guest path`);
  const path = resolve(match[1]!);
  if (!existsSync(path)) throw new CliError(`-v ${text}: ${path} does not exist on the host`);
  return { target: absolute(match[2]!, '-v'), fs: { type: 'hostdir', path, readOnly: match[3] === 'ro' } };
}

function directory(path: string, option: string): string {
  const full = resolve(path);
  const stat = statSync(full, { throwIfNoEntry: false });
  if (!stat)
    throw new CliError(
      `${option} ${path}: does not exist: give ${option === '--root' ? 'a directory, an archive or an image' : 'a directory'} of the host`,
    );
  if (!stat.isDirectory()) throw new CliError(`${option} ${path}: is not a directory: for a file use -v ${full}:${full}`);
  return full;
}

function absolute(path: string, option: string): string {
  if (!isAbsolute(path)) throw new CliError(`${option} ${path}: give an absolute path of the guest`);
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** The directory that skas was started in; undefined when it has been removed. */
function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function environment(list: readonly string[]): Record<string, string | null> {
  const env: Record<string, string | null> = {};
  for (const item of list) {
    const at = item.indexOf('=');
    const name = at < 0 ? item : item.slice(0, at);
    if (name === '') throw new CliError(`-e ${item}: write NAME=VALUE, or NAME to pass the host's value on`);
    const value = at < 0 ? process.env[name] : item.slice(at + 1);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function hostname(name: string | undefined): string | undefined {
  if (name !== undefined && !/^[A-Za-z0-9.-]{1,64}$/.test(name)) {
    throw new CliError(`--hostname ${name}: use up to 64 letters, digits, dots and hyphens`);
  }
  return name;
}

function callNames(text: string | true): string[] | undefined {
  if (text === true || text === '' || text === 'all') return undefined;
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
