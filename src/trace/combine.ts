/** Several tracers in the one place that the run loop has for them. */
import type { SyscallDefinition } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import type { Tracer } from '../kernel/tracer.js';
import type { Registers } from '../platform/registers.js';

/** None: undefined, which costs nothing; one: itself. */
export function combineTracers(tracers: readonly Tracer[]): Tracer | undefined {
  return tracers.length <= 1 ? tracers[0] : new CombinedTracer(tracers);
}

class CombinedTracer implements Tracer {
  constructor(private readonly tracers: readonly Tracer[]) {}

  enter(task: Task, number: number, definition: SyscallDefinition | undefined, registers: Registers): void {
    for (const tracer of this.tracers) tracer.enter(task, number, definition, registers);
  }

  exit(task: Task, number: number, definition: SyscallDefinition | undefined, result: number): void {
    for (const tracer of this.tracers) tracer.exit(task, number, definition, result);
  }

  fault(task: Task, address: number, resolved: boolean): void {
    for (const tracer of this.tracers) tracer.fault?.(task, address, resolved);
  }

  signal(task: Task, signal: number): void {
    for (const tracer of this.tracers) tracer.signal?.(task, signal);
  }
}
