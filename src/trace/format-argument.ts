/** One argument of a system call as strace prints it, driven by its descriptor (kernel/syscall.ts, ArgumentFormat). */
import { isErr, type GuestAddr } from '../base/brands.js';
import { byteString } from '../base/bytes.js';
import type { StructType } from '../base/struct.js';
import { AT_FDCWD } from '../abi/fcntl.js';
import { ARGUMENT_REGISTERS, PATH_MAX, type ArgumentFormat } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import type { Registers } from '../platform/registers.js';
import { flagNames, signalName, valueName } from './names.js';
import { quote, SHOWN_BYTES } from './quote.js';

/** The six argument registers as signed numbers, kept because a call may change the registers that it came with. */
export type ArgumentValues = readonly number[];

export function argumentValues(regs: Registers): number[] {
  return ARGUMENT_REGISTERS.map((register) => regs.signed(register));
}

/** True when the argument can only be told after the call. */
export function isOutput(format: ArgumentFormat): boolean {
  return format.out === true || format.length === 'result';
}

/** `result`: undefined before the call. */
export function formatArgument(task: Task, format: ArgumentFormat, values: ArgumentValues, index: number, result?: number): string {
  const value = values[index]!;
  switch (format.kind) {
    case 'fd':
    case 'pid':
      return String(asInt(value));
    case 'int':
      return String(asSigned(value));
    case 'dirfd':
      return asInt(value) === AT_FDCWD ? 'AT_FDCWD' : String(asInt(value));
    case 'octal':
      return `0${(asInt(value) & 0xffff).toString(8)}`;
    case 'flags':
      return flagNames(format.names ?? {}, asInt(value));
    case 'enum':
      return valueName(format.names ?? {}, asInt(value));
    case 'signal':
      return signalName(asInt(value));
    case 'path':
    case 'string':
      return formatString(task, value);
    case 'buffer':
      return formatBuffer(task, value, bufferLength(format, values, result));
    case 'struct':
      return format.struct
        ? formatPointer(task, value, format.struct, isOutput(format) && result !== undefined && isErr(result))
        : address(value);
    default:
      return address(value);
  }
}

export function address(value: number): string {
  if (value === 0) return 'NULL';
  return `0x${value < 0 ? BigInt.asUintN(64, BigInt(value)).toString(16) : value.toString(16)}`;
}

function asInt(value: number): number {
  return (value % 2 ** 32) | 0;
}

/** Small negative numbers of 32 bits as such: 2^32 - 1 is -1. */
function asSigned(value: number): number {
  return value >= 2 ** 32 - 4096 && value < 2 ** 32 ? value - 2 ** 32 : value;
}

function bufferLength(format: ArgumentFormat, values: ArgumentValues, result: number | undefined): number {
  if (format.length === 'result') return result === undefined || isErr(result) ? -1 : result;
  return format.length === undefined ? -1 : values[format.length]!;
}

function formatString(task: Task, pointer: GuestAddr): string {
  if (pointer === 0) return 'NULL';
  const text = task.mm.copyInString(pointer, PATH_MAX);
  return typeof text === 'string' ? quote(text, false) : address(pointer);
}

function formatBuffer(task: Task, pointer: GuestAddr, length: number): string {
  if (pointer === 0 || length < 0) return address(pointer);
  const bytes = new Uint8Array(Math.min(length, SHOWN_BYTES));
  if (isErr(task.mm.copyIn(pointer, bytes))) return address(pointer);
  return quote(byteString(bytes), length > SHOWN_BYTES);
}

/** `{field=value, ...}`; only the address when the call failed to fill it in or it cannot be read. */
function formatPointer(task: Task, pointer: GuestAddr, type: StructType<unknown>, unfilled: boolean): string {
  if (pointer === 0 || unfilled) return address(pointer);
  const value = task.mm.readStruct(pointer, type);
  if (isErr(value)) return address(pointer);
  const fields = Object.entries(value as Record<string, unknown>).map(([name, field]) => `${name}=${formatField(field)}`);
  return `{${fields.join(', ')}}`;
}

function formatField(field: unknown): string {
  if (typeof field === 'bigint') return `0x${field.toString(16)}`;
  if (!(field instanceof Uint8Array)) return String(field);
  const end = field.indexOf(0);
  const shown = byteString(field, 0, Math.min(end < 0 ? field.length : end, SHOWN_BYTES));
  return quote(shown, false);
}
