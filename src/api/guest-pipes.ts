/**
 * The pipes behind a guest's standard streams: ordinary ones, but for two habits.
 *
 * Standard input: natively a program that does not read its input leaves it to whoever reads next. So nothing is taken from the
 * host's input until a guest looks for it: a read or a poll that finds the pipe empty asks for more.
 *
 * Standard output and error: share a budget of bytes (limits.outputBytes). A write beyond it goes as one beyond RLIMIT_FSIZE: what
 * is left of the budget is written, then nothing: EFBIG, and SIGXFSZ from the caller.
 */
import type { Errno } from '../base/brands.js';
import { EFBIG } from '../abi/errno.js';
import { Pipe, pipeEnds, type PipeFile } from '../fs/pipe.js';
import type { IoVec } from '../mm/io-vec.js';
import { anonInode } from '../vfs/anon-inode.js';

class DemandPipe extends Pipe {
  constructor(private readonly onWanted: () => void) {
    super();
  }

  override look(): void {
    if (this.buffer.used === 0 && this.writers > 0) this.onWanted();
  }

  override read(io: IoVec, max?: number): number | Errno {
    this.look();
    return super.read(io, max);
  }
}

/** Bytes that may still be written. */
export interface OutputBudget {
  left: number;
  /** A guest was told EFBIG. */
  onSpent?(): void;
}

class BudgetPipe extends Pipe {
  constructor(private readonly budget: OutputBudget) {
    super();
  }

  override write(io: IoVec, asPackets?: boolean): number | Errno {
    if (this.budget.left <= 0 && io.remaining > 0) {
      this.budget.onSpent?.();
      return EFBIG;
    }
    const written = super.write(io, asPackets, this.budget.left);
    if (written > 0) this.budget.left -= written;
    return written;
  }
}

/** Read end and write end. `onWanted` is called for every look at the empty pipe, in the middle of a handler: take note only. */
export function makeInputPipe(uid: number, gid: number, onWanted: () => void): [PipeFile, PipeFile] {
  const inode = anonInode('pipe', undefined, uid, gid);
  return pipeEnds(inode, new DemandPipe(onWanted));
}

/** Read end and write end; writes are charged to the budget. */
export function makeOutputPipe(uid: number, gid: number, budget: OutputBudget): [PipeFile, PipeFile] {
  const inode = anonInode('pipe', undefined, uid, gid);
  return pipeEnds(inode, new BudgetPipe(budget));
}
