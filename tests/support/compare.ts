/** Explains how an outcome differs from the native one, in a few lines. */
import assert from 'node:assert/strict';
import type { Outcome } from './run.js';

export function assertSameOutcome(native: Outcome, guest: Outcome): void {
  const problem = firstDifference(native, guest);
  if (problem !== undefined) assert.fail(`${problem}\n--- stderr under skas (its end)\n${guest.stderr.slice(-1500)}`);
}

function firstDifference(native: Outcome, guest: Outcome): string | undefined {
  const line = differingLine(native.stdout, guest.stdout);
  if (guest.timedOut) return `timed out after ${Math.round(guest.durationMs)} ms${line ? `; ${line}` : ''}`;
  if (line !== undefined) return `exit code natively ${native.exitCode}, under skas ${guest.exitCode}; ${line}`;
  if (native.exitCode !== guest.exitCode) return `exit code natively ${native.exitCode}, under skas ${guest.exitCode}`;
  return undefined;
}

function differingLine(native: Buffer, guest: Buffer): string | undefined {
  if (native.equals(guest)) return undefined;
  const a = native.toString('latin1').split('\n');
  const b = guest.toString('latin1').split('\n');
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const clip = (text: string | undefined): string => (text === undefined ? '(nothing)' : JSON.stringify(text.slice(0, 300)));
  return `line ${at + 1} of stdout differs:\n  natively:   ${clip(a[at])}\n  under skas: ${clip(b[at])}`;
}
