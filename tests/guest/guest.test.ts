/**
 * Every C program of tests/guest/c, static and dynamic: natively first, where it must pass, then under skas on each platform,
 * where stdout and exit code must be the same. SKAS_ONLY=name,name narrows the run.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { assertSameOutcome } from '../support/compare.js';
import { PLATFORMS } from '../support/platforms.js';
import { type Outcome, runNatively, runUnderSkas } from '../support/run.js';
import { compile, type GuestProgram, guestPrograms, type Linkage, LINKAGES } from './programs.js';

const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/', LANG: 'C', TZ: 'UTC', GREETING: 'hello' };
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { hello: ['first argument'] };

const only = process.env['SKAS_ONLY']?.split(',');
const runs = (...command: string[]): boolean => spawnSync(command[0]!, command.slice(1)).status === 0;
/** Namespaces: not in a chroot, nor where the host forbids them. Root in a container often has neither them nor mounts. */
const mayUnshare = runs('unshare', '-Um', 'true');
const isRoot = process.getuid?.() === 0 && mayUnshare && runs('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt');

function lacks({ needs }: GuestProgram): string | false {
  if (needs === 'root' && !isRoot) return 'needs a root who may mount and make namespaces';
  return needs === 'namespaces' && !mayUnshare && 'needs namespaces';
}

/** Runs `body` in a new folder that holds the program as `prog`. */
async function inFolder(executable: string, body: (cwd: string) => Promise<Outcome>): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'skas-guest-'));
  try {
    copyFileSync(executable, join(cwd, 'prog'));
    return await body(cwd);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function testProgram(program: GuestProgram, linkage: Linkage): void {
  const argv = ['./prog', ...(ARGUMENTS[program.name] ?? [])];
  const { timeoutMs } = program;
  let native: Outcome | undefined;
  test(`${program.name} ${linkage} natively`, async () => {
    const executable = compile(program, linkage);
    const outcome = await inFolder(executable, (cwd) => runNatively(argv, { cwd, env: ENVIRONMENT, timeoutMs }));
    assert.equal(outcome.exitCode, 0, `natively: ${outcome.stdout.toString('latin1').slice(-2000)}${outcome.stderr}`);
    native = outcome;
  });
  for (const platform of PLATFORMS) {
    test(`${program.name} ${linkage} on ${platform}`, async (t) => {
      if (native === undefined) {
        t.skip('fails natively');
        return;
      }
      const env = { ...ENVIRONMENT, SKAS_GUEST: '1' };
      const guest = await inFolder(compile(program, linkage), (cwd) => runUnderSkas(platform, argv, { cwd, env, timeoutMs }));
      assertSameOutcome(native, guest);
    });
  }
}

function isNewEnough({ kernel }: GuestProgram): boolean {
  if (kernel === undefined) return true;
  const [major, minor] = release().split('.').map(Number) as [number, number];
  return major > kernel[0] || (major === kernel[0] && minor >= kernel[1]);
}

for (const program of guestPrograms()) {
  if (only !== undefined && !only.includes(program.name)) continue;
  const skip = !isInstalled('gcc') ? 'no gcc' : lacks(program) || (!isNewEnough(program) && 'needs a newer kernel on the host');
  describe(program.name, { skip }, () => {
    for (const linkage of LINKAGES) testProgram(program, linkage);
  });
}
