/**
 * The pipes behind a guest's standard streams: ordinary ones, but for two habits.
 *
 * Standard input: natively a program that does not read its input leaves it to whoever reads next. So nothing is taken from the
 * host's input until a guest looks for it: a read or a poll that finds the pipe empty asks for more.
 *
 * Standard output and error: share a budget of bytes (limits.outputBytes). When it is spent, a write fails as one beyond
 * RLIMIT_FSIZE does: EFBIG, and SIGXFSZ from the caller.
 */
import type { Errno } from '../base/brands.js';
import { EFBIG } from '../abi/errno.js';
import { O_RDONLY, O_WRONLY } from '../abi/fcntl.js';
import { Pipe, PipeFile } from '../fs/pipe.js';
import type { IoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';
import type { Inode } from '../vfs/inode.js';

class DemandPipe extends Pipe {
  constructor(private readonly onWanted: () => void) {
    super();
  }

  /** Somebody looks whether there is something to read. */
  look(): void {
    if (this.buffer.used === 0 && this.writers > 0) this.onWanted();
  }

  override read(io: IoVec, max?: number): number | Errno {
    this.look();
    return super.read(io, max);
  }
}

class DemandPipeFile extends PipeFile {
  constructor(
    inode: Inode,
    private readonly demand: DemandPipe,
  ) {
    super(inode, O_RDONLY, demand);
  }

  override poll(): number {
    this.demand.look();
    return super.poll();
  }
}

/** Bytes that may still be written. */
export interface OutputBudget {
  left: number;
}

class BudgetPipe extends Pipe {
  constructor(private readonly budget: OutputBudget) {
    super();
  }

  override write(io: IoVec, asPackets?: boolean): number | Errno {
    if (this.budget.left <= 0 && io.remaining > 0) return EFBIG;
    const written = super.write(io, asPackets);
    if (written > 0) this.budget.left -= written;
    return written;
  }
}

function ends(pipe: Pipe, inode: Inode, readEnd: PipeFile): [PipeFile, PipeFile] {
  pipe.addReader();
  pipe.addWriter();
  return [readEnd, new PipeFile(inode, O_WRONLY, pipe)];
}

/** Read end and write end. `onWanted` is called for every look at the empty pipe, in the middle of a handler: take note only. */
export function makeInputPipe(uid: number, gid: number, onWanted: () => void): [PipeFile, PipeFile] {
  const inode = anonInode('pipe', undefined, uid, gid);
  const pipe = new DemandPipe(onWanted);
  return ends(pipe, inode, new DemandPipeFile(inode, pipe));
}

/** Read end and write end; writes are charged to the budget. */
export function makeOutputPipe(uid: number, gid: number, budget: OutputBudget): [PipeFile, PipeFile] {
  const inode = anonInode('pipe', undefined, uid, gid);
  const pipe = new BudgetPipe(budget);
  return ends(pipe, inode, new PipeFile(inode, O_RDONLY, pipe));
}
