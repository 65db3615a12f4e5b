/** How much the machine's file systems in memory may hold together; each may have a smaller size of its own. */
export class DiskQuota {
  usedPages = 0;

  constructor(
    readonly maxPages: number,
    /** Somebody was told ENOSPC. */
    public onRefused: () => void = () => {},
  ) {}

  get freePages(): number {
    return Math.max(0, this.maxPages - this.usedPages);
  }
}
