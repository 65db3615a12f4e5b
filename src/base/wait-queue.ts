/**
 * Wait queues (Linux: include/linux/wait.h). An object that others may wait for has one; whoever changes the object's state
 * calls `wake`. A wake-up is a hint: the woken party looks again and may find nothing.
 *
 * `key` carries the poll events that became true, so that a reader is not woken because there is room to write.
 */
export interface Waiter {
  /**
   * Called synchronously from `wake`. Must not block or re-enter the queue's owner: note the fact and return. An exclusive
   * waiter that has nobody to pass the wake-up on to returns false: the next one is woken too.
   */
  onWake(key: number): unknown;
}

/** Every event: wakes whoever waits. */
export const WAKE_ALL = -1;

interface Entry {
  readonly waiter: Waiter;
  readonly mask: number;
  readonly exclusive: boolean;
}

export class WaitQueue {
  private entries: Entry[] = [];

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** Registers a waiter for the events of `mask`; an exclusive one is woken alone, oldest first. */
  add(waiter: Waiter, mask: number = WAKE_ALL, exclusive = false): void {
    this.entries.push({ waiter, mask, exclusive });
  }

  remove(waiter: Waiter): void {
    const index = this.entries.findIndex((entry) => entry.waiter === waiter);
    if (index >= 0) this.entries.splice(index, 1);
  }

  /** Wakes all non-exclusive waiters for `key`, and the first exclusive one. */
  wake(key: number = WAKE_ALL): void {
    if (this.entries.length === 0) return;
    let exclusiveDone = false;
    for (const entry of this.entries.slice()) {
      if ((entry.mask & key) === 0) continue;
      if (entry.exclusive) {
        if (exclusiveDone) continue;
        exclusiveDone = entry.waiter.onWake(key) !== false;
      } else {
        entry.waiter.onWake(key);
      }
    }
  }
}
