/** Structs of the signal calls as the kernel has them, not libc (Linux: asm/signal.h, struct sigaction, stack_t). */
import { struct, u32, u64 } from '../base/struct.js';

/** `flags` has 64 bits in C; libc's int is sign-extended into the upper ones, which mean nothing. */
export const SIGACTION = struct('sigaction', { handler: u64, flags: u32, flagsHigh: u32, restorer: u64, maskLow: u32, maskHigh: u32 }, 32);
export const STACK = struct('stack', { sp: u64, flags: u32, size: u64 }, 24);
export const SIGSET = struct('sigset', { low: u32, high: u32 }, 8);
