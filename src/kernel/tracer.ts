/** What watches system calls (--strace, --stats); src/trace implements it. The run loop calls it, nothing else does. */
import type { Registers } from '../platform/registers.js';
import type { SyscallDefinition } from './syscall.js';
import type { Task } from './task.js';

export interface Tracer {
  /** Before the handler runs; `definition` is undefined for a number without an entry. */
  enter(task: Task, number: number, definition: SyscallDefinition | undefined, registers: Registers): void;
  /** After it returned. `result`: what goes to rax; restart codes included. */
  exit(task: Task, number: number, definition: SyscallDefinition | undefined, result: number): void;
  /** A page fault was served or turned into a signal. */
  fault?(task: Task, address: number, resolved: boolean): void;
  /** A signal is about to be acted on. */
  signal?(task: Task, signal: number): void;
}
