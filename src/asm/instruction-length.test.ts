/** Lengths of instructions, compared with where objdump sees them begin in a library of the machine. */
import { equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { instructionLength, NO_INSTRUCTION, UNKNOWN_LENGTH } from './instruction-length.js';

test('lengths of every part', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['90', 1],
    ['b827000000', 5],
    ['66b82700', 4],
    ['48b80102030405060708', 10],
    ['48c7c00f000000', 7],
    ['0f05', 2],
    ['480f47d0', 4],
    ['47d0b8d9000000', 7], // sarb 217(%r8): what a mov could be the end of
    ['8b0425b0ffffff', 7],
    ['8b442408', 4],
    ['488b05e2510d00', 7],
    ['c7850000000001000000', 10],
    ['f6470110', 4],
    ['f717', 2],
    ['f7c700f00000', 6],
    ['48a10102030405060708', 10],
    ['c5f877', 3],
    ['c5f9ef00', 4],
    ['c4e3790ac001', 6],
    ['62f17c48104001', 7],
    ['62f3754825c2ff', 7],
    ['f3480f1ec8', 5],
    ['660f3a0fc108', 6],
    ['06', NO_INSTRUCTION],
    ['6690', 2],
    ['0f0f', UNKNOWN_LENGTH],
    ['b827', UNKNOWN_LENGTH],
    ['66666666666666666666666666666690', NO_INSTRUCTION],
  ];
  for (const [hex, length] of cases) equal(instructionLength(padded(hex, length), 0), length, hex);
});

/** Two more bytes, as code goes on; none where the end is what is tested. */
function padded(hex: string, length: number): Uint8Array {
  return Uint8Array.from(Buffer.from(length === UNKNOWN_LENGTH ? hex : `${hex}9090`, 'hex'));
}

const skip = spawnSync('objdump', ['--version']).error ? 'no objdump (binutils)' : false;

test('the C library of the machine, instruction by instruction', { timeout: 60_000, skip }, () => {
  const library = /\/\S*\/libc[.-]\S*/.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0];
  ok(library, 'a C library');
  const { stdout, error } = spawnSync('objdump', ['-d', '-j', '.text', '--insn-width=16', library], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  let seen = 0;
  for (const line of stdout.split('\n')) {
    const match = /^ *[0-9a-f]+:\t((?:[0-9a-f]{2} )+) *\t(.*)$/.exec(line);
    if (!match || match[2]!.includes('(bad)')) continue;
    const bytes = Buffer.from(match[1]!.replaceAll(' ', ''), 'hex');
    const length = instructionLength(Uint8Array.of(...bytes, 0x90, 0x90), 0);
    seen++;
    if (length !== UNKNOWN_LENGTH) equal(length, bytes.length, line);
  }
  ok(seen > 10_000, `${seen} instructions`);
});
