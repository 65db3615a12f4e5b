/**
 * Pages that parents and children have written to soon after a fork: the stack around the stack pointer, thread-local storage,
 * the allocator's state. At the next fork they are copied at once and stay writable in the parent, which saves both sides a page
 * fault each (a fault costs fifty times as much as a copied page). One profile is shared by a process and what it forks; execve
 * begins a new one.
 */
import type { GuestAddr } from '../base/brands.js';
import { PAGE_SIZE, pageDown } from '../base/page.js';

const MAX_PAGES = 24;

export class ForkProfile {
  private readonly pages: GuestAddr[] = [];
  private oldest = 0;

  /** A write to the page at `page` had to make a copy, or to take the page over. */
  note(page: GuestAddr): void {
    if (this.pages.includes(page)) return;
    if (this.pages.length < MAX_PAGES) {
      this.pages.push(page);
      return;
    }
    this.pages[this.oldest] = page;
    this.oldest = (this.oldest + 1) % MAX_PAGES;
  }

  /** The pages in order of address, with those of `hints` (addresses). */
  hotPages(hints: readonly GuestAddr[]): GuestAddr[] {
    const set = new Set(this.pages);
    for (const hint of hints) if (hint >= PAGE_SIZE) set.add(pageDown(hint));
    return [...set].sort((a, b) => a - b);
  }
}
