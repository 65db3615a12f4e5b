/** `#!` lines (Linux: fs/binfmt_script.c; execve(2), "Interpreter scripts"). */
import type { ByteString, Errno } from '../../base/brands.js';
import { EACCES, ENOEXEC } from '../../abi/errno.js';

/** Bytes of the file that are looked at. */
export const SCRIPT_HEAD_BYTES = 256;

export interface ScriptLine {
  readonly interpreter: ByteString;
  /** The rest of the line, as one argument. */
  readonly argument: ByteString | undefined;
}

export function isScript(head: ByteString): boolean {
  return head.startsWith('#!');
}

/** Parses the first bytes of a script. ENOEXEC: no interpreter, or one that the head cuts off. */
export function parseScript(head: ByteString): ScriptLine | Errno {
  const newline = head.indexOf('\n');
  const complete = newline >= 0 || head.length < SCRIPT_HEAD_BYTES;
  const line = trimBlanks(newline >= 0 ? head.slice(2, newline) : head.slice(2).split('\0', 1)[0]!);
  const end = line.search(/[ \t\0]/);
  if (end < 0 && !complete) return ENOEXEC;
  const interpreter = end < 0 ? line : line.slice(0, end);
  // A bare "#!" names the empty path, which leads to a directory; with a newline behind it Linux sees no interpreter at all.
  if (interpreter === '') return newline >= 0 ? ENOEXEC : EACCES;
  const argument = end < 0 ? '' : trimBlanks(line.slice(end));
  return { interpreter, argument: argument === '' ? undefined : argument };
}

function trimBlanks(text: ByteString): ByteString {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}
