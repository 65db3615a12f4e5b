/**
 * Signals that wait to be taken (Linux: struct sigpending). A standard signal (1..31) is kept once, with the first sender's
 * information; real-time signals queue in order, up to RLIMIT_SIGPENDING for all of a user's queues (here: per process).
 */
import { SI_USER } from '../../abi/signal.js';
import { SIGRT_FIRST, SigSet, lowestSignal } from './sig-set.js';
import type { SignalInfo } from './signal-info.js';

/** SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS: taken before all others, as they belong to the instruction just run. */
const SYNCHRONOUS = (1 << 10) | (1 << 6) | (1 << 3) | (1 << 4) | (1 << 7) | (1 << 30);

export class PendingQueue extends SigSet {
  private entries: SignalInfo[] = [];

  get length(): number {
    return this.entries.length;
  }

  /**
   * Adds a signal. False: the real-time queue is full (EAGAIN). A standard signal is never refused: pending already, it is
   * dropped; without room it is pending without information, and so is a real-time one of kill(2).
   */
  push(info: SignalInfo, room: number): boolean {
    if (info.layout === 'timer') {
      // Room was made for it when the timer was created.
      this.add(info.signo);
      this.entries.push(info);
      return true;
    }
    if (info.signo < SIGRT_FIRST) {
      if (this.has(info.signo)) return true;
      this.add(info.signo);
      if (room > 0) this.entries.push(info);
      return true;
    }
    if (room <= 0 && info.code !== SI_USER) return false;
    this.add(info.signo);
    if (room > 0) this.entries.push(info);
    return true;
  }

  /** Takes the next signal that is not in `mask`, in Linux's order: synchronous ones, then the lowest number. */
  takeUnblocked(mask: SigSet): SignalInfo | undefined {
    const low = this.low & ~mask.low;
    const high = this.high & ~mask.high;
    if ((low | high) === 0) return undefined;
    const synchronous = low & SYNCHRONOUS;
    return this.take(lowestSignal(synchronous !== 0 ? synchronous : low, high));
  }

  /** Takes the oldest entry of one pending signal. */
  take(signal: number): SignalInfo {
    const index = this.entries.findIndex((entry) => entry.signo === signal);
    const info: SignalInfo = index < 0 ? { signo: signal, code: 0, layout: 'kill', pid: 0, uid: 0 } : this.entries[index]!;
    if (index >= 0) this.entries.splice(index, 1);
    if (!this.entries.some((entry) => entry.signo === signal)) this.delete(signal);
    info.onTaken?.(info);
    return info;
  }

  /** Entries in order, not to be changed. */
  list(): readonly SignalInfo[] {
    return this.entries;
  }

  /** This very entry is queued. */
  holds(info: SignalInfo): boolean {
    return this.entries.includes(info);
  }

  /** Drops every instance of the signals in `set`. */
  discard(set: SigSet): void {
    if (!this.intersects(set)) return;
    this.subtract(set);
    this.entries = this.entries.filter((entry) => !set.has(entry.signo));
  }

  clear(): void {
    this.low = 0;
    this.high = 0;
    this.entries = [];
  }
}
