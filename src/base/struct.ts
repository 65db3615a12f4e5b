/**
 * Struct codec: a C struct declared once gives its type, size, offsets and a straight-line reader and writer.
 *
 *   const TIMESPEC = struct('timespec', { sec: i64, nsec: i64 }, 16);
 *   type Timespec = StructOf<typeof TIMESPEC>;
 *
 * Fields are laid out by the rules of the x86-64 System V ABI (natural alignment, padded to the largest member); the size
 * that the ABI demands is checked at load. `i64`/`u64` are numbers, exact up to 2^53; use `big64` where all 64 bits are data.
 */
import { KernelBug } from './assert.js';

export interface FieldType<T> {
  readonly size: number;
  readonly align: number;
  /** JavaScript source that reads from `v` (DataView) at offset expression `o`. */
  readonly get: (offset: string) => string;
  /** JavaScript source that writes expression `value`. */
  readonly set: (offset: string, value: string) => string;
  readonly zero: T;
}

function scalar<T>(size: number, method: string, zero: T): FieldType<T> {
  const le = size > 1 ? ', true' : '';
  return {
    size,
    align: size,
    get: (o) => `v.get${method}(${o}${le})`,
    set: (o, x) => `v.set${method}(${o}, ${x}${le})`,
    zero,
  };
}

export const u8 = scalar(1, 'Uint8', 0);
export const u16 = scalar(2, 'Uint16', 0);
export const i16 = scalar(2, 'Int16', 0);
export const u32 = scalar(4, 'Uint32', 0);
export const i32 = scalar(4, 'Int32', 0);
export const big64 = scalar<bigint>(8, 'BigUint64', 0n);

/** Unsigned 64 bits as a number (exact below 2^53). */
export const u64: FieldType<number> = {
  size: 8,
  align: 8,
  get: (o) => `(v.getUint32(${o}, true) + v.getUint32(${o} + 4, true) * 4294967296)`,
  set: (o, x) => `(v.setUint32(${o}, ${x} % 4294967296, true), v.setUint32(${o} + 4, Math.floor(${x} / 4294967296), true))`,
  zero: 0,
};

/** Signed 64 bits as a number (exact within 2^53). */
export const i64: FieldType<number> = {
  ...u64,
  get: (o) => `(v.getUint32(${o}, true) + v.getInt32(${o} + 4, true) * 4294967296)`,
};

/** A fixed run of bytes, read as a copy. */
export function bytes(length: number): FieldType<Uint8Array> {
  return {
    size: length,
    align: 1,
    get: (o) => `new Uint8Array(v.buffer.slice(v.byteOffset + ${o}, v.byteOffset + ${o} + ${length}))`,
    set: (o, x) => `new Uint8Array(v.buffer, v.byteOffset + ${o}, ${length}).set(${x})`,
    zero: new Uint8Array(length),
  };
}

type Fields = Record<string, FieldType<unknown>>;
type ValueOf<F> = F extends FieldType<infer T> ? T : never;
type Values<F extends Fields> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export interface StructType<T> {
  readonly name: string;
  readonly size: number;
  readonly offsets: { readonly [K in keyof T]: number };
  read(view: DataView, offset: number): T;
  readInto(view: DataView, offset: number, target: T): T;
  write(view: DataView, offset: number, value: T): void;
  /** A value with every field zero. */
  zero(): T;
}

export type StructOf<S> = S extends StructType<infer T> ? T : never;

/** Declares a struct; throws at load when its size is not `size`. */
export function struct<F extends Fields>(name: string, fields: F, size: number): StructType<Values<F>> {
  const offsets: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [field, type] of Object.entries(fields)) {
    end = Math.ceil(end / type.align) * type.align;
    offsets[field] = end;
    end += type.size;
    align = Math.max(align, type.align);
  }
  end = Math.ceil(end / align) * align;
  if (end !== size) throw new KernelBug(`struct ${name} has ${end} bytes, the ABI says ${size}`);
  const entries = Object.entries(fields);
  const type = {
    name,
    size,
    offsets,
    // Compiled when first used: a kernel declares a hundred structs and starts with a handful.
    read: (view: DataView, offset: number) => compile(type, entries).read(view, offset),
    readInto: (view: DataView, offset: number, target: Values<F>) => compile(type, entries).readInto(view, offset, target),
    write: (view: DataView, offset: number, value: Values<F>) => compile(type, entries).write(view, offset, value),
    zero: () => Object.fromEntries(entries.map(([field, { zero }]) => [field, zero])) as Values<F>,
  } as StructType<Values<F>>;
  return type;
}

/** Puts straight-line code in the place of a struct's reader and writer. */
function compile<T>(type: StructType<T>, fields: [string, FieldType<unknown>][]): StructType<T> {
  const offsets = type.offsets as Record<string, number>;
  const at = (field: string): string => `o + ${offsets[field]}`;
  const literal = fields.map(([field, { get }]) => `${field}: ${get(at(field))}`).join(', ');
  const into = fields.map(([field, { get }]) => `t.${field} = ${get(at(field))};`).join(' ');
  const out = fields.map(([field, { set }]) => `${set(at(field), `x.${field}`)};`).join(' ');
  return Object.assign(type, {
    read: new Function('v', 'o', `return { ${literal} };`),
    readInto: new Function('v', 'o', 't', `${into} return t;`),
    write: new Function('v', 'o', 'x', out),
  });
}
