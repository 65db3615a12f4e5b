import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from './messages.js';
import { parseRun, type RunOptions } from './run-options.js';

function parse(...words: string[]): RunOptions {
  return parseRun(words, () => assert.fail('printed'))!;
}

function refusal(...words: string[]): string {
  try {
    parse(...words);
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    assert.equal(error.exitCode, 125);
    assert.ok(!error.message.includes('\n'), error.message);
    return error.message;
  }
  return assert.fail(`accepted: ${words.join(' ')}`);
}

test("everything behind the program is the program's", () => {
  const table: [string[], string[]][] = [
    [
      ['ls', '-l'],
      ['ls', '-l'],
    ],
    [
      ['--', 'bash', '-c', 'ls -l'],
      ['bash', '-c', 'ls -l'],
    ],
    [
      ['-m', '64M', 'ls', '-m', '-h', '--help', '--json'],
      ['ls', '-m', '-h', '--help', '--json'],
    ],
    [
      ['--', '-weird', '--json'],
      ['-weird', '--json'],
    ],
    [
      ['sh', '--', '-c', 'x'],
      ['sh', '--', '-c', 'x'],
    ],
    [
      ['env', '-it', '--strace'],
      ['env', '-it', '--strace'],
    ],
    [
      ['--strace', 'ls', '-l'],
      ['ls', '-l'],
    ],
    [['-it', 'bash'], ['bash']],
    [
      ['-e', 'A=b', 'sh', '-e', 'C=d'],
      ['sh', '-e', 'C=d'],
    ],
    [
      ['echo', ''],
      ['echo', ''],
    ],
  ];
  for (const [words, argv] of table) assert.deepEqual(parse(...words).argv, argv, words.join(' '));
});

test('limits and switches', () => {
  const { machine, json, stats, timeoutSeconds } = parse(
    '-m',
    '64M',
    '--cpu',
    '10s',
    '-t',
    '30s',
    '--pids',
    '20',
    '--files=64',
    '--disk',
    '8M',
    '--json',
    '--stats',
    'x',
  );
  assert.equal(machine.limits.memoryBytes, 64 << 20);
  assert.equal(machine.limits.cpuSeconds, 10);
  assert.equal(machine.limits.processes, 20);
  assert.equal(machine.limits.openFiles, 64);
  assert.equal(machine.limits.diskBytes, 8 << 20);
  assert.equal(timeoutSeconds, 30);
  assert.ok(json && stats && machine.stats);
});

test("a terminal, in docker's words", () => {
  for (const words of [['-it'], ['-ti'], ['-i', '--tty'], ['-i', '-t', '--']]) {
    const options = parse(...words, 'bash');
    assert.ok(options.terminal && options.interactive, words.join(' '));
    assert.deepEqual(options.argv, ['bash']);
  }
  assert.equal(parse('-i', 'cat').terminal, false);
  assert.equal(parse('-t', '5s', 'cat').terminal, false);
});

test('strace with and without a list', () => {
  assert.equal(parse('x').machine.trace, undefined);
  assert.deepEqual(parse('--strace', 'x').machine.trace, { calls: undefined });
  assert.deepEqual(parse('--strace=openat,read', 'x').machine.trace, { calls: ['openat', 'read'] });
});

test('mounts, parents first', () => {
  const { mounts } = parse('-w', '/usr/share', '-r', '/usr', '-v', '/etc:/data/etc:ro', '-v', '/tmp:/scratch', 'x').machine;
  assert.deepEqual(mounts, [
    { target: '/usr', fs: { type: 'hostdir', path: '/usr', readOnly: true } },
    { target: '/scratch', fs: { type: 'hostdir', path: '/tmp', readOnly: false } },
    { target: '/usr/share', fs: { type: 'hostdir', path: '/usr/share', readOnly: false } },
    { target: '/data/etc', fs: { type: 'hostdir', path: '/etc', readOnly: true } },
  ]);
  assert.deepEqual(parse('--root', '/usr', 'x').machine.root, { type: 'overlay', lower: { type: 'hostdir', path: '/usr' } });
});

test('the current directory is shown unless told otherwise', () => {
  assert.equal(parse('x').machine.hostCwd, process.cwd());
  assert.equal(parse('--no-current', 'x').machine.hostCwd, undefined);
});

test('variables', () => {
  process.env.SKAS_TEST_PASSED = 'on';
  assert.deepEqual(parse('-e', 'A=1=2', '-e', 'B=', '-e', 'SKAS_TEST_PASSED', '-e', 'SKAS_TEST_UNSET', 'x').machine.env, {
    A: '1=2',
    B: '',
    SKAS_TEST_PASSED: 'on',
  });
});

test('mistakes are told in one line that says what to do', () => {
  const table: [string[], RegExp][] = [
    [[], /no program given: try/],
    [['--'], /no program given/],
    [['--frobnicate', 'x'], /--frobnicate.*skas run --help/],
    [['-m', 'lots', 'x'], /-m lots: give a size/],
    [['-m', '1k', 'x'], /-m 1k: give at least/],
    [['-t', 'soon', 'x'], /-t soon: give a time/],
    [['-t', 'bash'], /for a terminal write -it/],
    [['--pids', '0', 'x'], /--pids 0: give a whole number/],
    [['-w', '/tmp', '-r', '/tmp/', 'x'], /-w \/tmp and -r \/tmp: choose one/],
    [['-w', '/nowhere', 'x'], /-w \/nowhere: does not exist/],
    [['-r', '/etc/passwd', 'x'], /is not a directory: for a file use -v/],
    [['--root', '/nowhere', 'x'], /--root \/nowhere: does not exist/],
    [['-v', 'x', 'y'], /-v x: write HOST:GUEST/],
    [['-v', '/tmp:rel', 'y'], /-v \/tmp:rel: write HOST:GUEST/],
    [['-v', '/nowhere:/x', 'y'], /\/nowhere does not exist/],
    [['-C', 'rel', 'y'], /--cwd rel: give an absolute path/],
    [['--platform', 'kvm', 'y'], /platform.*kvm/],
    [['-e', '=x', 'y'], /-e =x: write NAME=VALUE/],
    [['--hostname', 'a b', 'y'], /--hostname a b: use/],
    [['--json', '-it', 'y'], /--json and -it: choose one/],
    [['-m'], /argument missing.*skas run --help/],
  ];
  for (const [words, message] of table) assert.match(refusal(...words), message, words.join(' '));
});

test('--help prints the options and starts nothing', () => {
  let text = '';
  assert.equal(
    parseRun(['--help'], (printed) => (text += printed)),
    undefined,
  );
  for (const word of ['--write', '--strace', '--json', 'Examples', '127']) assert.ok(text.includes(word), word);
});
