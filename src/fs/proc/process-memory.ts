/**
 * /proc/PID/mem: a process' memory as a file (proc(5); Linux: fs/proc/base.c, mem_rw). As with ptrace(2), what the mappings allow
 * does not count: a debugger writes its breakpoints into text that way. */
import { isErr, type Errno } from '../../base/brands.js';
import { EACCES, EIO } from '../../abi/errno.js';
import { S_IFREG } from '../../abi/stat.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { FileSystem } from '../../vfs/file-system.js';
import { fillAttributes, Inode, type InodeAttributes } from '../../vfs/inode.js';
import { OpenFile } from '../../vfs/open-file.js';
import { mayInspect } from './access.js';
import type { Owner } from './nodes.js';

const EPOCH = { sec: 0, nsec: 0 };

const CHUNK_BYTES = 65536;

export class MemoryNode extends Inode {
  readonly mode = S_IFREG | 0o600;
  readonly size = 0;
  constructor(
    fs: FileSystem,
    readonly ino: number,
    private readonly owner: () => Owner,
    readonly task: Task,
  ) {
    super(fs);
  }
  get uid(): number {
    return this.owner().uid;
  }
  get gid(): number {
    return this.owner().gid;
  }
  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, 1, 1024, EPOCH);
  }
  override open(flags: number): OpenFile | Errno {
    return mayInspect(this.task) ? new MemoryFile(this, flags) : EACCES;
  }
}

class MemoryFile extends OpenFile {
  private readonly task: Task;
  constructor(node: MemoryNode, flags: number) {
    super(node, flags);
    this.task = node.task;
  }

  override read(io: IoVec, position: number): number | Errno {
    const bytes = new Uint8Array(Math.min(io.remaining, CHUNK_BYTES));
    const count = this.longestCopy(position, bytes);
    return count === 0 ? EIO : io.put(bytes, 0, count);
  }

  /** Copies whole pages while they are there. */
  private longestCopy(position: number, bytes: Uint8Array): number {
    if (this.task.state === 'zombie' || this.task.state === 'dead') return 0;
    return this.task.mm.accessForcibly(position, bytes, false);
  }

  override write(io: IoVec, position: number): number | Errno {
    if (this.task.state === 'zombie' || this.task.state === 'dead') return EIO;
    const bytes = new Uint8Array(Math.min(io.remaining, CHUNK_BYTES));
    const count = io.take(bytes);
    if (isErr(count)) return count;
    const done = this.task.mm.accessForcibly(position, bytes.subarray(0, count), true);
    return done > 0 ? done : EIO;
  }
}
