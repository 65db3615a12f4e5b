/** The kernel's log (Linux: kernel/printk): a ring of records, which /dev/kmsg reads and writes. */
import { WaitQueue } from '../../base/wait-queue.js';
import { POLLIN, POLLRDNORM } from '../../abi/poll.js';
import type { Machine } from '../../kernel/machine.js';
import type { ByteString } from '../../base/brands.js';

export interface LogRecord {
  sequence: number;
  /** Facility * 8 + level, as syslog(3). */
  priority: number;
  /** Since boot. */
  timeUs: number;
  text: ByteString;
}

const MAX_RECORDS = 1024;
/** Longer texts are cut. */
const MAX_TEXT = 1000;

export class KernelLog {
  /** Sequence numbers: records before them were taken, or cleared, by syslog(2). */
  taken = 0;
  cleared = 0;
  readonly queue = new WaitQueue();
  private readonly records: LogRecord[] = [];
  private next = 0;

  constructor(private readonly sinceBootNs: () => number) {}

  add(priority: number, text: ByteString): void {
    const timeUs = Math.floor(this.sinceBootNs() / 1000);
    this.records.push({ sequence: this.next++, priority, timeUs, text: text.slice(0, MAX_TEXT) });
    if (this.records.length > MAX_RECORDS) this.records.shift();
    this.queue.wake(POLLIN | POLLRDNORM);
  }

  /** Sequence number of the oldest record kept, and of the next to come. */
  get first(): number {
    return this.next - this.records.length;
  }
  get end(): number {
    return this.next;
  }

  /** undefined: dropped already, or not yet there. */
  record(sequence: number): LogRecord | undefined {
    return this.records[sequence - this.first];
  }
}

/** A record as dmesg shows it. */
export function formatLogLine({ priority, timeUs, text }: LogRecord): ByteString {
  return `<${priority}>[${(timeUs / 1e6).toFixed(6).padStart(12)}] ${text.replace(/\n+$/, '')}\n`;
}

/** One log for each machine, however often devtmpfs is mounted. */
const logs = new WeakMap<Machine, KernelLog>();

export function kernelLogOf(machine: Machine): KernelLog {
  let log = logs.get(machine);
  if (!log) {
    log = new KernelLog(() => machine.clock.monotonicNs() - machine.bootNs);
    log.add(5, `Linux version ${machine.release} ${machine.version}`);
    logs.set(machine, log);
  }
  return log;
}
