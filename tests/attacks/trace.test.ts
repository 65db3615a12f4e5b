/**
 * Guests on the seccomp platform, watched from outside with strace: what host calls do their threads complete? A call that the filter
 * turns into a signal is shown, too, and told apart by the SIGSYS behind it. (A stub process of the ptrace platform has a tracer.)
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BELL_RUNG, ORDER_DONE, ORDER_GO, STUB_DOORBELL } from '../../src/platform/seccomp/layout.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../../src/platform/stub/layout.js';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS } from '../support/platforms.js';
import { CLI } from '../support/run.js';
import { attackPrograms } from './programs.js';

const TIMEOUT_MS = 120_000;
/** Those that end soon, and make every kind of call and entry. */
const WATCHED = ['entries', 'stub-memory', 'patched-sites'];
/** Of attacks with very many cases: a seed and the seconds to try them in. */
const ARGUMENTS = ['1', '1'];

interface Call {
  name: string;
  /** Address behind the instruction. */
  from: number;
  args: string;
}

/** The calls that guest threads completed, and how many the filter turned into signals. */
function completedCalls(trace: string): { completed: Call[]; trapped: number } {
  const last = new Map<string, Call>();
  const guests = new Set<string>();
  const completed: Call[] = [];
  let trapped = 0;
  const settle = (tid: string): void => {
    const call = last.get(tid);
    last.delete(tid);
    // With the filter that it takes on a thread becomes a guest's.
    if (call && guests.has(tid)) completed.push(call);
    if (call?.name === 'seccomp' && call.from >= STUB_CODE) guests.add(tid);
  };
  for (const line of trace.split('\n')) {
    const killed = /^(\d+) .*\+\+\+ killed by /.exec(line);
    // Killed between the filter's verdict and the signal, as another thread was at its end: it completed nothing.
    if (killed && last.get(killed[1]!)?.args.endsWith('<unfinished ...>')) last.delete(killed[1]!);
    const match = /^(\d+) +\[([0-9a-f]+)\] (.*)$/.exec(line);
    if (!match) continue;
    const [, tid, from, rest] = match as unknown as [string, string, string, string];
    if (rest.startsWith('--- SIGSYS') && rest.includes('SYS_SECCOMP')) {
      trapped += last.delete(tid) ? 1 : 0;
      continue;
    }
    const call = /^(\w+)\((.*)$/.exec(rest);
    if (!call) continue;
    settle(tid);
    last.set(tid, { name: call[1]!, from: Number.parseInt(from, 16), args: call[2]! });
  }
  for (const tid of [...last.keys()]) settle(tid);
  return { completed, trapped };
}

function isAllowed({ name, from, args }: Call): boolean {
  if (from < STUB_CODE || from >= STUB_CODE + 4096) return false;
  if (name === 'rt_sigreturn' || name === 'exit') return true;
  const address = Number.parseInt(args, 16);
  if (name !== 'futex') return false;
  return args.includes('FUTEX_WAKE,')
    ? address === STUB_DOORBELL + BELL_RUNG || address === STUB_REQUEST + ORDER_GO
    : address >= STUB_DATA || address === STUB_REQUEST + ORDER_DONE;
}

const skip = !PLATFORMS.includes('seccomp')
  ? 'not this platform'
  : !isInstalled('strace')
    ? 'no strace'
    : !isInstalled('gcc')
      ? 'no gcc'
      : false;

for (const name of WATCHED) {
  test(`guest threads of '${name}' complete no host calls but those of the filter`, { skip, timeout: TIMEOUT_MS * 2 }, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'skas-trace-'));
    try {
      const file = join(folder, 'trace');
      const program = attackPrograms()
        .find((attack) => attack.name === name)!
        .executable();
      const strace = ['-f', '-qq', '-i', '-o', file, process.execPath, CLI, 'run', '--platform', 'seccomp', '--', program, ...ARGUMENTS];
      const run = spawnSync('strace', strace, { cwd: join(program, '..'), encoding: 'utf8', timeout: TIMEOUT_MS });
      if (/ptrace.*not permitted|attach: /i.test(run.stderr)) {
        t.skip('tracing is forbidden here');
        return;
      }
      assert.equal(run.status, 0, run.stdout.slice(-1000) + run.stderr.slice(-1000));
      const { completed, trapped } = completedCalls(readFileSync(file, 'latin1'));
      assert.ok(trapped > 100, `${trapped} calls trapped`);
      assert.ok(completed.length > 100, `${completed.length} calls seen`);
      assert.deepEqual(completed.filter((call) => !isAllowed(call)).slice(0, 5), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
