/**
 * A machine whose guests never run: tasks with real memory and registers over fake host threads, and a clock that tests turn.
 * `complete` drives a system call's generator as the run loop does.
 */
import type { Blocking, WakeReason } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { KernelBug } from '../base/assert.js';
import type { Clock, Timespec } from '../base/clock.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { AddressSpace } from '../mm/address-space.js';
import { FakeHostSpace } from '../mm/fake-host-space.js';
import { PhysMem } from '../mm/phys-mem.js';
import type { HostThread, Platform } from '../platform/platform.js';
import { REGISTER_COUNT, Registers } from '../platform/registers.js';
import { ROOT_CREDENTIALS } from '../vfs/credentials.js';
import { FdTable } from '../vfs/fd-table.js';
import type { FsContext } from '../vfs/fs-context.js';
import type { Mount } from '../vfs/mount.js';
import { sendRealTimerSignal } from './interval-timers.js';
import { moveToGroup, newSession } from './job-control.js';
import { Machine } from './machine.js';
import { ResourceLimits } from './resource-limits.js';
import { signalPending } from './signals/send.js';
import { interrupt } from './scheduler.js';
import { SharedSignals } from './signals/shared-signals.js';
import { TaskSignals } from './signals/task-signals.js';
import { Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

/** Readable and writable memory of every test task. */
export const TEST_MEMORY = 0x1000_0000;
export const TEST_MEMORY_BYTES = 1 << 20;

export class TestClock implements Clock {
  ns = 1000e9;
  private shiftNs = 0;
  monotonicNs(): number {
    return this.ns;
  }
  realtime(out: Timespec = { sec: 0, nsec: 0 }): Timespec {
    const ns = this.ns + this.shiftNs;
    out.sec = 1_700_000_000 + Math.floor(ns / 1e9);
    out.nsec = ns % 1e9;
    return out;
  }
  setRealtime(sec: number, nsec: number): void {
    this.shiftNs = (sec - 1_700_000_000) * 1e9 + nsec - this.ns;
  }
}

/** A host thread that is always stopped. `fp` is its extended state. */
export class TestThread {
  owner: unknown;
  readonly regs = new Registers(
    new Uint32Array(REGISTER_COUNT * 2),
    Uint8Array.from({ length: REGISTER_COUNT }, (_, i) => i),
  );
  running = false;
  kicks = 0;
  fp: Uint8Array;

  constructor(
    readonly space: FakeHostSpace,
    readonly tid: number,
    readonly fpSize = 0,
  ) {
    this.fp = new Uint8Array(fpSize);
  }
  resume(): void {
    this.running = true;
  }
  kick(): void {
    this.kicks++;
  }
  completeFault(): void {}
  readFp(target: Uint8Array): void {
    target.set(this.fp);
  }
  writeFp(source: Uint8Array): 0 | Errno {
    this.fp = source.slice();
    return 0;
  }
  resetFp(): void {
    this.fp.fill(0);
  }
  destroy(): void {}
}

function must<T>(value: T | Errno): T {
  if (isErr(value)) throw new KernelBug(`unexpected errno ${value}`);
  return value as T;
}

export class TestMachine {
  readonly clock = new TestClock();
  readonly physmem = must(PhysMem.create(64 << 20));
  readonly machine: Machine;
  private nextPid = 1;

  constructor() {
    const platform = {} as Platform;
    const config = { hostname: 'test', maxProcesses: 100, memoryBytes: 64 << 20 };
    this.machine = new Machine(config, this.clock, platform, this.physmem, { children: new Set() } as unknown as Mount, []);
  }

  /** A new process with one thread. */
  process(parent?: Task, fpSize = 0): Task {
    const { machine, physmem } = this;
    const pid = this.nextPid++;
    const processGroup = parent?.group.processGroup ?? newSession(machine, pid);
    const group: ThreadGroup = new ThreadGroup(
      pid,
      undefined,
      parent?.group,
      processGroup,
      new SharedSignals(),
      ResourceLimits.defaults(100),
      this.clock.ns,
      () => sendRealTimerSignal(group),
    );
    moveToGroup(machine, group, processGroup);
    parent?.group.children.add(group);
    machine.groups.set(pid, group);
    const space = new FakeHostSpace(physmem);
    const mm = new AddressSpace(physmem, space);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    must(mm.map({ address: TEST_MEMORY, length: TEST_MEMORY_BYTES, prot: PROT_READ | PROT_WRITE, flags }));
    const task = this.add(pid, group, mm, space, fpSize);
    group.leader = task;
    return task;
  }

  /** One more thread. */
  thread(of: Task): Task {
    of.mm.users++;
    return this.add(this.nextPid++, of.group, of.mm, of.thread.space as FakeHostSpace, of.thread.fpSize);
  }

  private add(tid: number, group: ThreadGroup, mm: AddressSpace, space: FakeHostSpace, fpSize: number): Task {
    const thread = new TestThread(space, tid, fpSize) as unknown as HostThread;
    const fs = { release: () => {} } as FsContext;
    const task = new Task(this.machine, tid, group, thread, mm, new FdTable(), fs, ROOT_CREDENTIALS, new TaskSignals());
    group.tasks.add(task);
    this.machine.tasks.set(tid, task);
    return task;
  }

  /** Lets time pass. */
  advance(ns: number): void {
    this.clock.ns += ns;
    this.machine.timers.expire(this.clock.ns);
  }

  dispose(): void {
    this.physmem.dispose();
  }
}

/** A system call that may wait: `step` begins or goes on with it once it was woken; its result, or undefined while it sleeps. */
export class RunningCall {
  result: number | undefined = undefined;
  private generator: Blocking<number> | undefined = undefined;

  constructor(
    private readonly task: Task,
    answer: number | Blocking<number>,
  ) {
    if (typeof answer === 'number') this.result = answer;
    else this.generator = answer;
    this.advance(0);
  }

  private advance(reason: WakeReason): void {
    if (!this.generator) return;
    const step = this.generator.next(reason);
    if (step.done) {
      this.result = step.value;
      this.generator = undefined;
      return;
    }
    this.task.state = 'blocked';
    this.task.sleeper.begin(step.value);
    if (signalPending(this.task)) interrupt(this.task);
    this.step();
  }

  /** Goes on if the task was woken. */
  step(): number | undefined {
    const { task } = this;
    if (!this.generator || task.sleeper.sleeping) return this.result;
    task.state = 'running';
    task.ready = false;
    const { ready } = task.machine;
    const index = ready.indexOf(task);
    if (index >= 0) ready.splice(index, 1);
    this.advance(task.sleeper.reason);
    return this.result;
  }
}
