/** The two sides of a pseudo-terminal as open files (pty(7); Linux: drivers/tty/pty.c, tty_io.c). */
import { isErr, type Errno } from '../../base/brands.js';
import type { Blocking } from '../../base/blocking.js';
import type { WaitQueue } from '../../base/wait-queue.js';
import { EAGAIN, EBUSY, EFBIG, EIO, EINVAL } from '../../abi/errno.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import { O_NOCTTY } from '../../abi/fcntl.js';
import { TIOCGPKT, TIOCGPTLCK, TIOCGPTN, TIOCGPTPEER, TIOCPKT, TIOCSPTLCK, TIOCSIG } from '../../abi/ioctls.js';
import { TOSTOP, VMIN, VTIME } from '../../abi/termios.js';
import { SIGNAL_MAX } from '../../kernel/signals/sig-set.js';
import { Timer } from '../../kernel/timers.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import { hasCapability } from '../../vfs/credentials.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import { checkChange, checkRead } from './tty-job-control.js';
import { readInt, ttyIoctl, writeInt } from './tty-ioctl.js';
import { READ_EVENTS, WRITE_EVENTS, type Tty } from './tty.js';

const CHUNK_BYTES = 4096;
const TENTH_NS = 1e8;

/** The program's side: /dev/pts/N, /dev/tty. */
export class PtySlave extends OpenFile {
  /** VTIME: a read is content with what is there when this expires. */
  private readonly timer: Timer;
  /** Bytes that were there when the timer was set. */
  private seen = 0;
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
    const { discipline } = tty;
    const { available, isCanonical } = discipline;
    if (isCanonical ? available === 0 : this.hasToWait(available, io.remaining)) return isCanonical ? EAGAIN : this.notYet(available);
    this.endTimer();
    const moved = available < 0 ? 0 : discipline.queue.moveTo(io, Math.min(available, io.remaining));
    if (isErr(moved)) return moved;
    discipline.consumed(moved);
    tty.takeTyped();
    return moved;
  }

  /** Non-canonical mode: fewer bytes than VMIN and the reader's buffer ask for, and time to wait for more. */
  private hasToWait(available: number, wanted: number): boolean {
    const minimum = Math.max(1, this.tty.termios.cc[VMIN]!);
    return available < Math.min(minimum, wanted) && !(available > 0 && (this.nonBlocking || this.timedOut));
  }

  /**
   * Non-canonical mode without enough bytes. With VMIN 0, a read ends at once, or after VTIME tenths of a second; with more, VTIME
   * limits the time between two bytes and begins with the first.
   */
  private notYet(available: number): number | Errno {
    const { termios, machine } = this.tty;
    const minimum = termios.cc[VMIN]!;
    const tenths = termios.cc[VTIME]!;
    if (minimum === 0 && (tenths === 0 || this.timedOut)) {
      this.endTimer();
      return 0;
    }
    if (tenths === 0 || (minimum > 0 && available === 0) || this.nonBlocking) return EAGAIN;
    if (this.timer.armed && (minimum === 0 || available === this.seen)) return EAGAIN;
    this.endTimer();
    this.seen = available;
    machine.timers.arm(this.timer, machine.clock.monotonicNs() + tenths * TENTH_NS);
    return EAGAIN;
  }

  private endTimer(): void {
    this.timedOut = false;
    this.seen = 0;
    this.tty.machine.timers.cancel(this.timer);
  }

  override get writesAll(): boolean {
    return true;
  }

  override write(io: IoVec): number | Errno {
    const { tty } = this;
    if (tty.masterClosed) return EIO;
    if ((tty.termios.lflag & TOSTOP) !== 0) {
      const allowed = checkChange(tty.machine.current, tty);
      if (isErr(allowed)) return allowed;
    }
    if (!tty.slaveWritable) return EAGAIN;
    const { outputBudget: budget } = tty;
    if (!budget) return this.process(io, io.remaining);
    if (budget.left <= 0 && io.remaining > 0) {
      budget.onSpent?.();
      return EFBIG;
    }
    const written = this.process(io, budget.left);
    if (written > 0) budget.left -= written;
    return written;
  }

  private process(io: IoVec, most: number): number | Errno {
    const { tty } = this;
    let done = 0;
    while (io.remaining > 0 && done < most && tty.slaveWritable) {
      const span = io.next(Math.min(CHUNK_BYTES, most - done), false);
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

  override get writesAll(): boolean {
    return true;
  }

  override write(io: IoVec): number | Errno {
    const { tty } = this;
    if (io.remaining === 0) return 0;
    const span = io.next(CHUNK_BYTES, false);
    if (isErr(span)) return span;
    let used = 0;
    while (used < span && tty.type(io.spanBytes[io.spanOffset + used]!)) used++;
    if (used === 0) return EAGAIN;
    io.advance(used);
    tty.slaveQueue.wake(READ_EVENTS);
    return used;
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
        if (argument < 1 || argument > SIGNAL_MAX) return EINVAL;
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
  if (tty.exclusive && !hasCapability(tty.machine.current.cred, CAP_SYS_ADMIN)) return EBUSY;
  const file = new PtySlave(inode, flags, tty);
  const { processGroup, pid } = tty.machine.current.group;
  const { session } = processGroup;
  if ((flags & O_NOCTTY) === 0 && session.id === pid && !session.terminal && !tty.session) {
    tty.attachSession(session, processGroup);
    tty.machine.current.group.withoutTerminal = false;
  }
  return file;
}
