/**
 * futex(2) and spinning, in machine code of our own: libc has no futex function, and a loop over shared words in JavaScript
 * could not pause between looks.
 */
import { FUTEX_BITSET_MATCH_ANY, FUTEX_WAIT_BITSET, FUTEX_WAKE } from '../abi/futex.js';
import { NR } from '../abi/syscall-numbers.js';
import { Assembler } from '../asm/assembler.js';
import { eax, ecx, mem, r10, r10d, r11, r8, r9, rax, rcx, rdi, rdx, rsi } from '../asm/operands.js';
import type { Errno, HostAddr } from '../base/brands.js';
import { addressOf, machineFunction, type HostFunction } from './libc.js';
import { loadMachineCode } from './machine-code.js';

/** Nobody was found in time. */
export const SPIN_MISS = -1;
/** The watched word changed. */
export const SPIN_CHANGED = -2;
export const WAKE_ALL = 0x7fffffff;

interface Routines {
  readonly wait: HostFunction;
  readonly wake: HostFunction;
  readonly ring: HostFunction;
  readonly watch: HostFunction;
}

let loaded: Routines | undefined;

function routines(): Routines {
  if (loaded) return loaded;
  const a = new Assembler();
  emitCalls(a);
  emitWatch(a);
  const base = loadMachineCode(a.assemble());
  const routine = (name: string, arity: number): HostFunction => machineFunction(base + a.offsetOf(name), arity);
  loaded = {
    wait: routine('wait', 3),
    wake: routine('wake', 2),
    ring: routine('ring', 1),
    watch: routine('watch', 5),
  };
  return loaded;
}

function emitCalls(a: Assembler): void {
  // wait(word, expected, timespec)
  a.label('wait').mov(r10, rdx).mov(rdx, rsi).mov(rsi, FUTEX_WAIT_BITSET).xor(r8, r8).mov(r9, FUTEX_BITSET_MATCH_ANY);
  a.mov(rax, NR.futex).syscall().ret().align(16);
  // ring(word): adds one, then wakes all
  a.label('ring').mov(ecx, 1).lockXadd(mem(rdi), ecx).mov(rsi, WAKE_ALL);
  // wake(word, count)
  a.label('wake').mov(rdx, rsi).mov(rsi, FUTEX_WAKE).mov(rax, NR.futex).syscall().ret().align(16);
}

/** watch(addresses, count, word, seen, ticks): index of the first address whose 32-bit word has bit 0 set. */
function emitWatch(a: Assembler): void {
  a.label('watch').mov(r9, rdx).mov(r10, rcx);
  now(a);
  a.lea(r11, mem(rax)).add(r11, r8);
  a.label('again').xor(r8, r8).mov(rcx, rdi);
  a.label('scan').cmp(r8, rsi).j('ae', 'scanned');
  a.mov(rax, mem(rcx)).mov(eax, mem(rax)).and(eax, 1).j('ne', 'found');
  a.inc(r8).add(rcx, 8).jmp('scan');
  a.label('scanned').mov(eax, mem(r9)).cmp(eax, r10d).j('ne', 'changed');
  a.pause();
  now(a);
  a.cmp(rax, r11).j('b', 'again');
  a.mov(rax, SPIN_MISS).ret();
  a.label('found').mov(rax, r8).ret();
  a.label('changed').mov(rax, SPIN_CHANGED).ret().align(16);
}

function now(a: Assembler): void {
  a.rdtsc().shl(rdx, 32).or(rax, rdx);
}

const timespec = new BigInt64Array(8);
const timespecAddress = addressOf(new Uint8Array(timespec.buffer));

/** Sleeps while the word is `expected`, at most until `deadlineNs` (CLOCK_MONOTONIC; Infinity: for ever). May wake for nothing. */
export function futexWait(word: HostAddr, expected: number, deadlineNs: number): 0 | Errno {
  if (deadlineNs === Infinity) return routines().wait(word, expected >>> 0, 0) as 0 | Errno;
  const sec = Math.floor(deadlineNs / 1e9);
  timespec[0] = BigInt(sec);
  timespec[1] = BigInt(Math.floor(deadlineNs - sec * 1e9));
  return routines().wait(word, expected >>> 0, timespecAddress) as 0 | Errno;
}

/** Number of waiters woken. */
export function futexWake(word: HostAddr, count = WAKE_ALL): number {
  return routines().wake(word, count);
}

/** Adds one to the word and wakes all who sleep on it. */
export function futexRing(word: HostAddr): void {
  routines().ring(word);
}

/**
 * Watches 32-bit words for their bit 0, and `word` for another value than `seen`, at least once and for `ticks` of the time-stamp
 * counter. `addresses`: of an array of `count` 64-bit host addresses. An index, SPIN_MISS or SPIN_CHANGED.
 */
export function watchWords(addresses: HostAddr, count: number, word: HostAddr, seen: number, ticks: number): number {
  return routines().watch(addresses, count, word, seen >>> 0, ticks);
}
