/** Whether a guest thread keeps out the kick: a forged frame can give it any signal mask. */
import { readFileSync } from 'node:fs';
import type { HostPid } from '../../base/brands.js';
import { KICK_SIGNAL } from './layout.js';

/** True when it blocks the signal, as it also does for a moment in the stub's handler. */
export function isDeaf(pid: HostPid, tid: HostPid): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1');
    const mask = /^SigBlk:\s*([0-9a-f]+)$/m.exec(text)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(KICK_SIGNAL - 1)) & 1n) === 1n;
  } catch {
    return true;
  }
}
