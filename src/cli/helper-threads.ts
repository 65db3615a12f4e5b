/**
 * The threads that V8 compiles and collects garbage on. While kernel and guests hand over to each other on two CPUs, a helper that gets
 * one of them keeps it up to the host's next tick, 4 ms, in which nothing goes on: so they stand back. Only here, where the whole
 * process is ours; a program that uses the library keeps its threads as they are.
 */
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Low enough to wait for whoever hands over; enough that code gets compiled where the host is busy. */
const NICE = 10;

/** To be called before any other thread is started: all there are but this one are helpers. */
export function lowerHelpers(): void {
  try {
    for (const tid of readdirSync('/proc/self/task')) if (Number(tid) !== process.pid) setPriority(Number(tid), NICE);
  } catch {
    // One that has ended, or a host without /proc: then it is slower, no more.
  }
}
