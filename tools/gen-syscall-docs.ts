/**
 * Writes docs/SYSCALLS.md from the system call table; with --check it only says whether the file is what it would write, which
 * `npm run check` asks. Nobody edits the file by hand.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ERRNO_NAMES } from '../src/abi/errno.js';
import { NR } from '../src/abi/syscall-numbers.js';
import type { Support, SyscallDefinition } from '../src/kernel/syscall.js';
import { SYSCALL_TABLE } from '../src/syscalls/table.js';
import { BUILD, listFiles, ROOT } from './repository.js';

const FILE = join(ROOT, 'docs/SYSCALLS.md');

/** The whole page. Calls that answer ENOSYS for want of an entry are listed at the end, by name only. `fileOf`: below src/syscalls/. */
export function syscallDocs(
  numbers: Readonly<Record<string, number>>,
  table: Readonly<Record<number, SyscallDefinition>>,
  fileOf: (definition: SyscallDefinition) => string,
): string {
  const all = Object.entries(numbers).sort((a, b) => a[1] - b[1]);
  const present = all.filter(([, number]) => table[number] !== undefined);
  const absent = all.filter(([, number]) => table[number] === undefined);
  const levels = present.map(([, number]) => table[number]!.support.level);
  const count = (level: Support['level']): number => levels.filter((other) => other === level).length;
  const rows = present.map(([name, number]) => {
    const definition = table[number]!;
    const file = fileOf(definition);
    return `| ${number} | ${name} | [${file}](../src/syscalls/${file}) | ${describe(definition.support)} |`;
  });
  return [
    '# System calls',
    '',
    'Generated from `src/syscalls/table.ts` by `npm run docs`: edit the definitions, not this page.',
    '',
    `Of the ${all.length} calls of x86-64 Linux, ${count('full')} are supported, ${count('partial')} in part, ${count('stub')} are refused with a`,
    `definite error, and ${absent.length} answer ENOSYS, as on a kernel that was built without them.`,
    '',
    '| number | call | file | support |',
    '|---:|---|---|---|',
    ...rows,
    '',
    '## Absent (ENOSYS)',
    '',
    absent.length > 0 ? wrap(absent.map(([name]) => `\`${name}\``).join(' ')) : 'None.',
    '',
  ].join('\n');
}

function describe(support: Support): string {
  switch (support.level) {
    case 'full':
      return 'full';
    case 'partial':
      return `partial: ${escapeCell(support.note)}`;
    case 'stub':
      return `refused with ${ERRNO_NAMES[-support.answer] ?? support.answer}: ${escapeCell(support.why)}`;
  }
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Lines of at most 120 characters. */
function wrap(text: string): string {
  return text.replace(/(.{1,120})(?: |$)/g, '$1\n').trimEnd();
}

/** Which file of src/syscalls exports a definition. */
async function definingFiles(): Promise<Map<unknown, string>> {
  const files = new Map<unknown, string>();
  for (const source of listFiles('src/syscalls', '.ts').filter((file) => !file.endsWith('.test.ts'))) {
    const module = (await import(join(BUILD, source.replace(/\.ts$/, '.js')))) as Readonly<Record<string, unknown>>;
    for (const exported of Object.values(module)) files.set(exported, basename(source));
  }
  return files;
}

async function main(): Promise<void> {
  const files = await definingFiles();
  const wanted = syscallDocs(NR, SYSCALL_TABLE, (definition) => files.get(definition)!);
  if (!process.argv.includes('--check')) writeFileSync(FILE, wanted);
  else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== wanted) {
    console.error('docs/SYSCALLS.md is not what the table says: run npm run docs');
    process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('gen-syscall-docs.js')) await main();
