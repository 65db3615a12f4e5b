/** What is counted of a process besides time and memory (Linux: struct task_io_accounting, parts of signal_struct). */
import type { Task } from './task.js';

export class UsageCounts {
  /** Page faults that were resolved. */
  faults = 0;
  /** Times that a thread had to wait. */
  waits = 0;
  reads = 0;
  writes = 0;
  /** Bytes that calls moved, wherever they came from or went. */
  readBytes = 0;
  writtenBytes = 0;

  add(other: UsageCounts): void {
    this.faults += other.faults;
    this.waits += other.waits;
    this.reads += other.reads;
    this.writes += other.writes;
    this.readBytes += other.readBytes;
    this.writtenBytes += other.writtenBytes;
  }
}

const READ = 0;
const WRITE = 1;
const PREAD64 = 17;
const PWRITE64 = 18;
const READV = 19;
const WRITEV = 20;
/** Calls from here on are none of those. */
export const LAST_COUNTED = WRITEV;

/** Counts a transfer by call number; `moved`: its result. */
export function countTransfer(counts: UsageCounts, number: number, moved: number): void {
  switch (number) {
    case READ:
    case PREAD64:
    case READV:
      counts.reads++;
      if (moved > 0) counts.readBytes += moved;
      return;
    case WRITE:
    case PWRITE64:
    case WRITEV:
      counts.writes++;
      if (moved > 0) counts.writtenBytes += moved;
      return;
  }
}

/** Takes note of how much memory the process has now. It may have had more between two calls of this. */
export function notePeak({ group, mm }: Task): void {
  group.maxRssPages = Math.max(group.maxRssPages, mm.residentPages());
}
