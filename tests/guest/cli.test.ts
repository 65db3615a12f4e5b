/** The command line as a user meets it: exit codes, streams, signals, messages. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { CLI } from '../support/run.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'skas-cli-'));
  writeFileSync(join(folder, 'plain'), 'no program\n');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function skas(words: readonly string[], input?: string): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, ...words], { cwd: folder, encoding: 'utf8', input: input ?? '', timeout: 60_000 });
}

/** Exit code, and a single line on stderr. */
function refuses(words: readonly string[], code: number, message: RegExp): void {
  const { status, stdout, stderr } = skas(words);
  assert.equal(status, code, `${words.join(' ')}: ${stderr}`);
  assert.equal(stdout, '');
  assert.match(stderr, message);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
}

describe('skas run', { timeout: 120_000 }, () => {
  test('passes output and exit codes on', () => {
    const { status, stdout, stderr } = skas(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.deepEqual([status, stdout, stderr], [7, 'out\n', 'err\n']);
    assert.equal(skas(['run', 'sh', '-c', 'kill -KILL $$']).status, 137);
    assert.equal(skas(['sh', '-c', 'exit 3']).status, 3);
  });

  test('each limit has an option, is reached with what Linux answers, and told in the result', () => {
    const cases: [options: string[], script: string, limit: string, signal: string | null, stdout: RegExp][] = [
      [['-m', '64M'], 'perl -e \'push @a, "x" x 1e6 while 1\'; echo $?', 'memory', null, /^137\n$/],
      [['--cpu', '1s'], 'while :; do :; done', 'cpu', 'SIGXCPU', /^$/],
      [['-t', '200ms'], 'sleep 100', 'wall', 'SIGTERM', /^$/],
      [['--pids', '8'], 'for i in 1 2 3 4 5 6 7 8 9; do sleep 9 >&- 2>&- & done', 'processes', null, /^$/],
      [
        ['--files', '16'],
        'perl -e \'while (open(my $f, "<", "/dev/null")) { push @f, $f } print $!{EMFILE} ? 1 : 0\'',
        'openFiles',
        null,
        /^1$/,
      ],
      [['--disk', '1M'], 'head -c 3000000 /dev/zero > /tmp/big; echo $?', 'disk', null, /^1\n$/],
      [['--output', '1k'], 'while :; do echo 0123456789; done', 'output', 'SIGXFSZ', /^(?:0123456789\n){93}0$/],
    ];
    for (const [options, script, limit, signal, stdout] of cases) {
      const result = JSON.parse(skas(['run', '--json', ...options, '--', 'sh', '-c', script]).stdout);
      assert.deepEqual([result.usage.limits, result.signal], [[limit], signal], `${options.join(' ')}: ${JSON.stringify(result)}`);
      assert.match(result.stdout, stdout, options.join(' '));
    }
  });

  test('says what could not be run', () => {
    refuses(['run', 'no-such-program'], 127, /^skas: no-such-program: not found/);
    refuses(['run', './missing'], 127, /not found/);
    refuses(['run', './plain'], 126, /^skas: \.\/plain: not executable/);
    refuses(['run', '/usr'], 126, /not executable/);
    refuses(['run', '--frobnicate', 'x'], 125, /--frobnicate/);
    refuses(['run', '--root', '/nowhere', 'x'], 125, /\/nowhere: does not exist/);
    refuses(['run', '-C', '/nowhere', 'true'], 125, /working directory \/nowhere/);
    refuses(['run', '-u', 'nobody-such', 'true'], 125, /user nobody-such: unknown/);
    refuses(['run', '-it', 'true'], 125, /not a terminal: leave -it out/);
  });

  test('standard input reaches the program, and ends', () => {
    assert.equal(skas(['run', 'cat'], 'typed\n').stdout, 'typed\n');
    assert.equal(skas(['run', 'wc', '-c'], 'x'.repeat(1_000_000)).stdout.trim(), '1000000');
  });

  test('output that cannot be written and input that cannot be read are told', () => {
    const shell = (redirection: string, program: string) =>
      spawnSync('sh', ['-c', `"$0" "$1" run ${program} ${redirection}`, process.execPath, CLI], { cwd: folder, encoding: 'utf8' });
    const full = shell('> /dev/full', 'echo x');
    assert.deepEqual([full.status, full.stderr.split('\n').length], [125, 2], full.stderr);
    assert.match(full.stderr, /^skas: standard output: ENOSPC/);
    assert.match(shell('< /', 'cat').stderr, /^skas: standard input: EISDIR/);
    assert.equal(shell('| true', 'yes').stderr, '');
  });

  test('a program that does not read its input leaves it for the next', () => {
    const script = `printf 'one\\ntwo\\n' | { "$NODE" "$CLI" run true; cat; }`;
    const env = { ...process.env, NODE: process.execPath, CLI };
    assert.equal(spawnSync('sh', ['-c', script], { cwd: folder, env, encoding: 'utf8' }).stdout, 'one\ntwo\n');
  });

  test('a reader that goes away ends the writer', () => {
    const script = '"$NODE" "$CLI" run sh -c \'yes; echo "yes ended with $?" >&2\' | head -n 1';
    const env = { ...process.env, NODE: process.execPath, CLI };
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
    assert.equal(stdout, 'y\n');
    assert.match(stderr, /yes ended with (141|1)/);
  });

  test('stdout and stderr keep their order when they are one file', () => {
    const script = '"$NODE" "$CLI" run sh -c \'for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done\' > both 2>&1';
    const env = { ...process.env, NODE: process.execPath, CLI };
    spawnSync('sh', ['-c', script], { cwd: folder, env });
    assert.equal(readFileSync(join(folder, 'both'), 'utf8'), 'o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\n');
  });

  test('what a program leaves behind is waited for, as a pipe does', () => {
    assert.equal(skas(['run', 'sh', '-c', '(sleep 0.2; echo late) & echo early']).stdout, 'early\nlate\n');
  });

  test('a large output arrives whole', () => {
    const { stdout } = spawnSync(process.execPath, [CLI, 'run', 'head', '-c', '20000000', '/dev/zero'], {
      cwd: folder,
      maxBuffer: 1 << 26,
    });
    assert.equal(stdout.length, 20_000_000);
  });

  test('the current directory is there, and changes stay in memory', () => {
    const { stdout } = skas(['run', 'sh', '-c', 'pwd; cat plain; echo new > plain; cat plain']);
    assert.equal(stdout, `${folder}\nno program\nnew\n`);
    assert.equal(readFileSync(join(folder, 'plain'), 'utf8'), 'no program\n');
  });

  test('-w lets the guest write, -r does not', () => {
    assert.equal(skas(['run', '-w', '.', 'sh', '-c', 'echo kept > kept']).status, 0);
    assert.equal(readFileSync(join(folder, 'kept'), 'utf8'), 'kept\n');
    assert.notEqual(skas(['run', '-r', '.', 'sh', '-c', 'echo x > kept']).status, 0);
    assert.equal(skas(['run', '-v', `${folder}:/data:ro`, 'cat', '/data/kept']).stdout, 'kept\n');
  });

  test('--json tells everything in one object', () => {
    const { status, stdout } = skas(['run', '--json', 'sh', '-c', 'echo out; echo err >&2; exit 2']);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(status, 2);
    assert.deepEqual([result.exitCode, result.signal, result.stdout, result.stderr, result.ok], [2, null, 'out\n', 'err\n', false]);
  });

  test('-t stops a program', () => {
    const { status, stderr } = skas(['run', '-t', '200ms', 'sleep', '600']);
    assert.equal(status, 143);
    assert.match(stderr, /stopped after 0\.2 s/);
  });

  test('SIGTERM and SIGINT are passed on', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const child = spawn(process.execPath, [CLI, 'run', 'sh', '-c', 'echo up; exec sleep 600'], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill(signal);
      assert.equal(await new Promise((resolve) => child.once('exit', resolve)), code);
    }
  });

  test('SIGKILL of skas leaves no process', async () => {
    const mark = `skas-mark-${process.pid}`;
    const child = spawn(process.execPath, [CLI, 'run', 'sh', '-c', `echo up; : ${mark}; while :; do :; done`], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const stubs = readdirSync('/proc').filter((pid) => hostProcess(pid)?.parent === child.pid);
    child.kill('SIGKILL');
    assert.ok(stubs.length > 0);
    await new Promise((resolve) => child.once('exit', resolve));
    for (const pid of stubs) {
      for (let tries = 0; tries < 100; tries++) {
        const { state = 'Z' } = hostProcess(pid) ?? {};
        if (state === 'Z' || state === 'X') break;
        assert.ok(tries < 99, `stub process ${pid} lives on`);
        spawnSync('sleep', ['0.05']);
      }
    }
  });

  test('--strace and --stats go to stderr', () => {
    const { stdout, stderr } = skas(['run', '--strace=execve,write', '--stats', 'echo', 'x']);
    assert.equal(stdout, 'x\n');
    assert.match(stderr, /write\(1, "x\\n", 2\)\s+= 2/);
    assert.match(stderr, /system calls/);
  });
});

/** State and parent of a process of the host, while there is one. */
function hostProcess(pid: string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

describe('a terminal', { timeout: 60_000, skip: isInstalled('script') ? false : 'no script(1)' }, () => {
  const inTerminal = (command: string, input: string): string => {
    const line = `${process.execPath} ${CLI} run -it -- ${command}`;
    return spawnSync('script', ['-qec', line, '/dev/null'], { cwd: folder, input, encoding: 'utf8', timeout: 30_000 }).stdout;
  };

  test('the guest sees a terminal', () => {
    assert.match(inTerminal("sh -c 'tty; test -t 0 && test -t 1 && echo yes'", ''), /\/dev\/pts\/\d+\r\nyes/);
  });
});

describe('other commands', { timeout: 60_000 }, () => {
  test('doctor runs a guest', () => {
    const { status, stdout } = skas(['doctor']);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /Guests run on this host/);
  });

  test('syscalls lists the table', () => {
    const rows = JSON.parse(skas(['syscalls', '--json']).stdout) as { number: number; name: string; support: string }[];
    assert.deepEqual(rows[0], { number: 0, name: 'read', support: 'full', note: '' });
    assert.ok(rows.length > 300);
  });

  test('a wrong option is told in one line, whichever command it is for', () => {
    for (const words of [
      ['doctor', '--no'],
      ['syscalls', '--no'],
      ['run', '--no'],
      ['run', '-e', '--', 'true'],
      ['run', '--strace=no', 'true'],
    ]) {
      const { status, stderr } = skas(words);
      assert.deepEqual([status, stderr.split('\n').length, stderr.includes('report')], [125, 2, false], stderr);
    }
  });

  test('help and version', () => {
    assert.equal(skas(['--help']).status, 0);
    assert.match(skas(['run', '--help']).stdout, /--memory/);
    assert.match(skas(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal(skas([]).status, 125);
    for (const command of ['doctor', 'syscalls', 'bench']) {
      const { status, stdout } = skas([command, '--help']);
      assert.deepEqual([status, stdout.startsWith(`Usage: skas ${command}`)], [0, true]);
    }
  });
});
