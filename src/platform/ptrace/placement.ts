/** Which CPU guest threads run on. */
import type { PtraceThread } from './ptrace-thread.js';

export class Placement {
  onResume(_thread: PtraceThread): void {}
}
