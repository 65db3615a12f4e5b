/**
 * What intercepting one system call costs by tt mode's sequence, by a bare ptrace stop and by skas0's SYSEMU, in C, without any
 * kernel behind them: the question that skas0 was asked when it came (is it better than tt mode in every way?).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../tools/repository.js';
import { significant, Table } from './table.js';

const SEQUENCES: Readonly<Record<string, string>> = {
  native: 'not intercepted',
  stop: 'bare ptrace stop (int3)',
  sysemu: 'skas0: SYSEMU stop, result stored',
  tt: 'tt mode: call nullified, signal into the kernel, rt_sigreturn',
};

export function primitivesTable(repeats: number): Table {
  const folder = mkdtempSync(join(tmpdir(), 'skas-primitives-'));
  try {
    const program = join(folder, 'trap');
    execFileSync('gcc', ['-O2', '-w', '-o', program, join(ROOT, 'bench/primitives/trap.c')]);
    const columns = cpus().length > 1 ? ['same', 'cross'] : ['same'];
    const titles = columns.map((column) => (column === 'same' ? 'on one CPU' : 'across two CPUs'));
    const table = new Table('one intercepted call, us', titles, (ns) => significant(ns / 1000));
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const [sequence, label] of Object.entries(SEQUENCES)) {
        columns.forEach((column, index) => {
          table.add(label, titles[index]!, Number(execFileSync(program, [sequence, column, '10000'], { encoding: 'utf8' })));
        });
      }
    }
    return table;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1]?.endsWith('primitives.js')) console.log(primitivesTable(3).toMarkdown());
