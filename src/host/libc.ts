/**
 * The wall: host calls go through functions bound here, each named after the call it makes, returning a number or an Errno and
 * never throwing. The only folder that imports koffi. Addresses are numbers: user space has 47 bits.
 */
import { createRequire } from 'node:module';
import type koffiModule from 'koffi';
import type { Errno, HostAddr } from '../base/brands.js';

/**
 * koffi's native part by itself: its JavaScript finds out which of many builds this machine needs, which is always this one, and
 * takes 4 ms. Where a package manager has put it out of reach koffi finds it.
 */
function loadKoffi(): typeof koffiModule {
  const require = createRequire(import.meta.url);
  try {
    return require('@koromix/koffi-linux-x64/linux_x64/koffi.node') as typeof koffiModule;
  } catch {
    return require('koffi') as typeof koffiModule;
  }
}

const koffi = loadKoffi();
const libc = koffi.load('libc.so.6');

type CType = 'int' | 'unsigned int' | 'int64_t' | 'uint64_t' | 'size_t' | 'intptr_t' | 'void*' | 'uint8_t*';
export type HostFunction = (...args: (number | bigint | Uint8Array | null)[]) => number;
export type HostCall = (...args: (number | bigint | Uint8Array | null)[]) => number | Errno;

/**
 * Binds a libc function that answers -1 and errno. Memory arguments are 'intptr_t' (an address) or 'void*' (a Uint8Array).
 * Wrapped by arity, so that a call allocates no argument array.
 */
export function bind(name: string, result: 'int' | 'int64_t' | 'intptr_t', args: readonly CType[]): HostCall {
  const f = libc.func(name, result, [...args]) as unknown as HostFunction;
  const check = (value: number): number | Errno => (value === -1 ? (-koffi.errno() as Errno) : value);
  switch (args.length) {
    case 0:
      return () => check(f());
    case 1:
      return (a) => check(f(a!));
    case 2:
      return (a, b) => check(f(a!, b!));
    case 3:
      return (a, b, c) => check(f(a!, b!, c!));
    case 4:
      return (a, b, c, d) => check(f(a!, b!, c!, d!));
    case 5:
      return (a, b, c, d, e) => check(f(a!, b!, c!, d!, e!));
    default:
      return (a, b, c, d, e, g) => check(f(a!, b!, c!, d!, e!, g!));
  }
}

/** Binds a function that answers an errno instead of setting it (posix_spawn and the like): 0 or a negative Errno. */
export function bindDirect(name: string, args: readonly CType[]): HostCall {
  const f = libc.func(name, 'int', [...args]) as unknown as HostFunction;
  return (...values) => -f(...values);
}

/** The bytes at a host address, without a copy. At most 1 GiB: larger views abort Node 20. */
export function viewOf(address: HostAddr, length: number): ArrayBuffer {
  return koffi.view(address, length) as ArrayBuffer;
}

/** Host address of a typed array's bytes. The caller keeps the array alive, and must not pass one that V8 may move (< 64 bytes). */
export function addressOf(bytes: Uint8Array): HostAddr {
  return Number(koffi.address(bytes));
}

/** A callable for machine code at a host address: up to six 64-bit arguments, a 64-bit result. */
export function machineFunction(address: HostAddr, arity: number): HostFunction {
  const prototype = koffi.proto(
    `int64_t skas_blob_${arity}_${address.toString(16)}(${Array.from({ length: arity }, () => 'int64_t').join(', ') || 'void'})`,
  );
  return koffi.decode(BigInt(address), prototype) as HostFunction;
}
