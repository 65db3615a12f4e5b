/**
 * The pipe behind a guest's standard input. Natively a program that does not read its input leaves it to whoever reads next;
 * so nothing is taken from the host's input until a guest looks for it: a read or a poll that finds the pipe empty asks for more.
 */
import type { Errno } from '../base/brands.js';
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

/** The two ends, read end first. `onWanted` is called for every look at the empty pipe, in the middle of a handler: take note only. */
export function makeDemandPipe(uid: number, gid: number, onWanted: () => void): [PipeFile, PipeFile] {
  const inode = anonInode('pipe', undefined, uid, gid);
  const pipe = new DemandPipe(onWanted);
  pipe.addReader();
  pipe.addWriter();
  return [new DemandPipeFile(inode, pipe), new PipeFile(inode, O_WRONLY, pipe)];
}
