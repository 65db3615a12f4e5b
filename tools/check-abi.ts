/**
 * Compares src/abi with the C headers of this machine through the C compiler: sizes and offsets of structs, offsets of the signal
 * frame, and the value of every constant that a header also has as a macro. Returns what differs; its test wants nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sigframe from '../src/abi/sigframe.js';
import { ABI_TABLE, type AbiEntry, FRAME_OFFSETS } from './abi-table.js';

/** Runs a C program made of `body` and returns its `name value` lines. */
function runC(headers: readonly string[], body: string, declarations = ''): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'skas-abi-'));
  try {
    const includes = ['stddef.h', ...headers].map((header) => `#include <${header}>`).join('\n');
    const source = join(folder, 'abi.c');
    const printf = 'extern int printf(const char *, ...);';
    writeFileSync(source, `#define _GNU_SOURCE\n${includes}\n${printf}\n${declarations}\nint main(void) {\n${body}\nreturn 0; }\n`);
    execFileSync('gcc', ['-w', '-o', join(folder, 'abi'), source], { stdio: ['ignore', 'ignore', 'pipe'] });
    const output = execFileSync(join(folder, 'abi'), { encoding: 'utf8', maxBuffer: 1 << 24 });
    return new Map(
      output
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([name, value]) => [name!, Number(value)]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(name: string, expression: string): string {
  return `printf("${name} %lld\\n", (long long)(${expression}));`;
}

export function structDifferences(): string[] {
  return ABI_TABLE.flatMap(compareStruct);
}

function compareStruct({ struct, ctype, headers, members }: AbiEntry): string[] {
  const fields = Object.entries(struct.offsets as Record<string, number>);
  const names = members.split(' ');
  if (names.length !== fields.length) return [`struct ${struct.name}: ${fields.length} fields, but ${names.length} members in the table`];
  const named = fields.map(([field, offset], index) => ({ field, offset, member: names[index]! })).filter(({ member }) => member !== '-');
  const body = [print('sizeof', `sizeof(${ctype})`), ...named.map(({ field, member }) => print(field, `offsetof(${ctype}, ${member})`))];
  const actual = runC(headers.split(' '), body.join('\n'));
  const size = actual.get('sizeof');
  const problems = size === struct.size ? [] : [`struct ${struct.name}: ${struct.size} bytes, in C ${size}`];
  for (const { field, offset } of named) {
    if (actual.get(field) !== offset) problems.push(`struct ${struct.name}, ${field}: offset ${offset}, in C ${actual.get(field)}`);
  }
  return problems;
}

export function frameDifferences(): string[] {
  const ours: Readonly<Record<string, number>> = { ...sigframe };
  const actual = runC(
    ['signal.h', 'ucontext.h', 'sys/ucontext.h'],
    FRAME_OFFSETS.map(([name, expression]) => print(name, expression)).join('\n'),
  );
  return FRAME_OFFSETS.filter(([name]) => actual.get(name) !== ours[name]).map(
    ([name]) => `${name}: ${ours[name]}, in C ${actual.get(name)}`,
  );
}

/** Headers whose macros the constants of src/abi repeat. */
const CONSTANT_HEADERS = [
  'errno.h',
  'fcntl.h',
  'signal.h',
  'poll.h',
  'sched.h',
  'termios.h',
  'time.h',
  'unistd.h',
  'limits.h',
  'sys/epoll.h',
  'sys/inotify.h',
  'sys/ioctl.h',
  'sys/mman.h',
  'sys/ipc.h',
  'sys/shm.h',
  'sys/sem.h',
  'sys/msg.h',
  'sys/mount.h',
  'sys/prctl.h',
  'sys/resource.h',
  'sys/socket.h',
  'netinet/in.h',
  'netinet/udp.h',
  'sys/stat.h',
  'sys/wait.h',
  'sys/xattr.h',
  'linux/auxvec.h',
  'linux/capability.h',
  'linux/futex.h',
  'linux/openat2.h',
  'linux/loop.h',
  'sys/timex.h',
  'linux/fs.h',
  'elf.h',
];

/** Constants whose name means something else in libc's headers than in the kernel's. */
const OTHER_MEANING = new Set([
  'O_LARGEFILE',
  'SIGRTMIN',
  'SIGRTMAX',
  'NSIG',
  'NCCS',
  'SIGSTKSZ',
  'MINSIGSTKSZ',
  'PATH_MAX',
  'RLIM_INFINITY',
  'SCM_MAX_FD',
]);

/** `modules`: what files of src/abi export. Returns the differences, and how many constants were compared. */
export function constantDifferences(modules: readonly Readonly<Record<string, unknown>>[]): { compared: number; problems: string[] } {
  const constants = new Map<string, number>();
  for (const exported of modules) {
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === 'number' && /^[A-Z_][A-Z0-9_]*$/.test(name) && !OTHER_MEANING.has(name)) constants.set(name, value);
    }
  }
  const body = [...constants.keys()].map((name) => `#ifdef ${name}\n${print(name, name)}\n#endif`).join('\n');
  // libc declares no termios2, but ioctl numbers hold its size.
  const actual = runC(CONSTANT_HEADERS, body, 'struct termios2 { int words[11]; };');
  const problems: string[] = [];
  for (const [name, value] of actual) {
    const ours = constants.get(name)!;
    const same = ours === value || ours >>> 0 === value >>> 0 || (/^E[A-Z0-9]+$/.test(name) && -ours === value);
    if (!same) problems.push(`${name}: ${ours}, in C ${value}`);
  }
  return { compared: actual.size, problems };
}

/** Numbers of system calls, against asm/unistd_64.h. */
export function numberDifferences(numbers: Readonly<Record<string, number>>): { compared: number; problems: string[] } {
  const body = Object.keys(numbers).map((name) => `#ifdef __NR_${name}\n${print(name, `__NR_${name}`)}\n#endif`);
  const actual = runC(['asm/unistd_64.h'], body.join('\n'));
  const problems = [...actual]
    .filter(([name, value]) => numbers[name] !== value)
    .map(([name, value]) => `${name}: ${numbers[name]}, in C ${value}`);
  return { compared: actual.size, problems };
}
