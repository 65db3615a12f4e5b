/** A written executable runs on the host itself. */
import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NR } from '../abi/syscall-numbers.js';
import { Assembler } from './assembler.js';
import { staticElf } from './elf-writer.js';
import { at, rax, rdi, rdx, rsi } from './operands.js';

function runNatively(image: Uint8Array): { status: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), 'skas-elf-'));
  const file = join(folder, 'program');
  writeFileSync(file, image);
  chmodSync(file, 0o755);
  const { status, stdout } = spawnSync(file, { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return { status, stdout };
}

test('a static ELF prints and exits', () => {
  const a = new Assembler();
  a.ud2(); // not the entry
  a.label('start');
  a.mov(rdi, 1).lea(rsi, at('text')).mov(rdx, 6).mov(rax, NR.write).syscall();
  a.mov(rdi, 42).mov(rax, NR.exit_group).syscall();
  a.label('text').data(Buffer.from('hello\n'));
  const code = a.assemble();
  const result = runNatively(staticElf(code, 0x40_0000, a.offsetOf('start')));
  equal(result.stdout, 'hello\n');
  equal(result.status, 42);
});
