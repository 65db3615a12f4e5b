/** sync, fsync and what concerns a file's allocation and caching (Linux: fs/sync.c, fs/open.c, mm/fadvise.c). */
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { struct, u64 } from '../base/struct.js';
import { EBADF, EFAULT, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, EPERM, ESPIPE } from '../abi/errno.js';
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
} from '../abi/fcntl.js';
import { IN_MODIFY } from '../abi/inotify.js';
import { RLIMIT_FSIZE } from '../abi/resource.js';
import { S_IFBLK, S_IFDIR, S_IFIFO, S_IFREG } from '../abi/stat.js';
import { fd, flags, int, long, partial, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { fileOf } from '../kernel/task-files.js';
import { raiseForWrite } from '../kernel/task-io.js';
import type { PageCache } from '../mm/page-cache.js';
import type { FileSystem } from '../vfs/file-system.js';
import type { Mount } from '../vfs/mount.js';
import { isAppendOnly, isImmutable } from '../vfs/inode-flags.js';
import { notifyFile } from '../vfs/notify.js';

function collect(mount: Mount, into: Set<FileSystem>): Set<FileSystem> {
  into.add(mount.fs);
  for (const child of mount.children) collect(child, into);
  return into;
}

export const sync = syscall('sync', [], (task) => {
  let top = task.fs.root.mount;
  while (top.mountPoint !== null) top = top.mountPoint.mount;
  for (const fs of collect(top, new Set())) fs.sync();
  return 0;
});

export const syncfs = syscall('syncfs', [fd], (task, number) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : file.inode.fs.sync();
});

export const fsync = syscall('fsync', [fd], (task, number) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : file.fsync();
});
export const fdatasync = syscall('fdatasync', [fd], (task, number) => {
  const file = fileOf(task, number);
  return isErr(file) ? file : file.fsync();
});

const SYNC_FILE_RANGE_FLAGS = 7;

export const syncFileRange = syscall('sync_file_range', [fd, long, long, int], (task, number, offset, length, options) => {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if ((options & ~SYNC_FILE_RANGE_FLAGS) !== 0 || offset < 0 || length < 0) return EINVAL;
  const { type } = file.inode;
  return type === S_IFREG || type === S_IFDIR || type === S_IFBLK ? 0 : ESPIPE;
});

const POSIX_FADV_LAST = 5;

export const fadvise64 = syscall('fadvise64', [fd, long, long, int], (task, number, _offset, length, advice) => {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!file.seekable) return ESPIPE;
  return length < 0 || advice < 0 || advice > POSIX_FADV_LAST ? EINVAL : 0;
});

export const readahead = syscall('readahead', [fd, long, size], (task, number) => {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  if (!file.readable) return EBADF;
  return file.inode.type === S_IFREG ? 0 : EINVAL;
});

const ALL_MODES = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE;

export const fallocate = syscall(
  'fallocate',
  [fd, flags({ FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE }), long, long],
  (task, number, mode, offset, length) => {
    const file = fileOf(task, number);
    if (isErr(file)) return file;
    if (offset < 0 || length <= 0) return EINVAL;
    if ((mode & ~ALL_MODES) !== 0) return EOPNOTSUPP;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0 && (mode & FALLOC_FL_KEEP_SIZE) === 0) return EOPNOTSUPP;
    if (!file.writable) return EBADF;
    if (isImmutable(file.inode) || ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0 && isAppendOnly(file.inode))) return EPERM;
    if (file.inode.type === S_IFIFO) return ESPIPE;
    if (file.inode.isDirectory) return EISDIR;
    if (file.inode.type !== S_IFREG) return ENODEV;
    if (offset + length > Number.MAX_SAFE_INTEGER) return EFBIG;
    const grows = (mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + length > file.inode.size;
    if (grows && offset + length > task.group.limits.soft[RLIMIT_FSIZE]!) {
      raiseForWrite(task, EFBIG);
      return EFBIG;
    }
    const result = file.allocate(mode, offset, length);
    if (result === 0) notifyFile(file, IN_MODIFY);
    return result;
  },
);

const CACHESTAT_RANGE = struct('cachestat_range', { off: u64, len: u64 }, 16);
const CACHESTAT = struct('cachestat', { cached: u64, dirty: u64, writeback: u64, evicted: u64, recentlyEvicted: u64 }, 40);
/** A file's pages looked at in one call: more would hold up the machine. */
const MOST_PAGES = 2 ** 24;

export const cachestat = syscall(
  'cachestat',
  [fd, ptr(CACHESTAT_RANGE), ptr(CACHESTAT, true), uint],
  (task, number, rangeAt, at, options) => {
    const file = fileOf(task, number);
    if (isErr(file)) return file;
    const range = task.mm.readStruct(rangeAt, CACHESTAT_RANGE);
    if (isErr(range)) return EFAULT;
    if (options !== 0) return EINVAL;
    const mappable = file.inode.type === S_IFREG ? file.mappable() : ENODEV;
    const cached = isErr(mappable) ? 0 : cachedPages(mappable.cache, range.off, range.len);
    return task.mm.writeStruct(at, CACHESTAT, { ...CACHESTAT.zero(), cached });
  },
  partial('what is dirty or was evicted is not told'),
);

/** Pages of [offset, offset + length) that the cache holds; length 0: to the end. */
function cachedPages(cache: PageCache, offset: number, length: number): number {
  const end = Math.min(cache.size, length === 0 ? Infinity : offset + length);
  const first = Math.floor(offset / PAGE_SIZE);
  const last = Math.min(Math.ceil(end / PAGE_SIZE), first + MOST_PAGES);
  let count = 0;
  for (let page = first; page < last; page++) if (cache.isValid(page)) count++;
  return count;
}
