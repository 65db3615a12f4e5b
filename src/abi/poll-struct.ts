/** Structs of poll, select and epoll (Linux: asm-generic/poll.h, linux/eventpoll.h, fs/select.c). */
import { i16, i32, struct, u32, u64 } from '../base/struct.js';

export const POLLFD = struct('pollfd', { fd: i32, events: i16, revents: i16 }, 8);

/** Packed on x86-64: 12 bytes, `data` in two halves. */
export const EPOLL_EVENT = struct('epoll_event', { events: u32, dataLow: u32, dataHigh: u32 }, 12);

/** Sixth argument of pselect6: the signal mask and its size. */
export const SIGSET_ARGUMENT = struct('sigset_argpack', { mask: u64, size: u64 }, 16);
