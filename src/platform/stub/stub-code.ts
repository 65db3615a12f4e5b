/**
 * The stub's machine code (UML: arch/x86/um/stub_64.S, stub_segv.c): everything a stub process ever executes besides its guest.
 *
 * It works in registers alone. Another thread of the same guest runs at the same time and can write every page that this one can,
 * so no decision may rest on memory that is writable there: operations are read from STUB_REQUEST, which guests cannot write.
 * The signal frame is the exception, and whoever lets `restorer`'s system call run checks it (see PtraceThread.completeFault).
 * No libc, no SSE, no stack. A guest may jump anywhere in here: its system calls trap as anywhere else.
 */
import { Assembler } from '../../asm/assembler.js';
import { mem, r10, r12, r13, r8, r9, rax, rbx, rcx, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { NR } from '../../abi/syscall-numbers.js';
import { SC_CR2, SC_ERR, SC_TRAPNO, UC_MCONTEXT } from '../../abi/sigframe.js';
import { FAULT_INFO } from './layout.js';
import { ENTRY_SIZE } from './request-page.js';

export interface StubCode {
  readonly bytes: Uint8Array;
  /** Runs r12 operations at rbx and stops. */
  readonly batch: number;
  /** rip when a batch is over: r12 = operations not done, rax = result or errno of the last. */
  readonly stopped: number;
  /** Runs r12 operations at rbx, then the clone behind them, whose child runs r13 further ones. */
  readonly clone: number;
  /** rip of the parent after the clone: rax = the child's id or an errno. */
  readonly cloned: number;
  /** SIGSEGV handler (SA_SIGINFO) and the SA_RESTORER that every x86-64 handler must have. */
  readonly faultHandler: number;
  readonly restorer: number;
  /** rip behind rt_sigreturn's `syscall`. */
  readonly sigreturned: number;
  /** Ends the thread. */
  readonly exit: number;
  /** Waits on the epoll descriptor in rdi with the event buffer at rsi, traps, again and again. */
  readonly bell: number;
}

const ERRNO_MIN = -4095;

export function assembleStub(dataStride: number): StubCode {
  const a = new Assembler();
  batchLoop(a);
  cloneAfterBatch(a);
  segvHandler(a, dataStride);
  a.label('exit').mov(rdi, 0).mov(rax, NR.exit).syscall();
  bell(a);
  return {
    bytes: a.assemble(),
    batch: a.offsetOf('batch'),
    stopped: a.offsetOf('stopped'),
    clone: a.offsetOf('clone'),
    cloned: a.offsetOf('cloned'),
    faultHandler: a.offsetOf('faultHandler'),
    restorer: a.offsetOf('restorer'),
    sigreturned: a.offsetOf('sigreturned'),
    exit: a.offsetOf('exit'),
    bell: a.offsetOf('bell'),
  };
}

/** Loads the operation at rbx into the registers of a system call and makes it. */
function callEntry(a: Assembler): void {
  a.mov(rax, mem(rbx, 0));
  a.mov(rdi, mem(rbx, 8));
  a.mov(rsi, mem(rbx, 16));
  a.mov(rdx, mem(rbx, 24));
  a.mov(r10, mem(rbx, 32));
  a.mov(r8, mem(rbx, 40));
  a.mov(r9, mem(rbx, 48));
  a.syscall(); // keeps rbx, r12, r13
}

function batchLoop(a: Assembler): void {
  a.label('batch');
  a.test(r12, r12).j('e', 'stop'); // nothing (left) to do
  callEntry(a);
  a.cmp(rax, ERRNO_MIN).j('ae', 'stop'); // unsigned: an errno; r12 tells which operation
  a.add(rbx, ENTRY_SIZE);
  a.dec(r12);
  a.jmp('batch');
  a.label('stop').int3();
  a.label('stopped');
  a.jmp('stop'); // if ever resumed here
}

function cloneAfterBatch(a: Assembler): void {
  a.label('clone');
  a.test(r12, r12).j('e', 'cloneNow');
  callEntry(a);
  a.cmp(rax, ERRNO_MIN).j('ae', 'stop');
  a.add(rbx, ENTRY_SIZE);
  a.dec(r12);
  a.jmp('clone');
  a.label('cloneNow');
  callEntry(a);
  a.test(rax, rax).j('e', 'child');
  a.int3(); // parent
  a.label('cloned');
  a.jmp('stop');
  a.label('child');
  a.add(rbx, ENTRY_SIZE); // the child goes on with the operations behind the clone
  a.mov(r12, r13);
  a.jmp('batch');
}

/** Handler(signal: rdi, siginfo: rsi, ucontext: rdx), on the alternate stack. */
function segvHandler(a: Assembler, dataStride: number): void {
  a.label('faultHandler');
  a.mov(rcx, rdx).and(rcx, -dataStride); // the data pages that hold this frame
  a.mov(rax, mem(rdx, UC_MCONTEXT + SC_CR2)).store(mem(rcx, FAULT_INFO.offsets.address), rax);
  a.mov(rax, mem(rdx, UC_MCONTEXT + SC_ERR)).store(mem(rcx, FAULT_INFO.offsets.errorCode), rax);
  a.mov(rax, mem(rdx, UC_MCONTEXT + SC_TRAPNO)).store(mem(rcx, FAULT_INFO.offsets.trapNumber), rax);
  a.mov(rsp, rdx); // what `ret` into the restorer would leave: rsp exactly at the ucontext
  a.label('restorer');
  a.mov(rax, NR.rt_sigreturn).syscall();
  a.label('sigreturned');
  a.ud2();
}

function bell(a: Assembler): void {
  a.label('bell');
  a.mov(r12, rdi).mov(r13, rsi);
  a.label('listen');
  a.mov(rdi, r12).mov(rsi, r13).mov(rdx, 1).mov(r10, -1).mov(rax, NR.epoll_wait).syscall();
  a.int3(); // an event, or a signal
  a.jmp('listen');
}
