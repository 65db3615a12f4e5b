/** What both platforms ask before they place threads: CPUs in a mask, and how long this thread has waited for one. */
import { readFileSync } from 'node:fs';

/** Time that this thread was ready and had to wait for a CPU (/proc/PID/schedstat); 0 where the host does not count it. */
export function runDelayNs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);
  } catch {
    return 0;
  }
}

export function countBits(mask: Uint8Array): number {
  let count = 0;
  for (const byte of mask) for (let bit = 0; bit < 8; bit++) count += (byte >> bit) & 1;
  return count;
}
