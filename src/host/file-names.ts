/**
 * Buffers through which names, paths and results of file calls pass. V8 keeps arrays of 64 bytes and more outside of the heap
 * that it moves, so their addresses are constant, and a call costs no allocation.
 */
import type { ByteString, Errno, HostFd } from '../base/brands.js';
import { EINVAL, ENAMETOOLONG } from '../abi/errno.js';
import { addressOf, bind } from './libc.js';

/** syscall(2): for calls that the C library does not wrap, or not everywhere. */
export const call = bind('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'int64_t', 'int64_t', 'int64_t']);

const PATH_MAX = 4096;
const NAME_MAX = 255;
export const firstName = new Uint8Array(PATH_MAX + 1);
export const secondName = new Uint8Array(PATH_MAX + 1);
export const FIRST = addressOf(firstName);
export const SECOND = addressOf(secondName);
export const scratch = new Uint8Array(4096);
export const scratchView = new DataView(scratch.buffer);
export const SCRATCH = addressOf(scratch);

/** Puts a single name into `buffer`; an Errno when it is not one. */
export function stageName(name: ByteString, buffer: Uint8Array): 0 | Errno {
  const length = name.length;
  if (length > NAME_MAX) return ENAMETOOLONG;
  if (length === 0 || name === '.' || name === '..') return EINVAL;
  for (let i = 0; i < length; i++) {
    const byte = name.charCodeAt(i);
    if (byte === 0x2f || byte === 0 || byte > 0xff) return EINVAL;
    buffer[i] = byte;
  }
  buffer[length] = 0;
  return 0;
}

/** Puts a whole path, or free text (the target of a symbolic link), into `buffer`. */
export function stagePath(path: ByteString, buffer: Uint8Array): 0 | Errno {
  if (path.length >= PATH_MAX) return ENAMETOOLONG;
  for (let i = 0; i < path.length; i++) {
    const byte = path.charCodeAt(i);
    if (byte === 0 || byte > 0xff) return EINVAL;
    buffer[i] = byte;
  }
  buffer[path.length] = 0;
  return 0;
}

/** The magic link by which a descriptor's very file has a path. */
export function stageProcFd(fd: HostFd, buffer: Uint8Array): void {
  stagePath(`/proc/self/fd/${fd}`, buffer);
}

/** 64 bits of `scratch`, unsigned and signed. */
export function u64At(offset: number): number {
  return scratchView.getUint32(offset, true) + scratchView.getUint32(offset + 4, true) * 4294967296;
}
export function i64At(offset: number): number {
  return scratchView.getUint32(offset, true) + scratchView.getInt32(offset + 4, true) * 4294967296;
}
