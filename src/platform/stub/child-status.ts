/** Waiting for stub processes, which are children of the kernel thread: wait4(2) and its status words. */
import type { Errno, HostPid } from '../../base/brands.js';
import { EINTR } from '../../abi/errno.js';
import { SIGKILL } from '../../abi/signal.js';
import { __WALL, __WNOTHREAD } from '../../abi/wait.js';
import { addressOf } from '../../host/libc.js';
import { wait4 } from '../../host/ptrace.js';

/** Children of this thread of the process only, of whatever kind. */
export const WAIT_OPTIONS = __WALL | __WNOTHREAD;

const statusWord = new Int32Array(32);
const statusAddress = addressOf(new Uint8Array(statusWord.buffer));

/** Waits for a stop or the end of `pid` (negative: of a process group); the status is then `lastStatus()`. */
export function waitFor(pid: number, options: number): HostPid | Errno {
  for (;;) {
    const result = wait4(pid, statusAddress, options, 0);
    if (result !== EINTR) return result;
  }
}
export function lastStatus(): number {
  return statusWord[0]!;
}
export function isStopped(status: number): boolean {
  return (status & 0xff) === 0x7f;
}
export function stopSignal(status: number): number {
  return (status >> 8) & 0xff;
}
/** Signal that ended the process; SIGKILL stands for an exit, which no guest can bring about. */
export function endSignal(status: number): number {
  return status & 0x7f || SIGKILL;
}
