/**
 * Waiting (Linux: include/linux/wait.h, the prepare_to_wait loops). One primitive for the whole kernel:
 *
 *   while (!ready()) {
 *     const woken = yield* sleepOn(queue, POLLIN, { deadlineNs });
 *     if (isErr(woken)) return woken; // ERESTARTSYS: a signal, ETIMEDOUT: the deadline
 *   }
 *
 * A handler that must wait is a generator that yields a WaitRequest. The kernel puts the task on the queues, and resumes the
 * generator, synchronously, when a queue wakes, the deadline passes or a signal is pending. After every `yield*`, look again:
 * a wake-up promises nothing.
 */
import type { Errno } from './brands.js';
import { WAKE_ALL, type WaitQueue } from './wait-queue.js';

export interface WaitSource {
  readonly queue: WaitQueue;
  readonly mask: number;
  readonly exclusive: boolean;
}

export interface WaitRequest {
  readonly sources: readonly WaitSource[];
  /** CLOCK_MONOTONIC of the host in nanoseconds; Infinity: none. */
  readonly deadlineNs: number;
  /** False for the few waits that only SIGKILL ends (Linux: TASK_KILLABLE). */
  readonly interruptible: boolean;
}

/** 0: a queue woke; ERESTARTSYS: a signal is pending; ETIMEDOUT: the deadline passed. */
export type WakeReason = 0 | Errno;

/** What a system call returns when it may have to wait. */
export type Blocking<T> = Generator<WaitRequest, T, WakeReason>;

export interface SleepOptions {
  readonly deadlineNs?: number;
  readonly interruptible?: boolean;
  readonly exclusive?: boolean;
}

/** Sleeps until `queue` wakes for `mask`. */
export function* sleepOn(queue: WaitQueue, mask: number = WAKE_ALL, options: SleepOptions = {}): Blocking<WakeReason> {
  return yield {
    sources: [{ queue, mask, exclusive: options.exclusive ?? false }],
    deadlineNs: options.deadlineNs ?? Infinity,
    interruptible: options.interruptible ?? true,
  };
}

/** Sleeps until any of several queues wakes; with none, until the deadline or a signal. */
export function* sleepOnAny(sources: readonly WaitSource[], options: SleepOptions = {}): Blocking<WakeReason> {
  return yield { sources, deadlineNs: options.deadlineNs ?? Infinity, interruptible: options.interruptible ?? true };
}

/** True when a handler's answer is a wait rather than a result. */
export function isBlocking<T>(answer: T | Blocking<T>): answer is Blocking<T> {
  return typeof answer === 'object' && answer !== null && Symbol.iterator in answer && 'next' in answer;
}

/** Applies `finish` to a handler's result, now or when its wait ends. */
export function thenDo<T, U>(answer: T | Blocking<T>, finish: (result: T) => U): U | Blocking<U> {
  return isBlocking(answer) ? finishLater(answer, finish) : finish(answer);
}

function* finishLater<T, U>(answer: Blocking<T>, finish: (result: T) => U): Blocking<U> {
  return finish(yield* answer);
}
