/**
 * Real programs at length, natively and under skas on each platform: each script beside this file is a case, whose stdout and exit
 * code must be the same. `# needs:` names the programs without which it is skipped, `# timeout:` its seconds on each side. Run with
 * `npm run test:long`; SKAS_ONLY=git,node narrows it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from '../../../tools/install-test-programs.js';
import { SOURCES as PACKAGES } from '../../../tools/install-long-programs.js';
import { ROOT } from '../../../tools/repository.js';
import { declareCases, type ConformanceCase } from '../../support/cases.js';

const SOURCES = join(ROOT, 'tests/long/programs');

function field(text: string, name: string): string | undefined {
  return new RegExp(`^# ${name}: (.*)$`, 'm').exec(text)?.[1];
}

function caseOf(file: string): ConformanceCase {
  const text = readFileSync(join(SOURCES, file), 'utf8');
  return {
    name: `program ${file.replace(/\.sh$/, '')}`,
    argv: ['bash', file],
    needs: field(text, 'needs')?.split(' ') ?? [],
    timeoutMs: Number(field(text, 'timeout') ?? 120) * 1000,
    files: [file, 'files'],
    env: { SKAS_SOURCES: PACKAGES, TERM: 'xterm', ...python() },
    skasOptions: ['--cpu', '3600s', ...(existsSync(PACKAGES) ? ['-r', PACKAGES] : [])],
  };
}

/** SKAS_PYTHON_TESTS='test_os test_io' narrows python-stdlib. */
function python(): Record<string, string> {
  const tests = process.env['SKAS_PYTHON_TESTS'];
  return tests === undefined ? {} : { SKAS_PYTHON_TESTS: tests };
}

/** `source:NAME` is a source package that was unpacked, all else a program or a file. */
function has(need: string): boolean {
  return need.startsWith('source:') ? existsSync(join(PACKAGES, need.slice(7))) : isInstalled(need);
}

const scripts = readdirSync(SOURCES).filter((file) => file.endsWith('.sh'));
declareCases(scripts.sort().map(caseOf), { sources: SOURCES, has });
