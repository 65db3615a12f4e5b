import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { ClosedError, SpawnError } from './errors.js';
import { BootError, KernelClient, RequestFailed } from './kernel-client.js';
import { machineOptions } from './machine-options.js';
import { SandboxProcess, type ProcessOptions } from './process.js';
import { SHARED_STOP, STOP_ASKED, STOP_RUNG, type FromKernel, type SpawnRequest, type ToKernel } from './protocol.js';

/** A kernel thread that says what the test tells it to. */
class FakeKernel extends EventEmitter {
  readonly got: ToKernel[] = [];
  held = true;
  readonly shared = new Int32Array(new SharedArrayBuffer(8));

  postMessage(message: ToKernel): void {
    this.got.push(structuredClone(message));
  }
  ref(): void {
    this.held = true;
  }
  unref(): void {
    this.held = false;
  }
  say(message: FromKernel): void {
    this.emit('message', message);
  }
  end(): void {
    this.emit('exit', 0);
  }
  get types(): string[] {
    return this.got.map((message) => message.type);
  }
  last<T extends ToKernel['type']>(type: T): Extract<ToKernel, { type: T }> {
    return this.got.findLast((message) => message.type === type) as Extract<ToKernel, { type: T }>;
  }
}

const USAGE = { cpuMs: 1, peakMemoryBytes: 4096, syscalls: 3, outOfMemory: false, limits: [] };

function connect(): { kernel: FakeKernel; client: KernelClient } {
  const kernel = new FakeKernel();
  const client = new KernelClient({ worker: kernel as unknown as Worker, shared: kernel.shared }, machineOptions());
  return { kernel, client };
}

function booted(): { kernel: FakeKernel; client: KernelClient } {
  const both = connect();
  both.kernel.say({ type: 'ready', platform: 'ptrace' });
  return both;
}

const REQUEST: SpawnRequest = { argv: ['x'], env: {}, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' };

async function started(
  both: { kernel: FakeKernel; client: KernelClient },
  options: ProcessOptions = {},
): Promise<{ process: SandboxProcess; id: number }> {
  const starting = SandboxProcess.start(both.client, REQUEST, options);
  const { id } = both.kernel.last('spawn');
  both.kernel.say({ type: 'started', id, pid: 42 });
  return { process: await starting, id };
}

/** The end of a process and of its streams. */
function finish(kernel: FakeKernel, id: number, status = 0): void {
  kernel.say({ type: 'exited', id, status, usage: USAGE });
  kernel.say({ type: 'output-end', id, fd: 1 });
  kernel.say({ type: 'output-end', id, fd: 2 });
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the options go first, and the platform comes back', async () => {
  const { kernel, client } = connect();
  assert.deepEqual(kernel.types, ['boot']);
  kernel.say({ type: 'ready', platform: 'ptrace' });
  assert.equal(await client.booted, 'ptrace');
});

test('a machine that does not boot rejects with the reason', async () => {
  const { kernel, client } = connect();
  const failure = { kind: 'unsupported', message: 'no ptrace' } as const;
  kernel.say({ type: 'boot-failed', failure });
  await assert.rejects(client.booted, (error) => error instanceof BootError && error.failure.message === 'no ptrace');
});

test('a thread that dies while it boots rejects too', async () => {
  const { kernel, client } = connect();
  kernel.emit('error', new Error('module not found'));
  kernel.end();
  await assert.rejects(client.booted, /module not found/);
});

test('the thread keeps the program alive only while something is going on', async () => {
  const both = connect();
  const { kernel, client } = both;
  assert.equal(kernel.held, true);
  kernel.say({ type: 'ready', platform: 'ptrace' });
  assert.equal(kernel.held, false);
  const { process, id } = await started(both);
  assert.equal(kernel.held, true);
  finish(kernel, id);
  await process.exited;
  assert.equal(kernel.held, false);
  const asking = client.file({ op: 'stat', path: '/' });
  assert.equal(kernel.held, true);
  kernel.say({ type: 'file-failed', request: kernel.last('file').request, code: 'ENOENT' });
  await assert.rejects(asking, (error) => error instanceof RequestFailed && error.code === 'ENOENT');
  assert.equal(kernel.held, false);
});

test('a process: start, output, end', async () => {
  const both = booted();
  const { process, id } = await started(both);
  assert.equal(process.pid, 42);
  both.kernel.say({ type: 'output', id, fd: 1, bytes: Buffer.from('out') });
  both.kernel.say({ type: 'output', id, fd: 2, bytes: Buffer.from('err') });
  finish(both.kernel, id, 3 << 8);
  const said: string[] = [];
  for await (const { stream, data } of process) said.push(`${stream}: ${data}`);
  assert.deepEqual(said.sort(), ['stderr: err', 'stdout: out']);
  const result = await process.exited;
  assert.equal(result.exitCode, 3);
  assert.equal(result.ok, false);
  assert.deepEqual(result.usage, USAGE);
  assert.deepEqual(both.kernel.last('consumed'), { type: 'consumed', id, fd: 2, bytes: 3 });
  assert.ok(both.kernel.types.includes('forget'));
});

test('the result waits for the streams, not only for the process', async () => {
  const both = booted();
  const { process, id } = await started(both);
  let over = false;
  void process.exited.then(() => (over = true));
  both.kernel.say({ type: 'exited', id, status: 0, usage: USAGE });
  both.kernel.say({ type: 'output-end', id, fd: 1 });
  await settle();
  assert.equal(over, false);
  both.kernel.say({ type: 'output-end', id, fd: 2 });
  await process.exited;
});

test('a program that cannot be started rejects with SpawnError', async () => {
  const both = booted();
  const starting = SandboxProcess.start(both.client, REQUEST);
  const { id } = both.kernel.last('spawn');
  both.kernel.say({ type: 'spawn-failed', id, failure: { code: 'ENOENT', what: 'program', value: 'x' } });
  await assert.rejects(starting, (error) => error instanceof SpawnError && error.exitCode === 127);
  assert.equal(both.kernel.held, false);
});

test('input goes when the guest asks', async () => {
  const both = booted();
  const { process, id } = await started(both);
  const writer = process.stdin.getWriter();
  const writing = writer.write('typed');
  await settle();
  assert.ok(!both.kernel.types.includes('stdin'));
  both.kernel.say({ type: 'stdin-wanted', id });
  await writing;
  assert.equal(Buffer.from(both.kernel.last('stdin').bytes).toString(), 'typed');
  await writer.close();
  assert.ok(both.kernel.types.includes('stdin-end'));
});

test('an abort asks first, then kills what is left, and the result says so', async () => {
  const both = booted();
  const controller = new AbortController();
  const { process, id } = await started(both, { signal: controller.signal });
  controller.abort();
  assert.deepEqual(both.kernel.last('kill'), { type: 'kill', id, signal: 15, target: 'group' });
  both.kernel.say({ type: 'exited', id, status: 15, usage: USAGE });
  assert.deepEqual(both.kernel.last('kill'), { type: 'kill', id, signal: 9, target: 'session' });
  both.kernel.say({ type: 'output-end', id, fd: 1 });
  both.kernel.say({ type: 'output-end', id, fd: 2 });
  const result = await process.exited;
  assert.equal(result.aborted, true);
  assert.equal(result.signal, 'SIGTERM');
});

test('a signal that was aborted before starts nothing', async () => {
  const both = booted();
  await assert.rejects(SandboxProcess.start(both.client, REQUEST, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.ok(!both.kernel.types.includes('spawn'));
});

test('closing: guests count as killed, questions as refused, and nothing is sent any more', async () => {
  const both = booted();
  const { process } = await started(both);
  const asking = both.client.file({ op: 'stat', path: '/' });
  const closing = both.client.close();
  assert.equal(both.kernel.types.at(-1), 'shutdown');
  assert.equal(Atomics.load(both.kernel.shared, SHARED_STOP), STOP_RUNG);
  both.client.kill(1, 9, 'process');
  assert.equal(both.kernel.types.at(-1), 'shutdown');
  both.kernel.end();
  await closing;
  assert.equal((await process.exited).signal, 'SIGKILL');
  await assert.rejects(asking, RequestFailed);
  await assert.rejects(SandboxProcess.start(both.client, REQUEST), ClosedError);
  await both.client.close();
});

test('the kernel may close the doorbell only when main has rung it for the last time', () => {
  const { kernel, client } = booted();
  let atMessage = 0;
  kernel.postMessage = ({ type }): void => {
    if (type === 'shutdown') atMessage = kernel.shared[SHARED_STOP]!;
  };
  client.shutdown();
  assert.deepEqual([atMessage, kernel.shared[SHARED_STOP]], [STOP_ASKED, STOP_RUNG]);
});
