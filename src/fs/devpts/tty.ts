/**
 * A terminal: the state that the two sides of a pty share (Linux: struct tty_struct, drivers/tty/pty.c; pty(7), tty_ioctl(2)).
 * The program's side reads and writes through the line discipline; the person's side (the master) sees raw bytes.
 */
import { WaitQueue } from '../../base/wait-queue.js';
import {
  TIOCPKT_DOSTOP,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_IOCTL,
  TIOCPKT_NOSTOP,
  TIOCPKT_START,
  TIOCPKT_STOP,
} from '../../abi/ioctls.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM } from '../../abi/poll.js';
import { SIGCONT, SIGHUP, SIGWINCH } from '../../abi/signal.js';
import {
  B38400,
  CREAD,
  CS8,
  CSIZE,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IXON,
  ONLCR,
  OPOST,
  PARENB,
  VMIN,
  VSTART,
  VSTOP,
  VTIME,
} from '../../abi/termios.js';
import type { Termios, Winsize } from '../../abi/termios-struct.js';
import type { ControllingTerminal, ProcessGroup, Session } from '../../kernel/job-control.js';
import { kernelInfo } from '../../kernel/signals/signal-info.js';
import { sendToGroup, sendToProcessGroup } from '../../kernel/signals/send.js';
import type { Machine } from '../../kernel/machine.js';
import { ByteQueue } from './byte-queue.js';
import { LineDiscipline, type DisciplineHost } from './line-discipline.js';

const OUTPUT_BYTES = 65536;
/** What was typed while the line discipline had no room (Linux: the flip buffers of tty_buffer.c). */
const TYPED_BYTES = 65536;
export const READ_EVENTS = POLLIN | POLLRDNORM;
export const WRITE_EVENTS = POLLOUT | POLLWRNORM;

/** Control characters of a fresh terminal: ^C ^\ DEL ^U ^D, VMIN 1, ^Q ^S ^Z, ^R ^O ^W ^V. */
const DEFAULT_CC = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];

export function defaultTermios(): Termios {
  return {
    iflag: ICRNL | IXON,
    oflag: OPOST | ONLCR,
    cflag: B38400 | CS8 | CREAD,
    lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    line: 0,
    cc: Uint8Array.from(DEFAULT_CC),
  };
}

export class Tty implements ControllingTerminal, DisciplineHost {
  readonly termios = defaultTermios();
  readonly winsize: Winsize = { row: 0, col: 0, xpixel: 0, ypixel: 0 };
  readonly discipline = new LineDiscipline(this.termios, this);
  /** Processed output that the master has not read yet. */
  readonly output = new ByteQueue(OUTPUT_BYTES);
  private readonly typed = new ByteQueue(TYPED_BYTES);
  readonly slaveQueue = new WaitQueue();
  readonly masterQueue = new WaitQueue();
  session: Session | undefined = undefined;
  foreground: ProcessGroup | undefined = undefined;
  stopped = false;
  /** Bytes that programs may still write to it (limits.outputBytes); absent: any number. */
  outputBudget: { left: number; onSpent?(): void } | undefined = undefined;
  /** TIOCSPTLCK: the slave cannot be opened. */
  locked = true;
  /** TIOCEXCL. */
  exclusive = false;
  slaveOpens = 0;
  slaveWasOpened = false;
  masterClosed = false;
  /** TIOCPKT: the master reads a status byte first. */
  packetMode = false;
  packetStatus = 0;

  constructor(
    readonly machine: Machine,
    /** Number in /dev/pts. */
    readonly index: number,
    readonly device: number,
  ) {}

  // What the line discipline asks for.

  emit(byte: number): boolean {
    const pushed = this.output.push(byte);
    if (pushed && this.output.length === 1) this.masterQueue.wake(READ_EVENTS);
    return pushed;
  }

  signal(signal: number): void {
    if (this.foreground) sendToProcessGroup(this.foreground, kernelInfo(signal));
  }

  setStopped(stopped: boolean): void {
    if (this.stopped === stopped) return;
    this.stopped = stopped;
    this.setPacketStatus(stopped ? TIOCPKT_STOP : TIOCPKT_START, TIOCPKT_STOP | TIOCPKT_START);
    if (!stopped) {
      this.slaveQueue.wake(WRITE_EVENTS);
      this.masterQueue.wake(READ_EVENTS);
    }
  }

  discardOutput(): void {
    this.output.clear();
    this.setPacketStatus(TIOCPKT_FLUSHWRITE);
    this.slaveQueue.wake(WRITE_EVENTS);
  }

  inputFlushed(): void {
    this.setPacketStatus(TIOCPKT_FLUSHREAD);
  }

  /** `instead`: bits that this status takes the place of. */
  setPacketStatus(status: number, instead = 0): void {
    if (!this.packetMode) return;
    this.packetStatus = (this.packetStatus & ~instead) | status;
    this.masterQueue.wake(POLLPRI | READ_EVENTS);
  }

  flushInput(): void {
    this.discipline.flushInput();
    this.inputFlushed();
    this.takeTyped();
  }

  /** One byte from the person's side. False: no room until the program reads. */
  type(byte: number): boolean {
    if (this.typed.length > 0 || !this.discipline.hasRoom) return this.typed.push(byte);
    this.discipline.receive(byte);
    return true;
  }

  /** The program has read or changed modes: what waited is taken as far as there is room. */
  takeTyped(): void {
    const { typed, discipline } = this;
    while (typed.length > 0 && discipline.hasRoom) {
      const byte = typed.at(0);
      typed.shift(1);
      discipline.receive(byte);
    }
    this.masterQueue.wake(WRITE_EVENTS);
  }

  // Readiness.

  /** Bytes are there for a read of the program's side, by the rules of the present mode. */
  get slaveReadable(): boolean {
    if (this.masterClosed) return true;
    const { available } = this.discipline;
    if (available === 0) return false;
    if (this.discipline.isCanonical) return true;
    return available >= Math.max(1, this.termios.cc[VTIME] === 0 ? this.termios.cc[VMIN]! : 1);
  }

  get slaveWritable(): boolean {
    return !this.stopped && this.output.room > LineDiscipline.MAX_EXPANSION;
  }

  pollSlave(): number {
    if (this.masterClosed) return READ_EVENTS | WRITE_EVENTS | POLLHUP | POLLERR;
    return (this.slaveReadable ? READ_EVENTS : 0) | (this.slaveWritable ? WRITE_EVENTS : 0);
  }

  pollMaster(): number {
    let events = this.typed.room > 0 ? WRITE_EVENTS : 0;
    if (this.output.length > 0 && !this.stopped) events |= READ_EVENTS;
    if (this.packetStatus !== 0) events |= POLLPRI | READ_EVENTS;
    if (this.slaveOpens === 0 && this.slaveWasOpened) events |= POLLHUP;
    return events;
  }

  // Modes, size, life.

  setTermios(next: Termios): void {
    const wasCanonical = this.discipline.isCanonical;
    const hadFlow = this.hasFlowControl;
    const wasExternal = (this.termios.lflag & EXTPROC) !== 0;
    Object.assign(this.termios, next);
    // A pty has no line whose bits could be fewer.
    this.termios.cflag = (next.cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
    this.discipline.modesChanged(wasCanonical);
    const hasFlow = this.hasFlowControl;
    if (hadFlow !== hasFlow) this.setPacketStatus(hasFlow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
    if (wasExternal || (next.lflag & EXTPROC) !== 0) this.setPacketStatus(TIOCPKT_IOCTL);
    if ((next.iflag & IXON) === 0) this.setStopped(false);
    this.takeTyped();
    this.slaveQueue.wake(READ_EVENTS);
  }

  /** As packet mode tells it: the usual keys stop and start output. */
  private get hasFlowControl(): boolean {
    const { iflag, cc } = this.termios;
    return (iflag & IXON) !== 0 && cc[VSTOP] === DEFAULT_CC[VSTOP] && cc[VSTART] === DEFAULT_CC[VSTART];
  }

  /** TIOCSWINSZ: the foreground group hears of a change. */
  resize(size: Winsize): void {
    const { row, col, xpixel, ypixel } = this.winsize;
    const same = size.row === row && size.col === col && size.xpixel === xpixel && size.ypixel === ypixel;
    Object.assign(this.winsize, size);
    if (!same) this.signal(SIGWINCH);
  }

  /** The person's side is gone: SIGHUP to the session leader, and to the foreground group when that one ends. */
  hangUp(): void {
    this.masterClosed = true;
    this.slaveQueue.wake();
    const leader = this.session && this.machine.groups.get(this.session.id);
    if (leader) {
      sendToGroup(leader, kernelInfo(SIGHUP));
      sendToGroup(leader, kernelInfo(SIGCONT));
    }
    if (this.session) this.session.lastForeground = this.foreground;
    this.detachSession();
  }

  onSessionEnd(): void {
    this.session = undefined;
    this.foreground = undefined;
  }

  /** The session has no controlling terminal any more. */
  detachSession(): void {
    if (this.session?.terminal === this) this.session.terminal = undefined;
    this.onSessionEnd();
  }

  /** TIOCSCTTY, or open without O_NOCTTY by a session leader that has none. */
  attachSession(session: Session, group: ProcessGroup): void {
    this.session = session;
    this.foreground = group;
    session.terminal = this;
  }
}
