/**
 * Named pipes (Linux: fs/pipe.c, fifo_open; fifo(7)). The pipe belongs to the inode and lives while somebody has it open.
 * Opening one end waits for the other, unless O_NONBLOCK (a writer then gets ENXIO) or O_RDWR.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL, ENXIO } from '../abi/errno.js';
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../abi/fcntl.js';
import { AnonInode } from '../vfs/anon-inode.js';
import type { Inode } from '../vfs/inode.js';
import type { OpenFile } from '../vfs/open-file.js';
import { setFifoOpener } from '../vfs/special-files.js';
import { type Pipe, PipeFile, pipeOf } from './pipe.js';

/** Opens an inode of type S_IFIFO. */
export function openFifo(inode: Inode, flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
  const fifo = pipeOf(inode);
  const nonBlocking = (flags & O_NONBLOCK) !== 0;
  // A pipe without a name that is opened again by /dev/fd/N never waits for its other side.
  const isNamed = !(inode instanceof AnonInode && inode.kind === 'pipe');
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      fifo.addReader();
      fifo.arrivals.wake();
      if (fifo.writers > 0 || !isNamed) break;
      if (nonBlocking) return new PipeFile(inode, flags, fifo, true);
      return waitForWriter(inode, flags, fifo);
    case O_WRONLY:
      if (isNamed && nonBlocking && fifo.readers === 0) return ENXIO;
      fifo.addWriter();
      fifo.arrivals.wake();
      if (fifo.readers > 0 || !isNamed) break;
      return waitForReader(inode, flags, fifo);
    case O_RDWR:
      fifo.addReader();
      fifo.addWriter();
      fifo.arrivals.wake();
      break;
    default:
      return EINVAL;
  }
  return new PipeFile(inode, flags, fifo);
}

/** The caller has been counted. A partner that came and went again counts as one. */
function* waitForWriter(inode: Inode, flags: number, fifo: Pipe): Blocking<OpenFile | Errno> {
  const before = fifo.writerOpens;
  let opened = false;
  try {
    while (fifo.writerOpens === before) {
      const woken = yield* sleepOn(fifo.arrivals);
      if (isErr(woken)) return woken;
    }
    opened = true;
    return new PipeFile(inode, flags, fifo);
  } finally {
    if (!opened) fifo.dropReader();
  }
}

function* waitForReader(inode: Inode, flags: number, fifo: Pipe): Blocking<OpenFile | Errno> {
  const before = fifo.readerOpens;
  let opened = false;
  try {
    while (fifo.readerOpens === before) {
      const woken = yield* sleepOn(fifo.arrivals);
      if (isErr(woken)) return woken;
    }
    opened = true;
    return new PipeFile(inode, flags, fifo);
  } finally {
    if (!opened) fifo.dropWriter();
  }
}

/** Makes opens of FIFO inodes come here. */
export function registerFifos(): void {
  setFifoOpener(openFifo);
}
