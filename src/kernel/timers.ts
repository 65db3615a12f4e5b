/** Timers of the machine: a heap by deadline (Linux: kernel/time/hrtimer.c). The run loop sleeps until the first. */
export class Timer {
  /** Place in the heap, -1 when not armed. */
  index = -1;
  deadlineNs = Infinity;
  constructor(readonly onExpire: () => void) {}
  get armed(): boolean {
    return this.index >= 0;
  }
}

export class TimerQueue {
  private readonly heap: Timer[] = [];

  /** Deadline of the first timer in host CLOCK_MONOTONIC nanoseconds; Infinity when there is none. */
  get nextDeadlineNs(): number {
    return this.heap.length > 0 ? this.heap[0]!.deadlineNs : Infinity;
  }

  arm(timer: Timer, deadlineNs: number): void {
    this.cancel(timer);
    timer.deadlineNs = deadlineNs;
    timer.index = this.heap.length;
    this.heap.push(timer);
    this.up(timer.index);
  }

  cancel(timer: Timer): void {
    const index = timer.index;
    if (index < 0) return;
    const last = this.heap.pop()!;
    timer.index = -1;
    if (last === timer) return;
    this.place(last, index);
    this.up(index);
    this.down(last.index);
  }

  /** Runs every timer whose deadline is not after `nowNs`. */
  expire(nowNs: number): void {
    for (let first = this.heap[0]; first && first.deadlineNs <= nowNs; first = this.heap[0]) {
      this.cancel(first);
      first.onExpire();
    }
  }

  private place(timer: Timer, index: number): void {
    this.heap[index] = timer;
    timer.index = index;
  }

  private up(start: number): void {
    let index = start;
    const timer = this.heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.heap[parent]!;
      if (above.deadlineNs <= timer.deadlineNs) break;
      this.place(above, index);
      index = parent;
    }
    this.place(timer, index);
  }

  private down(start: number): void {
    let index = start;
    const timer = this.heap[index]!;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && this.heap[child + 1]!.deadlineNs < this.heap[child]!.deadlineNs) child++;
      const below = this.heap[child]!;
      if (below.deadlineNs >= timer.deadlineNs) break;
      this.place(below, index);
      index = child;
    }
    this.place(timer, index);
  }
}
