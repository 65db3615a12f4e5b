/**
 * A judge: runs a program that somebody has handed in on each test case, with limits, and gives a verdict for each.
 *
 *   node examples/judge.mjs
 */
import { Sandbox } from 'skas';

const CASES = [
  { input: '2 3\n', expected: '5\n' },
  { input: '10 -4\n', expected: '6\n' },
];

const SUBMISSIONS = {
  right: 'a, b = map(int, input().split())\nprint(a + b)\n',
  wrong: 'a, b = map(int, input().split())\nprint(abs(a) + abs(b))\n',
  endless: 'while True: pass\n',
  greedy: 'x = bytearray(10 ** 9)\nprint(5)\n',
  broken: 'print(5\n',
};

async function judge(source) {
  // A machine for each submission: one cannot leave anything behind for the next.
  const sandbox = await Sandbox.create({
    files: { 'main.py': source },
    limits: { memoryBytes: 256 << 20, processes: 8, diskBytes: 16 << 20 },
  });
  try {
    const verdicts = [];
    for (const { input, expected } of CASES) {
      const run = await sandbox.exec('/usr/bin/python3', ['main.py'], { stdin: input, timeoutMs: 2000, maxBuffer: 1 << 20 });
      verdicts.push(verdictOf(run, expected));
    }
    return verdicts;
  } finally {
    await sandbox.close();
  }
}

function verdictOf(run, expected) {
  if (run.timedOut) return 'time limit';
  if (run.usage.limits.includes('memory')) return 'memory limit';
  if (!run.ok) return `run-time error (${run.signal ?? run.exitCode})`;
  return run.stdout === expected ? 'accepted' : 'wrong answer';
}

for (const [name, source] of Object.entries(SUBMISSIONS)) console.log(`${name}: ${(await judge(source)).join(', ')}`);
