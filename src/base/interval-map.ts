/**
 * Non-overlapping half-open intervals in the order of their addresses (Linux: the maple tree of an mm).
 *
 * A sorted array: a space rarely has more than a few hundred intervals, and moving 60,000 references costs some 20 us.
 * The map never splits or joins an interval; its owner does, who knows what an interval means.
 */
export interface Interval {
  start: number;
  end: number;
}

export class IntervalMap<T extends Interval> {
  /** In order. Read freely; change only through the methods. */
  readonly items: T[] = [];
  private last = 0;

  get size(): number {
    return this.items.length;
  }

  /** Index of the first interval that ends behind `address`: the one that holds it, or the next one. */
  indexOf(address: number): number {
    const items = this.items;
    const hit = items[this.last];
    if (hit !== undefined && hit.start <= address && address < hit.end) return this.last;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    if (low < items.length) this.last = low;
    return low;
  }

  /** The interval that holds `address`. */
  find(address: number): T | undefined {
    const item = this.items[this.indexOf(address)];
    return item !== undefined && item.start <= address ? item : undefined;
  }

  /** True when no interval meets [start, end). */
  isFree(start: number, end: number): boolean {
    const next = this.items[this.indexOf(start)];
    return next === undefined || next.start >= end;
  }

  /** Adds an interval that meets no other; returns its index. */
  insert(item: T): number {
    const index = this.indexOf(item.start);
    if (index === this.items.length) this.items.push(item);
    else this.items.splice(index, 0, item);
    return index;
  }

  /** Puts `item` at `index`, where the order wants it (the second part of a split interval). */
  insertAt(index: number, item: T): void {
    this.items.splice(index, 0, item);
  }

  /** Removes `count` intervals from `index` on. */
  removeAt(index: number, count = 1): void {
    if (count > 0) this.items.splice(index, count);
  }

  /**
   * Joins neighbours among those at [first, last] and the ones beside them: `join` makes its first argument swallow the second,
   * or answers false. One pass, however many are joined.
   */
  joinRange(first: number, last: number, join: (item: T, next: T) => boolean): void {
    const items = this.items;
    let kept = Math.max(0, first - 1);
    const end = Math.min(items.length - 1, last + 1);
    for (let i = kept + 1; i <= end; i++) {
      const next = items[i]!;
      if (!join(items[kept]!, next)) items[++kept] = next;
    }
    if (kept < end) items.splice(kept + 1, end - kept);
  }

  clear(): void {
    this.items.length = 0;
    this.last = 0;
  }
}
