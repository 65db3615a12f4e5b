/** The bytes of a struct file_handle (Linux: fs/exportfs, fs/libfs.c generic_encode_ino32_fh): an inode's number and its device. */
import type { Inode } from './inode.js';

/** handle_bytes and handle_type. */
export const HANDLE_HEADER_BYTES = 8;
export const HANDLE_BYTES = 12;
export const HANDLE_TYPE = 0x51;

/** Header and handle. */
export function encodeHandle({ fs, ino }: Inode): Uint8Array {
  const bytes = new Uint8Array(HANDLE_HEADER_BYTES + HANDLE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HANDLE_BYTES, true);
  view.setInt32(4, HANDLE_TYPE, true);
  view.setBigUint64(HANDLE_HEADER_BYTES, BigInt(ino), true);
  view.setUint32(HANDLE_HEADER_BYTES + 8, fs.device, true);
  return bytes;
}
