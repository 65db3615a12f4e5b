/**
 * Waiting for one of many files (Linux: fs/select.c): what poll, ppoll, select and pselect6 have in common. `PollList` is what
 * is watched; `waitForList` sleeps on every file's queue at once and looks at all of them after each wake-up.
 */
import { sleepOnAny, type Blocking, type WaitSource } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EBADF, EFAULT, EINTR, ETIMEDOUT } from '../abi/errno.js';
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND, POLLWRNORM } from '../abi/poll.js';
import { O_PATH } from '../abi/fcntl.js';
import type { IoVec } from '../mm/io-vec.js';
import { signalPending } from '../kernel/signals/send.js';
import type { Task } from '../kernel/task.js';
import { dropFile, type FdTable } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';

/** What poll reports unasked. */
const ALWAYS = POLLERR | POLLHUP;

/** Files and the events asked of them, by place in the caller's array. */
export class PollList {
  readonly files: (OpenFile | undefined)[] = [];
  readonly wanted: number[] = [];
  /** Filled in by `scan`. */
  readonly found: number[] = [];

  /** `wanted`: POLL* bits. A missing file gives `missing`. */
  add(file: OpenFile | undefined, wanted: number, missing = 0): void {
    this.files.push(file);
    this.wanted.push(wanted);
    this.found.push(missing);
  }

  /** Looks at every file; returns how many have something to report. */
  scan(): number {
    const { files, wanted, found } = this;
    let count = 0;
    for (let i = 0; i < files.length; i++) {
      const file = files[i];
      if (file) found[i] = file.poll() & wanted[i]!;
      if (found[i] !== 0) count++;
    }
    return count;
  }
}

/**
 * Sleeps until `scan` finds something: returns the count; 0 at the deadline; EINTR at a signal (the caller turns it into the
 * restart code of its call). Looks first.
 */
export function* waitForList(list: PollList, deadlineNs: number): Blocking<number | Errno> {
  const sources: WaitSource[] = [];
  const held: OpenFile[] = [];
  list.files.forEach((file, i) => {
    const queue = file?.queue;
    if (!file || !queue) return;
    sources.push({ queue, mask: list.wanted[i]!, exclusive: false });
    file.references++;
    held.push(file);
  });
  try {
    for (;;) {
      const count = list.scan();
      if (count > 0) return count;
      const woken = yield* sleepOnAny(sources, { deadlineNs });
      if (!isErr(woken)) continue;
      const late = list.scan();
      return late > 0 || woken === ETIMEDOUT ? late : EINTR;
    }
  } finally {
    for (const file of held) dropFile(file);
  }
}

/** As waitForList, without a wait where none is needed. `deadlineNs` 0: do not wait at all. */
export function pollList(task: Task, list: PollList, deadlineNs: number): number | Blocking<number> {
  const count = list.scan();
  if (count > 0) return count;
  if (deadlineNs === 0) return signalPending(task) ? EINTR : 0;
  return waitForList(list, deadlineNs);
}

// poll: an array of struct pollfd.

/** Makes a list of `count` pollfds. */
export function readPollfds(pollfds: DataView, count: number, table: FdTable): PollList {
  const list = new PollList();
  for (let i = 0; i < count; i++) {
    const fd = pollfds.getInt32(i * 8, true);
    const found = fd < 0 ? undefined : table.get(fd);
    const file = found && (found.flags & O_PATH) !== 0 ? undefined : found;
    list.add(file, pollfds.getUint16(i * 8 + 4, true) | ALWAYS, fd < 0 || file ? 0 : POLLNVAL);
  }
  return list;
}

/** Stores `revents`, and nothing else, in the guest's array: another thread may be changing the rest. */
export function writeRevents(io: IoVec, found: readonly number[]): 0 | Errno {
  let position = 0;
  while (io.remaining > 0) {
    const span = io.next(io.remaining, true);
    if (isErr(span)) return EFAULT;
    for (let i = 0; i < span; i++) {
      const byte = (position + i) & 7;
      if (byte >= 6) io.spanBytes[io.spanOffset + i] = (found[(position + i) >> 3]! >> (byte === 7 ? 8 : 0)) & 0xff;
    }
    io.advance(span);
    position += span;
  }
  return 0;
}

// select: three bit sets.

const READ_SET = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
const WRITE_SET = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
const EXCEPT_SET = POLLPRI;

/** The sets of select(2), undefined where the caller gave none; replaced by the answer. */
export interface SelectSets {
  readonly read: Uint8Array | undefined;
  readonly write: Uint8Array | undefined;
  readonly except: Uint8Array | undefined;
}

/** A list over the descriptors below `count` that are in any set; `fds` gets their numbers. EBADF. */
export function readSets(sets: SelectSets, count: number, table: FdTable, fds: number[]): PollList | Errno {
  const list = new PollList();
  for (let fd = 0; fd < count; fd++) {
    const wanted = (has(sets.read, fd) ? READ_SET : 0) | (has(sets.write, fd) ? WRITE_SET : 0) | (has(sets.except, fd) ? EXCEPT_SET : 0);
    if (wanted === 0) continue;
    const file = table.get(fd);
    if (!file) return EBADF;
    list.add(file, wanted);
    fds.push(fd);
  }
  return list;
}

/** Leaves in the sets what is ready. Returns the number of bits. */
export function writeSets(sets: SelectSets, list: PollList, fds: readonly number[]): number {
  let bits = 0;
  for (let i = 0; i < fds.length; i++) {
    const found = list.found[i]!;
    bits +=
      keep(sets.read, fds[i]!, found & READ_SET) +
      keep(sets.write, fds[i]!, found & WRITE_SET) +
      keep(sets.except, fds[i]!, found & EXCEPT_SET);
  }
  return bits;
}

function has(set: Uint8Array | undefined, fd: number): boolean {
  return set !== undefined && ((set[fd >> 3]! >> (fd & 7)) & 1) !== 0;
}

function keep(set: Uint8Array | undefined, fd: number, isReady: number): number {
  if (!set || !has(set, fd)) return 0;
  if (isReady !== 0) return 1;
  set[fd >> 3] = set[fd >> 3]! & ~(1 << (fd & 7));
  return 0;
}
