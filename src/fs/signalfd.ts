/**
 * signalfd(2) (Linux: fs/signalfd.c): a file from which whoever reads it takes its own blocked signals. What is pending, and
 * where one waits, is the reader's: the same file in two processes shows each its own.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EINVAL } from '../abi/errno.js';
import { POLLIN, POLLRDNORM } from '../abi/poll.js';
import { SIGNALFD_INFO } from '../abi/signalfd-struct.js';
import type { Machine } from '../kernel/machine.js';
import type { SigSet } from '../kernel/signals/sig-set.js';
import { encodeInfo, SIGINFO_SIZE, type SignalInfo } from '../kernel/signals/signal-info.js';
import type { IoVec } from '../mm/io-vec.js';
import type { Inode } from '../vfs/inode.js';
import { OpenFile } from '../vfs/open-file.js';

const encoded = new Uint8Array(SIGNALFD_INFO.size);
const encodedView = new DataView(encoded.buffer);
const sigval = new DataView(new ArrayBuffer(SIGINFO_SIZE));

export class SignalFile extends OpenFile {
  /** What is not taken. */
  private unwanted!: SigSet;

  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
    private wanted: SigSet,
  ) {
    super(inode, flags);
    this.setMask(wanted);
  }

  setMask(wanted: SigSet): void {
    this.wanted = wanted;
    this.unwanted = wanted.complement();
    this.queue.wake(POLLIN);
  }

  override get seekable(): boolean {
    return false;
  }
  /** Of the process that asks. */
  override get queue(): WaitQueue {
    return this.machine.current.group.signals.arrivals;
  }

  override read(io: IoVec): number | Errno {
    if (io.remaining < encoded.length) return EINVAL;
    let done = 0;
    while (io.remaining >= encoded.length) {
      const info = this.take();
      if (!info) break;
      encode(info);
      const moved = io.put(encoded);
      if (isErr(moved)) return done > 0 ? done : moved;
      done += moved;
    }
    return done > 0 ? done : EAGAIN;
  }

  override poll(): number {
    const { signals, group } = this.machine.current;
    return signals.pending.intersects(this.wanted) || group.signals.pending.intersects(this.wanted) ? POLLIN | POLLRDNORM : 0;
  }

  override fdinfo(): string {
    return `sigmask:\t${this.wanted.toHex()}\n`;
  }

  private take(): SignalInfo | undefined {
    const { signals, group } = this.machine.current;
    return signals.pending.takeUnblocked(this.unwanted) ?? group.signals.pending.takeUnblocked(this.unwanted);
  }
}

/** struct signalfd_siginfo into `encoded`. */
function encode(info: SignalInfo): void {
  encoded.fill(0);
  const out = SIGNALFD_INFO.zero();
  out.signo = info.signo;
  out.errno = info.errno ?? 0;
  out.code = info.code;
  out.pid = info.layout === 'timer' ? 0 : (info.pid ?? 0);
  out.uid = info.uid ?? 0;
  out.fd = info.fd ?? 0;
  out.tid = info.layout === 'timer' ? (info.pid ?? 0) : 0;
  out.band = info.band ?? 0;
  out.overrun = info.overrun ?? 0;
  out.status = info.status ?? 0;
  out.utime = info.utime ?? 0;
  out.stime = info.stime ?? 0;
  out.syscall = info.syscall ?? 0;
  out.arch = info.arch ?? 0;
  if (info.layout === 'fault') out.address = Math.max(0, info.address ?? 0);
  SIGNALFD_INFO.write(encodedView, 0, out);
  if (info.value !== undefined) writeValue(info);
}

/** sigval comes as ssi_ptr and, its low half, ssi_int. */
function writeValue(info: SignalInfo): void {
  encodeInfo(info, sigval, 0);
  const { offsets } = SIGNALFD_INFO;
  const low = sigval.getUint32(24, true);
  encodedView.setUint32(offsets.int, low, true);
  encodedView.setUint32(offsets.pointer, low, true);
  encodedView.setUint32(offsets.pointer + 4, sigval.getUint32(28, true), true);
}
