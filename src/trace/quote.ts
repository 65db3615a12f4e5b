/** Byte strings as strace quotes them: C escapes, octal for what does not print, cut after a limit with `...` behind. */
import type { ByteString } from '../base/brands.js';

/** Bytes of a buffer or string that are shown. */
export const SHOWN_BYTES = 32;

const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' };

/** `cut`: more bytes follow that are not in `bytes`. */
export function quote(bytes: ByteString, cut: boolean): string {
  let text = '"';
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    const letter = ESCAPES[code];
    if (letter !== undefined) text += letter;
    else if (code >= 32 && code < 127) text += bytes[i]!;
    else text += octal(code, bytes.charCodeAt(i + 1));
  }
  return `${text}"${cut ? '...' : ''}`;
}

/** The shortest escape that the following byte cannot prolong. */
function octal(code: number, next: number): string {
  const digitFollows = next >= 48 && next <= 55;
  return `\\${digitFollows ? code.toString(8).padStart(3, '0') : code.toString(8)}`;
}
