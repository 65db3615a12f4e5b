/**
 * The functions of the vDSO (Linux: lib/vdso/gettimeofday.c, arch/x86/entry/vdso; vdso(7)). Each computes its answer from the
 * page of clock parameters before the image (host/tsc-formula.ts), or makes the real call where that is not possible.
 * C calling convention: arguments in rdi, rsi; rax, rcx, rdx, r8-r11 may change.
 */
import { Assembler } from '../asm/assembler.js';
import { eax, ecx, edi, edx, mem, r10, r11, r8, rax, rcx, rdi, rdx, rsi } from '../asm/operands.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
} from '../abi/time.js';
import { NR } from '../abi/syscall-numbers.js';
import { emitMonotonic, MODE, MODE_GETCPU, MODE_TSC } from '../host/tsc-formula.js';
import { COARSE_RESOLUTION_NS } from './guest-clock.js';

const NS_PER_SEC = 1_000_000_000;
/** Which bits of TSC_AUX hold the CPU; the node is above (Linux: VDSO_CPUNODE_MASK). */
const CPU_MASK = 0xfff;
const CPU_BITS = 12;

/** Code, and where in it each function begins. */
export interface VdsoCode {
  readonly code: Uint8Array;
  readonly functions: Readonly<Record<string, { offset: number; length: number }>>;
}

/** `pageBefore`: distance from the code's first byte back to the parameter page. */
export function assembleVdso(pageBefore: number): VdsoCode {
  const a = new Assembler();
  const functions: Record<string, { offset: number; length: number }> = {};
  const define = (name: string, emit: (a: Assembler, page: () => void) => void): void => {
    a.align(16);
    const offset = a.here;
    emit(a, () => loadPage(a, pageBefore));
    functions[name] = { offset, length: a.here - offset };
  };
  define('clock_gettime', emitClockGettime);
  define('gettimeofday', emitGettimeofday);
  define('time', emitTime);
  define('clock_getres', emitClockGetres);
  define('getcpu', emitGetcpu);
  return { code: a.assemble(), functions };
}

/** r8 = address of the parameter page. */
function loadPage(a: Assembler, pageBefore: number): void {
  const LEA_LENGTH = 7;
  a.byte(0x4c, 0x8d, 0x05).dword(-pageBefore - (a.here - 3) - LEA_LENGTH); // lea r8, [rip + ...]
}

/** Jumps to `otherwise` unless the page's mode has `bit`. */
function requireMode(a: Assembler, bit: number, otherwise: string): void {
  a.mov(eax, mem(r8, MODE)).and(eax, bit).j('e', otherwise);
}

/** rax nanoseconds to seconds in rax and the rest in rdx. */
function splitSeconds(a: Assembler): void {
  a.xor(edx, edx).mov(ecx, NS_PER_SEC).div(rcx);
}

function realCall(a: Assembler, nr: number): void {
  a.mov(eax, nr).syscall().ret();
}

/** int clock_gettime(clockid_t edi, struct timespec *rsi) */
function emitClockGettime(a: Assembler, page: () => void): void {
  page();
  requireMode(a, MODE_TSC, 'gettime.call');
  for (const clock of [CLOCK_REALTIME, CLOCK_REALTIME_COARSE]) a.cmp(edi, clock).j('e', 'gettime.wall');
  for (const clock of [CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE]) {
    a.cmp(edi, clock).j('e', 'gettime.monotonic');
  }
  a.label('gettime.call');
  realCall(a, NR.clock_gettime);
  a.label('gettime.monotonic');
  emitMonotonic(a, 'gettime.m');
  splitSeconds(a);
  a.store(mem(rsi, 0), rax).store(mem(rsi, 8), rdx).xor(eax, eax).ret();
  a.label('gettime.wall');
  emitMonotonic(a, 'gettime.w');
  a.add(rax, r10);
  splitSeconds(a);
  a.add(rax, r11).store(mem(rsi, 0), rax).store(mem(rsi, 8), rdx).xor(eax, eax).ret();
}

/** int gettimeofday(struct timeval *rdi, struct timezone *rsi) */
function emitGettimeofday(a: Assembler, page: () => void): void {
  page();
  requireMode(a, MODE_TSC, 'timeofday.call');
  a.test(rdi, rdi).j('e', 'timeofday.zone');
  emitMonotonic(a, 'timeofday');
  a.add(rax, r10);
  splitSeconds(a);
  a.add(rax, r11).store(mem(rdi, 0), rax);
  a.mov(rax, rdx).xor(edx, edx).mov(ecx, 1000).div(rcx).store(mem(rdi, 8), rax);
  a.label('timeofday.zone');
  a.test(rsi, rsi).j('e', 'timeofday.done');
  a.storeImmediate(mem(rsi, 0), 0, 64); // minutes west, daylight saving: always zero
  a.label('timeofday.done').xor(eax, eax).ret();
  a.label('timeofday.call');
  realCall(a, NR.gettimeofday);
}

/** time_t time(time_t *rdi) */
function emitTime(a: Assembler, page: () => void): void {
  page();
  requireMode(a, MODE_TSC, 'time.call');
  emitMonotonic(a, 'time');
  a.add(rax, r10);
  splitSeconds(a);
  a.add(rax, r11).test(rdi, rdi).j('e', 'time.done').store(mem(rdi, 0), rax);
  a.label('time.done').ret();
  a.label('time.call');
  realCall(a, NR.time);
}

/** int clock_getres(clockid_t edi, struct timespec *rsi) */
function emitClockGetres(a: Assembler): void {
  a.mov(ecx, 1);
  for (const clock of [CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW]) a.cmp(edi, clock).j('e', 'getres.known');
  a.mov(ecx, COARSE_RESOLUTION_NS);
  for (const clock of [CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE]) a.cmp(edi, clock).j('e', 'getres.known');
  realCall(a, NR.clock_getres);
  a.label('getres.known').test(rsi, rsi).j('e', 'getres.done');
  a.storeImmediate(mem(rsi, 0), 0, 64).store(mem(rsi, 8), rcx);
  a.label('getres.done').xor(eax, eax).ret();
}

/** int getcpu(unsigned *rdi, unsigned *rsi, void *) */
function emitGetcpu(a: Assembler, page: () => void): void {
  page();
  requireMode(a, MODE_GETCPU, 'getcpu.call');
  a.rdtscp(); // ecx = TSC_AUX
  a.test(rdi, rdi).j('e', 'getcpu.node');
  a.mov(eax, ecx).and(eax, CPU_MASK).store(mem(rdi, 0), eax);
  a.label('getcpu.node').test(rsi, rsi).j('e', 'getcpu.done');
  a.shr(ecx, CPU_BITS).store(mem(rsi, 0), ecx);
  a.label('getcpu.done').xor(eax, eax).ret();
  a.label('getcpu.call');
  realCall(a, NR.getcpu);
}
