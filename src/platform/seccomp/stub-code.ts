/**
 * The seccomp platform's stub: everything that a stub process executes besides its guest, in one page.
 *
 *   mm thread      sleeps on ORDER_GO; runs the operations of STUB_REQUEST, which guests cannot write; answers by pwrite(2) into
 *                  physmem, so that nobody in its process can forge an answer. Registers only, no stack, all signals blocked.
 *   guest threads  `handler`: any signal. The host has put all registers into the frame; it hands the turn to the kernel, waits
 *                  for it and returns by rt_sigreturn. Patched system calls come and go without a signal: patched-call.ts.
 *                  On its way it wakes its mm thread for an order and waits for that, where the kernel asks for it: both are on
 *                  the same CPU then, and no other one has anything of this address space to forget.
 *
 * A guest may jump anywhere in here with any registers: the filters (filters.ts) see to it that no call but its own four is made.
 */
import { FUTEX_WAIT, FUTEX_WAKE } from '../../abi/futex.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ } from '../../abi/mman.js';
import { PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import { SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { Assembler } from '../../asm/assembler.js';
import {
  at,
  eax,
  ecx,
  edi,
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
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Register,
} from '../../asm/operands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { STUB_CODE, STUB_REQUEST } from '../stub/layout.js';
import { ENTRY_SIZE } from '../stub/request-page.js';
import { processFilter, SECCOMP_SET_MODE_FILTER, strictFilter } from './filters.js';
import {
  BELL_RUNG,
  BELL_SLEEPING,
  BELL_SPIN,
  DATA_EXIT,
  DATA_FRAME,
  DATA_MISSES,
  DATA_SKIP,
  DATA_TURN,
  ORDER_COUNT,
  ORDER_DONE,
  ORDER_DONE_AT,
  ORDER_FD,
  ORDER_FORK,
  ORDER_GO,
  ORDER_KIND,
  ORDER_PARENT,
  ORDER_RESULT,
  SC_FS_BASE,
  SC_GS_BASE,
  SC_SET_BASES,
  STUB_DOORBELL,
  TURN_CALL,
  TURN_KERNEL,
  TURN_LONG,
  TURN_ORDER,
  TURN_WAITER,
  UC_REGISTERS,
} from './layout.js';
import { patchedCall, patchedConstants, patchedReturn } from './patched-call.js';

export interface SeccompStub {
  readonly bytes: Uint8Array;
  /** Where the mm thread begins. */
  readonly mmThread: number;
  /** Handler of every signal, and its SA_RESTORER. */
  readonly handler: number;
  readonly restorer: number;
  /** A system call that traps, for a first frame. */
  readonly sample: number;
  /** The struct sock_fprog of the process' filter. */
  readonly processProgram: number;
  /** Where patched calls come in; [callBegin, called): they have not handed over their turn yet. */
  readonly call: number;
  readonly callBegin: number;
  readonly called: number;
  /** [callSaves, callSaved): a fault there means that gs is not the thread's; all registers but r11 are as at callBySignal. */
  readonly callSaves: number;
  readonly callSaved: number;
  readonly callBySignal: number;
}

export interface StubParameters {
  readonly dataStride: number;
  readonly physmemFd: number;
  /** Flags of the two clones that the mm thread makes. */
  readonly cloneFlags: readonly number[];
}

const ERRNO_MIN = -4095;
/** Spin of who woke the kernel against that of others, by powers of two. */
const RUNG_SHIFT = 1;
/** Spins in vain in a row before a thread stops spinning, for twice its misses waits; they are counted up to 63. */
const MISSES_ALLOWED = 4;
const MISSES_MASK = 63;
const SKIP_SHIFT = 1;
const WAKE_ALL = 0x7fffffff;
/** An id or errno. */
const RESULT_BYTES = 4;
const r15d: Register = { ...r15, size: 32 };

export function assembleSeccompStub(parameters: StubParameters): SeccompStub {
  const a = new Assembler();
  mmLoop(a);
  answer(a);
  forkedChild(a, parameters.physmemFd);
  threadStart(a);
  handler(a, parameters.dataStride);
  awaitTurn(a); // the handler goes on here
  driveOrder(a);
  patchedCall(a);
  patchedReturn(a);
  a.align(8).label('timeout').qword(0).qword(1_000_000);
  patchedConstants(a, parameters.dataStride);
  a.label('bytes');
  for (let value = 0; value < 256; value++) a.byte(value);
  a.align(8);
  // The filters name places in this code: they are known now, as code before them does not move.
  const strict = strictFilter({
    sigreturn: a.offsetOf('sigreturned'),
    wait: a.offsetOf('waited'),
    wake: a.offsetOf('woken'),
    order: a.offsetOf('orderWoken'),
    ordered: a.offsetOf('orderWaited'),
    exit: a.offsetOf('exited'),
  });
  filterProgram(a, 'strict', strict);
  filterProgram(a, 'process', processFilter(parameters.physmemFd, STUB_CODE + a.offsetOf('strict'), parameters.cloneFlags));
  return {
    bytes: a.assemble(),
    mmThread: a.offsetOf('mmThread'),
    handler: a.offsetOf('handler'),
    restorer: a.offsetOf('restorer'),
    sample: a.offsetOf('sample'),
    processProgram: a.offsetOf('process'),
    call: a.offsetOf('call'),
    callBegin: a.offsetOf('callBegin'),
    called: a.offsetOf('called'),
    callSaves: a.offsetOf('callSaves'),
    callSaved: a.offsetOf('callSaved'),
    callBySignal: a.offsetOf('callBySignal'),
  };
}

/** A struct sock_fprog and the filter behind it. */
function filterProgram(a: Assembler, name: string, filter: Uint8Array): void {
  a.label(name)
    .qword(filter.length / 8)
    .qword(STUB_CODE + a.here + 8)
    .data(filter);
}

/** r15: number of the last order served; rbx: STUB_REQUEST or the entry in it; r12: operations left. */
function mmLoop(a: Assembler): void {
  a.label('mmThread').xor(r15, r15);
  a.label('listen').mov(rbx, STUB_REQUEST).mov(eax, mem(rbx, ORDER_GO)).cmp(eax, r15d).j('ne', 'serve');
  a.lea(rdi, mem(rbx, ORDER_GO)).mov(rsi, FUTEX_WAIT).mov(rdx, r15).xor(r10, r10).mov(rax, NR.futex).syscall();
  a.jmp('listen');
  a.label('serve')
    .mov(r15d, eax)
    .mov(r13, rbx)
    .mov({ ...r12, size: 32 }, mem(rbx, ORDER_COUNT));
  a.label('batch').test(r12, r12).j('e', 'behind');
  callEntry(a);
  a.cmp(rax, ERRNO_MIN).j('ae', 'answer');
  a.add(rbx, ENTRY_SIZE).dec(r12).jmp('batch');
  a.label('behind').xor(rax, rax).mov(ecx, mem(r13, ORDER_KIND)).test(rcx, rcx).j('e', 'answer');
  a.lea(r14, mem(rcx)); // what is cloned cannot look here: by the time it runs, the next order may have been written
  callEntry(a); // a clone
  a.test(rax, rax).j('ne', 'answer');
  a.cmp(r14, ORDER_FORK).j('e', 'child').jmp('threadStart');
}

/** Makes the call of the entry at rbx. Keeps rbx, r12-r15 and, as the argument that it is, r9. */
function callEntry(a: Assembler): void {
  a.mov(rax, mem(rbx, 0)).mov(rdi, mem(rbx, 8)).mov(rsi, mem(rbx, 16)).mov(rdx, mem(rbx, 24));
  a.mov(r10, mem(rbx, 32)).mov(r8, mem(rbx, 40)).mov(r9, mem(rbx, 48)).syscall();
}

/** The result in rax, unless it is a mere success, byte by byte; then ORDER_DONE. Every byte comes from memory that no guest writes. */
function answer(a: Assembler): void {
  a.label('answer').mov(r14, rax).mov(r13, STUB_REQUEST);
  a.test(r14, r14).j('e', 'done');
  a.xor(r12, r12);
  a.label('resultByte').mov(rcx, r14).and(rcx, 255).lea(rsi, at('bytes')).add(rsi, rcx);
  a.mov(rdi, mem(r13, ORDER_FD))
    .mov(rdx, 1)
    .mov(r10, mem(r13, ORDER_DONE_AT))
    .add(r10, ORDER_RESULT - ORDER_DONE)
    .add(r10, r12);
  a.mov(rax, NR.pwrite64).syscall();
  a.shr(r14, 8).j('e', 'done').inc(r12).cmp(r12, RESULT_BYTES).j('b', 'resultByte'); // the kernel has zeroed the rest
  a.label('done').mov(rdi, mem(r13, ORDER_FD)).lea(rsi, mem(r13, ORDER_GO)).mov(rdx, 4).mov(r10, mem(r13, ORDER_DONE_AT));
  a.mov(rax, NR.pwrite64).syscall();
  a.lea(rdi, mem(r13, ORDER_DONE)).mov(rsi, FUTEX_WAKE).mov(rdx, WAKE_ALL).mov(rax, NR.futex).syscall();
  a.jmp('listen');
}

/**
 * A forked process, r9: frame of its own STUB_REQUEST. It takes that before it reads anything, since its parent's may be about the
 * next order already; it dies with the kernel; then it is the mm thread that waits for its first order.
 */
function forkedChild(a: Assembler, physmemFd: number): void {
  a.label('child')
    .mov(rdi, STUB_REQUEST)
    .mov(rsi, PAGE_SIZE)
    .mov(rdx, PROT_READ)
    .mov(r10, MAP_SHARED | MAP_FIXED)
    .mov(r8, physmemFd);
  a.mov(rax, NR.mmap).syscall().cmp(rax, ERRNO_MIN).j('ae', 'orphan');
  a.mov(rdi, PR_SET_PDEATHSIG).mov(rsi, SIGKILL).mov(rax, NR.prctl).syscall();
  a.mov(rax, NR.getppid).syscall();
  a.mov(ecx, mem(r13, ORDER_PARENT)).cmp(rax, rcx).j('e', 'mmThread'); // else the kernel died before prctl
  a.label('orphan').mov(rdi, 1).mov(rax, NR.exit_group).syscall().ud2();
}

/** A new guest thread, r9: its STUB_DATA. The filter first; then it waits for its turn as if it had trapped. */
function threadStart(a: Assembler): void {
  a.label('threadStart').mov(r12, r9);
  a.mov(rdi, SECCOMP_SET_MODE_FILTER).xor(rsi, rsi).lea(rdx, at('strict')).mov(rax, NR.seccomp).syscall();
  a.test(rax, rax).j('ne', 'orphan');
  a.mov(r14, mem(r12, DATA_FRAME)).lea(rbx, mem(r14, UC_REGISTERS)).mov(r13, STUB_DOORBELL).xor(r15, r15);
  a.jmp('await');
  a.label('sample').mov(rax, NR.getppid).syscall().ud2();
}

/** Handler(signal: rdi, siginfo: rsi, ucontext: rdx). r12: STUB_DATA, rbx: sigcontext, r13: STUB_DOORBELL, r14: ucontext. */
function handler(a: Assembler, dataStride: number): void {
  a.label('handler').mov(r14, rdx).lea(rbx, mem(rdx, UC_REGISTERS)).mov(r12, rdx).and(r12, -dataStride).mov(r13, STUB_DOORBELL);
  // A signal in a patched call that waits: the kernel has its turn and the registers, and this frame says nothing new.
  a.mov(eax, mem(r12, DATA_TURN)).and(eax, TURN_CALL).j('ne', 'return');
  a.rdfsbase(rax).store(mem(rbx, SC_FS_BASE), rax).rdgsbase(rax).store(mem(rbx, SC_GS_BASE), rax);
  a.xor(r15, r15).store(mem(rbx, SC_SET_BASES), r15); // r15: the kernel may not have heard
  a.mov(eax, TURN_KERNEL).xchg(mem(r12, DATA_TURN), eax); // ordered before the look at BELL_SLEEPING
  a.mov(eax, mem(r13, BELL_SLEEPING)).test(eax, eax).j('e', 'await');
  a.label('ring').lea(rdi, mem(r13, BELL_RUNG)).mov(rsi, FUTEX_WAKE).mov(rdx, WAKE_ALL).mov(rax, NR.futex).syscall();
  a.label('woken').xor(r15, r15).test(rax, rax).j('ne', 'awaitRung');
  a.inc(r15); // it was about to sleep, or is on its way already
}

/**
 * Waits until it is the guest's turn: spins, then sleeps. Who has rung spins longer, as the kernel must wake up first. Who has
 * spun in vain a few times in a row stops for a while that grows: blocked for long, or no CPU to spare.
 */
function awaitTurn(a: Assembler): void {
  a.label('await').mov(r11, mem(r13, BELL_SPIN)).jmp('waitBegin');
  a.label('awaitRung').mov(r11, mem(r13, BELL_SPIN)).shl(r11, RUNG_SHIFT);
  a.label('waitBegin').mov(rax, mem(r12, DATA_SKIP)).test(rax, rax).j('e', 'spinBegin');
  a.dec(rax).store(mem(r12, DATA_SKIP), rax).jmp('sleep');
  a.label('spinBegin').rdtsc().shl(rdx, 32).or(rax, rdx).lea(r10, mem(rax));
  a.label('spin').mov(ecx, mem(r12, DATA_TURN)).mov(eax, ecx).and(eax, TURN_KERNEL).j('e', 'inTime');
  a.and(ecx, TURN_LONG | TURN_ORDER)
    .j('ne', 'sleep')
    .pause();
  a.rdtsc().shl(rdx, 32).or(rax, rdx).sub(rax, r10).cmp(rax, r11).j('b', 'spin');
  a.mov(rax, mem(r12, DATA_MISSES)).inc(rax).and(rax, MISSES_MASK).store(mem(r12, DATA_MISSES), rax);
  a.cmp(rax, MISSES_ALLOWED).j('b', 'sleep').shl(rax, SKIP_SHIFT).store(mem(r12, DATA_SKIP), rax);
  a.label('sleep').mov(eax, mem(r12, DATA_TURN)).mov(ecx, eax).and(ecx, TURN_KERNEL).j('e', 'go');
  a.mov(ecx, eax).and(ecx, TURN_ORDER).j('ne', 'order');
  a.mov(edx, eax).or(edx, TURN_WAITER).lockCmpxchg(mem(r12, DATA_TURN), edx).j('ne', 'sleep');
  a.xor(r10, r10).test(r15, r15).j('e', 'sleepNow').lea(r10, at('timeout'));
  a.label('sleepNow').lea(rdi, mem(r12, DATA_TURN)).mov(rsi, FUTEX_WAIT).mov(rax, NR.futex).syscall();
  a.label('waited').mov(eax, mem(r12, DATA_TURN)).and(eax, TURN_KERNEL).j('e', 'go');
  a.test(r15, r15).j('e', 'sleep');
  a.xor(r15, r15).mov(eax, mem(r13, BELL_SLEEPING)).test(eax, eax).j('ne', 'ring').jmp('sleep');
  a.label('inTime').xor(rax, rax).store(mem(r12, DATA_MISSES), rax);
  a.label('go').mov(eax, mem(r12, DATA_TURN)).and(eax, TURN_ORDER).j('ne', 'order');
  a.mov(rax, mem(r12, DATA_EXIT)).test(rax, rax).j('ne', 'exit');
  a.test(r14, r14).j('e', 'callReturn');
  a.mov(rax, mem(rbx, SC_SET_BASES)).test(rax, rax).j('e', 'return');
  a.mov(rax, mem(rbx, SC_FS_BASE)).wrfsbase(rax).mov(rax, mem(rbx, SC_GS_BASE)).wrgsbase(rax);
  a.label('return').mov(rsp, r14); // as if the handler had returned into its restorer
  a.label('restorer').mov(rax, NR.rt_sigreturn).syscall();
  a.label('sigreturned').ud2();
  a.label('exit').xor(edi, edi).mov(rax, NR.exit).syscall();
  a.label('exited').ud2();
}

/**
 * Has the current order carried out; then the turn is looked at again. Nobody is kept from waking the mm thread without a reason, or
 * from going on without having waited: who does so sees its own memory as it was, which the kernel still counts as in use.
 */
function driveOrder(a: Assembler): void {
  a.label('order')
    .mov(rdi, STUB_REQUEST + ORDER_GO)
    .mov(rsi, FUTEX_WAKE)
    .mov(rdx, WAKE_ALL)
    .mov(rax, NR.futex)
    .syscall();
  a.label('orderWoken').mov(rdi, STUB_REQUEST + ORDER_DONE);
  a.label('orderLook')
    .mov(edx, mem(rdi))
    .cmp(edx, mem(rdi, ORDER_GO - ORDER_DONE))
    .j('e', 'orderDone');
  a.mov(rsi, FUTEX_WAIT).xor(r10, r10).mov(rax, NR.futex).syscall();
  a.label('orderWaited').jmp('orderLook');
  a.label('orderDone').mov(eax, mem(r12, DATA_TURN)).mov(edx, eax).and(edx, ~TURN_ORDER).lockCmpxchg(mem(r12, DATA_TURN), edx);
  a.j('ne', 'orderDone').xor(r15, r15).and(eax, TURN_KERNEL).j('e', 'go').jmp('await');
}
