/** Ringing the kernel thread from any other thread of this Node process: see Platform.doorbell. */
import { eventfdSignal } from '../host/events.js';
import { futexRing } from '../host/futex.js';
import type { DoorbellHandle } from './platform.js';

/** Makes the kernel's `Platform.wait` return soon. Rings before it waits are not lost; several may count as one. */
export function ringDoorbell(handle: DoorbellHandle): void {
  if (handle.word !== undefined) futexRing(handle.word);
  else eventfdSignal(handle.fd);
}
