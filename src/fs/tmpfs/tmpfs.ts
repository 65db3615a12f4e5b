/**
 * tmpfs: files whose data is guest RAM (Linux: mm/shmem.c, tmpfs(5)). A regular file's contents are a page cache without a
 * filler, so that mapping one needs no copy. Also the upper layer of overlays and the home of memfds.
 *
 * In Linux reserved but unwritten pages count against the size; here pages count once they hold data, and pages that a mapping
 * brought in are counted at the file's next operation.
 */
import type { Clock, Timespec } from '../../base/clock.js';
import type { ByteString, Errno } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { EINVAL, ENOSPC } from '../../abi/errno.js';
import type { DiskQuota } from '../../kernel/disk-quota.js';
import type { PhysMem } from '../../mm/phys-mem.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import { S_IFDIR } from '../../abi/stat.js';
import { TmpfsDirectory } from './tmpfs-directory.js';

const TMPFS_MAGIC = 0x01021994;

/** Inodes by default; each costs some hundred bytes of the kernel's own heap. */
const DEFAULT_INODES = 400_000;

export interface TmpfsOptions {
  readonly physmem: PhysMem;
  readonly clock: Clock;
  /** Most bytes of data; Infinity: as much as the machine has. */
  readonly sizeBytes?: number;
  /** What it shares with others. */
  readonly quota?: DiskQuota;
  readonly maxInodes?: number;
  /** Of the root directory. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export class Tmpfs extends FileSystem {
  readonly type: string = 'tmpfs';
  readonly physmem: PhysMem;
  readonly clock: Clock;
  readonly root: TmpfsDirectory;
  maxPages: number;
  maxInodes: number;
  usedPages = 0;
  private readonly quota: DiskQuota | undefined;
  usedInodes = 0;
  private nextIno = 1;

  constructor(options: TmpfsOptions) {
    super();
    this.physmem = options.physmem;
    this.clock = options.clock;
    this.maxPages = Math.floor((options.sizeBytes ?? Infinity) / PAGE_SIZE);
    this.maxInodes = options.maxInodes ?? DEFAULT_INODES;
    this.quota = options.quota;
    const mode = S_IFDIR | ((options.mode ?? 0o1777) & 0o7777);
    this.root = new TmpfsDirectory(this, { mode, uid: options.uid ?? 0, gid: options.gid ?? 0, rdev: 0 }, undefined);
  }

  override readonly findsByNumber = true;

  /** Looks through the whole tree, which few programs ask for, rather than keep a table of all inodes. */
  override namesOf(ino: number): ByteString[] | undefined {
    if (ino === this.root.ino) return [];
    const pending: { directory: TmpfsDirectory; names: ByteString[] }[] = [{ directory: this.root, names: [] }];
    for (let next = pending.pop(); next; next = pending.pop()) {
      for (const [name, { inode }] of next.directory.entries) {
        if (inode.ino === ino) return [...next.names, name];
        if (inode instanceof TmpfsDirectory) pending.push({ directory: inode, names: [...next.names, name] });
      }
    }
    return undefined;
  }

  get pagesFree(): number {
    return Math.max(0, Math.min(this.maxPages - this.usedPages, this.quota?.freePages ?? Infinity));
  }

  /** So many pages more, or (negative) less, hold data. */
  charge(pages: number): void {
    this.usedPages += pages;
    if (this.quota) this.quota.usedPages += pages;
  }

  /** ENOSPC, taken note of. */
  full(): Errno {
    this.quota?.onRefused();
    return ENOSPC;
  }

  /** A new inode number, counted; -1: there are too many inodes. */
  newInode(): number {
    if (this.usedInodes >= this.maxInodes) return -1;
    this.usedInodes++;
    return this.nextIno++;
  }

  now(): Timespec {
    return this.clock.realtime();
  }

  statistics(): FileSystemStatistics {
    const limited = this.maxPages !== Infinity;
    const blocks = limited ? this.maxPages : 0;
    return {
      type: TMPFS_MAGIC,
      blockSize: PAGE_SIZE,
      blocks,
      blocksFree: limited ? this.pagesFree : 0,
      files: this.maxInodes,
      filesFree: this.maxInodes - this.usedInodes,
      nameMax: 255,
    };
  }

  override mountOptions(): string {
    return this.maxPages === Infinity ? '' : `,size=${this.maxPages * 4}k,nr_inodes=${this.maxInodes}`;
  }

  override remount(options: string): 0 | Errno {
    const parsed = parseTmpfsOptions(options, Infinity);
    if (typeof parsed === 'number') return parsed;
    if (parsed.sizeBytes !== undefined) {
      const pages = Math.floor(parsed.sizeBytes / PAGE_SIZE);
      if (pages < this.usedPages) return EINVAL;
      this.maxPages = pages;
    }
    if (parsed.maxInodes !== undefined) this.maxInodes = Math.max(parsed.maxInodes, this.usedInodes);
    return 0;
  }

  override dispose(): void {
    this.root.disposeTree();
  }
}

type ParsedOptions = Partial<Pick<TmpfsOptions, 'sizeBytes' | 'maxInodes' | 'mode' | 'uid' | 'gid'>>;

/** The data of mount(2): 'size=10m,nr_inodes=1k,mode=0755'. `memoryBytes`: what percentages refer to. */
export function parseTmpfsOptions(text: string, memoryBytes: number): ParsedOptions | Errno {
  const parsed: { -readonly [K in keyof ParsedOptions]: ParsedOptions[K] } = {};
  for (const option of text.split(',')) {
    if (option === '') continue;
    const [name, value = ''] = option.split('=', 2) as [string, string?];
    const number = parseSize(value, memoryBytes);
    if (name === 'mode') parsed.mode = parseInt(value, 8) & 0o7777;
    else if (name === 'huge' || name === 'mpol' || name.startsWith('inode')) continue;
    else if (Number.isNaN(number)) return EINVAL;
    else if (name === 'size') parsed.sizeBytes = number === 0 ? Infinity : number;
    else if (name === 'nr_blocks') parsed.sizeBytes = number * PAGE_SIZE;
    else if (name === 'nr_inodes') parsed.maxInodes = number === 0 ? DEFAULT_INODES : Math.min(number, DEFAULT_INODES);
    else if (name === 'uid') parsed.uid = number;
    else if (name === 'gid') parsed.gid = number;
    else return EINVAL;
  }
  return parsed;
}

function parseSize(text: string, memoryBytes: number): number {
  const match = /^(\d+)([kmgKMG%]?)$/.exec(text);
  if (!match) return NaN;
  const number = Number(match[1]);
  switch (match[2]!.toLowerCase()) {
    case 'k':
      return number * 1024;
    case 'm':
      return number * 1024 ** 2;
    case 'g':
      return number * 1024 ** 3;
    case '%':
      return Math.floor((memoryBytes * number) / 100);
    default:
      return number;
  }
}
