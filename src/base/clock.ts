/**
 * The door by which time enters the kernel. A machine has one; nothing else asks the host for the time.
 * Monotonic times are nanoseconds of the host's CLOCK_MONOTONIC as a number (rounded to 2 ns after 104 days of host uptime).
 */
export interface Timespec {
  sec: number;
  nsec: number;
}

export interface Clock {
  /** Nanoseconds of the host's CLOCK_MONOTONIC. Deadlines are in this clock. */
  monotonicNs(): number;
  /** Wall-clock time; fills and returns `out`, so that a hot path need not allocate. */
  realtime(out?: Timespec): Timespec;
  /** Makes the wall clock of this machine show another time from now on; the host's stays. */
  setRealtime(sec: number, nsec: number): void;
}

export class HostClock implements Clock {
  private shiftMs = 0;

  monotonicNs(): number {
    const [sec, nsec] = process.hrtime();
    return sec * 1e9 + nsec;
  }

  realtime(out: Timespec = { sec: 0, nsec: 0 }): Timespec {
    const ms = performance.timeOrigin + performance.now() + this.shiftMs;
    out.sec = Math.floor(ms / 1000);
    out.nsec = Math.floor((ms - out.sec * 1000) * 1e6);
    return out;
  }

  setRealtime(sec: number, nsec: number): void {
    this.shiftMs = sec * 1000 + nsec / 1e6 - (performance.timeOrigin + performance.now());
  }
}
