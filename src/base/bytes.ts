/** Byte strings (see brands.ts) to and from bytes. */
import type { ByteString } from './brands.js';

/** The bytes of a byte string, with `terminator` zero bytes behind them. */
export function bytesOf(text: ByteString, terminator = 0): Uint8Array {
  const bytes = new Uint8Array(text.length + terminator);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The byte string of `bytes[start..end)`. */
export function byteString(bytes: Uint8Array, start = 0, end = bytes.length): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** Text (UTF-16) to the byte string of its UTF-8. */
export function fromText(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string that holds UTF-8 to text. */
export function toText(bytes: ByteString): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
