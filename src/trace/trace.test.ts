import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GuestAddr } from '../base/brands.js';
import { i64, struct, type StructType } from '../base/struct.js';
import { EFAULT, EINTR, ENOENT, ERESTARTSYS } from '../abi/errno.js';
import { address as pointer, buffer, dirfd, fd, flags, mode, oneOf, path, ptr, signal, size, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { R10, R8, R9, RDI, RDX, REGISTER_COUNT, Registers, RSI } from '../platform/registers.js';
import { combineTracers } from './combine.js';
import { CountingTracer } from './counters.js';
import { callFilter } from './filter.js';
import { flagNames, signalName, valueName } from './names.js';
import { quote } from './quote.js';
import { formatStatistics } from './statistics.js';
import { StraceTracer } from './strace.js';

const BASE = 0x1000;

/** A task whose memory is one page at 0x1000. */
function fakeTask(tid = 7): { task: Task; memory: Uint8Array } {
  const memory = new Uint8Array(4096);
  const view = new DataView(memory.buffer);
  const mm = {
    copyIn(at: GuestAddr, target: Uint8Array) {
      if (at < BASE || at + target.length > BASE + 4096) return EFAULT;
      target.set(memory.subarray(at - BASE, at - BASE + target.length));
      return 0;
    },
    copyInString(at: GuestAddr) {
      if (at < BASE || at >= BASE + 4096) return EFAULT;
      return Buffer.from(memory.subarray(at - BASE, memory.indexOf(0, at - BASE))).toString('latin1');
    },
    readStruct<T>(at: GuestAddr, type: StructType<T>) {
      return at < BASE ? EFAULT : type.read(view, at - BASE);
    },
  };
  return { task: { tid, mm } as unknown as Task, memory };
}

function registers(...values: number[]): Registers {
  const slots = Uint8Array.from({ length: REGISTER_COUNT }, (_, index) => index);
  const regs = new Registers(new Uint32Array(REGISTER_COUNT * 2), slots);
  for (const [index, register] of [RDI, RSI, RDX, R10, R8, R9].entries()) regs.set(register, values[index] ?? 0);
  return regs;
}

const never = (): number => 0;
const TIMESPEC = struct('timespec', { sec: i64, nsec: i64 }, 16);
const OPENAT = syscall('openat', [dirfd, path, flags({ O_RDONLY: 0, O_WRONLY: 1, O_CREAT: 0o100, O_CLOEXEC: 0o2000000 }), mode], never);
const READ = syscall('read', [fd, buffer('result'), size], never);
const WRITE = syscall('write', [fd, buffer(2), size], never);
const KILL = syscall('kill', [fd, signal], never);
const SLEEP = syscall('nanosleep', [ptr(TIMESPEC), ptr(TIMESPEC, true)], never);
const SEEK = syscall('lseek', [fd, size, oneOf({ SEEK_SET: 0, SEEK_END: 2 })], never);
const MAP = syscall('mmap', [pointer, size], never);

function traced(calls?: readonly string[]): { tracer: StraceTracer; text: () => string } {
  let text = '';
  const tracer = new StraceTracer((piece) => (text += piece), calls);
  return { tracer, text: () => text };
}

describe('strace', () => {
  test('paths, directories, flags and modes', () => {
    const { task, memory } = fakeTask();
    memory.set(Buffer.from('/tmp/a\n\0'), 16);
    const { tracer, text } = traced();
    tracer.enter(task, 257, OPENAT, registers(-100, BASE + 16, 0o2000101, 0o644));
    assert.equal(text(), '[7] openat(AT_FDCWD, "/tmp/a\\n", O_WRONLY|O_CREAT|O_CLOEXEC, 0644');
    tracer.exit(task, 257, OPENAT, ENOENT);
    assert.match(text(), /0644\) = -1 ENOENT \(no such file or directory\)\n$/);
  });

  test('what a call fills in is printed behind it, cut at 32 bytes', () => {
    const { task, memory } = fakeTask();
    const { tracer, text } = traced();
    tracer.enter(task, 0, READ, registers(3, BASE, 100));
    assert.equal(text(), '[7] read(3, ');
    memory.fill(120, 0, 40);
    tracer.exit(task, 0, READ, 40);
    assert.equal(text(), `[7] read(3, "${'x'.repeat(32)}"..., 100) = 40\n`);
  });

  test('a failed call leaves output buffers as addresses', () => {
    const { task } = fakeTask();
    const { tracer, text } = traced();
    tracer.enter(task, 35, SLEEP, registers(BASE, BASE + 16));
    tracer.exit(task, 35, SLEEP, EINTR);
    assert.match(text(), /nanosleep\(\{sec=0, nsec=0\}, 0x1010\) = -1 EINTR/);
  });

  test('wild pointers are printed as numbers', () => {
    const { task } = fakeTask();
    const { tracer, text } = traced();
    tracer.enter(task, 1, WRITE, registers(1, 8, 5));
    tracer.exit(task, 1, WRITE, EFAULT);
    tracer.enter(task, 257, OPENAT, registers(3, 0, 0, 0));
    tracer.exit(task, 257, OPENAT, EFAULT);
    assert.match(text(), /^\[7\] write\(1, 0x8, 5\) = -1 EFAULT/);
    assert.match(text(), /openat\(3, NULL, O_RDONLY, 00\)/);
  });

  test('a line that another thread interrupts is resumed', () => {
    const a = fakeTask(1).task;
    const b = fakeTask(2).task;
    const { tracer, text } = traced();
    tracer.enter(a, 0, READ, registers(0, BASE, 1));
    tracer.enter(b, 62, KILL, registers(1, 15));
    tracer.exit(b, 62, KILL, 0);
    tracer.exit(a, 0, READ, ERESTARTSYS);
    assert.deepEqual(text().split('\n'), [
      '[1] read(0,  <unfinished ...>',
      '[2] kill(1, SIGTERM) = 0',
      '[1] <... read resumed>0x1000, 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)',
      '',
    ]);
  });

  test('results: addresses in hexadecimal, negative arguments, unknown calls', () => {
    const { task } = fakeTask();
    const { tracer, text } = traced();
    tracer.enter(task, 9, MAP, registers(0, 4096));
    tracer.exit(task, 9, MAP, 0x7f0000001000);
    tracer.enter(task, 8, SEEK, registers(3, -5, 2));
    tracer.exit(task, 8, SEEK, 0);
    tracer.enter(task, 999, undefined, registers(1, 2, 3, 4, 5, -4096));
    tracer.exit(task, 999, undefined, -38);
    const lines = text().split('\n');
    assert.equal(lines[0], '[7] mmap(NULL, 4096) = 0x7f0000001000');
    assert.equal(lines[1], '[7] lseek(3, -5, SEEK_END) = 0');
    assert.match(lines[2]!, /^\[7\] syscall_999\(0x1, 0x2, 0x3, 0x4, 0x5, 0xfffffffffffff000\) = -1 ENOSYS/);
  });

  test('only the wanted calls are shown', () => {
    const { task } = fakeTask();
    const { tracer, text } = traced(['kill']);
    tracer.enter(task, 0, READ, registers(0, BASE, 1));
    tracer.exit(task, 0, READ, 0);
    tracer.enter(task, 62, KILL, registers(1, 9));
    tracer.exit(task, 62, KILL, 0);
    assert.equal(text(), '[7] kill(1, SIGKILL) = 0\n');
  });
});

test('filters know names, groups and their opposite', () => {
  assert.equal(callFilter(undefined)('read', READ), true);
  assert.equal(callFilter(['%file'])('openat', OPENAT), true);
  assert.equal(callFilter(['%file'])('read', READ), false);
  assert.equal(callFilter(['%desc'])('read', READ), true);
  assert.equal(callFilter(['%memory', 'kill'])('mmap', MAP), true);
  assert.equal(callFilter(['!read'])('read', READ), false);
  assert.equal(callFilter(['!read'])('write', WRITE), true);
});

test('names of signals, flags and values', () => {
  assert.equal(signalName(11), 'SIGSEGV');
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(34), 'SIGRT_2');
  assert.equal(signalName(99), '99');
  assert.equal(flagNames({ A: 1, B: 2, AB: 3 }, 3), 'AB');
  assert.equal(flagNames({ A: 1, TOP: 0x80000000 }, 0x80000011), 'A|TOP|0x10');
  assert.equal(flagNames({ A: 1 }, 0), '0');
  assert.equal(valueName({ X: 5 }, 5), 'X');
  assert.equal(valueName({ X: 5 }, 6), '0x6');
});

test('strings are quoted as C would', () => {
  assert.equal(quote('a"b\\\t\x01' + '7\xff', false), '"a\\"b\\\\\\t\\0017\\377"');
  assert.equal(quote('', true), '""...');
});

test('counters and their table', () => {
  const { task } = fakeTask();
  let now = 0;
  const counters = new CountingTracer(() => now);
  const tracer = combineTracers([counters, new StraceTracer(() => undefined)])!;
  for (const result of [1, ENOENT]) {
    tracer.enter(task, 0, READ, registers(0, BASE, 1));
    now += 1500;
    tracer.exit(task, 0, READ, result);
  }
  tracer.fault!(task, 0, true);
  tracer.signal!(task, 11);
  assert.deepEqual(counters.calls.get('read'), { calls: 2, errors: 1, timeNs: 3000 });
  const table = formatStatistics(counters, { 'ptrace stops': 4, idle: 0 });
  assert.match(table, /100\.00 +0\.000003 +1\.5 +2 +1 read/);
  assert.match(table, /page faults served: 1, turned into signals: 0\nsignals: SIGSEGV 1/);
  assert.match(table, /4 ptrace stops$/);
  assert.equal(combineTracers([]), undefined);
});
