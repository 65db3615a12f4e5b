/** The kernel's log (Linux: kernel/printk): a ring of records, which /dev/kmsg reads and writes. */
import { WaitQueue } from '../../base/wait-queue.js';
import { POLLIN, POLLRDNORM } from '../../abi/poll.js';
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
