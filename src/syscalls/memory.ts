/** Mappings and their protection, the break, residence and locks (mmap(2), mprotect(2), mremap(2), brk(2), madvise(2), msync(2), mincore(2), mlock(2)). */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { EACCES, EBADF, EINVAL, ENOMEM, ENOSPC, EOPNOTSUPP, EOVERFLOW, EPERM } from '../abi/errno.js';
import { CAP_IPC_LOCK } from '../abi/capability.js';
import {
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_TYPE,
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MLOCK_ONFAULT,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../abi/mman.js';
import { RLIMIT_MEMLOCK } from '../abi/resource.js';
import { fileOf, mappedFile } from '../kernel/task-files.js';
import { address, fd, flags, int, oneOf, partial, size, syscall, ulong, uint } from '../kernel/syscall.js';
import { notePeak } from '../kernel/usage-counts.js';
import { noteRefusedMapping } from '../kernel/memory-limit.js';
import type { Task } from '../kernel/task.js';
import { seal } from '../mm/address-space-seal.js';
import { VM_LOCKED, VM_LOCKONFAULT } from '../mm/vma.js';
import { RDI } from '../platform/registers.js';
import { hasCapability } from '../vfs/credentials.js';

const PROT_FLAGS = { PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC };
const MAP_FLAGS = {
  MAP_SHARED,
  MAP_PRIVATE,
  MAP_FIXED,
  MAP_ANONYMOUS,
  MAP_32BIT,
  MAP_GROWSDOWN,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_NONBLOCK,
  MAP_STACK,
  MAP_FIXED_NOREPLACE,
};
const MAP_HUGETLB = 0x40000;
const MAP_ABOVE4G = 0x80;
const MAP_UNINITIALIZED = 0x4000000;
const MAP_HUGE_SIZES = 0xfc000000 | 0;
/** What MAP_SHARED_VALIDATE takes of a file that has no flags of its own (Linux: LEGACY_MAP_MASK). */
const LEGACY_MAP_FLAGS =
  Object.values(MAP_FLAGS).reduce((all, flag) => all | flag, 0) |
  (MAP_TYPE | MAP_HUGETLB | MAP_ABOVE4G | MAP_UNINITIALIZED | MAP_HUGE_SIZES);
/** Protection bits of other architectures: allowed by none here. */
const PROT_MASK = PROT_READ | PROT_WRITE | PROT_EXEC;
const PROT_SEM = 8;
const PROT_GROWSDOWN = 0x0100_0000;
const PROT_GROWSUP = 0x0200_0000;

export const mmap = syscall('mmap', [address, size, flags(PROT_FLAGS), flags(MAP_FLAGS), fd, ulong], mmapHandler, partial('no huge pages'));

function mmapHandler(
  task: Task,
  at: GuestAddr,
  length: number,
  prot: number,
  mapFlags: number,
  descriptor: number,
  offset: number,
): number {
  if (offset % PAGE_SIZE !== 0) return EINVAL;
  if ((mapFlags & MAP_ANONYMOUS) !== 0) {
    if ((mapFlags & MAP_HUGETLB) !== 0) return length === 0 ? EINVAL : ENOMEM;
    if ((mapFlags & MAP_TYPE) === MAP_SHARED_VALIDATE) return EINVAL;
    const mapped = task.mm.map({ address: at, length, prot: prot & PROT_MASK, flags: mapFlags });
    return noteRefusedMapping(task, length, mapped);
  }
  const file = fileOf(task, descriptor);
  if (isErr(file)) return EBADF;
  if ((mapFlags & MAP_HUGETLB) !== 0 || length === 0) return EINVAL;
  if (length > Number.MAX_SAFE_INTEGER || pageUp(length) + offset > 2 ** 63) return length > Number.MAX_SAFE_INTEGER ? ENOMEM : EOVERFLOW;
  const type = mapFlags & MAP_TYPE;
  if (type !== MAP_SHARED && type !== MAP_PRIVATE && type !== MAP_SHARED_VALIDATE) return EINVAL;
  if (type === MAP_SHARED_VALIDATE && (mapFlags & ~LEGACY_MAP_FLAGS) !== 0) return EOPNOTSUPP;
  if (type !== MAP_PRIVATE && (prot & PROT_WRITE) !== 0 && !file.writable) return EACCES;
  if (!file.readable) return EACCES;
  const mapped = mappedFile(task, file);
  if (isErr(mapped)) return mapped;
  const sealed = type !== MAP_PRIVATE && mapped.mappable.isWriteSealed === true;
  if (sealed && (prot & PROT_WRITE) !== 0) return EPERM;
  const maxProt = sealed || (type !== MAP_PRIVATE && !file.writable) ? PROT_READ | PROT_EXEC : PROT_MASK;
  return task.mm.map({ address: at, length, prot: prot & PROT_MASK, flags: mapFlags, file: mapped, offset, maxProt });
}

/** So large an area may be what ru_maxrss has to tell of: the process is measured before it goes. */
const LARGE_BYTES = 4 << 20;

export const munmap = syscall('munmap', [address, size], (task, at, length) => {
  if (length >= LARGE_BYTES) notePeak(task);
  return task.mm.unmap(at, length);
});

export const mprotect = syscall('mprotect', [address, size, flags(PROT_FLAGS)], (task, at, length, prot) => {
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows !== 0 && grows !== PROT_GROWSDOWN) return EINVAL;
  if ((prot & ~(PROT_MASK | PROT_SEM | grows)) !== 0) return EINVAL;
  if (grows === 0 || at % PAGE_SIZE !== 0) return task.mm.protect(at, length, prot & PROT_MASK);
  // The whole stack from `at` down.
  const start = task.mm.stackStart(at);
  return isErr(start) ? start : task.mm.protect(start, length + (at - start), prot & PROT_MASK);
});

const MREMAP_FLAGS = { MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP };

export const mremap = syscall(
  'mremap',
  [address, size, size, flags(MREMAP_FLAGS), address],
  (task, at, oldLength, newLength, moveFlags, to) => {
    return noteRefusedMapping(task, newLength, task.mm.remap(at, oldLength, newLength, moveFlags, to));
  },
);

export const brk = syscall('brk', [address], (task, at) => task.mm.setBrk(at));

const ADVICE = {
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_DONTFORK,
  MADV_DOFORK,
  MADV_MERGEABLE,
  MADV_UNMERGEABLE,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_DONTDUMP,
  MADV_DODUMP,
  MADV_WIPEONFORK,
  MADV_KEEPONFORK,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
};

export const madvise = syscall('madvise', [address, size, oneOf(ADVICE)], (task, at, length, advice) => task.mm.advise(at, length, advice));

export const msync = syscall('msync', [address, size, flags({ MS_ASYNC, MS_INVALIDATE, MS_SYNC })], (task, at, length, syncFlags) =>
  // The lowest bits of the largest addresses are in the register only.
  (task.thread.regs.u32of(RDI) & (PAGE_SIZE - 1)) !== 0 ? EINVAL : task.mm.sync(at, length, syncFlags),
);

/** Pages answered at once, so that a huge length takes no memory. */
const MINCORE_PAGES = 4096;

export const mincore = syscall('mincore', [address, size, address], (task, at, length, vector) => {
  if (at % PAGE_SIZE !== 0) return EINVAL;
  if (!task.mm.isGuestRange(at, length)) return ENOMEM;
  const pages = pageUp(length) / PAGE_SIZE;
  const out = new Uint8Array(Math.min(pages, MINCORE_PAGES));
  for (let done = 0; done < pages; done += MINCORE_PAGES) {
    const count = Math.min(MINCORE_PAGES, pages - done);
    const found = task.mm.residency(at + done * PAGE_SIZE, count * PAGE_SIZE, out);
    if (isErr(found)) return found;
    const stored = task.mm.copyOut(vector + done, out, 0, count);
    if (isErr(stored)) return stored;
  }
  return 0;
});

/** RLIMIT_MEMLOCK, unless CAP_IPC_LOCK: EPERM when nothing may be locked, ENOMEM when not so much. */
function mayLock(task: Task, bytes: number): 0 | Errno {
  const limit = task.group.limits.soft[RLIMIT_MEMLOCK]!;
  if (hasCapability(task.cred, CAP_IPC_LOCK)) return 0;
  if (limit === 0) return EPERM;
  return task.mm.lockedPages() * PAGE_SIZE + bytes > limit ? ENOMEM : 0;
}

function lockRange(task: Task, at: GuestAddr, length: number, lockFlags: number): number {
  const allowed = mayLock(task, pageUp(length + (at % PAGE_SIZE)));
  if (isErr(allowed)) return allowed;
  return task.mm.lock(at, length, (lockFlags & MLOCK_ONFAULT) !== 0 ? VM_LOCKED | VM_LOCKONFAULT : VM_LOCKED);
}

export const mlock = syscall('mlock', [address, size], (task, at, length) => lockRange(task, at, length, 0));

export const mlock2 = syscall('mlock2', [address, size, flags({ MLOCK_ONFAULT })], (task, at, length, lockFlags) =>
  (lockFlags & ~MLOCK_ONFAULT) !== 0 ? EINVAL : lockRange(task, at, length, lockFlags),
);

export const munlock = syscall('munlock', [address, size], (task, at, length) => task.mm.lock(at, length, 0));

export const mlockall = syscall('mlockall', [flags({ MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT })], (task, lockFlags) => {
  if ((lockFlags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0 || lockFlags === 0 || lockFlags === MCL_ONFAULT) return EINVAL;
  const allowed = mayLock(task, (lockFlags & MCL_CURRENT) !== 0 ? task.mm.totalPages * PAGE_SIZE : 0);
  if (isErr(allowed)) return allowed;
  return task.mm.lockAll(lockFlags);
});

export const munlockall = syscall('munlockall', [], (task) => task.mm.lockAll(0));

export const remapFilePages = syscall(
  'remap_file_pages',
  [address, size, ulong, ulong, uint],
  () => EINVAL,
  partial('long deprecated; mmap with MAP_FIXED does it'),
);

export const mseal = syscall('mseal', [address, size, ulong], (task, at, length, none) =>
  none !== 0 ? EINVAL : seal(task.mm, at, length),
);

/** Protection keys: none, as on a processor without them. Key -1 is mprotect. */
export const pkeyMprotect = syscall(
  'pkey_mprotect',
  [address, size, flags(PROT_FLAGS), int],
  (task, at, length, prot, key) => {
    if (key !== -1) return EINVAL;
    return (prot & ~PROT_MASK) !== 0 ? EINVAL : task.mm.protect(at, length, prot);
  },
  partial('no keys'),
);
export const pkeyAlloc = syscall(
  'pkey_alloc',
  [uint, uint],
  (_task, none, rights) => (none !== 0 || rights > 3 ? EINVAL : ENOSPC),
  partial('no keys'),
);
export const pkeyFree = syscall('pkey_free', [int], () => EINVAL, partial('no keys'));
