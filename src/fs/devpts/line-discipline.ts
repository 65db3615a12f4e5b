/**
 * The terminal line discipline (Linux: drivers/tty/n_tty.c; termios(3)): what happens to bytes between the person's side and
 * the program's side. Input: signals, flow control, editing of lines, echo. Output: newline and tab processing.
 *
 * Left out: XCASE, delays (never had an effect on a pty).
 */
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  IMAXBEL,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IUTF8,
  IXANY,
  IXON,
  NOFLSH,
  OCRNL,
  OLCUC,
  ONLCR,
  ONLRET,
  ONOCR,
  OPOST,
  PARMRK,
  TABDLY,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
  XTABS,
} from '../../abi/termios.js';
import { SIGINT, SIGQUIT, SIGTSTP } from '../../abi/signal.js';
import type { Termios } from '../../abi/termios-struct.js';
import { ByteQueue } from './byte-queue.js';

const INPUT_BYTES = 4096;
const DISABLED = 0;
const NEWLINE = 10;
const RETURN = 13;
const TAB = 9;
const BACKSPACE = 8;
const BLANK = 32;
const BELL = 7;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
/** PARMRK doubles it. */
const MARK = 0xff;

export interface DisciplineHost {
  /** Bytes for the person's side. False: no room. */
  emit(byte: number): boolean;
  /** A signal key was pressed. */
  signal(signal: number): void;
  /** IXON: output stops or goes on. */
  setStopped(stopped: boolean): void;
  readonly stopped: boolean;
  /** NOFLSH is off: what was written and not yet taken goes away; what was typed is gone already. */
  discardOutput(): void;
  inputFlushed(): void;
}

export class LineDiscipline {
  /** Lines that are complete (canonical mode), or all bytes. */
  private readonly ready = new ByteQueue(INPUT_BYTES);
  /** Lengths of the complete lines in `ready`; a line that ended by VEOF counts its bytes only and may be empty. */
  private lines: number[] = [];
  /** The line being edited. */
  private editing: number[] = [];
  private literalNext = false;
  /** ECHOPRT: between the backslash and the slash around what was erased. */
  private erasing = false;
  private column = 0;
  /** Column where the edited line begins, for erasing tabs. */
  private startColumn = 0;

  constructor(
    readonly termios: Termios,
    private readonly host: DisciplineHost,
  ) {}

  /** Bytes that a read may take now; -1 when a line is complete that has none (end of file). */
  get available(): number {
    if (!this.isCanonical) return this.ready.length;
    return this.lines.length === 0 ? 0 : this.lines[0] === 0 ? -1 : this.lines[0]!;
  }

  /** For FIONREAD. */
  get readableBytes(): number {
    return this.isCanonical ? this.lines.reduce((sum, length) => sum + length, 0) : this.ready.length;
  }

  get queue(): ByteQueue {
    return this.ready;
  }

  /** With EXTPROC the person's side edits lines. */
  get isCanonical(): boolean {
    return (this.termios.lflag & (ICANON | EXTPROC)) === ICANON;
  }

  /**
   * Whether the next byte can be taken: a program that reads later gets it. False also ends typing ahead of it in canonical mode,
   * but not within a line that is too long, which can never be read as it is: its end is lost.
   */
  get hasRoom(): boolean {
    const { length } = this.ready;
    if (!this.isCanonical) return length < INPUT_BYTES - 1;
    return this.lines.length === 0 || length + this.editing.length < INPUT_BYTES - 1;
  }

  /** A read took `count` bytes of the first line (or none: it was an end of file). */
  consumed(count: number): void {
    if (!this.isCanonical) return;
    if (count >= this.lines[0]!) this.lines.shift();
    else this.lines[0]! -= count;
  }

  flushInput(): void {
    this.ready.clear();
    this.lines = [];
    this.editing = [];
    this.erasing = false;
  }

  /** After a change of modes: what was being edited becomes readable, or lines are counted anew. */
  modesChanged(wasCanonical: boolean): void {
    if (wasCanonical === this.isCanonical) return;
    if (wasCanonical) {
      this.lines = [];
      for (const byte of this.editing) this.ready.push(byte);
      this.editing = [];
    } else {
      this.lines = this.ready.length > 0 ? [this.ready.length] : [];
    }
  }

  /** One byte from the person's side. */
  receive(raw: number): void {
    const { iflag, lflag } = this.termios;
    let byte = iflag & ISTRIP ? raw & 0x7f : raw;
    if (iflag & IUCLC && lflag & IEXTEN && byte >= 0x41 && byte <= 0x5a) byte += 0x20;
    if (lflag & EXTPROC) {
      this.store(byte);
      return;
    }
    if (this.literalNext) {
      this.literalNext = false;
      this.store(byte);
      return;
    }
    if (iflag & IXON && this.flowControl(byte)) return;
    if (lflag & ISIG && this.signalKey(byte)) return;
    if (byte === RETURN) {
      if (iflag & IGNCR) return;
      if (iflag & ICRNL) byte = NEWLINE;
    } else if (byte === NEWLINE && iflag & INLCR) byte = RETURN;
    if (lflag & ICANON && this.editKey(byte)) return;
    this.store(byte);
  }

  private is(byte: number, key: number): boolean {
    const value = this.termios.cc[key]!;
    return value !== DISABLED && byte === value;
  }

  private flowControl(byte: number): boolean {
    if (this.is(byte, VSTART)) {
      this.host.setStopped(false);
      return true;
    }
    if (this.is(byte, VSTOP)) {
      this.host.setStopped(true);
      return true;
    }
    if (this.host.stopped && this.termios.iflag & IXANY) this.host.setStopped(false);
    return false;
  }

  private signalKey(byte: number): boolean {
    const signal = this.is(byte, VINTR) ? SIGINT : this.is(byte, VQUIT) ? SIGQUIT : this.is(byte, VSUSP) ? SIGTSTP : 0;
    if (signal === 0) return false;
    if (!(this.termios.lflag & NOFLSH)) {
      this.flushInput();
      this.host.inputFlushed();
      this.host.discardOutput();
    }
    this.host.setStopped(false);
    if (this.termios.lflag & ECHO) this.echo(byte);
    this.host.signal(signal);
    return true;
  }

  /** Keys of canonical mode. True: dealt with. */
  private editKey(byte: number): boolean {
    const { lflag } = this.termios;
    const extended = (lflag & IEXTEN) !== 0;
    if (this.is(byte, VERASE)) this.eraseCharacter();
    else if (this.is(byte, VKILL)) this.eraseLine();
    else if (extended && this.is(byte, VWERASE)) this.eraseWord();
    else if (extended && this.is(byte, VLNEXT)) {
      this.literalNext = true;
      if (lflag & ECHO && lflag & ECHOCTL) this.emitAll([0x5e, BACKSPACE]);
    } else if (extended && this.is(byte, VREPRINT)) this.reprint(byte);
    else if (this.is(byte, VEOF)) this.endLine();
    else if (byte === NEWLINE || this.is(byte, VEOL) || (extended && this.is(byte, VEOL2))) {
      // Without the caret: this newline ends a line. One that is data is shown as ^J.
      if (byte === NEWLINE) {
        if (lflag & (ECHO | ECHONL)) this.processOutput(NEWLINE);
      } else if (lflag & ECHO) this.echo(byte);
      this.editing.push(byte);
      this.endLine();
    } else return false;
    return true;
  }

  /** The edited line becomes readable. */
  private endLine(): void {
    for (const byte of this.editing) this.ready.push(byte);
    this.lines.push(this.editing.length);
    this.editing = [];
  }

  private store(byte: number): void {
    const { lflag, iflag } = this.termios;
    const marked = byte === MARK && (iflag & PARMRK) !== 0;
    if (this.isCanonical) {
      // One byte stays free for the end of the line.
      if (this.editing.length + this.ready.length >= INPUT_BYTES - 1) {
        if (iflag & IMAXBEL) this.host.emit(BELL);
        return;
      }
      if (this.editing.length === 0) this.startColumn = this.column;
      this.editing.push(byte);
      if (marked) this.editing.push(byte);
    } else {
      if (!this.ready.push(byte)) return;
      if (marked) this.ready.push(byte);
    }
    if (!(lflag & ECHO)) return;
    this.finishErasing();
    this.echo(byte);
  }

  // Erasing.

  private eraseCharacter(): void {
    if (this.editing.length === 0) return;
    const removed: number[] = [this.editing.pop()!];
    const utf8 = (this.termios.iflag & IUTF8) !== 0;
    while (utf8 && (removed[0]! & 0xc0) === 0x80 && this.editing.length > 0) removed.unshift(this.editing.pop()!);
    this.echoErase(removed);
  }

  private eraseWord(): void {
    const isWord = (byte: number): boolean => byte > 0x7f || /[A-Za-z0-9_]/.test(String.fromCharCode(byte));
    while (this.editing.length > 0 && !isWord(this.editing.at(-1)!)) this.eraseCharacter();
    while (this.editing.length > 0 && isWord(this.editing.at(-1)!)) this.eraseCharacter();
  }

  private eraseLine(): void {
    const { lflag } = this.termios;
    if (lflag & ECHOKE && lflag & ECHOK && lflag & ECHOE) {
      while (this.editing.length > 0) this.eraseCharacter();
      return;
    }
    this.editing = [];
    if (lflag & ECHO) this.echo(this.termios.cc[VKILL]!);
    if (lflag & ECHO && lflag & ECHOK) this.processOutput(NEWLINE);
  }

  private finishErasing(): void {
    if (!this.erasing) return;
    this.erasing = false;
    this.processOutput(SLASH);
  }

  private echoErase(removed: readonly number[]): void {
    const { lflag } = this.termios;
    const byte = removed[0]!;
    if (!(lflag & ECHO)) return;
    if (lflag & ECHOPRT) {
      if (!this.erasing) this.processOutput(BACKSLASH);
      this.erasing = true;
      for (const part of removed) this.echo(part);
      return;
    }
    if (!(lflag & ECHOE)) {
      this.echo(this.termios.cc[VERASE]!);
      return;
    }
    for (let width = this.widthOf(byte); width > 0; width--) {
      this.emitAll([BACKSPACE, BLANK, BACKSPACE]);
      if (this.column > 0) this.column--;
    }
  }

  private widthOf(byte: number): number {
    if (byte === TAB) {
      let column = this.startColumn;
      for (const earlier of this.editing) column += earlier === TAB ? 8 - (column % 8) : this.widthOf(earlier);
      return 8 - (column % 8);
    }
    if (byte < 32 || byte === 127) return this.termios.lflag & ECHOCTL ? 2 : 0;
    return (byte & 0xc0) === 0x80 ? 0 : 1;
  }

  private reprint(byte: number): void {
    this.finishErasing();
    if (this.termios.lflag & ECHO) this.echo(byte);
    this.processOutput(NEWLINE);
    for (const earlier of this.editing) this.echo(earlier);
  }

  private echo(byte: number): void {
    const control = byte < 32 || byte === 127;
    if (control && this.termios.lflag & ECHOCTL && byte !== TAB) {
      this.emitAll([0x5e, byte ^ 0x40]);
      this.column += 2;
      return;
    }
    this.processOutput(byte);
  }

  private emitAll(bytes: readonly number[]): void {
    for (const byte of bytes) this.host.emit(byte);
  }

  /** Room that one byte of output may need. */
  static readonly MAX_EXPANSION = 8;

  /** One byte from the program's side, or an echo. */
  processOutput(byte: number): void {
    const { oflag } = this.termios;
    if (!(oflag & OPOST)) {
      this.host.emit(byte);
      return;
    }
    switch (byte) {
      case NEWLINE:
        if (oflag & ONLRET) this.column = 0;
        if (oflag & ONLCR) {
          this.column = 0;
          this.host.emit(RETURN);
        }
        this.host.emit(NEWLINE);
        return;
      case RETURN:
        if (oflag & ONOCR && this.column === 0) return;
        if (oflag & OCRNL) {
          this.host.emit(NEWLINE);
          if (oflag & ONLRET) this.column = 0;
          return;
        }
        this.column = 0;
        this.host.emit(RETURN);
        return;
      case TAB:
        this.tab();
        return;
      case BACKSPACE:
        if (this.column > 0) this.column--;
        this.host.emit(BACKSPACE);
        return;
      default:
        if (byte >= 32 && (byte & 0xc0) !== 0x80) this.column++;
        this.host.emit(oflag & OLCUC && byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte);
    }
  }

  private tab(): void {
    const spaces = 8 - (this.column % 8);
    this.column += spaces;
    if ((this.termios.oflag & TABDLY) !== XTABS) {
      this.host.emit(TAB);
      return;
    }
    for (let i = 0; i < spaces; i++) this.host.emit(BLANK);
  }
}
