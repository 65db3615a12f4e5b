/** A guest uses up the processes that the host grants to the user who runs skas: it is told so, and neither skas nor Node dies of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS } from '../support/platforms.js';
import { CLI } from '../support/run.js';
import { attackPrograms } from './programs.js';

/** A user of whom there are no other processes; the limit does not hold for root. */
const USER = '54321';
const PROCESSES = '70';
const TIMEOUT_MS = 60_000;

/** Runs a command as that user, at home in `cwd`. */
function asUser(cwd: string, command: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const wrapped = ['--reuid', USER, '--regid', USER, '--clear-groups', 'prlimit', `--nproc=${PROCESSES}`, ...command];
  return spawnSync('setpriv', wrapped, { cwd, encoding: 'utf8', timeout: TIMEOUT_MS, env: { ...process.env, HOME: cwd, TMPDIR: cwd } });
}

describe("limits of the host's user", () => {
  for (const platform of PLATFORMS) {
    test(`on ${platform}`, { timeout: TIMEOUT_MS * 2 }, (t) => {
      if (process.getuid!() !== 0 || !isInstalled('setpriv') || !isInstalled('gcc')) {
        t.skip('needs root, setpriv, prlimit and gcc');
        return;
      }
      const folder = mkdtempSync(join(tmpdir(), 'skas-limits-'));
      try {
        chmodSync(folder, 0o777);
        const program = attackPrograms()
          .find(({ name }) => name === 'host-limits')!
          .executable();
        if (asUser(folder, [process.execPath, '-e', `require('fs').readFileSync(${JSON.stringify(CLI)})`]).status !== 0) {
          t.skip('another user cannot read this folder');
          return;
        }
        const mount = `${join(program, '..')}:/attacks:ro`;
        const guest = program.replace(join(program, '..'), '/attacks');
        const { status, stdout, stderr } = asUser(folder, [process.execPath, CLI, 'run', '--platform', platform, '-v', mount, '--', guest]);
        assert.equal(status, 0, stdout.slice(-1000) + stderr.slice(-1000));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
