/** struct user_regs_struct of PTRACE_GETREGS (Linux: arch/x86/include/asm/user_64.h), and the initial FP control words. */
import { struct, u64 } from '../base/struct.js';

export const USER_REGS = struct(
  'user_regs_struct',
  {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    rbp: u64,
    rbx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rax: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    origRax: u64,
    rip: u64,
    cs: u64,
    eflags: u64,
    rsp: u64,
    ss: u64,
    fsBase: u64,
    gsBase: u64,
    ds: u64,
    es: u64,
    fs: u64,
    gs: u64,
  },
  216,
);

/** x87 control word and MXCSR of a new program. */
export const INITIAL_FCW = 0x37f;
export const INITIAL_MXCSR = 0x1f80;
