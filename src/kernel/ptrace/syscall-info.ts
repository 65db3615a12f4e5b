/** PTRACE_GET_SYSCALL_INFO (Linux: kernel/ptrace.c, ptrace_get_syscall_info; struct ptrace_syscall_info). */
import {
  AUDIT_ARCH_X86_64,
  PTRACE_SYSCALL_INFO_ENTRY,
  PTRACE_SYSCALL_INFO_EXIT,
  PTRACE_SYSCALL_INFO_NONE,
  PTRACE_SYSCALL_INFO_SECCOMP,
  SYSCALL_INFO_SIZE,
} from '../../abi/ptrace.js';
import { RAX, RIP, RSP, type Registers } from '../../platform/registers.js';
import { ARGUMENT_REGISTERS } from '../syscall.js';
import type { Task } from '../task.js';
import type { Trace } from './trace.js';

const OP = 0;
const ARCH = 4;
const INSTRUCTION_POINTER = 8;
const STACK_POINTER = 16;
const DETAILS = 24;
const SECCOMP_DATA = 80;
const FIRST_ERROR = -4095;

function put(view: DataView, offset: number, regs: Registers, register: number): void {
  view.setUint32(offset, regs.u32of(register), true);
  view.setUint32(offset + 4, regs.highOf(register), true);
}

/** The struct, and how much of it means something. */
export function syscallInfo(task: Task, trace: Trace): { bytes: Uint8Array; length: number } {
  const bytes = new Uint8Array(SYSCALL_INFO_SIZE.whole);
  const view = new DataView(bytes.buffer);
  const { regs } = task.thread;
  view.setUint32(ARCH, AUDIT_ARCH_X86_64, true);
  put(view, INSTRUCTION_POINTER, regs, RIP);
  put(view, STACK_POINTER, regs, RSP);
  switch (trace.stop!.kind) {
    case 'entry':
      view.setUint8(OP, PTRACE_SYSCALL_INFO_ENTRY);
      putCall(view, task, trace);
      return { bytes, length: SYSCALL_INFO_SIZE.entry };
    case 'seccomp':
      view.setUint8(OP, PTRACE_SYSCALL_INFO_SECCOMP);
      putCall(view, task, trace);
      view.setUint32(SECCOMP_DATA, trace.seccompData, true);
      return { bytes, length: SYSCALL_INFO_SIZE.seccomp };
    case 'exit': {
      view.setUint8(OP, PTRACE_SYSCALL_INFO_EXIT);
      put(view, DETAILS, regs, RAX);
      const value = regs.signed(RAX);
      view.setUint8(DETAILS + 8, value < 0 && value >= FIRST_ERROR ? 1 : 0);
      return { bytes, length: SYSCALL_INFO_SIZE.exit };
    }
    default:
      view.setUint8(OP, PTRACE_SYSCALL_INFO_NONE);
      return { bytes, length: SYSCALL_INFO_SIZE.none };
  }
}

function putCall(view: DataView, task: Task, trace: Trace): void {
  const { origRax } = trace;
  view.setUint32(DETAILS, origRax >>> 0, true);
  view.setUint32(DETAILS + 4, origRax < 0 ? 0xffffffff : 0, true);
  for (const [i, register] of ARGUMENT_REGISTERS.entries()) put(view, DETAILS + 8 + i * 8, task.thread.regs, register);
}
