/** Hosts that forbid what one platform needs: `auto` takes the other, and who insists is told. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NR } from '../../src/abi/syscall-numbers.js';
import { ROOT } from '../../tools/repository.js';
import { writeWithoutCalls } from '../support/without-calls.js';

const CLI = join(ROOT, 'dist', 'cli.cjs');
const NEEDED = { ptrace: NR.ptrace, seccomp: NR.seccomp };

describe('a host that forbids', { timeout: 120_000 }, () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'skas-forbidden-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [forbidden, other] of [
    ['ptrace', 'seccomp'],
    ['seccomp', 'ptrace'],
  ] as const) {
    test(forbidden, () => {
      const without = join(folder, forbidden);
      writeWithoutCalls(without, [NEEDED[forbidden]]);
      const skas = (...args: string[]): ReturnType<typeof spawnSync> =>
        spawnSync(without, [process.execPath, CLI, ...args], { encoding: 'utf8', timeout: 30_000 });
      for (const platform of ['auto', other]) {
        const { status, stdout, stderr } = skas('run', '--platform', platform, '--', 'sh', '-c', 'echo $((6 * 7))');
        assert.deepEqual([status, stdout], [0, '42\n'], `--platform ${platform}: ${stderr}`);
      }
      const insisted = skas('run', '--platform', forbidden, '--', 'true');
      assert.equal(insisted.status, 125);
      assert.match(String(insisted.stderr), new RegExp(`^skas: the ${forbidden} platform does not work here: .*\\n$`));
      const checks = (JSON.parse(String(skas('doctor', '--json').stdout)) as { checks: { name: string; ok: boolean; required: boolean }[] })
        .checks;
      const found = checks.filter(({ name }) => name in NEEDED).map(({ name, ok, required }) => [name, ok, required]);
      assert.deepEqual(
        found,
        ['seccomp', 'ptrace'].map((name) => [name, name === other, false]),
      );
    });
  }
});
