/**
 * --strace: each system call as a line, in the manner of strace(1). A line is written in two pieces, before and after the call,
 * so that a call that never returns is seen; when another thread gets in between, the line is cut as strace does it
 * (`<unfinished ...>`, `<... read resumed>`). Arguments that the call fills in are printed after it.
 */
import { getSystemErrorMap } from 'node:util';
import { isErr } from '../base/brands.js';
import { REGISTERS_SET, type SyscallDefinition } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import type { Tracer } from '../kernel/tracer.js';
import type { Registers } from '../platform/registers.js';
import { callFilter, type CallFilter } from './filter.js';
import { address, argumentValues, formatArgument, isOutput, type ArgumentValues } from './format-argument.js';
import { errnoName, signalName } from './names.js';

/** Calls whose result is an address. */
const RETURNS_ADDRESS = new Set(['mmap', 'mremap', 'brk', 'shmat']);
/** What Linux says of its restart codes; no guest ever sees one. */
const RESTARTS: Readonly<Record<string, string>> = {
  ERESTARTSYS: 'To be restarted if SA_RESTART is set',
  ERESTARTNOINTR: 'To be restarted',
  ERESTARTNOHAND: 'To be restarted if no handler',
  ERESTART_RESTARTBLOCK: 'Interrupted by signal',
};

interface Pending {
  readonly name: string;
  readonly values: ArgumentValues;
  /** Arguments already printed. */
  readonly shown: number;
  /** Another line came in between. */
  interrupted: boolean;
}

export class StraceTracer implements Tracer {
  private readonly pending = new Map<Task, Pending>();
  /** The task whose line is not ended yet. */
  private open: Task | undefined = undefined;
  private readonly wanted: CallFilter;

  /** `sink` gets pieces of text; `calls`: names and %groups (filter.ts), undefined for all. */
  constructor(
    private readonly sink: (text: string) => void,
    calls?: readonly string[],
  ) {
    this.wanted = callFilter(calls);
  }

  enter(task: Task, number: number, definition: SyscallDefinition | undefined, registers: Registers): void {
    const name = definition?.name ?? `syscall_${number}`;
    if (!this.wanted(name, definition)) return;
    const values = argumentValues(registers);
    const shown = countInputs(definition);
    this.interrupt();
    this.pending.set(task, { name, values, shown, interrupted: false });
    this.open = task;
    this.sink(`${prefix(task)}${name}(${formatEnter(task, definition, values, shown)}`);
  }

  exit(task: Task, _number: number, definition: SyscallDefinition | undefined, result: number): void {
    const pending = this.pending.get(task);
    if (pending === undefined) return;
    this.pending.delete(task);
    if (this.open === task) this.open = undefined;
    else this.interrupt();
    const resumed = pending.interrupted ? `${prefix(task)}<... ${pending.name} resumed>` : '';
    this.sink(`${resumed}${formatExit(task, definition, pending.values, pending.shown, result)}\n`);
  }

  signal(task: Task, signal: number): void {
    this.interrupt();
    this.sink(`${prefix(task)}--- ${signalName(signal)} ---\n`);
  }

  /** Ends the line that another task's call has left open. */
  private interrupt(): void {
    if (this.open === undefined) return;
    const pending = this.pending.get(this.open);
    if (pending !== undefined) pending.interrupted = true;
    this.open = undefined;
    this.sink(' <unfinished ...>\n');
  }
}

function prefix(task: Task): string {
  return `[${task.tid}] `;
}

/** How many arguments can be told before the call: those in front of the first that it fills in. */
function countInputs(definition: SyscallDefinition | undefined): number {
  if (definition === undefined) return 6;
  const first = definition.args.findIndex((argument) => isOutput(argument.format));
  return first < 0 ? definition.args.length : first;
}

/** The first `count` arguments, with a comma behind when more follow. */
function formatEnter(task: Task, definition: SyscallDefinition | undefined, values: ArgumentValues, count: number): string {
  if (definition === undefined) return values.map(address).join(', ');
  const text = definition.args.slice(0, count).map((argument, index) => formatArgument(task, argument.format, values, index));
  return text.join(', ') + (count > 0 && count < definition.args.length ? ', ' : '');
}

/** The arguments from `from` on, and the result. */
function formatExit(task: Task, definition: SyscallDefinition | undefined, values: ArgumentValues, from: number, result: number): string {
  const rest = definition?.args.slice(from) ?? [];
  const text = rest.map((argument, index) => formatArgument(task, argument.format, values, from + index, result));
  return `${text.join(', ')}) = ${formatResult(definition?.name ?? '', result)}`;
}

function formatResult(name: string, result: number): string {
  if (result === REGISTERS_SET) return name.startsWith('exec') ? '0' : '?';
  if (isErr(result)) return formatError(result);
  return RETURNS_ADDRESS.has(name) ? `0x${result.toString(16)}` : String(result);
}

function formatError(result: number): string {
  const name = errnoName(result);
  const restart = RESTARTS[name];
  if (restart !== undefined) return `? ${name} (${restart})`;
  const message = getSystemErrorMap().get(result)?.[1];
  return `-1 ${name}${message === undefined ? '' : ` (${message})`}`;
}
