/** How a program ended: what exec returns and `exited` resolves to. */
import type { Usage } from './protocol.js';
import { signalName } from './signal-names.js';

export type { Usage } from './protocol.js';

export interface Result<Output = string> {
  /** Exit code, or null when a signal ended it. */
  exitCode: number | null;
  /** Name of the signal that ended it ('SIGKILL', ...), or null. */
  signal: string | null;
  /** Everything it wrote (text decoded as UTF-8, or bytes with `encoding: 'buffer'`); empty for a stream that was not collected. */
  stdout: Output;
  stderr: Output;
  /** exitCode is 0. */
  ok: boolean;
  /** It ran longer than `timeoutMs` or the limit of wall time and was killed. */
  timedOut: boolean;
  /** An AbortSignal stopped it. */
  aborted: boolean;
  /** From the call to the end, in milliseconds. */
  durationMs: number;
  usage: Usage;
}

/** Exit code or signal of a status word of wait(2). */
export function decodeStatus(status: number): { exitCode: number | null; signal: string | null } {
  const signal = status & 0x7f;
  return signal === 0 ? { exitCode: (status >> 8) & 0xff, signal: null } : { exitCode: null, signal: signalName(signal) };
}

/** What a shell reports for a status word: the code, or 128 + the signal's number. */
export function shellExitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
