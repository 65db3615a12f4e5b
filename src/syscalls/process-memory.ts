/** Memory of other processes (process_vm_readv(2), process_vm_writev(2), process_madvise(2)). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { CAP_SYS_NICE } from '../abi/capability.js';
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED } from '../abi/mman.js';
import { IOVEC } from '../abi/uio.js';
import { anyFileOf } from '../kernel/task-files.js';
import { mayAccess } from '../kernel/task-access.js';
import { address, fd, int, partial, pid, syscall, ulong, uint } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import type { AddressSpace } from '../mm/address-space.js';
import type { IoVec } from '../mm/io-vec.js';
import { hasCapability } from '../vfs/credentials.js';

interface Segment {
  base: GuestAddr;
  length: number;
}

/** Most segments of one call (IOV_MAX). */
const UIO_MAXIOV = 1024;
/** Bytes moved at once. */
const BOUNCE = 65_536;

/** The segments of an iovec array of the caller; EINVAL when there are too many or one is too long. */
function readSegments(mm: AddressSpace, at: GuestAddr, count: number): Segment[] | Errno {
  if (count > UIO_MAXIOV) return EINVAL;
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const segment = mm.readStruct(at + i * IOVEC.size, IOVEC);
    if (isErr(segment)) return segment;
    if (segment.length < 0) return EINVAL;
    segments.push({ base: segment.base, length: segment.length });
  }
  return segments;
}

/** Moves bytes from one cursor to the other: how many, or the errno when the first byte faults. */
function transfer(from: IoVec, to: IoVec): number | Errno {
  const buffer = new Uint8Array(BOUNCE);
  let done = 0;
  while (from.remaining > 0 && to.remaining > 0) {
    const wanted = Math.min(BOUNCE, from.remaining, to.remaining);
    const taken = from.take(buffer, 0, wanted);
    if (isErr(taken) || taken === 0) return done > 0 ? done : taken;
    const put = to.put(buffer, 0, taken);
    if (isErr(put)) return done > 0 ? done : put;
    done += put;
    if (put < taken || taken < wanted) return done;
  }
  return done;
}

function processVm(
  task: Task,
  id: number,
  localAt: GuestAddr,
  localCount: number,
  remoteAt: GuestAddr,
  remoteCount: number,
  vmFlags: number,
  write: boolean,
): number {
  if (vmFlags !== 0) return EINVAL;
  const local = readSegments(task.mm, localAt, localCount);
  if (isErr(local)) return local;
  const remote = readSegments(task.mm, remoteAt, remoteCount);
  if (isErr(remote)) return remote;
  const target = taskByPid(task, id);
  if (target === undefined) return ESRCH;
  if (!mayAccess(task, target)) return EPERM;
  return target.mm.fromOutside(() => {
    const mine = task.mm.ioVecs(local);
    const theirs = target.mm.ioVecs(remote);
    return write ? transfer(mine, theirs) : transfer(theirs, mine);
  });
}

export const processVmReadv = syscall('process_vm_readv', [pid, address, ulong, address, ulong, ulong], (task, id, l, ln, r, rn, vmFlags) =>
  processVm(task, id, l, ln, r, rn, vmFlags, false),
);

export const processVmWritev = syscall(
  'process_vm_writev',
  [pid, address, ulong, address, ulong, ulong],
  (task, id, l, ln, r, rn, vmFlags) => processVm(task, id, l, ln, r, rn, vmFlags, true),
);

/** Advice to another process is only ever a hint: checked, and not followed. */
export const processMadvise = syscall(
  'process_madvise',
  [fd, address, ulong, int, uint],
  (task, descriptor, at, count, advice, none) => {
    if (none !== 0) return EINVAL;
    const segments = readSegments(task.mm, at, count);
    if (isErr(segments)) return segments;
    if (isErr(anyFileOf(task, descriptor))) return EBADF;
    if (advice !== MADV_COLD && advice !== MADV_PAGEOUT && advice !== MADV_WILLNEED) return EINVAL;
    if (!hasCapability(task.cred, CAP_SYS_NICE)) return EPERM;
    let total = 0;
    for (const segment of segments) {
      if (!task.mm.isGuestRange(segment.base, segment.length)) return total > 0 ? total : EFAULT;
      total += segment.length;
    }
    return total;
  },
  partial('advice is checked, not followed'),
);
