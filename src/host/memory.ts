/**
 * Host calls of the memory subsystem: the memfd that is guest RAM, and the kernel's own mappings of it
 * (memfd_create(2), mmap(2), fallocate(2), mincore(2)).
 */
import type { Errno, HostAddr, HostFd } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { isErr } from '../base/brands.js';
import { bind } from './libc.js';

const rawMemfdCreate = bind('memfd_create', 'int', ['void*', 'unsigned int']);
const rawFstat = bind('fstat', 'int', ['int', 'void*']);
const rawFallocate = bind('fallocate', 'int', ['int', 'int', 'int64_t', 'int64_t']);
/** Writes the first `length` bytes of `bytes`. */
export const pwriteBytes = bind('pwrite', 'int64_t', ['int', 'void*', 'size_t', 'int64_t']) as (
  fd: HostFd,
  bytes: Uint8Array,
  length: number,
  offset: number,
) => number | Errno;
/** Writes host memory. */
export const pwriteMemory = bind('pwrite', 'int64_t', ['int', 'intptr_t', 'size_t', 'int64_t']) as (
  fd: HostFd,
  from: HostAddr,
  length: number,
  offset: number,
) => number | Errno;
const rawLseek = bind('lseek', 'int64_t', ['int', 'int64_t', 'int']);
const rawMmap = bind('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']);

export const ftruncate = bind('ftruncate', 'int', ['int', 'int64_t']) as (fd: HostFd, length: number) => 0 | Errno;
export const munmap = bind('munmap', 'int', ['intptr_t', 'size_t']) as (address: HostAddr, length: number) => 0 | Errno;
export const close = bind('close', 'int', ['int']) as (fd: HostFd) => 0 | Errno;
export const madvise = bind('madvise', 'int', ['intptr_t', 'size_t', 'int']) as (
  address: HostAddr,
  length: number,
  advice: number,
) => 0 | Errno;
/** One byte per page into `residency`; bit 0: the host has memory behind that page. `residency` has 64 bytes at least. */
export const mincore = bind('mincore', 'int', ['intptr_t', 'size_t', 'void*']) as (
  address: HostAddr,
  length: number,
  residency: Uint8Array,
) => 0 | Errno;
export const memset = bind('memset', 'intptr_t', ['intptr_t', 'int', 'size_t']) as (
  address: HostAddr,
  value: number,
  length: number,
) => number;

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const ST_BLOCKS_OFFSET = 64;

/** A new memfd. flags: MFD_*. */
export function memfdCreate(name: string, flags: number): HostFd | Errno {
  return rawMemfdCreate(bytesOf(name.padEnd(64, '\0'), 1), flags);
}

/** Maps a file shared, readable and writable, at an address of the host's choice that is a multiple of `align`. */
export function mapShared(fd: HostFd, offset: number, length: number, align: number): HostAddr | Errno {
  const room = rawMmap(0, length + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) as HostAddr | Errno;
  if (isErr(room)) return room;
  const start = Math.ceil(room / align) * align;
  const mapped = rawMmap(start, length, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, offset) as HostAddr | Errno;
  if (isErr(mapped)) munmap(room, length + align);
  else {
    if (start > room) munmap(room, start - room);
    munmap(start + length, room + align - start);
  }
  return mapped;
}

/** Gives the memory behind a range of a memfd back to the host; it reads as zero then. */
export function punchHole(fd: HostFd, offset: number, length: number): 0 | Errno {
  return rawFallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) as 0 | Errno;
}

const SEEK_DATA = 3;

/** Offset of the first byte at or behind `offset` that has memory behind it; ENXIO when there is none. */
export function seekData(fd: HostFd, offset: number): number | Errno {
  return rawLseek(fd, offset, SEEK_DATA);
}

const statBuffer = new Uint8Array(144);
const statView = new DataView(statBuffer.buffer);

/** Bytes of host memory (or disk) behind a file: st_blocks. */
export function bytesAllocated(fd: HostFd): number | Errno {
  const result = rawFstat(fd, statBuffer);
  if (isErr(result)) return result;
  return (statView.getUint32(ST_BLOCKS_OFFSET, true) + statView.getUint32(ST_BLOCKS_OFFSET + 4, true) * 4294967296) * 512;
}
