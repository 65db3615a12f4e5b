/** The two sides of a pseudo-terminal as open files (pty(7); Linux: drivers/tty/pty.c, tty_io.c). */
import { isErr, type Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import type { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EBUSY, EIO, ENOTTY } from '../../abi/errno.js';
import { O_NOCTTY } from '../../abi/fcntl.js';
import { TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCPKT, TIOCSPTLCK, TIOCSIG } from '../../abi/ioctls.js';
import { ICANON, TOSTOP, VMIN, VTIME } from '../../abi/termios.js';
import { Timer } from '../../kernel/timers.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import { checkChange, checkRead } from './tty-job-control.js';
import { readInt, ttyIoctl, writeInt } from './tty-ioctl.js';
import { READ_EVENTS, WRITE_EVENTS, type Tty } from './tty.js';

const CHUNK_BYTES = 4096;
const TENTH_NS = 1e8;

/** The program's side: /dev/pts/N, /dev/tty. */
export class PtySlave extends OpenFile {
  /** VTIME with VMIN 0: a read gives up when this expires. */
  private readonly timer: Timer;
  private timedOut = false;

  constructor(
    inode: Inode,
    flags: number,
    readonly tty: Tty,
  ) {
    super(inode, flags);
    tty.slaveOpens++;
    tty.slaveWasOpened = true;
    this.timer = new Timer(() => {
      this.timedOut = true;
      tty.slaveQueue.wake(READ_EVENTS);
    });
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.tty.slaveQueue;
  }
  override poll(): number {
    return this.tty.pollSlave();
  }

  override read(io: IoVec): number | Errno {
    const { tty } = this;
    if (tty.masterClosed) return 0;
    const allowed = checkRead(tty.machine.current, tty);
    if (isErr(allowed)) return allowed;
    if (io.remaining === 0) return 0;
    const { discipline, termios } = tty;
    if (!tty.slaveReadable) return (termios.lflag & ICANON) === 0 ? this.notYet() : EAGAIN;
    this.endTimer();
    const { available } = discipline;
    const moved = available < 0 ? 0 : discipline.queue.moveTo(io, Math.min(available, io.remaining));
    if (isErr(moved)) return moved;
    discipline.consumed(moved);
    tty.masterQueue.wake(WRITE_EVENTS);
    return moved;
  }

  /** Non-canonical mode without enough bytes: VMIN 0 returns at once, or after VTIME tenths of a second. */
  private notYet(): number | Errno {
    const { termios, machine } = this.tty;
    const minimum = termios.cc[VMIN]!;
    const tenths = termios.cc[VTIME]!;
    if (minimum > 0) return EAGAIN;
    if (tenths === 0 || this.timedOut) {
      this.endTimer();
      return 0;
    }
    if (!this.timer.armed) machine.timers.arm(this.timer, machine.clock.monotonicNs() + tenths * TENTH_NS);
    return EAGAIN;
  }

  private endTimer(): void {
    this.timedOut = false;
    this.tty.machine.timers.cancel(this.timer);
  }

  override write(io: IoVec): number | Errno {
    const { tty } = this;
    if (tty.masterClosed) return EIO;
    if ((tty.termios.lflag & TOSTOP) !== 0) {
      const allowed = checkChange(tty.machine.current, tty);
      if (isErr(allowed)) return allowed;
    }
    if (!tty.slaveWritable) return EAGAIN;
    return this.process(io);
  }

  private process(io: IoVec): number | Errno {
    const { tty } = this;
    let done = 0;
    while (io.remaining > 0 && tty.slaveWritable) {
      const span = io.next(CHUNK_BYTES, false);
      if (isErr(span)) return done > 0 ? done : span;
      if (span === 0) break;
      let used = 0;
      while (used < span && tty.slaveWritable) tty.discipline.processOutput(io.spanBytes[io.spanOffset + used++]!);
      io.advance(used);
      done += used;
    }
    return done;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno | Blocking<number | Errno> {
    if (this.tty.masterClosed) return EIO;
    return ttyIoctl(this.tty, this.tty.machine.current, caller, request, argument, false);
  }

  override release(): void {
    this.endTimer();
    if (--this.tty.slaveOpens === 0) this.tty.masterQueue.wake();
  }
}

/** The person's side: what opening /dev/ptmx gives. */
export class PtyMaster extends OpenFile {
  constructor(
    inode: Inode,
    flags: number,
    readonly tty: Tty,
    /** Opens the other side for TIOCGPTPEER; the descriptor, or an Errno. */
    private readonly openPeer: (task: Task, flags: number) => number | Errno,
    private readonly onClose: () => void,
  ) {
    super(inode, flags);
  }

  override get seekable(): boolean {
    return false;
  }
  override get queue(): WaitQueue {
    return this.tty.masterQueue;
  }
  override poll(): number {
    return this.tty.pollMaster();
  }

  override read(io: IoVec): number | Errno {
    const { tty } = this;
    if (tty.packetMode && tty.packetStatus !== 0) {
      const status = Uint8Array.of(tty.packetStatus);
      tty.packetStatus = 0;
      return io.put(status);
    }
    if (tty.output.length === 0 || tty.stopped) return tty.slaveOpens === 0 && tty.slaveWasOpened && tty.output.length === 0 ? EIO : EAGAIN;
    if (tty.packetMode) {
      const header = io.put(Uint8Array.of(0));
      if (isErr(header) || io.remaining === 0) return header;
    }
    const moved = tty.output.moveTo(io, io.remaining);
    if (isErr(moved)) return moved;
    tty.slaveQueue.wake(WRITE_EVENTS);
    return moved + (tty.packetMode ? 1 : 0);
  }

  override write(io: IoVec): number | Errno {
    const bytes = new Uint8Array(Math.min(io.remaining, CHUNK_BYTES));
    const count = io.take(bytes);
    if (isErr(count)) return count;
    for (let i = 0; i < count; i++) this.tty.discipline.receive(bytes[i]!);
    this.tty.slaveQueue.wake(READ_EVENTS);
    return count;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno | Blocking<number | Errno> {
    const { tty } = this;
    switch (request) {
      case TIOCGPTN:
        return writeInt(caller, argument, tty.index);
      case TIOCSPTLCK:
        return readInt(caller, argument, (value) => {
          tty.locked = value !== 0;
          return 0;
        });
      case TIOCGPTLCK:
        return writeInt(caller, argument, tty.locked ? 1 : 0);
      case TIOCPKT:
        return readInt(caller, argument, (value) => {
          tty.packetMode = value !== 0;
          tty.packetStatus = 0;
          return 0;
        });
      case TIOCGPKT:
        return writeInt(caller, argument, tty.packetMode ? 1 : 0);
      case TIOCGPTPEER:
        return this.openPeer(tty.machine.current, argument);
      case TIOCSIG:
        if (argument < 1 || argument > 64) return ENOTTY;
        tty.signal(argument);
        return 0;
      default:
        return ttyIoctl(tty, tty.machine.current, caller, request, argument, true);
    }
  }

  override release(): void {
    this.tty.hangUp();
    this.onClose();
  }
}

/** Opens the program's side; a session leader without a terminal gets this one unless O_NOCTTY. */
export function openSlave(inode: Inode, flags: number, tty: Tty): PtySlave | Errno {
  if (tty.masterClosed) return EIO;
  if (tty.locked) return EIO;
  if (tty.exclusive) return EBUSY;
  const file = new PtySlave(inode, flags, tty);
  const { processGroup, pid } = tty.machine.current.group;
  const { session } = processGroup;
  if ((flags & O_NOCTTY) === 0 && session.id === pid && !session.terminal && !tty.session) tty.attachSession(session, processGroup);
  return file;
}
