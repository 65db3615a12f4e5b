/** The command line: which command, and what is printed when it fails. What a run does not need is imported where it is used. */
import { writeSync } from 'node:fs';
import { loadModule } from '../api/code-cache.js';
import { startWorker, type KernelThread } from '../api/kernel-client.js';
import { isCliError, oneLine } from './messages.js';

const USAGE = `skas: runs Linux programs under a Linux kernel of their own, without root, KVM or namespaces

  skas run [options] [--] CMD [ARG...]   run a program (skas run --help tells the options)
  skas CMD [ARG...]                      the same, without options
  skas doctor                            check what this host offers, and run a real guest
  skas syscalls [--json]                 list the system calls and how far each is supported
  skas bench                             measure (in a checkout of the sources)
  skas --version
`;

/** What --help says of the commands but run. */
const HELP: Readonly<Record<string, string>> = {
  doctor: `Usage: skas doctor [--json]

Checks what this host offers, and runs a real guest on each platform. Exit status: 0 when guests run here, 1 when not.
`,
  syscalls: `Usage: skas syscalls [--json]

Lists every system call of x86-64 Linux: its number, its name, and whether it is full, partial (without what), answered with an
error on purpose (which, and why), or absent.
`,
  bench: `Usage: skas bench [--quick] [--only micro|real|primitives] [--peers native,skas,...] [--repeats N] [--json]

Measures skas beside the host itself and the sandboxes that are installed. Works in a checkout of the sources.
`,
};

/** Runs a command; resolves to the exit code. `thread`: a kernel thread that has been started in advance. */
async function command(words: readonly string[], thread?: KernelThread): Promise<number> {
  const [first, ...rest] = words;
  if (Object.hasOwn(HELP, first ?? '') && (rest[0] === '--help' || rest[0] === '-h')) {
    print(1, HELP[first!]!);
    return 0;
  }
  switch (first) {
    case undefined:
      print(2, USAGE);
      return 125;
    case 'help':
    case '--help':
    case '-h':
      print(1, USAGE);
      return 0;
    case '--version':
    case '-V':
      print(1, `${(await import('./version.js')).packageVersion()}\n`);
      return 0;
    // Bundles of their own: they bring much of the kernel.
    case 'doctor':
      return (await loadModule<typeof import('./doctor.js')>('doctor', import.meta.url)).doctor(rest);
    case 'syscalls':
      return (await loadModule<typeof import('./syscalls.js')>('syscalls', import.meta.url)).syscalls(rest);
    case 'bench':
      return (await import('./bench.js')).bench(rest);
    case 'run':
      return runProgram(rest, thread);
    default:
      return runProgram(first.startsWith('-') ? words : ['--', ...words], thread);
  }
}

async function runProgram(words: readonly string[], thread = startWorker()): Promise<number> {
  const { parseRun } = await import('./run-options.js');
  const options = parseRun(words, (text) => print(1, text));
  if (!options) return 0;
  const { run } = await import('./run.js');
  return run(options, thread);
}

function print(fd: number, text: string): void {
  writeSync(fd, text);
}

/** Runs a command and ends the program. */
export async function main(words: readonly string[], thread?: KernelThread): Promise<never> {
  try {
    process.exit(await command(words, thread));
  } catch (error) {
    const ours = isCliError(error) ? error : undefined;
    const message = ours?.message ?? `failed, please report it: ${error instanceof Error ? error.stack : String(error)}`;
    print(2, oneLine(message));
    process.exit(ours?.exitCode ?? 125);
  }
}
