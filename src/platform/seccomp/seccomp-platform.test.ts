/** What is particular to the seccomp platform: stub processes as the host sees them, who notices their end, many threads. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SIGKILL } from '../../abi/signal.js';
import { mem, rax, rbx, rcx } from '../../asm/operands.js';
import { isErr } from '../../base/brands.js';
import { mappingsOf } from '../../host/proc.js';
import { kill } from '../../host/process.js';
import { awaitTrap, DATA, PlainFrames, PLATFORMS, step, unwrap, withPlatform, type Bench } from '../fixture.js';
import { TRAP_DEAD, TRAP_SYSCALL, type HostThread } from '../platform.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../stub/layout.js';
import { SITE_SLOTS, STUB_DOORBELL, STUB_JUMPS, STUB_RETURNS } from './layout.js';
import type { SeccompPlatform } from './seccomp-platform.js';
import type { SeccompSpace } from './seccomp-space.js';

const create = PLATFORMS['seccomp'];
const seccompTest = (what: string, body: (bench: Bench) => void): void =>
  void test(what, { skip: create === undefined }, () => withPlatform(create!, body));

seccompTest('a stub process holds guest memory and its stub, and nothing of the host', ({ guest }) => {
  const { thread } = guest((a) => a.nop());
  equal(thread.space.commit(), 0);
  const own = mappingsOf(thread.space.leader).filter((m) => m.end < 2 ** 47);
  for (const { start, name } of own)
    ok(name.startsWith('/memfd:') && (start === SITE_SLOTS || start >= 0x40_0000), `${start.toString(16)} ${name}`);
  deepEqual(
    own.filter((m) => m.start >= STUB_REQUEST).map((m) => m.start),
    [STUB_REQUEST, STUB_CODE, STUB_DOORBELL, STUB_RETURNS, STUB_JUMPS, STUB_DATA],
  );
});

seccompTest('guest threads carry two filters, the mm thread one, and it hears no signal', ({ platform, guest }) => {
  const { thread } = guest((a) => a.mov(rax, 39).syscall());
  step(platform, thread);
  const { leader } = thread.space;
  const of = (tid: number, field: string): string =>
    new RegExp(`^${field}:\\s*(\\S+)`, 'm').exec(readFileSync(`/proc/${leader}/task/${tid}/status`, 'latin1'))![1]!;
  deepEqual([of(thread.tid, 'Seccomp_filters'), of(leader, 'Seccomp_filters')], ['2', '1']);
  deepEqual([of(thread.tid, 'NoNewPrivs'), of(leader, 'NoNewPrivs')], ['1', '1']);
  equal(BigInt(`0x${of(leader, 'SigBlk')}`) | (1n << 8n) | (1n << 18n), (1n << 64n) - 1n); // but SIGKILL and SIGSTOP
});

seccompTest('a process has one mm thread, also when it is forked before its new thread has run at all', ({ platform, guest }) => {
  for (let round = 0; round < 60; round++) {
    const { thread } = guest((a) => a.mov(rax, 39).syscall());
    const child = unwrap(thread.space.fork(thread));
    step(platform, thread);
    step(platform, child);
    const hostThreads = [thread, child].map(({ space }) => readdirSync(`/proc/${space.leader}/task`).length);
    deepEqual(hostThreads, [2, 2], `round ${round}`);
    child.space.destroy();
    thread.space.destroy();
  }
});

seccompTest('what an order takes away is free when it is done, and not when the guest goes on', ({ platform, guest }) => {
  const { thread } = guest((a) => a.mov(rax, 39).syscall().mov(rax, 39).syscall());
  step(platform, thread);
  const space = thread.space as SeccompSpace;
  let released = 0;
  space.whenOutOfReach(() => released++);
  equal(released, 1); // nothing is queued
  space.unmap(DATA, 4096);
  space.whenOutOfReach(() => released++);
  equal(released, 1);
  equal(space.begin(), 0);
  space.whenOutOfReach(() => released++);
  space.collect();
  equal(released, 1); // nobody has told the mm thread
  space.map(DATA + 4096, 4096, 3, 0); // for the next order the kernel does
  equal(released, 3);
  space.unmap(DATA + 4096, 4096);
  space.whenOutOfReach(() => released++);
  step(platform, thread); // the guest thread does, before its next system call
  equal(released, 4);
  space.unmap(DATA, 4096);
  space.whenOutOfReach(() => released++);
  space.destroy();
  platform.settle?.();
  equal(released, 5);
});

seccompTest('the end of a stub process is noticed, running or stopped', ({ platform, guest }) => {
  const running = guest((a) => a.label('loop').jmp('loop')).thread;
  running.resume();
  equal(platform.wait(0), null);
  kill(running.space.leader, SIGKILL);
  awaitTrap(platform, running);
  deepEqual([running.trap.kind, running.trap.signal], [TRAP_DEAD, SIGKILL]);
  running.destroy();
  const stopped = guest((a) => a.mov(rax, 39).syscall()).thread;
  kill(stopped.space.leader, SIGKILL);
  ok(isErr(stopped.space.fork(stopped)));
  step(platform, stopped);
  equal(stopped.trap.kind, TRAP_DEAD);
  stopped.destroy();
  const other = guest((a) => a.mov(rax, 39).syscall()).thread;
  step(platform, other);
  equal(other.trap.nr, 39);
});

seccompTest('processes made in a row all begin, each with its own memory', ({ platform, guest }) => {
  const guests = Array.from({ length: 60 }, () => guest((a) => a.mov(rbx, DATA).mov(rax, mem(rbx)).syscall()));
  guests.forEach(({ data }, index) => void data.setUint32(0, index, true));
  for (const { thread } of guests) step(platform, thread);
  deepEqual(
    guests.map(({ thread }) => [thread.trap.kind, thread.trap.nr]),
    guests.map((_, index) => [TRAP_SYSCALL, index]),
  );
});

seccompTest('64 threads are all served, the same number of times', ({ platform, guest }) => {
  const { thread, data } = guest((a) =>
    a.label('again').mov(rbx, DATA).mov(rcx, 1).lockXadd(mem(rbx), rcx).mov(rax, 39).syscall().jmp('again'),
  );
  const threads = [thread, ...Array.from({ length: 63 }, () => unwrap(thread.space.newThread(thread)))];
  for (const each of threads) each.resume();
  const served = new Map<HostThread, number>();
  for (let traps = 0; traps < 64 * 20; ) {
    const one = platform.wait(Infinity);
    if (one === null) continue;
    equal(one.trap.kind, TRAP_SYSCALL);
    traps++;
    const times = (served.get(one) ?? 0) + 1;
    served.set(one, times);
    if (times < 20) one.resume();
  }
  equal(data.getUint32(0, true), 64 * 20);
  deepEqual(new Set(served.values()), new Set([20]));
});

seccompTest('who waits for the kernel sleeps', ({ platform, guest }) => {
  const { thread } = guest((a) => a.mov(rax, 39).syscall());
  step(platform, thread);
  const stat = (): string => readFileSync(`/proc/${thread.space.leader}/task/${thread.tid}/stat`, 'latin1').split(') ')[1]![0]!;
  while (stat() !== 'S'); // it spins for a while first
  equal((platform as SeccompPlatform).counters()['deaths'], 0);
});

test('the doorbell rings from another thread', async () => {
  const platform = create(new PlainFrames());
  const doorbell = new URL('../doorbell.js', import.meta.url).href;
  const code = `const { workerData } = require('node:worker_threads'); import(workerData.doorbell).then((m) => m.ringDoorbell(workerData.handle));`;
  const worker = new Worker(code, { eval: true, workerData: { doorbell, handle: platform.doorbell } });
  await new Promise((resolve) => worker.once('online', resolve));
  equal(platform.wait(Infinity), null);
  platform.shutdown();
  await worker.terminate();
});

function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/\) [ZX] /.test(text);
  } catch {
    return false;
  }
}

for (const where of ['main', 'worker'] as const) {
  test(`nothing survives kill -9 of Node, kernel on the ${where} thread`, { timeout: 20000 }, async () => {
    const victim = new URL('../kill-victim.fixture.js', import.meta.url).pathname;
    const node = spawn(process.execPath, [victim, where, 'seccomp'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const text = await new Promise<string>((resolve) => node.stdout!.once('data', (bytes: Buffer) => resolve(String(bytes))));
    const stubs = JSON.parse(text) as number[];
    equal(stubs.length, 4); // zygote, relay, a running guest, a stopped one
    node.kill('SIGKILL');
    for (const pid of stubs) while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
  });
}
