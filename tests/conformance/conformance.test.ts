/**
 * The host's own programs, natively and under skas on each platform, in the same working folder with the same environment: stdout
 * and exit code must be the same. The folder is made anew for each run. SKAS_ONLY=text narrows the run to names that contain it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { ROOT } from '../../tools/repository.js';
import { assertSameOutcome } from '../support/compare.js';
import { PLATFORMS } from '../support/platforms.js';
import { type Outcome, runNatively, type RunOptions, runUnderSkas } from '../support/run.js';
import { type ConformanceCase, conformanceCases, environment } from './cases.js';

const SOURCES = join(ROOT, 'tests/conformance');
const DEFAULT_TIMEOUT_MS = 60_000;
const only = process.env['SKAS_ONLY'];

/** The static Go program, built once into the build folder. */
function goroutines(): string {
  const target = join(ROOT, 'build/guest-programs/goroutines');
  if (!existsSync(target)) {
    mkdirSync(join(ROOT, 'build/guest-programs'), { recursive: true });
    const env = { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'off', GOCACHE: join(ROOT, 'build/go-cache') };
    execFileSync('go', ['build', '-o', target, join(SOURCES, 'project/goroutines.go')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return target;
}

function prepare(folder: string, files: readonly string[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const file of files) cpSync(file === 'goroutines' ? goroutines() : join(SOURCES, file), join(folder, file), { recursive: true });
}

function testCase({ name, argv, needs, stdin, timeoutMs = DEFAULT_TIMEOUT_MS, files = [] }: ConformanceCase): void {
  const missing = needs.find((program) => !isInstalled(program));
  describe(name, { skip: missing === undefined ? false : `${missing} is not installed` }, () => {
    let native: Outcome;
    const runIn = async (run: (options: RunOptions) => Promise<Outcome>): Promise<Outcome> => {
      const parent = mkdtempSync(join(tmpdir(), 'skas-conformance-'));
      const cwd = join(parent, 'work');
      try {
        prepare(cwd, files);
        return await run({ cwd, env: environment('/'), timeoutMs, stdin });
      } finally {
        rmSync(parent, { recursive: true, force: true });
      }
    };
    for (const platform of PLATFORMS) {
      test(`${name} on ${platform}`, async () => {
        native ??= await runIn((options) => runNatively(argv, options));
        assertSameOutcome(native, await runIn((options) => runUnderSkas(platform, argv, options)));
      });
    }
  });
}

for (const testedCase of conformanceCases()) {
  if (only === undefined || testedCase.name.includes(only)) testCase(testedCase);
}
