/**
 * What the kernel puts on a guest's stack for a signal handler, x86-64 (Linux: arch/x86/include/asm/sigframe.h,
 * uapi/asm/sigcontext.h, uapi/asm/ucontext.h). Byte offsets; sizes are checked against C in a test.
 *
 *   rt_sigframe   0  pretcode (the restorer's address: what the handler returns to)
 *                 8  ucontext:  flags, link, stack_t (24), sigcontext (256), sigmask (8)
 *               312  siginfo (128)
 *               440  end
 *   fpstate       64-byte aligned, above the frame: FXSAVE area (512, sw_reserved at 464), XSAVE header (64), components, magic2 (4)
 */
export const FRAME_PRETCODE = 0;
export const FRAME_UCONTEXT = 8;
export const FRAME_INFO = 312;
export const FRAME_SIZE = 440;

// Within ucontext.
export const UC_FLAGS = 0;
export const UC_LINK = 8;
export const UC_STACK = 16;
export const UC_MCONTEXT = 40;
export const UC_SIGMASK = 296;
export const UCONTEXT_SIZE = 304;

// stack_t.
export const SS_SP = 0;
export const SS_FLAGS = 8;
export const SS_SIZE = 16;

// Within sigcontext: r8..r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags come first, 8 bytes each.
export const SC_CS = 144;
export const SC_GS = 146;
export const SC_FS = 148;
export const SC_SS = 150;
export const SC_ERR = 152;
export const SC_TRAPNO = 160;
export const SC_OLDMASK = 168;
export const SC_CR2 = 176;
export const SC_FPSTATE = 184;

// uc_flags.
export const UC_FP_XSTATE = 1;
export const UC_SIGCONTEXT_SS = 2;
export const UC_STRICT_RESTORE_SS = 4;

// fpstate.
export const FP_MXCSR = 24;
export const FP_MXCSR_MASK = 28;
export const FP_SW_RESERVED = 464;
export const SW_MAGIC1 = 464;
export const SW_EXTENDED_SIZE = 468;
export const SW_XFEATURES = 472;
export const SW_XSTATE_SIZE = 480;
export const FXSAVE_SIZE = 512;
export const XSAVE_HEADER = 512;
export const XSAVE_XCOMP_BV = 520;
export const XSAVE_HEADER_END = 576;
export const FP_XSTATE_MAGIC1 = 0x46505853;
export const FP_XSTATE_MAGIC2 = 0x46505845;
export const FP_XSTATE_MAGIC2_SIZE = 4;
