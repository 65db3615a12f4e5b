/**
 * System calls without a signal: what a patched site (site-table.ts) executes in the stub.
 *
 *   site     jmp *slot                        7 bytes in the place of `mov $nr, %eax; syscall` and its like
 *   jump     lahf, seto; rcx = nr : site      of that site, in STUB_JUMPS
 *   call     registers to DATA_CALL, turn := kernel; then as the signal handler: rings, spins, sleeps (stub-code.ts)
 *   return   registers from DATA_CALL, back to the site
 *
 * At a system call rax, rcx and r11 are free: rax holds the flags until they are saved; no stack is used, as guests have a red
 * zone. The thread's STUB_DATA is where gs points, which the kernel sets for guests that have no gs of their own; for all others
 * the call goes to the site's last two bytes, which do not decode: a signal (SIGILL), which the kernel takes for the call.
 *
 * A gs that points near STUB_DATA, but to no memory, makes the first store fault: that call goes by signal, too.
 *
 * A signal that arrives here is told by rip: before `called` nothing has happened and the call goes on; while the call waits the
 * signal handler ignores it (TURN_CALL); after the answer the kernel's own copy of the registers is what is true.
 * When the kernel needs a signal frame (to write other registers than rax, for the vector state) it sets DATA_PROMOTE.
 */
import type { Assembler } from '../../asm/assembler.js';
import {
  at,
  eax,
  ecx,
  edx,
  mem,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r8,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Register,
} from '../../asm/operands.js';
import { MAX_STUB_THREADS, STUB_DATA, stubDataAddress } from '../stub/layout.js';
import {
  BELL_SLEEPING,
  DATA_CALL,
  DATA_CALL_FLAGS,
  DATA_CALL_SITE,
  DATA_PROMOTE,
  DATA_TURN,
  READ_SITES,
  STUB_DOORBELL,
  STUB_RETURNS,
  TURN_CALL,
  TURN_KERNEL,
} from './layout.js';
import { COMPARE_BYTES } from './site.js';

/** Slots of sigcontext that a call saves and its return restores. */
const KEPT: readonly (readonly [Register, number])[] = [
  [r8, 0],
  [r9, 1],
  [r10, 2],
  [r12, 4],
  [r13, 5],
  [r14, 6],
  [r15, 7],
  [rdi, 8],
  [rsi, 9],
  [rbp, 10],
  [rbx, 11],
  [rdx, 12],
  [rsp, 15],
];
const SLOT_R11 = 3;
const SLOT_RAX = 13;
const SLOT_RCX = 14;
const SLOT_RIP = 16;
const SLOT_EFLAGS = 17;
/** SF, ZF, AF, PF, CF. */
const LAHF_FLAGS = 0xd5;
const OVERFLOW_SHIFT = 11;
/** IF, and the bit that is always set. */
const USER_FLAGS = 0x202;
/** Added to al it gives back the overflow flag: 1 + 127 overflows, 0 + 127 does not. */
const SET_OVERFLOW = 0x7f;
/** The site's last two bytes. */
const SYSCALL_BYTES = 2;
/** What libc compares results with. */
const FIRST_ERRNO = -4096;
/** Of a site in STUB_RETURNS. */
const SITE_BYTES = 8;

function saved(slot: number): number {
  return DATA_CALL + slot * 8;
}

/** rax: flags; rcx: number of the call in the upper half, of the site (times 8) in the lower. */
export function patchedCall(a: Assembler): void {
  a.label('callBegin');
  bySignal(a);
  a.label('call').rdgsbase(r11);
  a.cmp(r11, at('dataBegin')).j('b', 'callBySignal').cmp(r11, at('dataEnd')).j('ae', 'callBySignal');
  a.label('callSaves');
  for (const [register, slot] of KEPT) a.store(mem(r11, saved(slot)), register);
  a.store(mem(r11, DATA_CALL_FLAGS), rax).label('callSaved').mov(r12, r11).mov(r13, STUB_DOORBELL);
  a.mov(edx, ecx)
    .shr(rcx, 32)
    .store(mem(r12, saved(SLOT_RAX)), rcx);
  a.store(mem(r12, DATA_CALL_SITE), rdx)
    .add(rdx, at('returns'))
    .mov(rdx, mem(rdx))
    .store(mem(r12, saved(SLOT_RIP)), rdx)
    .store(mem(r12, saved(SLOT_RCX)), rdx);
  a.mov(edx, eax).and(edx, 1).shl(edx, OVERFLOW_SHIFT).shr(eax, 8).and(eax, LAHF_FLAGS).or(eax, edx).or(eax, USER_FLAGS);
  a.store(mem(r12, saved(SLOT_EFLAGS)), rax).store(mem(r12, saved(SLOT_R11)), rax);
  a.xor(r14, r14).xor(r15, r15); // no frame; nobody rung yet
  a.mov(eax, TURN_KERNEL | TURN_CALL).xchg(mem(r12, DATA_TURN), eax);
  a.label('called').mov(eax, mem(r13, BELL_SLEEPING)).test(eax, eax).j('e', 'await').jmp('ring');
}

/** To where the site's system call instruction was, all registers as there. */
function bySignal(a: Assembler): void {
  a.label('callBySignal')
    .mov({ ...r11, size: 32 }, ecx)
    .add(r11, at('returns'))
    .mov(r11, mem(r11));
  a.shr(rcx, 32).lea(r11, mem(r11, -SYSCALL_BYTES));
  a.addAl(SET_OVERFLOW).sahf().mov(eax, ecx).jmp(r11);
}

/** The turn has come back. r12: STUB_DATA. */
export function patchedReturn(a: Assembler): void {
  a.label('callReturn').mov(rax, mem(r12, DATA_PROMOTE)).test(rax, rax).j('ne', 'promote').mov(r11, r12);
  a.mov(rax, mem(r11, DATA_CALL_SITE))
    .cmp(rax, READ_SITES * SITE_BYTES)
    .j('b', 'readReturn');
  restore(a);
  a.mov(rax, mem(r11, DATA_CALL_FLAGS)).addAl(SET_OVERFLOW).sahf();
  a.mov(rax, mem(r11, saved(SLOT_RAX)))
    .mov(rcx, mem(r11, saved(SLOT_RIP)))
    .mov(r11, mem(r11, saved(SLOT_R11)))
    .jmp(rcx);
  a.label('readReturn');
  restore(a);
  a.mov(rax, mem(r11, saved(SLOT_RAX))).mov(rcx, mem(r11, saved(SLOT_RIP)));
  a.cmp(rax, FIRST_ERRNO).lea(r11, mem(rcx, COMPARE_BYTES)).jmp(r11);
  a.label('promote').ud2(); // any signal gives a frame
}

function restore(a: Assembler): void {
  for (const [register, slot] of KEPT) a.mov(register, mem(r11, saved(slot)));
}

/** Numbers that code compares with or adds where no register is free. */
export function patchedConstants(a: Assembler, dataStride: number): void {
  const end = stubDataAddress(MAX_STUB_THREADS, dataStride);
  a.align(8).label('dataBegin').qword(STUB_DATA).label('dataEnd').qword(end).label('returns').qword(STUB_RETURNS);
}
