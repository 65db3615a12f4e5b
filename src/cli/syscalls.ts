/** `skas syscalls`: what the kernel's table says of each system call. */
import { NR } from '../abi/syscall-numbers.js';
import { ERRNO_NAMES } from '../abi/errno.js';
import type { Support } from '../kernel/syscall.js';
import { SYSCALL_TABLE } from '../syscalls/table.js';
import { CliError } from './messages.js';

interface Row {
  number: number;
  name: string;
  support: 'full' | 'partial' | 'stub' | 'none';
  note: string;
}

export function syscalls(args: readonly string[]): number {
  const unknown = args.find((word) => word !== '--json');
  if (unknown !== undefined) throw new CliError(`syscalls ${unknown}: only --json is known`);
  const rows = syscallRows();
  process.stdout.write(args.includes('--json') ? `${JSON.stringify(rows)}\n` : formatRows(rows));
  return 0;
}

/** Every number that x86-64 Linux has, in order. */
function syscallRows(): Row[] {
  const entries = Object.entries(NR as Readonly<Record<string, number>>).sort((a, b) => a[1] - b[1]);
  return entries.map(([name, number]) => {
    const definition = SYSCALL_TABLE[number];
    return definition ? { number, name, ...describe(definition.support) } : { number, name, support: 'none', note: 'ENOSYS' };
  });
}

function describe(support: Support): Pick<Row, 'support' | 'note'> {
  switch (support.level) {
    case 'full':
      return { support: 'full', note: '' };
    case 'partial':
      return { support: 'partial', note: support.note };
    case 'stub':
      return { support: 'stub', note: `${ERRNO_NAMES[-support.answer] ?? support.answer}: ${support.why}` };
  }
}

function formatRows(rows: readonly Row[]): string {
  const count = (level: Row['support']): number => rows.filter((row) => row.support === level).length;
  const lines = rows.map((row) => `${String(row.number).padStart(4)}  ${row.name.padEnd(26)}${row.support.padEnd(9)}${row.note}`.trimEnd());
  const total = `${count('full')} full, ${count('partial')} partial, ${count('stub')} answered with an error on purpose, ${count('none')} absent`;
  return `${lines.join('\n')}\n${total}\n`;
}
