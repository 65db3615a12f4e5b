/** What is particular to the ptrace platform: stub processes as the host sees them, and what others may do to them. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Assembler } from '../../asm/assembler.js';
import { BpfProgram, SECCOMP_DATA_NR, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from '../../asm/bpf.js';
import { staticElf } from '../../asm/elf-writer.js';
import { at, mem, r10, r12, r8, rax, rbx, rcx, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { EPERM } from '../../abi/errno.js';
import { PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP } from '../../abi/prctl.js';
import { SIGKILL, SIGSEGV, SIGTERM, SIGUSR1 } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { isErr } from '../../base/brands.js';
import { mappingsOf } from '../../host/proc.js';
import { kill } from '../../host/process.js';
import { awaitTrap, PLATFORMS, step, unwrap, withPlatform, type Bench } from '../fixture.js';
import { TRAP_DEAD, TRAP_FAULT, TRAP_SYSCALL } from '../platform.js';
import { RDX } from '../registers.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../stub/layout.js';
import type { PtracePlatform } from './ptrace-platform.js';
import type { PtraceThread } from './ptrace-thread.js';

const ptraceTest = (what: string, body: (bench: Bench) => void): void => void test(what, () => withPlatform(PLATFORMS['ptrace']!, body));

/** Process ids of this process' children: state letter by pid. */
function children(of: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(Number(entry));
    if (stat && stat.parent === of) found.set(Number(entry), stat.state);
  }
  return found;
}

function readStat(pid: number): { state: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

function tidOf(thread: unknown): number {
  return (thread as PtraceThread).tid;
}

ptraceTest('a stub process holds guest memory and its stub, and nothing of the host', ({ guest }) => {
  const { thread } = guest((a) => a.nop());
  equal(thread.space.commit(), 0);
  const names = mappingsOf(tidOf(thread)).filter((m) => m.end < 2 ** 47);
  for (const { start, name } of names) ok(name.startsWith('/memfd:') && start >= 0x40_0000, `${start.toString(16)} ${name}`);
  const stub = names.filter((m) => m.start >= STUB_REQUEST).map((m) => m.start);
  deepEqual(stub, [STUB_REQUEST, STUB_CODE, STUB_DATA]);
  deepEqual(readdirSync(`/proc/${tidOf(thread)}/fd`).length, 2);
});

ptraceTest('a stub killed from outside is a dead guest, running or stopped', ({ platform, guest }) => {
  const running = guest((a) => a.label('loop').jmp('loop')).thread;
  running.resume();
  equal(kill(tidOf(running), SIGKILL), 0);
  awaitTrap(platform, running);
  deepEqual([running.trap.kind, running.trap.signal], [TRAP_DEAD, SIGKILL]);
  running.destroy();

  const stopped = guest((a) => a.mov(rax, 39).syscall()).thread;
  step(platform, stopped);
  kill(tidOf(stopped), SIGKILL);
  stopped.space.map(0x1000_0000, 4096, 1, 0);
  ok(isErr(stopped.space.commit()));
  ok(isErr(stopped.space.fork(stopped)));
  ok(isErr(stopped.space.newThread(stopped)));
  stopped.resume();
  awaitTrap(platform, stopped);
  equal(stopped.trap.kind, TRAP_DEAD);
  stopped.destroy();
  equal(platform.wait(0), null);
});

ptraceTest('all threads of a killed stub are reported', ({ platform, guest }) => {
  const { thread } = guest((a) => a.label('loop').jmp('loop'));
  const threads = [thread, unwrap(thread.space.newThread(thread)), unwrap(thread.space.newThread(thread))];
  for (const each of threads) each.resume();
  kill(tidOf(thread), SIGKILL);
  const dead = new Set<unknown>();
  while (dead.size < 3) {
    const one = platform.wait(Infinity);
    if (one === null) continue;
    equal(one.trap.kind, TRAP_DEAD);
    dead.add(one);
  }
  thread.space.destroy();
});

ptraceTest('signals from outside mean nothing to a guest', ({ platform, guest }) => {
  const { thread, data } = guest((a) =>
    a.mov(rbx, 0x60_0000).label('loop').mov(rcx, mem(rbx)).test(rcx, rcx).j('e', 'loop').mov(rax, 39).syscall(),
  );
  thread.resume();
  for (const signal of [SIGTERM, SIGUSR1, SIGSEGV]) {
    kill(tidOf(thread), signal);
    equal(platform.wait(0), null);
  }
  data.setUint32(0, 1, true);
  awaitTrap(platform, thread);
  equal(thread.trap.kind, TRAP_SYSCALL);
});

ptraceTest('another thread that scribbles over the signal stack harms its own process at most', ({ platform, guest }) => {
  const witness = guest((a) => a.mov(rax, 39).syscall());
  // rdx 0: stores to memory that faults. rdx 1: fills the first thread's STUB_DATA for ever.
  const { thread } = guest((a) => {
    a.test(rdx, rdx).j('ne', 'attack').mov(rbx, 0x1000_0000);
    a.label('touch').store(mem(rbx), rbx).jmp('touch');
    a.label('attack').mov(rbx, STUB_DATA).mov(rcx, 1024);
    a.label('fill').store(mem(rbx), rax).add(rbx, 8).dec(rcx).j('ne', 'fill').jmp('attack');
  });
  const space = thread.space;
  const attacker = unwrap(space.newThread(thread));
  attacker.regs.set(RDX, 1);
  thread.regs.set(RDX, 0);
  attacker.resume();
  let faults = 0;
  for (; faults < 200; faults++) {
    step(platform, thread);
    if (thread.trap.kind !== TRAP_FAULT) break;
    thread.completeFault();
    if (thread.trap.kind !== TRAP_FAULT) break;
  }
  ok(faults > 0);
  space.destroy();
  step(platform, witness.thread);
  equal(witness.thread.trap.nr, 39);
});

ptraceTest('no process is left of forks and threads, none of anything after shutdown', ({ platform, guest }) => {
  const before = children(process.pid).size;
  const { thread } = guest((a) => a.mov(rax, 39).syscall());
  for (let round = 0; round < 50; round++) {
    const child = unwrap(thread.space.fork(thread));
    const second = unwrap(child.space.newThread(child));
    second.resume();
    child.destroy();
    second.destroy();
  }
  while (platform.counters()['stubThreads']! > 3) equal(platform.wait(0), null);
  equal(children(process.pid).size, before + 1);
  platform.shutdown();
  deepEqual([...children(process.pid).keys()], []);
});

test('shutdown returns every descriptor', () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  withPlatform(PLATFORMS['ptrace']!, () => {});
  const before = open();
  for (let round = 0; round < 3; round++) withPlatform(PLATFORMS['ptrace']!, ({ guest }) => void guest((a) => a.nop()));
  equal(open(), before);
});

ptraceTest('a killed bell is replaced', ({ platform }) => {
  const bell = [...children(process.pid).keys()].sort((x, y) => x - y)[1]!;
  const zygote = [...children(process.pid).keys()].sort((x, y) => x - y)[0]!;
  ok(zygote < bell);
  kill(bell, SIGKILL);
  equal(platform.wait(Infinity), null);
  equal(platform.wait(Number(process.hrtime.bigint()) + 1e6), null);
  const next = unwrap(platform.createSpace());
  next.destroy();
});

ptraceTest('without the first stub process there are no new spaces, and the old ones go on', ({ platform, guest }) => {
  const { thread } = guest((a) => a.label('loop').mov(rax, 39).syscall().jmp('loop'));
  const zygote = Math.min(...children(process.pid).keys());
  kill(zygote, SIGKILL);
  ok(isErr(platform.createSpace()));
  step(platform, thread);
  equal(thread.trap.nr, 39);
  const child = unwrap(thread.space.fork(thread));
  step(platform, child);
  equal(child.trap.nr, 39);
});

test('the doorbell rings from another thread', async () => {
  const platform = (PLATFORMS['ptrace'] as (frames: unknown) => PtracePlatform)(new (await import('../fixture.js')).PlainFrames());
  const doorbell = new URL('../doorbell.js', import.meta.url).href;
  const code = `const { workerData } = require('node:worker_threads'); import(workerData.doorbell).then((m) => m.ringDoorbell(workerData.handle));`;
  const worker = new Worker(code, { eval: true, workerData: { doorbell, handle: platform.doorbell } });
  await new Promise((resolve) => worker.once('online', resolve));
  equal(platform.wait(Infinity), null);
  platform.shutdown();
  await worker.terminate();
});

function startVictim(where: 'main' | 'worker'): Promise<{ node: ReturnType<typeof spawn>; stubs: number[] }> {
  const victim = new URL('../kill-victim.fixture.js', import.meta.url).pathname;
  const node = spawn(process.execPath, [victim, where], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    node.once('error', reject);
    node.stdout!.once('data', (text: Buffer) => resolve({ node, stubs: JSON.parse(String(text)) as number[] }));
  });
}

async function untilGone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    for (let stat = readStat(pid); stat && stat.state !== 'Z' && stat.state !== 'X'; stat = readStat(pid)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

for (const where of ['main', 'worker'] as const) {
  test(`nothing survives kill -9 of Node, kernel on the ${where} thread`, { timeout: 20000 }, async () => {
    const { node, stubs } = await startVictim(where);
    equal(stubs.length, 4); // zygote, bell, a running guest, a stopped one
    node.kill('SIGKILL');
    await untilGone(stubs);
  });
}

test('nothing survives the end of the kernel thread', { timeout: 20000 }, async () => {
  const { node, stubs } = await startVictim('worker');
  node.kill('SIGUSR2'); // the victim terminates its worker and lives on
  await untilGone(stubs);
  equal(readStat(node.pid!)?.state === undefined, false);
  node.kill('SIGKILL');
});

/**
 * A launcher that forbids itself ptrace as a container's policy does (EPERM), and executes its arguments.
 */
function writeLauncher(file: string): void {
  const filter = new BpfProgram()
    .load(SECCOMP_DATA_NR)
    .jeq(NR.ptrace, 'deny')
    .ret(SECCOMP_RET_ALLOW)
    .label('deny')
    .ret(SECCOMP_RET_ERRNO + 1);
  const code = filter.assemble();
  const a = new Assembler();
  a.mov(r12, rsp);
  a.mov(rdi, PR_SET_NO_NEW_PRIVS).mov(rsi, 1).mov(rdx, 0).mov(r10, 0).mov(r8, 0).mov(rax, NR.prctl).syscall();
  a.lea(rbx, at('filter'))
    .push(rbx)
    .mov(rax, code.length / 8)
    .push(rax);
  a.mov(rdi, PR_SET_SECCOMP).mov(rsi, 2).mov(rdx, rsp).mov(rax, NR.prctl).syscall();
  // argc, argv[0], argv[1], ..., 0, environment
  a.mov(rdi, mem(r12, 16)).lea(rsi, mem(r12, 16));
  a.mov(rdx, mem(r12)).add(rdx, 2).shl(rdx, 3).add(rdx, r12);
  a.mov(rax, NR.execve).syscall().ud2();
  a.align(8).label('filter').data(code);
  writeFileSync(file, staticElf(a.assemble(), 0x40_0000));
  chmodSync(file, 0o755);
}

test('a host that forbids ptrace is named as the cause, and nothing is left', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skas-ptrace-'));
  const launcher = join(folder, 'launcher');
  writeLauncher(launcher);
  const fixture = new URL('../fixture.js', import.meta.url).href;
  const platform = new URL('./ptrace-platform.js', import.meta.url).href;
  const script = `
    const { PlainFrames } = await import('${fixture}');
    const { PtracePlatform } = await import('${platform}');
    const { readdirSync } = await import('node:fs');
    const frames = new PlainFrames();
    PtracePlatform.create(frames);
    const before = readdirSync('/proc/self/fd').length;
    const { errno, step } = PtracePlatform.create(frames);
    console.log(JSON.stringify({ errno, step, frames: frames.inUse, fds: readdirSync('/proc/self/fd').length - before }));`;
  const { stdout, stderr } = spawnSync(launcher, [process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  equal(stderr, '');
  const { errno, step: failed, frames, fds } = JSON.parse(stdout) as { errno: number; step: string; frames: number; fds: number };
  equal(errno, EPERM);
  ok(failed.includes('ptrace'));
  deepEqual([frames, fds], [0, 0]);
});

test('an application that has children of its own is not woken by the stops of guests', () => {
  const signals = new URL('../../host/signals.js', import.meta.url).href;
  const script = `
    const { ignoreChildStops } = await import('${signals}');
    const { spawn } = await import('node:child_process');
    const before = ignoreChildStops();
    spawn('true'); // Node takes a handler with its first child
    console.log(JSON.stringify([before, ignoreChildStops(), ignoreChildStops()]));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  deepEqual(JSON.parse(stdout), [false, true, false]);
});
