/**
 * The wall for files: host calls on descriptors and on *single names* below a directory descriptor. Man pages of the same
 * names in section 2.
 *
 * A name that holds '/' or NUL, or is '', '.' or '..', is refused here (EINVAL), and no call follows a symbolic link, so a
 * call on (directory, name) cannot leave the directory. The exceptions take a path on purpose: `openRoot`, `openBeneath`.
 * Names are byte strings (see file-names.ts); results of stat are parsed into a reused object. Attributes: file-attributes.ts.
 */
import { isErr, type ByteString, type Errno, type HostAddr, type HostFd } from '../base/brands.js';
import { EACCES, ENAMETOOLONG, ENOSYS, EPERM, EXDEV } from '../abi/errno.js';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
} from '../abi/fcntl.js';
import { NR } from '../abi/syscall-numbers.js';
import {
  call,
  FIRST,
  firstName,
  i64At,
  SCRATCH,
  scratch,
  scratchView,
  SECOND,
  secondName,
  stageName,
  stagePath,
  stageProcFd,
  u64At,
} from './file-names.js';
import { bind } from './libc.js';

const callPreadInto = bind('pread', 'int64_t', ['int', 'void*', 'size_t', 'int64_t']);
const callPwriteFrom = bind('pwrite', 'int64_t', ['int', 'void*', 'size_t', 'int64_t']);
const callPread = bind('pread', 'int64_t', ['int', 'intptr_t', 'size_t', 'int64_t']);
const callPwrite = bind('pwrite', 'int64_t', ['int', 'intptr_t', 'size_t', 'int64_t']);
const callClose = bind('close', 'int', ['int']);

// ---- stat

/** struct stat of the host. The inode number comes in halves: overlay file systems use all of its 64 bits. */
export class HostStat {
  dev = 0;
  inoLow = 0;
  inoHigh = 0;
  nlink = 0;
  mode = 0;
  uid = 0;
  gid = 0;
  rdev = 0;
  size = 0;
  blksize = 0;
  blocks = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
}

/** Parses the x86-64 struct stat in `scratch` (arch/x86/include/uapi/asm/stat.h). */
function parseStat(out: HostStat): 0 {
  const view = scratchView;
  out.dev = u64At(0);
  out.inoLow = view.getUint32(8, true);
  out.inoHigh = view.getUint32(12, true);
  out.nlink = u64At(16);
  out.mode = view.getUint32(24, true);
  out.uid = view.getUint32(28, true);
  out.gid = view.getUint32(32, true);
  out.rdev = u64At(40);
  out.size = i64At(48);
  out.blksize = u64At(56);
  out.blocks = u64At(64);
  out.atimeSec = i64At(72);
  out.atimeNsec = view.getUint32(80, true);
  out.mtimeSec = i64At(88);
  out.mtimeNsec = view.getUint32(96, true);
  out.ctimeSec = i64At(104);
  out.ctimeNsec = view.getUint32(112, true);
  return 0;
}

/** lstat of `name` in `dir`. */
export function statName(dir: HostFd, name: ByteString, out: HostStat): 0 | Errno {
  const staged = stageName(name, firstName);
  if (isErr(staged)) return staged;
  const result = call(NR.newfstatat, dir, FIRST, SCRATCH, AT_SYMLINK_NOFOLLOW, 0);
  return isErr(result) ? result : parseStat(out);
}

export function statFd(fd: HostFd, out: HostStat): 0 | Errno {
  const result = call(NR.fstat, fd, SCRATCH, 0, 0, 0);
  return isErr(result) ? result : parseStat(out);
}

// ---- opening

const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const BENEATH = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;

let openat2Works = true;

/** Opens the top of a host tree, following symbolic links as the user who named it expects. A descriptor of kind O_PATH. */
export function openRoot(path: ByteString): HostFd | Errno {
  const staged = stagePath(path, firstName);
  if (isErr(staged)) return staged;
  return call(NR.openat, AT_FDCWD, FIRST, O_PATH | O_CLOEXEC, 0, 0);
}

/** openat of one name, never through a symbolic link, never waiting, never taking a controlling terminal. */
export function openName(dir: HostFd, name: ByteString, flags: number, mode = 0): HostFd | Errno {
  const staged = stageName(name, firstName);
  if (isErr(staged)) return staged;
  return call(NR.openat, dir, FIRST, flags | O_NOFOLLOW | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK), mode, 0);
}

/**
 * Opens (O_PATH) the directory or file that `names` lead to from `root`, through no symbolic link. One openat2(2) where the
 * host has it, one openat per name elsewhere.
 */
export function openBeneath(root: HostFd, names: readonly ByteString[]): HostFd | Errno {
  if (openat2Works && names.length > 1) {
    const fd = openBeneathAtOnce(root, names);
    // A path that is too long, or a refusal by an old kernel or a container's filter: step by step.
    if (!isErr(fd) || (fd !== ENAMETOOLONG && openat2Works)) return fd;
  }
  let dir = root;
  for (let i = 0; i < names.length; i++) {
    const last = i === names.length - 1;
    const next = openName(dir, names[i]!, last ? O_PATH : O_PATH | O_DIRECTORY);
    if (dir !== root) closeFd(dir);
    if (isErr(next)) return next;
    dir = next;
  }
  return names.length === 0 ? duplicate(root) : dir;
}

function openBeneathAtOnce(root: HostFd, names: readonly ByteString[]): HostFd | Errno {
  for (const name of names) {
    const valid = stageName(name, firstName);
    if (isErr(valid)) return valid;
  }
  const staged = stagePath(names.join('/'), firstName);
  if (isErr(staged)) return staged;
  scratch.fill(0, 0, 24);
  scratchView.setUint32(0, O_PATH | O_NOFOLLOW | O_CLOEXEC, true);
  scratchView.setUint32(16, BENEATH, true);
  const fd = call(NR.openat2, root, FIRST, SCRATCH, 24, 0);
  // EPERM: seccomp filters of containers. EXDEV: a mount or rename moved during the walk; the slow way decides.
  if (fd === ENOSYS || fd === EPERM) openat2Works = false;
  return fd === EXDEV ? ENAMETOOLONG : fd;
}

/** Another descriptor for an O_PATH one, with an access mode: open(2) of /proc/self/fd/N, so that it is the same file for sure. */
export function reopen(fd: HostFd, flags: number): HostFd | Errno {
  stageProcFd(fd, firstName);
  return call(NR.openat, AT_FDCWD, FIRST, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0, 0);
}

/** A directory's own listing descriptor. */
export function openListing(dir: HostFd): HostFd | Errno {
  stagePath('.', firstName);
  const fd = call(NR.openat, dir, FIRST, O_DIRECTORY | O_CLOEXEC, 0, 0);
  // A directory that may be read but not searched: '.' is a name in it.
  return fd === EACCES ? reopen(dir, O_DIRECTORY) : fd;
}

const F_DUPFD_CLOEXEC = 1030;
function duplicate(fd: HostFd): HostFd | Errno {
  return call(NR.fcntl, fd, F_DUPFD_CLOEXEC, 0, 0, 0);
}

export function closeFd(fd: HostFd): 0 | Errno {
  return callClose(fd) as 0 | Errno;
}

// ---- data

/** Reads into memory at a host address. */
export function preadAddress(fd: HostFd, address: HostAddr, length: number, position: number): number | Errno {
  return callPread(fd, address, length, position);
}
export function pwriteAddress(fd: HostFd, address: HostAddr, length: number, position: number): number | Errno {
  return callPwrite(fd, address, length, position);
}

/** Reads into `bytes[offset, offset + length)`. */
export function preadBytes(fd: HostFd, bytes: Uint8Array, offset: number, length: number, position: number): number | Errno {
  return callPreadInto(fd, bytes.subarray(offset, offset + length), length, position);
}
export function pwriteBytes(fd: HostFd, bytes: Uint8Array, offset: number, length: number, position: number): number | Errno {
  return callPwriteFrom(fd, bytes.subarray(offset, offset + length), length, position);
}

export function seekFd(fd: HostFd, offset: number | bigint, whence: number): number | Errno {
  return call(NR.lseek, fd, offset, whence, 0, 0);
}
export function truncateFd(fd: HostFd, size: number): 0 | Errno {
  return call(NR.ftruncate, fd, size, 0, 0, 0) as 0 | Errno;
}
export function allocateFd(fd: HostFd, mode: number, offset: number, length: number): 0 | Errno {
  return call(NR.fallocate, fd, mode, offset, length, 0) as 0 | Errno;
}
export function syncFd(fd: HostFd): 0 | Errno {
  return call(NR.fsync, fd, 0, 0, 0, 0) as 0 | Errno;
}
export function dataSyncFd(fd: HostFd): 0 | Errno {
  return call(NR.fdatasync, fd, 0, 0, 0, 0) as 0 | Errno;
}

/** getdents64 into `buffer` at its host address; bytes stored, 0 at the end. */
export function listFd(fd: HostFd, address: HostAddr, length: number): number | Errno {
  return call(NR.getdents64, fd, address, length, 0, 0);
}

// ---- names

export function readlinkName(dir: HostFd, name: ByteString): ByteString | Errno {
  const staged = stageName(name, firstName);
  if (isErr(staged)) return staged;
  return linkText(call(NR.readlinkat, dir, FIRST, SCRATCH, scratch.length, 0));
}

/** Of an O_PATH descriptor of the link itself. */
export function readlinkFd(fd: HostFd): ByteString | Errno {
  stagePath('', firstName);
  return linkText(call(NR.readlinkat, fd, FIRST, SCRATCH, scratch.length, 0));
}

function linkText(length: number | Errno): ByteString | Errno {
  return isErr(length) ? length : Buffer.from(scratch.buffer, 0, length).toString('latin1');
}

export function mkdirName(dir: HostFd, name: ByteString, mode: number): 0 | Errno {
  const staged = stageName(name, firstName);
  return isErr(staged) ? staged : (call(NR.mkdirat, dir, FIRST, mode, 0, 0) as 0 | Errno);
}
/** FIFOs and sockets only: a device node is never made on the host. */
export function mknodName(dir: HostFd, name: ByteString, mode: number): 0 | Errno {
  const staged = stageName(name, firstName);
  return isErr(staged) ? staged : (call(NR.mknodat, dir, FIRST, mode, 0, 0) as 0 | Errno);
}
export function unlinkName(dir: HostFd, name: ByteString): 0 | Errno {
  const staged = stageName(name, firstName);
  return isErr(staged) ? staged : (call(NR.unlinkat, dir, FIRST, 0, 0, 0) as 0 | Errno);
}
export function rmdirName(dir: HostFd, name: ByteString): 0 | Errno {
  const staged = stageName(name, firstName);
  return isErr(staged) ? staged : (call(NR.unlinkat, dir, FIRST, AT_REMOVEDIR, 0, 0) as 0 | Errno);
}
export function symlinkName(dir: HostFd, name: ByteString, target: ByteString): 0 | Errno {
  const staged = stageName(name, firstName);
  if (isErr(staged)) return staged;
  const text = stagePath(target, secondName);
  return isErr(text) ? text : (call(NR.symlinkat, SECOND, dir, FIRST, 0, 0) as 0 | Errno);
}
export function renameName(fromDir: HostFd, from: ByteString, toDir: HostFd, to: ByteString, flags: number): 0 | Errno {
  const first = stageName(from, firstName);
  if (isErr(first)) return first;
  const second = stageName(to, secondName);
  return isErr(second) ? second : (call(NR.renameat2, fromDir, FIRST, toDir, SECOND, flags) as 0 | Errno);
}
/** A second name for the very file behind an O_PATH descriptor. */
export function linkFd(fd: HostFd, dir: HostFd, name: ByteString): 0 | Errno {
  stageProcFd(fd, firstName);
  const staged = stageName(name, secondName);
  return isErr(staged) ? staged : (call(NR.linkat, AT_FDCWD, FIRST, dir, SECOND, AT_SYMLINK_FOLLOW) as 0 | Errno);
}
