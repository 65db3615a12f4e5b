/** What both platforms do before they place threads: count CPUs, ask how long this thread has waited for one, and see to it that it waits less. */
import { readFileSync } from 'node:fs';

/** Time that this thread was ready and had to wait for a CPU (/proc/PID/schedstat); 0 where the host does not count it. */
export function runDelayNs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);
  } catch {
    return 0;
  }
}

/**
 * Kernel and guests hand the CPU to each other all the time. Where others want it too, each of them may run on for a whole slice of
 * its own before it makes room, unless the slice of who wakes up is shorter.
 */
export const SLICE_NS = 100_000;

export function countBits(mask: Uint8Array): number {
  let count = 0;
  for (const byte of mask) for (let bit = 0; bit < 8; bit++) count += (byte >> bit) & 1;
  return count;
}
