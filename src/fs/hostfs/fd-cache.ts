/**
 * Host descriptors that are kept open only because they will probably be needed again: at most `capacity`, the least recently
 * used given back first (second-chance order, so that a use costs one store). Descriptors in use are never in here.
 */
import type { Errno, HostFd } from '../../base/brands.js';
import { EMFILE, ENFILE } from '../../abi/errno.js';

export interface FdHolder {
  /** Set by the holder at every use. */
  fdUsed: boolean;
  /** Place in the cache, -1 outside; owned by the cache. */
  fdSlot: number;
  /** Closes the descriptor; the holder opens it again when it must. */
  dropFd(): void;
}

export class FdCache {
  private readonly slots: (FdHolder | undefined)[] = [];
  private hand = 0;

  constructor(readonly capacity = 512) {}

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
    for (const holder of this.slots) {
      if (!holder) continue;
      holder.fdSlot = -1;
      holder.dropFd();
    }
    this.slots.length = 0;
    this.hand = 0;
  }

  /** Frees a slot and returns it. */
  private evict(): number {
    for (;;) {
      this.hand = (this.hand + 1) % this.slots.length;
      const holder = this.slots[this.hand];
      if (holder?.fdUsed) {
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
