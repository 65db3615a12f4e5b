/** Where in the stub a guest thread stands, told by its rip: what a signal there means. See patched-call.ts. */
import { STUB_CODE } from '../stub/layout.js';
import { STUB_JUMPS, STUB_JUMPS_PAGES } from './layout.js';
import { JUMP_STRIDE } from './site-table.js';
import type { SeccompStub } from './stub-code.js';

/** Guest code, or code of the stub that guests have no business in. */
export const ELSEWHERE = 0;
/** A patched call has not handed over its turn: it will. */
export const BEFORE_CALL = 1;
/** It has been answered, or is about to go to sleep and will see that it has been. */
export const AFTER_CALL = 2;

const PAGE = 4096;

export function placeOf(rip: number, stub: SeccompStub): number {
  if (rip < STUB_CODE || rip >= STUB_JUMPS + STUB_JUMPS_PAGES * PAGE) return ELSEWHERE;
  if (rip >= STUB_JUMPS) return BEFORE_CALL;
  const offset = rip - STUB_CODE;
  if (offset >= PAGE) return ELSEWHERE;
  if (offset >= stub.callBegin && offset < stub.called) return BEFORE_CALL;
  return AFTER_CALL;
}

/** A patched call saves registers to where gs points, and has changed none yet: a fault there means that it points to no memory. */
export function isSaving(rip: number, stub: SeccompStub): boolean {
  const offset = rip - STUB_CODE;
  return offset >= stub.callSaves && offset < stub.callSaved;
}

/** Lower half of the address from which such a call goes by signal. */
export function bySignalLow(stub: SeccompStub): number {
  return (STUB_CODE + stub.callBySignal) % 2 ** 32;
}

/** Number of the site whose jump begins at `rip`, where all registers are still as at the site; -1: none does. */
export function jumpAt(rip: number): number {
  const offset = rip - STUB_JUMPS;
  return offset >= 0 && offset < STUB_JUMPS_PAGES * PAGE && offset % JUMP_STRIDE === 0 ? offset / JUMP_STRIDE : -1;
}
