/**
 * The `syscall()` builder: a system call is declared once, with descriptors that decode its arguments, type its handler and
 * tell strace how to print them.
 *
 *   export const pipe2 = syscall('pipe2', [ptr('pipefd'), flags(PIPE_FLAGS)], (task, fds, flags) => ...);
 *
 * A handler returns a result or an Errno as a number, or a generator when it may have to wait (base/blocking.ts).
 */
import type { ByteString, Errno, GuestAddr, UserPtr } from '../base/brands.js';
import { isErr } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import type { StructType } from '../base/struct.js';
import { ENAMETOOLONG } from '../abi/errno.js';
import type { Registers } from '../platform/registers.js';
import type { Task } from './task.js';

/** How strace shows an argument. */
export interface ArgumentFormat {
  readonly kind:
    | 'int'
    | 'hex'
    | 'octal'
    | 'fd'
    | 'dirfd'
    | 'ptr'
    | 'path'
    | 'buffer'
    | 'string'
    | 'flags'
    | 'enum'
    | 'signal'
    | 'struct'
    | 'pid';
  /** Bit or value names for `flags` and `enum`. */
  readonly names?: Readonly<Record<string, number>>;
  readonly struct?: StructType<unknown>;
  /** Index of the argument that holds the length of a `buffer`; 'result': the return value. */
  readonly length?: number | 'result';
  /** Filled in by the call: print after it returned. */
  readonly out?: boolean;
}

export interface Argument<T> {
  /** Reads register `register`; an Errno (only `path` gives one) ends the call. */
  readonly decode: (task: Task, regs: Registers, register: number) => T;
  readonly fallible: boolean;
  readonly format: ArgumentFormat;
}

function argument<T>(decode: (task: Task, regs: Registers, register: number) => T, format: ArgumentFormat, fallible = false): Argument<T> {
  return { decode, format, fallible };
}

/** A C int: 32 bits, signed. */
export const int = argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'int' });
/** A C unsigned int. */
export const uint = argument<number>((_task, regs, r) => regs.u32of(r), { kind: 'int' });
/** A signed 64-bit value such as off_t (exact within 2^53). */
export const long = argument<number>((_task, regs, r) => regs.signed(r), { kind: 'int' });
/** size_t or unsigned long (exact below 2^53; larger ones stay larger than any valid size). */
export const size = argument<number>((_task, regs, r) => regs.get(r), { kind: 'int' });
export const ulong = argument<number>((_task, regs, r) => regs.get(r), { kind: 'hex' });
export const mode = argument<number>((_task, regs, r) => regs.u32of(r) & 0xffff, { kind: 'octal' });
export const fd = argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'fd' });
export const dirfd = argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'dirfd' });
export const pid = argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'pid' });
export const signal = argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'signal' });
export const address = argument<GuestAddr>((_task, regs, r) => regs.get(r), { kind: 'ptr' });

/** A pointer to a struct (decoded by strace, not by the handler). */
export function ptr<T>(struct: StructType<T>, out = false): Argument<UserPtr<T>> {
  return argument<UserPtr<T>>((_task, regs, r) => regs.get(r) as UserPtr<T>, {
    kind: 'struct',
    struct: struct as StructType<unknown>,
    out,
  });
}
/** A pointer to bytes whose count is another argument, or the result. */
export function buffer(length: number | 'result'): Argument<GuestAddr> {
  return argument<GuestAddr>((_task, regs, r) => regs.get(r), { kind: 'buffer', length, out: length === 'result' });
}
/** 32 bits of flags with their names. */
export function flags(names: Readonly<Record<string, number>>): Argument<number> {
  return argument<number>((_task, regs, r) => regs.u32of(r), { kind: 'flags', names });
}
/** One of several named values. */
export function oneOf(names: Readonly<Record<string, number>>): Argument<number> {
  return argument<number>((_task, regs, r) => regs.i32of(r), { kind: 'enum', names });
}

export const PATH_MAX = 4096;

/** A path, read from guest memory before the handler runs: EFAULT and ENAMETOOLONG never reach it. */
export const path = argument<ByteString>(
  (task, regs, r) => {
    const text = task.mm.copyInString(regs.get(r), PATH_MAX);
    return (text === ENAMETOOLONG ? ENAMETOOLONG : text) as ByteString;
  },
  { kind: 'path' },
  true,
);

export type Support =
  | { readonly level: 'full' }
  | { readonly level: 'partial'; readonly note: string }
  | { readonly level: 'stub'; readonly answer: Errno; readonly why: string };

export const full: Support = { level: 'full' };
/** `note`: what is missing or different, as it stands in docs/SYSCALLS.md. */
export function partial(note: string): Support {
  return { level: 'partial', note };
}

/**
 * A handler's way to say that it has set all registers itself (rt_sigreturn, execve), or that the task is gone: no result is
 * stored. Outside the range of errnos.
 */
export const REGISTERS_SET = -4097 as Errno;

type HandlerResult = number | Blocking<number>;
type ArgumentValues<A extends readonly Argument<unknown>[]> = { [K in keyof A]: A[K] extends Argument<infer T> ? T : never };

export interface SyscallDefinition {
  readonly name: string;
  readonly args: readonly Argument<unknown>[];
  readonly support: Support;
  /** Decodes the arguments and calls the handler; made by arity, so that nothing is allocated. */
  readonly invoke: (task: Task, regs: Registers) => HandlerResult;
}

import { R10, R8, R9, RDI, RDX, RSI } from '../platform/registers.js';

export function syscall<const A extends readonly Argument<unknown>[]>(
  name: string,
  args: A,
  handler: (task: Task, ...values: ArgumentValues<A>) => HandlerResult,
  support: Support = full,
): SyscallDefinition {
  return { name, args, support, invoke: makeInvoker(args, handler as (task: Task, ...values: unknown[]) => HandlerResult) };
}

/** A call that always fails with `answer`. */
export function stub(name: string, answer: Errno, why: string): SyscallDefinition {
  return { name, args: [], support: { level: 'stub', answer, why }, invoke: () => answer };
}

type Invoker = SyscallDefinition['invoke'];

function makeInvoker(args: readonly Argument<unknown>[], handler: (task: Task, ...values: unknown[]) => HandlerResult): Invoker {
  const [a, b, c, d, e, f] = args;
  const fallible = args.some((arg) => arg.fallible);
  if (fallible) return fallibleInvoker(args, handler);
  switch (args.length) {
    case 0:
      return (task) => handler(task);
    case 1:
      return (task, regs) => handler(task, a!.decode(task, regs, RDI));
    case 2:
      return (task, regs) => handler(task, a!.decode(task, regs, RDI), b!.decode(task, regs, RSI));
    case 3:
      return (task, regs) => handler(task, a!.decode(task, regs, RDI), b!.decode(task, regs, RSI), c!.decode(task, regs, RDX));
    case 4:
      return (task, regs) =>
        handler(task, a!.decode(task, regs, RDI), b!.decode(task, regs, RSI), c!.decode(task, regs, RDX), d!.decode(task, regs, R10));
    case 5:
      return (task, regs) =>
        handler(
          task,
          a!.decode(task, regs, RDI),
          b!.decode(task, regs, RSI),
          c!.decode(task, regs, RDX),
          d!.decode(task, regs, R10),
          e!.decode(task, regs, R8),
        );
    default:
      return (task, regs) =>
        handler(
          task,
          a!.decode(task, regs, RDI),
          b!.decode(task, regs, RSI),
          c!.decode(task, regs, RDX),
          d!.decode(task, regs, R10),
          e!.decode(task, regs, R8),
          f!.decode(task, regs, R9),
        );
  }
}

export const ARGUMENT_REGISTERS = [RDI, RSI, RDX, R10, R8, R9] as const;

/** For calls with a path: decoding may fail, and the errno is then the answer. The short ones allocate nothing. */
function fallibleInvoker(args: readonly Argument<unknown>[], handler: (task: Task, ...values: unknown[]) => HandlerResult): Invoker {
  const [a, b, c, d] = args;
  const check = args.map((arg) => arg.fallible);
  const [checkA, checkB, checkC, checkD] = check;
  switch (args.length) {
    case 1:
      return (task, regs) => {
        const first = a!.decode(task, regs, RDI);
        return isErr(first) ? first : handler(task, first);
      };
    case 2:
      return (task, regs) => {
        const first = a!.decode(task, regs, RDI);
        if (checkA && isErr(first)) return first;
        const second = b!.decode(task, regs, RSI);
        return checkB && isErr(second) ? second : handler(task, first, second);
      };
    case 3:
      return (task, regs) => {
        const first = a!.decode(task, regs, RDI);
        if (checkA && isErr(first)) return first;
        const second = b!.decode(task, regs, RSI);
        if (checkB && isErr(second)) return second;
        const third = c!.decode(task, regs, RDX);
        return checkC && isErr(third) ? third : handler(task, first, second, third);
      };
    case 4:
      return (task, regs) => {
        const first = a!.decode(task, regs, RDI);
        if (checkA && isErr(first)) return first;
        const second = b!.decode(task, regs, RSI);
        if (checkB && isErr(second)) return second;
        const third = c!.decode(task, regs, RDX);
        if (checkC && isErr(third)) return third;
        const fourth = d!.decode(task, regs, R10);
        return checkD && isErr(fourth) ? fourth : handler(task, first, second, third, fourth);
      };
    default:
      return longFallibleInvoker(args, handler);
  }
}

function longFallibleInvoker(args: readonly Argument<unknown>[], handler: (task: Task, ...values: unknown[]) => HandlerResult): Invoker {
  return (task, regs) => {
    const values: unknown[] = new Array(args.length);
    for (let i = 0; i < args.length; i++) {
      const value = args[i]!.decode(task, regs, ARGUMENT_REGISTERS[i]!);
      if (args[i]!.fallible && isErr(value)) return value;
      values[i] = value;
    }
    return handler(task, ...values);
  };
}
