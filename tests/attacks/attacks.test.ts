/**
 * Hostile guests, each a C program of tests/attacks/c, on each platform. Of every attack it is asserted that it ends in bounded
 * time, that its own conditions hold (each program prints what went wrong), that a process beside it in the same sandbox and one in
 * another sandbox of this Node process are as they were, and that the kernel met no defect of its own.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Sandbox } from '../../src/api/sandbox.js';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS, type PlatformName } from '../support/platforms.js';
import { attackPrograms, type Attack } from './programs.js';
import { Witness } from './witness.js';

/** Attacks with very many cases try as many as they can in this time, in an order of this seed; SKAS_ATTACKS=all: all of them. */
const SAMPLE_SECONDS = process.env['SKAS_ATTACKS'] === 'all' ? 1e6 : 3;
const SEED = Number(process.env['SKAS_SEED'] ?? randomInt(1_000_000));
const ARGUMENTS = [String(SEED), String(SAMPLE_SECONDS)];
const ATTACK_MS = SAMPLE_SECONDS > 100 ? 600_000 : 60_000;
const ANSWER_MS = 20_000;
/** Small, so that there is an end to reach. */
const LIMITS = { memoryBytes: 256 << 20, diskBytes: 96 << 20, processes: 150, openFiles: 256, cpuSeconds: 30 };

const only = process.env['SKAS_ONLY']?.split(',');
const attacks = attackPrograms().filter(
  ({ name }) => name !== 'witness' && name !== 'memory-owners' && (only === undefined || only.includes(name)),
);
const witnessProgram = attackPrograms().find(({ name }) => name === 'witness')!;

const defects: string[] = [];
process.on('warning', (warning) => {
  if (warning.message.includes('a defect of skas')) defects.push(warning.message);
});

/** What the attack prints when nobody keeps it from anything; it runs in an empty folder. */
function nativeOutput(attack: Attack): string {
  const cwd = mkdtempSync(join(tmpdir(), 'skas-attack-'));
  try {
    return spawnSync(attack.executable(), ARGUMENTS, { cwd, encoding: 'utf8', timeout: ATTACK_MS }).stdout;
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

interface Outcome {
  ended: boolean;
  exitCode: number | null;
  output: string;
}

/** Runs it to its own end: what it has left running holds its output open, and is not waited for. */
async function runAttack(sandbox: Sandbox, attack: Attack): Promise<Outcome> {
  const folder = join(attack.executable(), '..');
  const guest = await sandbox.spawn(attack.executable().replace(folder, '/attacks'), ARGUMENTS, { stdin: 'null', timeoutMs: ATTACK_MS });
  let output = '';
  let ended = false;
  const reading = (async () => {
    for await (const { data } of guest) output += data;
  })();
  const result = await Promise.race([guest.exited, lineSeen(() => ended || /^(done|\d+ FAILED)$/m.test(output))]);
  ended = true; // nobody looks for the line any more
  if (result === undefined) return { ended: true, exitCode: output.includes('FAILED') ? 1 : 0, output };
  await reading;
  return { ended: !result.timedOut, exitCode: result.exitCode, output };
}

async function lineSeen(isSeen: () => boolean): Promise<undefined> {
  while (!isSeen()) await new Promise((resolve) => setTimeout(resolve, 10));
  return undefined;
}

function testAttacks(platform: PlatformName): void {
  let elsewhere: Sandbox;
  let other: Witness;
  before(async () => {
    elsewhere = await Sandbox.create({ platform });
    other = await Witness.start(elsewhere, witnessProgram);
  });
  after(() => elsewhere?.close());

  for (const attack of attacks) {
    test(attack.name, { timeout: ATTACK_MS * 2 }, async () => {
      const sandbox = await Sandbox.create({
        platform,
        limits: LIMITS,
        mounts: { '/attacks': join(attack.executable(), '..') },
      });
      try {
        const witness = await Witness.start(sandbox, witnessProgram);
        const { ended, exitCode, output } = await runAttack(sandbox, attack);
        assert.ok(ended, `seed ${SEED}: it does not end; it has said: ${output.slice(-1000)}`);
        assert.equal(exitCode, 0, `seed ${SEED}: ${output.slice(-2000)}`);
        if (attack.isNative) assert.equal(output, nativeOutput(attack));
        assert.equal(await witness.ask(ANSWER_MS), 'whole');
        assert.equal(await other.ask(ANSWER_MS), 'whole');
        assert.deepEqual(defects.splice(0), []);
      } finally {
        await sandbox.close();
      }
      assert.equal(await other.ask(ANSWER_MS), 'whole');
    });
  }
}

for (const platform of PLATFORMS) {
  describe(`attacks on ${platform}`, { skip: isInstalled('gcc') ? false : 'no gcc' }, () => testAttacks(platform));
}
