/** The wall for files, continued: modes, owners, times, extended attributes and statfs(2), of O_PATH descriptors. See files.ts. */
import { isErr, type ByteString, type Errno, type HostFd } from '../base/brands.js';
import { EINVAL } from '../abi/errno.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../abi/fcntl.js';
import { NR } from '../abi/syscall-numbers.js';
import {
  call,
  FIRST,
  firstName,
  SCRATCH,
  scratchView,
  SECOND,
  secondName,
  stageName,
  stagePath,
  stageProcFd,
  u64At,
} from './file-names.js';
import { addressOf } from './libc.js';

/** chmod of what the descriptor stands for; the caller has made sure that it is no symbolic link. */
export function chmodFd(fd: HostFd, mode: number): 0 | Errno {
  stageProcFd(fd, firstName);
  return call(NR.fchmodat, AT_FDCWD, FIRST, mode, 0, 0) as 0 | Errno;
}
/** -1 leaves an id as it is. */
export function chownFd(fd: HostFd, uid: number, gid: number): 0 | Errno {
  stagePath('', firstName);
  return call(NR.fchownat, fd, FIRST, uid, gid, AT_EMPTY_PATH) as 0 | Errno;
}

/** utimensat's "leave it". */
export const UTIME_OMIT = 0x3ffffffe;

/** Sets access and modification time of `name`, of the link itself when it is one. */
export function utimeName(
  dir: HostFd,
  name: ByteString,
  atime: { sec: number; nsec: number } | undefined,
  mtime: { sec: number; nsec: number } | undefined,
): 0 | Errno {
  const staged = stageName(name, firstName);
  if (isErr(staged)) return staged;
  stageTimes(atime, mtime);
  return call(NR.utimensat, dir, FIRST, SCRATCH, AT_SYMLINK_NOFOLLOW, 0) as 0 | Errno;
}

/** The same for a descriptor that is no symbolic link. */
export function utimeFd(
  fd: HostFd,
  atime: { sec: number; nsec: number } | undefined,
  mtime: { sec: number; nsec: number } | undefined,
): 0 | Errno {
  stageProcFd(fd, firstName);
  stageTimes(atime, mtime);
  return call(NR.utimensat, AT_FDCWD, FIRST, SCRATCH, 0, 0) as 0 | Errno;
}

function stageTimes(atime: { sec: number; nsec: number } | undefined, mtime: { sec: number; nsec: number } | undefined): void {
  stageTime(0, atime);
  stageTime(16, mtime);
}

function stageTime(offset: number, time: { sec: number; nsec: number } | undefined): void {
  const sec = time ? time.sec : 0;
  const nsec = time ? time.nsec : UTIME_OMIT;
  scratchView.setUint32(offset, sec % 4294967296, true);
  scratchView.setInt32(offset + 4, Math.floor(sec / 4294967296), true);
  scratchView.setUint32(offset + 8, nsec, true);
  scratchView.setUint32(offset + 12, 0, true);
}

// ---- extended attributes, by /proc/self/fd/N, because O_PATH descriptors refuse fgetxattr

const XATTR_SIZE_MAX = 65536;
const valueBuffer = new Uint8Array(XATTR_SIZE_MAX);
const VALUE = addressOf(valueBuffer);

export function getXattrFd(fd: HostFd, name: ByteString): Uint8Array | Errno {
  const staged = stageXattr(fd, name);
  if (isErr(staged)) return staged;
  const length = call(NR.getxattr, FIRST, SECOND, VALUE, XATTR_SIZE_MAX, 0);
  return isErr(length) ? length : valueBuffer.slice(0, length);
}
export function setXattrFd(fd: HostFd, name: ByteString, value: Uint8Array, flags: number): 0 | Errno {
  const staged = stageXattr(fd, name);
  if (isErr(staged)) return staged;
  if (value.length > XATTR_SIZE_MAX) return EINVAL;
  valueBuffer.set(value);
  return call(NR.setxattr, FIRST, SECOND, VALUE, value.length, flags) as 0 | Errno;
}
export function listXattrFd(fd: HostFd): ByteString[] | Errno {
  stageProcFd(fd, firstName);
  const length = call(NR.listxattr, FIRST, VALUE, XATTR_SIZE_MAX, 0, 0);
  if (isErr(length)) return length;
  return Buffer.from(valueBuffer.buffer, 0, length)
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
}
export function removeXattrFd(fd: HostFd, name: ByteString): 0 | Errno {
  const staged = stageXattr(fd, name);
  return isErr(staged) ? staged : (call(NR.removexattr, FIRST, SECOND, 0, 0, 0) as 0 | Errno);
}

function stageXattr(fd: HostFd, name: ByteString): 0 | Errno {
  stageProcFd(fd, firstName);
  return stagePath(name, secondName);
}

/** statfs(2). */
export interface HostFileSystemStatistics {
  /** Magic number. */
  type: number;
  blockSize: number;
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
  nameMax: number;
}

export function statFileSystem(fd: HostFd): HostFileSystemStatistics | Errno {
  const result = call(NR.fstatfs, fd, SCRATCH, 0, 0, 0);
  if (isErr(result)) return result;
  return {
    type: u64At(0),
    blockSize: u64At(8),
    blocks: u64At(16),
    blocksFree: u64At(24),
    blocksAvailable: u64At(32),
    files: u64At(40),
    filesFree: u64At(48),
    nameMax: u64At(64),
  };
}
