/** --stats: how often each system call was made, failed and how long its callers waited; faults and signals. */
import { isErr } from '../base/brands.js';
import type { SyscallDefinition } from '../kernel/syscall.js';
import { REGISTERS_SET } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import type { Tracer } from '../kernel/tracer.js';
import type { Registers } from '../platform/registers.js';
import { signalName } from './names.js';

export interface CallCounter {
  calls: number;
  errors: number;
  /** From the trap to the result, waits included. */
  timeNs: number;
}

export class CountingTracer implements Tracer {
  readonly calls = new Map<string, CallCounter>();
  readonly signals = new Map<string, number>();
  faultsResolved = 0;
  faultsToSignals = 0;
  private readonly started = new Map<Task, number>();

  /** `now`: nanoseconds of a monotonic clock. */
  constructor(private readonly now: () => number) {}

  enter(task: Task, _number: number, _definition: SyscallDefinition | undefined, _registers: Registers): void {
    this.started.set(task, this.now());
  }

  exit(task: Task, number: number, definition: SyscallDefinition | undefined, result: number): void {
    const start = this.started.get(task);
    if (start === undefined) return;
    this.started.delete(task);
    const counter = this.counterOf(definition?.name ?? `syscall_${number}`);
    counter.calls++;
    counter.timeNs += this.now() - start;
    if (isErr(result) && result !== REGISTERS_SET) counter.errors++;
  }

  fault(_task: Task, _address: number, resolved: boolean): void {
    if (resolved) this.faultsResolved++;
    else this.faultsToSignals++;
  }

  signal(_task: Task, signal: number): void {
    const name = signalName(signal);
    this.signals.set(name, (this.signals.get(name) ?? 0) + 1);
  }

  private counterOf(name: string): CallCounter {
    let counter = this.calls.get(name);
    if (counter === undefined) {
      counter = { calls: 0, errors: 0, timeNs: 0 };
      this.calls.set(name, counter);
    }
    return counter;
  }
}
