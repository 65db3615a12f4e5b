/** The library against a real machine: what the README and the docstrings promise. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  ClosedError,
  ExitError,
  FileError,
  hostdir,
  LimitError,
  memfs,
  OptionError,
  overlay,
  Sandbox,
  SpawnError,
  TimeoutError,
} from '../../src/index.js';
import { PLATFORMS, type PlatformName } from '../support/platforms.js';

const TIMEOUT = { timeout: 60_000 };

for (const platform of PLATFORMS) {
  describe(`a sandbox on ${platform}`, TIMEOUT, () => testSandbox(platform));
  describe(`file systems on ${platform}`, TIMEOUT, () => testMounts(platform));
  describe(`several sandboxes on ${platform}`, TIMEOUT, () => testSeveral(platform));
}

function testSandbox(platform: PlatformName): void {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create({
      platform,
      env: { GREETING: 'hello' },
      hostname: 'box',
      files: { 'a/b.txt': 'made\n', '/etc/made': 'x' },
    });
  });
  after(() => sandbox.close());

  test('exec returns what a program wrote and how it ended', async () => {
    const result = await sandbox.exec('sh', ['-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual([result.stdout, result.stderr, result.exitCode, result.signal, result.ok], ['out\n', 'err\n', 3, null, false]);
    assert.ok(result.durationMs > 0);
    assert.ok(result.usage.syscalls > 10);
    assert.ok(result.usage.peakMemoryBytes > 4096);
    assert.equal(result.usage.outOfMemory, false);
  });

  test('a signal shows by name', async () => {
    const result = await sandbox.exec('sh', ['-c', 'kill -SEGV $$']);
    assert.deepEqual([result.exitCode, result.signal], [null, 'SIGSEGV']);
  });

  test('check throws with the result', async () => {
    await assert.rejects(sandbox.exec('sh', ['-c', 'echo no >&2; exit 4'], { check: true }), (error) => {
      assert.ok(error instanceof ExitError);
      assert.equal(error.result.exitCode, 4);
      assert.match(error.message, /exited with 4: no$/);
      return true;
    });
    assert.equal((await sandbox.exec('true', [], { check: true })).ok, true);
  });

  test('standard input: text, bytes, iterables, and none', async () => {
    const cat = async (stdin: Parameters<Sandbox['exec']>[2]): Promise<string> => (await sandbox.exec('cat', [], stdin)).stdout;
    assert.equal(await cat({ stdin: 'text' }), 'text');
    assert.equal(await cat({ stdin: Buffer.from('bytes') }), 'bytes');
    assert.equal(
      await cat({
        stdin: (async function* () {
          yield 'a';
          yield Buffer.from('b');
        })(),
      }),
      'ab',
    );
    assert.equal(await cat({ stdin: new Blob(['blob']).stream() }), 'blob');
    assert.equal(await cat({}), '');
  });

  test('large input and output arrive whole', async () => {
    const bytes = Buffer.alloc(5_000_001, 'abcdefghijklmnopqrstuvwxyz\n');
    const result = await sandbox.exec('cat', [], { stdin: bytes, encoding: 'buffer' });
    assert.ok(Buffer.from(result.stdout).equals(bytes));
  });

  test('input that nobody reads is no error', async () => {
    assert.equal((await sandbox.exec('true', [], { stdin: Buffer.alloc(1_000_000) })).exitCode, 0);
  });

  test('environment, directory and user', async () => {
    const env = await sandbox.exec('env', [], { env: { OWN: '1' } });
    assert.match(env.stdout, /^GREETING=hello$/m);
    assert.match(env.stdout, /^OWN=1$/m);
    assert.match(env.stdout, /^PATH=/m);
    assert.ok(!env.stdout.includes('NODE_'));
    assert.equal((await sandbox.exec('pwd', [], { cwd: '/usr/bin' })).stdout, '/usr/bin\n');
    assert.equal((await sandbox.exec('sh', ['-c', 'id -u; id -g'], { user: '1234:567' })).stdout, '1234\n567\n');
    assert.equal((await sandbox.exec('hostname')).stdout, 'box\n');
    assert.match((await sandbox.exec('getent', ['hosts', 'box'])).stdout, /^127\.0\.1\.1 +box$/m);
  });

  test('input that breaks off stops the program and rejects with its error', async () => {
    const broken = async function* (): AsyncGenerator<string> {
      yield 'half';
      throw new Error('the source broke');
    };
    await assert.rejects(sandbox.exec('cat', [], { stdin: broken() }), /the source broke/);
  });

  test('what makes no sense is refused by name', async () => {
    const wrong: [RegExp, () => Promise<unknown>][] = [
      [/^timeout: there is no such option.*timeoutMs/, () => sandbox.exec('true', [], { timeout: 5 } as object)],
      [/^pty: there is no such option/, () => sandbox.exec('true', [], { pty: { cols: 1, rows: 1 } } as object)],
      [/^stdin data: choose/, () => sandbox.spawn('true', [], { stdin: 'data' as 'pipe' })],
      [/^timeoutMs -5: /, () => sandbox.exec('true', [], { timeoutMs: -5 })],
      [/^timeoutMs NaN: /, () => sandbox.spawn('true', [], { timeoutMs: NaN })],
      [/^maxBuffer -1: /, () => sandbox.exec('true', [], { maxBuffer: -1 })],
      [/^encoding latin1: /, () => sandbox.exec('true', [], { encoding: 'latin1' as 'utf8' })],
      [/^arguments: give an array/, () => sandbox.exec('echo', 'text' as unknown as string[])],
      [/^limits.cpuSeconds: /, () => sandbox.exec('true', [], { limits: { cpuSeconds: 0 } })],
      [/^memory: there is no such option/, () => Sandbox.create({ memory: '1G' } as object)],
      [/^limits.memory: there is no such option.*memoryBytes/, () => Sandbox.create({ limits: { memory: 5 } as object })],
      [/^limits.memoryBytes: give at least 4 MiB/, () => Sandbox.create({ limits: { memoryBytes: 4096 } })],
      [/^platform "kvm": choose one of auto/, () => Sandbox.create({ platform: 'kvm' as 'auto' })],
      [/^root: give a path/, () => Sandbox.create({ root: 5 as unknown as string })],
      [/^hostname a b: /, () => Sandbox.create({ hostname: 'a b' })],
      [/^traced call no-such: /, () => Sandbox.create({ onTrace: () => undefined, traceCalls: ['no-such'] })],
    ];
    for (const [message, call] of wrong) {
      await assert.rejects(call(), (error: Error) => error instanceof OptionError && message.test(error.message), String(message));
    }
    const { stdout } = await sandbox.exec('sh', ['-c', 'echo "$A-$B"'], { env: { A: 'a', B: undefined }, timeoutMs: 0 });
    assert.equal(stdout, 'a-\n');
  });

  test('what cannot be started says why', async () => {
    const failure = async (run: Promise<unknown>): Promise<SpawnError> => {
      const error = await run.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof SpawnError, String(error));
      return error;
    };
    const missing = await failure(sandbox.exec('no-such-program'));
    assert.deepEqual([missing.code, missing.exitCode], ['ENOENT', 127]);
    const plain = await failure(sandbox.exec('/etc/made'));
    assert.deepEqual([plain.code, plain.exitCode], ['EACCES', 126]);
    const directory = await failure(sandbox.exec('true', [], { cwd: '/nowhere' }));
    assert.match(directory.message, /working directory \/nowhere/);
    assert.match((await failure(sandbox.exec('true', [], { user: 'nobody-such' }))).message, /user nobody-such: unknown/);
    await assert.rejects(sandbox.exec('true', ['a\0b']), OptionError);
  });

  test('time-outs stop a program that ignores SIGTERM, and what it started', async () => {
    const started = performance.now();
    const result = await sandbox.exec('sh', ['-c', 'sleep 600 & exec sleep 600'], { timeoutMs: 100 });
    assert.deepEqual([result.timedOut, result.signal], [true, 'SIGTERM']);
    await assert.rejects(sandbox.exec('sleep', ['600'], { timeoutMs: 50, check: true }), TimeoutError);
    const stubborn = await sandbox.exec('sh', ['-c', 'trap "" TERM; while :; do sleep 600; done'], { timeoutMs: 1000 });
    assert.deepEqual([stubborn.timedOut, stubborn.signal], [true, 'SIGKILL']);
    assert.ok(performance.now() - started < 30_000);
  });

  test('an endless loop is stopped too', async () => {
    const result = await sandbox.exec('sh', ['-c', 'while :; do :; done'], { timeoutMs: 200 });
    assert.equal(result.timedOut, true);
  });

  test('an AbortSignal stops a program', async () => {
    const controller = new AbortController();
    const running = sandbox.exec('sh', ['-c', 'echo started; sleep 600'], { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    const result = await running;
    assert.deepEqual([result.aborted, result.timedOut], [true, false]);
    await assert.rejects(sandbox.exec('true', [], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  test('maxBuffer stops a program that writes without end', async () => {
    await assert.rejects(sandbox.exec('yes', [], { maxBuffer: 100_000 }), (error) => {
      assert.ok(error instanceof LimitError);
      assert.equal(error.result.stdout.length, 100_000);
      return true;
    });
  });

  test('the shell template quotes its values', async () => {
    const name = "it's $HOME; `id`";
    const result = await sandbox.$`printf %s ${name} | wc -c`;
    assert.equal(Number(result.stdout), name.length);
    await assert.rejects(sandbox.$({ check: true })`exit 9`, ExitError);
  });

  test('spawn: streams, signals, exit', async () => {
    await using process = await sandbox.spawn('sh', ['-c', 'while read line; do echo "got $line"; done; echo end']);
    const writer = process.stdin.getWriter();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    const until = async (text: string): Promise<void> => {
      while (!seen.includes(text)) {
        const { value, done } = await reader.read();
        assert.ok(!done, `the stream ended after ${JSON.stringify(seen)}`);
        seen += value;
      }
    };
    await writer.write('one\n');
    await until('got one\n');
    await writer.write('two\n');
    await until('got two\n');
    await writer.close();
    await until('end\n');
    assert.equal((await process.exited).exitCode, 0);
  });

  test('a process can be iterated and killed', async () => {
    const process = await sandbox.spawn('sh', ['-c', 'echo ready; sleep 600']);
    for await (const { stream, data } of process) {
      assert.deepEqual([stream, data], ['stdout', 'ready\n']);
      process.kill('SIGKILL', 'session');
    }
    assert.equal((await process.exited).signal, 'SIGKILL');
    assert.throws(() => process.kill('SIGNONE'), /is no signal/);
  });

  test('a terminal has its size, echoes, and sends signals for keys', async () => {
    const process = await sandbox.spawn('sh', ['-c', 'trap "echo interrupted; exit 5" INT; stty size; while :; do sleep 0.05; done'], {
      pty: { cols: 100, rows: 30 },
    });
    let text = '';
    const writer = process.stdin.getWriter();
    for await (const { data } of process) {
      text += data;
      if (text.includes('30 100\r\n') && !text.includes('^C')) await writer.write('\x03');
    }
    assert.match(text, /interrupted\r\n/);
    assert.equal((await process.exited).exitCode, 5);
  });

  test('files', async () => {
    const { fs } = sandbox;
    assert.equal(await fs.readFile('a/b.txt', 'utf8'), 'made\n');
    await fs.mkdir('/tmp/deep/er', { recursive: true });
    await fs.writeFile('/tmp/deep/er/f', 'one');
    await fs.appendFile('/tmp/deep/er/f', 'two');
    await fs.symlink('f', '/tmp/deep/er/link');
    await fs.chmod('/tmp/deep/er/f', 0o700);
    assert.deepEqual(await fs.readdir('/tmp/deep/er'), ['f', 'link']);
    assert.equal(await fs.readlink('/tmp/deep/er/link'), 'f');
    const stat = await fs.stat('/tmp/deep/er/link');
    assert.deepEqual([stat.isFile(), stat.size, stat.mode & 0o777], [true, 6, 0o700]);
    assert.equal((await fs.lstat('/tmp/deep/er/link')).isSymbolicLink(), true);
    await fs.rename('/tmp/deep/er/f', '/tmp/deep/g');
    await fs.copyFile('/tmp/deep/g', '/tmp/deep/h');
    await fs.utimes('/tmp/deep/h', 1, new Date(2000));
    assert.equal((await fs.stat('/tmp/deep/h')).mtimeMs, 2000);
    assert.equal((await sandbox.exec('cat', ['/tmp/deep/h'])).stdout, 'onetwo');
    await sandbox.exec('sh', ['-c', 'echo from inside > /tmp/deep/i']);
    assert.equal(await fs.readFile('/tmp/deep/i', 'utf8'), 'from inside\n');
    await fs.rm('/tmp/deep', { recursive: true });
    assert.equal(await fs.exists('/tmp/deep'), false);
    await assert.rejects(
      fs.readFile('/nowhere'),
      (error) => error instanceof FileError && error.code === 'ENOENT' && error.path === '/nowhere',
    );
    await assert.rejects(fs.readdir('/etc/passwd'), { code: 'ENOTDIR' });
    await fs.rm('/nowhere', { force: true });
    const bytes = new Uint8Array(3_000_000).map((_, i) => i % 253);
    await fs.writeFile('/tmp/big', bytes);
    assert.ok(Buffer.from(await fs.readFile('/tmp/big')).equals(bytes));
  });
}

function testMounts(platform: PlatformName): void {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'skas-api-'));
    writeFileSync(join(folder, 'file'), 'host\n');
    symlinkSync('/etc/hostname', join(folder, 'escape'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('host directories: writable, read-only, and under an overlay', async () => {
    const mounts = {
      '/rw': hostdir(folder, { readOnly: false }),
      '/ro': hostdir(folder),
      '/over': overlay(hostdir(folder)),
      '/mem': memfs(),
    };
    await using sandbox = await Sandbox.create({ platform, mounts });
    await sandbox.exec('sh', ['-c', 'echo rw > /rw/new; echo over > /over/file; echo mem > /mem/x'], { check: true });
    assert.equal(readFileSync(join(folder, 'new'), 'utf8'), 'rw\n');
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'host\n');
    assert.equal((await sandbox.exec('cat', ['/over/file', '/ro/file', '/mem/x'])).stdout, 'over\nhost\nmem\n');
    const refused = await sandbox.exec('sh', ['-c', 'echo no > /ro/file']);
    assert.match(refused.stderr, /[Rr]ead-only/);
    assert.notEqual(refused.exitCode, 0);
  });

  test('nothing that is written to the default root reaches the host', async () => {
    await using sandbox = await Sandbox.create({ platform });
    const name = `/usr/skas-test-${process.pid}`;
    await sandbox.exec('sh', ['-c', `echo x > ${name}; rm -rf /usr/share/doc`], { user: '0:0' });
    assert.equal(existsSync(name), false);
    assert.equal(existsSync('/usr/share'), true);
    assert.equal((await sandbox.exec('ls', ['/home'])).stdout, '');
  });

  test('mistakes reject with a sentence', async () => {
    await assert.rejects(
      Sandbox.create({ platform, root: '/nowhere' }),
      (error) => error instanceof OptionError && /root \/nowhere: does not exist/.test(error.message),
    );
    await assert.rejects(Sandbox.create({ platform, limits: { memoryBytes: -1 } }), /limits\.memoryBytes: give a number/);
    await assert.rejects(Sandbox.create({ platform, user: 'nobody-such' }), /user nobody-such: unknown/);
    await assert.rejects(Sandbox.create({ platform, cwd: '/nowhere' }), /working directory \/nowhere/);
    await assert.rejects(Sandbox.create({ platform, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
}

function testSeveral(platform: PlatformName): void {
  test('sandboxes share nothing', async () => {
    const [a, b] = await Promise.all([Sandbox.create({ platform }), Sandbox.create({ platform })]);
    await a.fs.writeFile('/tmp/x', 'a');
    assert.equal(await b.fs.exists('/tmp/x'), false);
    const [inA, inB] = await Promise.all([a.exec('cat', ['/tmp/x']), b.exec('sh', ['-c', 'echo b; echo $$'])]);
    assert.equal(inA.stdout, 'a');
    assert.match(inB.stdout, /^b\n\d+\n$/);
    await a.close();
    assert.equal((await b.exec('echo', ['still'])).stdout, 'still\n');
    await assert.rejects(a.exec('true'), ClosedError);
    await assert.rejects(a.fs.readFile('/tmp/x'), ClosedError);
    await assert.rejects(a.statistics(), ClosedError);
    await a.close();
    await b.close();
  });

  test('closing ends what runs', async () => {
    const sandbox = await Sandbox.create({ platform });
    const running = await sandbox.spawn('sleep', ['600']);
    await sandbox.close();
    assert.equal((await running.exited).signal, 'SIGKILL');
  });
}
