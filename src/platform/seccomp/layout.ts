/**
 * Where the seccomp platform's stub differs from the common layout (stub/layout.ts).
 *
 *   STUB_REQUEST +0      operations, as on every platform
 *                +3968   orders to the mm thread, its answers (words below): the guest can read them and no more
 *   STUB_CODE            machine code, filters, a table of all byte values
 *   STUB_DOORBELL 1 page r--  one frame for all: where the kernel sleeps
 *   STUB_RETURNS  1 page r--  of each space: where patched system calls go back to (site-table.ts)
 *   STUB_JUMPS    4 pages r-x one for all: 32 bytes of code for each patched site
 *   STUB_DATA[n]  +0     words of the hand-over, +512 alternate signal stack; the signal frame at its end is the register file
 *
 *   SITE_SLOTS    5 pages r--  one for all, far below: patched sites jump through it, as their jump has room for 32 bits of address
 *
 * Whatever lies in STUB_DATA can be written by every thread of that guest at any time.
 */
import { UC_MCONTEXT } from '../../abi/sigframe.js';
import { STUB_CODE } from '../stub/layout.js';

export const STUB_DOORBELL = STUB_CODE + 0x1000;
export const STUB_RETURNS = STUB_CODE + 0x2000;
export const STUB_JUMPS = STUB_CODE + 0x7000;
export const STUB_JUMPS_PAGES = 4;
/** The upper two bytes of every address in it, as bytes of code, are an instruction that does not exist: `06 00` (site-table.ts). */
export const SITE_SLOTS = 0x6_0000;
export const SITE_SLOTS_PAGES = 5;
/** Sites below this number make the comparison behind their call too (site.ts). */
export const READ_SITES = 6;
/** What a guest may map begins here, where it could begin at 0x10000. */
export const LOWEST_GUEST = 0x7_0000;

// STUB_REQUEST: byte offsets. One cache line of the kernel's, one that the mm thread writes (through the file).
const ORDERS = 3968;
/** Number of the current order; the mm thread sleeps on it, and is woken by the kernel or by a guest thread that is told to. */
export const ORDER_GO = ORDERS;
/** Operations to run. */
export const ORDER_COUNT = ORDERS + 4;
/** ORDER_* below: what follows the operations. */
export const ORDER_KIND = ORDERS + 8;
/** Descriptor of physmem, and where in it ORDER_DONE lies: 64 bits each. */
export const ORDER_FD = ORDERS + 24;
export const ORDER_DONE_AT = ORDERS + 32;
/** Process id of the kernel: a stub whose parent is another one is an orphan. */
export const ORDER_PARENT = ORDERS + 40;
/** Number of the last order that is done, on which whoever waits for it sleeps, and its result: 0, an id, or an errno. */
export const ORDER_DONE = ORDERS + 64;
export const ORDER_RESULT = ORDERS + 68;

export const ORDER_BATCH = 0;
export const ORDER_NEW_THREAD = 1;
export const ORDER_FORK = 2;

// STUB_DOORBELL: byte offsets.
/** Rings by other threads of the kernel's process; the kernel sleeps on it. */
export const BELL_RUNG = 0;
/** The kernel sleeps, or is about to. */
export const BELL_SLEEPING = 64;
/** Ticks of the time-stamp counter that a guest thread waits for an answer before it sleeps. */
export const BELL_SPIN = 128;

// STUB_DATA: byte offsets.
/** TURN_* bits. */
export const DATA_TURN = 0;
/** The thread is to end. */
export const DATA_EXIT = 64;
/** Address of the ucontext that a new thread returns to. */
export const DATA_FRAME = 72;
/** Waits in which the thread does not spin, and how often in a row it has spun in vain. */
export const DATA_SKIP = 128;
export const DATA_MISSES = 136;
/** Registers of a patched call, in the order of sigcontext: 18 words. */
export const DATA_CALL = 192;
/** Its flags: OF in the lowest byte, the others as lahf has them in the next. */
export const DATA_CALL_FLAGS = 336;
/** Not 0: a patched call is to be answered through a signal frame (`HostThread` needs more than the result). */
export const DATA_PROMOTE = 344;
/** Number of its site, times 8. */
export const DATA_CALL_SITE = 352;
export const SIGNAL_STACK = 512;

/** The kernel's turn. Clear: the guest's. */
export const TURN_KERNEL = 1;
/** The guest thread sleeps on the word. */
export const TURN_WAITER = 2;
/** The kernel has nothing to answer for now: not worth spinning. */
export const TURN_LONG = 4;
/** With TURN_KERNEL: a patched call, whose registers lie at DATA_CALL. */
export const TURN_CALL = 8;
/** An order has been written: wake the mm thread and wait until it is done, before anything else that the other bits say. */
export const TURN_ORDER = 16;

// In sigcontext, whose last eight words are reserved and left alone by the host.
export const SC_FS_BASE = 192;
export const SC_GS_BASE = 200;
/** Nonzero: the handler loads the segment bases from the two words before. */
export const SC_SET_BASES = 208;
export const SIGCONTEXT_SIZE = 256;
/** The frame's end of what is not extended state: sigcontext, mask, siginfo. */
export const UC_INFO = 304;
export const UC_END = UC_INFO + 128;
export const UC_REGISTERS = UC_MCONTEXT;

/** The signal that makes a running guest trap: one that nothing else uses. */
export const KICK_SIGNAL = 16;
