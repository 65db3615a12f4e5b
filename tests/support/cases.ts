/** Commands whose output and exit code under skas must be those of the host: what the conformance and the long suites are made of. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { assertSameOutcome } from './compare.js';
import { PLATFORMS } from './platforms.js';
import { type Outcome, runNatively, type RunOptions, runUnderSkas } from './run.js';

export interface ConformanceCase {
  readonly name: string;
  readonly argv: readonly string[];
  /** What is run natively instead; default: the same. */
  readonly nativeArgv?: readonly string[];
  /** Programs without which it is skipped. */
  readonly needs: readonly string[];
  readonly stdin?: string;
  readonly timeoutMs?: number;
  /** What of the suite's folder has to be copied into the working folder. */
  readonly files?: readonly string[];
  /** More variables than `environment` has. */
  readonly env?: Readonly<Record<string, string>>;
  /** More options for `skas run`. */
  readonly skasOptions?: readonly string[];
}

export interface CaseSuite {
  /** Where `files` are. */
  readonly sources: string;
  /** Files that are made rather than copied: name to a function that answers their path. */
  readonly made?: Readonly<Record<string, () => string>>;
  /** Whether what a case needs is there; default: an installed program. */
  readonly has?: (need: string) => boolean;
  /** Why a need is not there, where "not installed" does not say it. */
  readonly why?: (need: string) => string | undefined;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const only = process.env['SKAS_ONLY'];

/** What every case sees; `home` must exist on both sides. */
export function environment(home: string): Record<string, string> {
  const node = dirname(process.execPath);
  return {
    PATH: `/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:${node}`,
    HOME: home,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    USER: 'guest',
    LOGNAME: 'guest',
    SHELL: '/bin/sh',
  };
}

function prepare(folder: string, files: readonly string[], suite: CaseSuite): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const file of files) cpSync(suite.made?.[file]?.() ?? join(suite.sources, file), join(folder, file), { recursive: true });
}

function declare(tested: ConformanceCase, suite: CaseSuite): void {
  const { name, argv, nativeArgv = argv, needs, stdin, timeoutMs = DEFAULT_TIMEOUT_MS, files = [], env = {}, skasOptions = [] } = tested;
  const reason = (need: string): string | undefined =>
    suite.why?.(need) ?? ((suite.has ?? isInstalled)(need) ? undefined : `${need} is not installed`);
  const missing = needs.map(reason).find((text) => text !== undefined);
  describe(name, { skip: missing ?? false }, () => {
    let native: Outcome;
    const runIn = async (run: (options: RunOptions) => Promise<Outcome>): Promise<Outcome> => {
      const parent = mkdtempSync(join(tmpdir(), 'skas-conformance-'));
      const cwd = join(parent, 'work');
      try {
        prepare(cwd, files, suite);
        return await run({ cwd, env: { ...environment('/'), ...env }, timeoutMs, stdin, skasOptions });
      } finally {
        rmSync(parent, { recursive: true, force: true });
      }
    };
    for (const platform of PLATFORMS) {
      test(`${name} on ${platform}`, async () => {
        native ??= await runIn((options) => runNatively(nativeArgv, options));
        assertSameOutcome(native, await runIn((options) => runUnderSkas(platform, argv, options)));
      });
    }
  });
}

/** Declares a test for each case and platform. SKAS_ONLY=text narrows them to names that contain it. */
export function declareCases(cases: readonly ConformanceCase[], suite: CaseSuite): void {
  for (const tested of cases) if (only === undefined || only.split(',').some((text) => tested.name.includes(text))) declare(tested, suite);
}
