/** /proc/PID/pagemap (Linux: fs/proc/task_mmu.c, pagemap_read): eight bytes for each page; frame numbers are nobody's to know. */
import type { Errno } from '../../base/brands.js';
import { EACCES, EINVAL } from '../../abi/errno.js';
import { S_IFREG } from '../../abi/stat.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { FileSystem } from '../../vfs/file-system.js';
import { OpenFile } from '../../vfs/open-file.js';
import { mayInspect } from './access.js';
import { ProcInode, type Owner } from './nodes.js';

const ENTRY_BYTES = 8;
/** Pages of one read at most. */
const MAX_PAGES = 4096;
const PRESENT = 0x80;
const IS_FILE = 0x20;

export class PagemapNode extends ProcInode {
  constructor(
    fs: FileSystem,
    ino: number,
    owner: () => Owner,
    private readonly task: Task,
  ) {
    super(fs, ino, S_IFREG | 0o400, owner);
  }

  override open(flags: number): OpenFile | Errno {
    return mayInspect(this.task) ? new PagemapFile(this, flags, this.task) : EACCES;
  }
}

class PagemapFile extends OpenFile {
  constructor(
    node: PagemapNode,
    flags: number,
    private readonly task: Task,
  ) {
    super(node, flags);
  }

  override read(io: IoVec, position: number): number | Errno {
    if (position % ENTRY_BYTES !== 0 || io.remaining % ENTRY_BYTES !== 0) return EINVAL;
    const { state, mm } = this.task;
    if (state === 'zombie' || state === 'dead' || position >= 2 ** 38) return 0;
    const bytes = new Uint8Array(Math.min(io.remaining / ENTRY_BYTES, MAX_PAGES) * ENTRY_BYTES);
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      const state = mm.pageState(((position + at) / ENTRY_BYTES) * 4096);
      bytes[at + 7] = state === 'absent' ? 0 : PRESENT | (state === 'file' ? IS_FILE : 0);
    }
    return io.put(bytes);
  }
}
