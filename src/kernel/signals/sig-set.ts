/**
 * A set of signals 1..64 (Linux: sigset_t), as two 32-bit halves: bit n-1 of the 64 stands for signal n. No BigInt: masks are
 * tested before every return to a guest.
 */
import { SIGKILL, SIGSTOP } from '../../abi/signal.js';

export const SIGNAL_MAX = 64;
export const SIGRT_FIRST = 32;

export class SigSet {
  constructor(
    /** Signals 1..32. */
    public low = 0,
    /** Signals 33..64. */
    public high = 0,
  ) {}

  static of(...signals: readonly number[]): SigSet {
    const set = new SigSet();
    for (const signal of signals) set.add(signal);
    return set;
  }

  /** The set at `offset` of a view, as the guest stores it. */
  static read(view: DataView, offset: number): SigSet {
    return new SigSet(view.getInt32(offset, true), view.getInt32(offset + 4, true));
  }

  write(view: DataView, offset: number): void {
    view.setInt32(offset, this.low, true);
    view.setInt32(offset + 4, this.high, true);
  }

  get isEmpty(): boolean {
    return (this.low | this.high) === 0;
  }

  has(signal: number): boolean {
    return signal <= 32 ? ((this.low >>> (signal - 1)) & 1) !== 0 : ((this.high >>> (signal - 33)) & 1) !== 0;
  }

  add(signal: number): void {
    if (signal <= 32) this.low |= 1 << (signal - 1);
    else this.high |= 1 << (signal - 33);
  }

  delete(signal: number): void {
    if (signal <= 32) this.low &= ~(1 << (signal - 1));
    else this.high &= ~(1 << (signal - 33));
  }

  copy(): SigSet {
    return new SigSet(this.low, this.high);
  }

  assign(other: SigSet): void {
    this.low = other.low;
    this.high = other.high;
  }

  unite(other: SigSet): void {
    this.low |= other.low;
    this.high |= other.high;
  }

  subtract(other: SigSet): void {
    this.low &= ~other.low;
    this.high &= ~other.high;
  }

  intersects(other: SigSet): boolean {
    return ((this.low & other.low) | (this.high & other.high)) !== 0;
  }

  complement(): SigSet {
    return new SigSet(~this.low, ~this.high);
  }

  /** What no mask may hold. */
  removeUnblockable(): this {
    this.delete(SIGKILL);
    this.delete(SIGSTOP);
    return this;
  }

  /** As /proc/PID/status prints it: 16 hexadecimal digits. */
  toHex(): string {
    return (this.high >>> 0).toString(16).padStart(8, '0') + (this.low >>> 0).toString(16).padStart(8, '0');
  }
}

/** Lowest signal in `(low, high)`, 0 when there is none. */
export function lowestSignal(low: number, high: number): number {
  if (low !== 0) return 32 - Math.clz32(low & -low);
  if (high !== 0) return 64 - Math.clz32(high & -high);
  return 0;
}
