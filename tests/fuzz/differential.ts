/**
 * The same scripts of system calls natively and under skas. Natively they run as an unprivileged user in a folder of their own, on
 * tmpfs where the machine has one, as the guest's /tmp is.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sandbox } from '../../src/api/sandbox.js';
import { compile } from '../guest/programs.js';
import type { PlatformName } from '../support/platforms.js';
import { atOurPriority } from '../support/run.js';
import { firstDifference, formatScripts, makeScript, splitOutput, type Script } from './scripts.js';

const NOBODY = 65534;
const TIMEOUT_MS = 120_000;
const MAX_OUTPUT = 64 << 20;
const SHRINK_ROUNDS = 12;
const PROGRAM = {
  name: 'fuzz-interpreter',
  source: 'tests/fuzz/interpreter.c',
  cflags: [],
  timeoutMs: TIMEOUT_MS,
  headers: ['tests/fuzz/calls.h'],
};

export interface Difference {
  readonly script: Script;
  readonly native: readonly string[];
  readonly guest: readonly string[];
}

export class Differential implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    private readonly sandbox: Sandbox,
  ) {}

  static async open(platform: PlatformName): Promise<Differential> {
    const folder = mkdtempSync(join(tmpdir(), 'skas-fuzz-'));
    chmodSync(folder, 0o755);
    copyFileSync(compile(PROGRAM, 'dynamic'), join(folder, 'interpreter'));
    const user = process.getuid?.() === 0 ? { user: `${NOBODY}:${NOBODY}` } : {};
    return new Differential(folder, await Sandbox.create({ platform, mounts: { '/fuzz': folder }, ...user }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private runNatively(scripts: readonly Script[]): string[][] {
    const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const drop = process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
    const [program, ...args] = [...drop, join(this.folder, 'interpreter'), scratch];
    const options = { input: formatScripts(scripts), encoding: 'latin1', timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT } as const;
    return splitOutput(spawnSync(program!, args, options).stdout);
  }

  private async runInGuest(scripts: readonly Script[]): Promise<string[][]> {
    const options = { stdin: formatScripts(scripts), timeoutMs: TIMEOUT_MS, maxBuffer: MAX_OUTPUT };
    const [program, ...args] = atOurPriority(['/fuzz/interpreter', '/tmp']);
    return splitOutput((await this.sandbox.exec(program!, args, options)).stdout);
  }

  /** Those of the scripts that say something else under skas. What the machine itself does not do twice alike does not count. */
  async compare(scripts: readonly Script[]): Promise<Difference[]> {
    const native = this.runNatively(scripts);
    const guest = await this.runInGuest(scripts);
    const suspects = scripts
      .map((script, i): Difference => ({ script, native: native[i] ?? [], guest: guest[i] ?? [] }))
      .filter((each) => firstDifference(each.native, each.guest) >= 0);
    if (suspects.length === 0) return [];
    const again = this.runNatively(suspects.map(({ script }) => script));
    return suspects.filter((each, i) => firstDifference(each.native, again[i] ?? []) < 0);
  }

  /** Shortens a script as long as it still differs: what is behind the difference, then halves, quarters and lines that are not needed. */
  async shrink(difference: Difference): Promise<Difference> {
    const at = firstDifference(difference.native, difference.guest);
    const last = Number.parseInt(difference.native[at] ?? '', 10);
    let best = difference;
    if (Number.isInteger(last)) best = (await this.compare([difference.script.slice(0, last + 1)]))[0] ?? difference;
    for (let round = 0; round < SHRINK_ROUNDS; round++) {
      const { script } = best;
      const shorter = (await this.compare(shorterScripts(script)))[0];
      if (shorter === undefined) break;
      best = shorter;
    }
    return best;
  }
}

/** The script without one of its halves, quarters ... and lines; the shortest first. */
function shorterScripts(script: Script): Script[] {
  const shorter: Script[] = [];
  for (let size = Math.ceil(script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < script.length; from += size) shorter.push(script.filter((_, i) => i < from || i >= from + size));
  }
  return shorter.filter(({ length }) => length > 0);
}

/** What to print of a difference. */
export function describeDifference(seed: number, { script, native, guest }: Difference): string {
  const at = firstDifference(native, guest);
  return [
    `seed ${seed}, shortened to ${script.length} calls:`,
    ...native.slice(0, at).map((line) => `    ${line}`),
    `  - ${native[at] ?? '(nothing)'}      natively`,
    `  + ${guest[at] ?? '(nothing)'}      under skas`,
  ].join('\n');
}

/** Runs the scripts of seeds `from` to `from + count - 1`; texts of what differs, at most `most` of them. */
export async function fuzz(differential: Differential, from: number, count: number, most: number): Promise<string[]> {
  const seeds = Array.from({ length: count }, (_, i) => from + i);
  const scripts = seeds.map(makeScript);
  const found = await differential.compare(scripts);
  const texts: string[] = [];
  for (const difference of found.slice(0, most)) {
    const seed = seeds[scripts.indexOf(difference.script)]!;
    texts.push(describeDifference(seed, await differential.shrink(difference)));
  }
  if (found.length > most) texts.push(`${found.length - most} more scripts differ`);
  return texts;
}
