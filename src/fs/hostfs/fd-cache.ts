/**
 * Host descriptors that are kept open only because they will probably be needed again: at most `capacity`, the least recently
 * used given back first (second-chance order, so that a use costs one store). Descriptors in use are never in here.
 */
import type { Errno, HostFd } from '../../base/brands.js';
import { EMFILE, ENFILE } from '../../abi/errno.js';

export interface FdHolder {
  /** Set by the holder at every use. */
  fdUsed: boolean;
  /** Not zero: a call that needs the descriptor is being prepared, so it stays open. */
  fdPins: number;
  /** Place in the cache, -1 outside; owned by the cache. */
  fdSlot: number;
  /** Closes the descriptor; the holder opens it again when it must. */
  dropFd(): void;
}

/** More than can be pinned at once. */
const MIN_CAPACITY = 4;

export class FdCache {
  private readonly slots: (FdHolder | undefined)[] = [];
  private hand = 0;

  readonly capacity: number;

  constructor(capacity = 512) {
    this.capacity = Math.max(MIN_CAPACITY, capacity);
  }

  add(holder: FdHolder): void {
    if (holder.fdSlot >= 0) return;
    holder.fdUsed = true;
    if (this.slots.length < this.capacity) {
      holder.fdSlot = this.slots.length;
      this.slots.push(holder);
      return;
    }
    holder.fdSlot = this.evict();
    this.slots[holder.fdSlot] = holder;
  }

  /** Forgets a holder; its descriptor stays open. */
  remove(holder: FdHolder): void {
    if (holder.fdSlot < 0) return;
    this.slots[holder.fdSlot] = undefined;
    holder.fdSlot = -1;
  }

  /** Runs `open`; when the host is out of descriptors, gives back every cached one and tries once more. */
  withRoom(open: () => HostFd | Errno): HostFd | Errno {
    const fd = open();
    if (fd !== EMFILE && fd !== ENFILE) return fd;
    this.clear();
    const again = open();
    return again === EMFILE ? ENFILE : again;
  }

  clear(): void {
    for (let slot = 0; slot < this.slots.length; slot++) {
      const holder = this.slots[slot];
      if (!holder || holder.fdPins > 0) continue;
      this.remove(holder);
      holder.dropFd();
    }
  }

  /** Frees a slot and returns it. */
  private evict(): number {
    for (;;) {
      this.hand = (this.hand + 1) % this.slots.length;
      const holder = this.slots[this.hand];
      if (holder && (holder.fdUsed || holder.fdPins > 0)) {
        holder.fdUsed = false;
        continue;
      }
      if (holder) {
        holder.fdSlot = -1;
        holder.dropFd();
      }
      return this.hand;
    }
  }
}
