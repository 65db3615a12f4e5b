/** ioctls of a terminal (tty_ioctl(2); Linux: drivers/tty/tty_io.c, tty_ioctl.c, tty_jobctrl.c). */
import { isErr, type Errno } from '../../base/brands.js';
import type { StructType } from '../../base/struct.js';
import { sleepOn, type Blocking } from '../../base/blocking.js';
import { EINVAL, EIO, ENOTTY, EPERM, ESRCH } from '../../abi/errno.js';
import {
  FIONREAD,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETSF,
  TCSETSW,
  TCXONC,
  TIOCCBRK,
  TIOCEXCL,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGSOFTCAR,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSBRK,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSPGRP,
  TIOCSSOFTCAR,
  TIOCSTI,
  TIOCSWINSZ,
} from '../../abi/ioctls.js';
import { CLOCAL, TCIFLUSH, TCIOFF, TCIOFLUSH, TCION, TCOFLUSH, TCOOFF, TCOON, VSTART, VSTOP } from '../../abi/termios.js';
import { TCGETS2, TCSETS2, TCSETSF2, TCSETSW2, TERMIO, TERMIOS, TERMIOS2, WINSIZE, type Termios } from '../../abi/termios-struct.js';
import { SIGCONT, SIGHUP } from '../../abi/signal.js';
import { terminalOf } from '../../kernel/job-control.js';
import { kernelInfo } from '../../kernel/signals/signal-info.js';
import { sendToProcessGroup } from '../../kernel/signals/send.js';
import { globalPid, pidFor } from '../../kernel/pid-namespace.js';
import type { ThreadGroup } from '../../kernel/thread-group.js';
import type { Task } from '../../kernel/task.js';
import { hasCapability } from '../../vfs/credentials.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import type { IoctlCaller } from '../../vfs/open-file.js';
import { checkChange } from './tty-job-control.js';
import { WRITE_EVENTS, type Tty } from './tty.js';

const SPEED_38400 = 38400;
/** Control characters of the old termio. */
const TERMIO_CC = 8;

export function readStruct<T>(caller: IoctlCaller, at: number, type: StructType<T>): T | Errno {
  const bytes = new Uint8Array(type.size);
  const copied = caller.copyIn(at, bytes);
  return isErr(copied) ? copied : type.read(new DataView(bytes.buffer), 0);
}

export function writeStruct<T>(caller: IoctlCaller, at: number, type: StructType<T>, value: T): 0 | Errno {
  const bytes = new Uint8Array(type.size);
  type.write(new DataView(bytes.buffer), 0, value);
  return caller.copyOut(at, bytes);
}

export function writeInt(caller: IoctlCaller, at: number, value: number): 0 | Errno {
  return caller.copyOut(at, new Uint8Array(Int32Array.of(value).buffer));
}

export function readInt(caller: IoctlCaller, at: number, store: (value: number) => 0 | Errno): 0 | Errno {
  const word = new Int32Array(1);
  const copied = caller.copyIn(at, new Uint8Array(word.buffer));
  return isErr(copied) ? copied : store(word[0]!);
}

/** ioctls that work on either side. `fromMaster`: job control does not bind the master. */
export function ttyIoctl(
  tty: Tty,
  task: Task,
  caller: IoctlCaller,
  request: number,
  argument: number,
  fromMaster: boolean,
): number | Errno | Blocking<number | Errno> {
  switch (request) {
    case TCGETS:
      return writeStruct(caller, argument, TERMIOS, tty.termios);
    case TCGETA:
      return writeStruct(caller, argument, TERMIO, { ...tty.termios, cc: tty.termios.cc.subarray(0, TERMIO_CC) });
    case TCGETS2:
      return writeStruct(caller, argument, TERMIOS2, { ...tty.termios, ispeed: SPEED_38400, ospeed: SPEED_38400 });
    case TIOCGWINSZ:
      return writeStruct(caller, argument, WINSIZE, tty.winsize);
    case TIOCSWINSZ: {
      const size = readStruct(caller, argument, WINSIZE);
      if (isErr(size)) return size;
      tty.resize(size);
      return 0;
    }
    case TIOCOUTQ:
      return writeInt(caller, argument, fromMaster ? 0 : tty.output.length);
    case FIONREAD:
      return writeInt(caller, argument, fromMaster ? tty.output.length : tty.discipline.readableBytes);
    case TIOCGETD:
      return writeInt(caller, argument, 0);
    case TIOCSETD:
      return readInt(caller, argument, (discipline) => (discipline === 0 ? 0 : EINVAL));
    case TIOCEXCL:
    case TIOCNXCL:
      tty.exclusive = request === TIOCEXCL;
      return 0;
    case TIOCGEXCL:
      return writeInt(caller, argument, tty.exclusive ? 1 : 0);
    case TIOCSBRK:
    case TIOCCBRK:
      return 0;
    case TIOCSTI:
      return EIO;
    case TIOCGDEV:
      return writeInt(caller, argument, tty.device);
    case TIOCGSOFTCAR:
      return writeInt(caller, argument, (tty.termios.cflag & CLOCAL) !== 0 ? 1 : 0);
    case TIOCSSOFTCAR:
      return readInt(caller, argument, (on) => {
        tty.termios.cflag = on !== 0 ? tty.termios.cflag | CLOCAL : tty.termios.cflag & ~CLOCAL;
        return 0;
      });
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
    case TIOCSCTTY:
    case TIOCNOTTY:
      return sessionIoctl(tty, task, caller, request, argument, fromMaster);
    default:
      return changeIoctl(tty, task, caller, request, argument, fromMaster);
  }
}

/** Changes that a background process must not make. */
function changeIoctl(
  tty: Tty,
  task: Task,
  caller: IoctlCaller,
  request: number,
  argument: number,
  fromMaster: boolean,
): number | Errno | Blocking<number | Errno> {
  const setter = SETTERS.get(request);
  if (setter === undefined && request !== TCFLSH && request !== TCXONC && request !== TCSBRK && request !== TCSBRKP) return ENOTTY;
  if (!fromMaster) {
    const allowed = checkChange(task, tty);
    if (isErr(allowed)) return allowed;
  }
  if (setter) return setTermios(tty, caller, argument, setter);
  switch (request) {
    case TCFLSH:
      return flush(tty, argument, fromMaster);
    case TCXONC:
      return control(tty, argument);
    default:
      return drain(tty);
  }
}

interface Setter {
  readonly type: StructType<Termios>;
  readonly waits: boolean;
  readonly flushes: boolean;
}

const SETTERS: ReadonlyMap<number, Setter> = new Map<number, Setter>([
  [TCSETA, { type: TERMIO, waits: false, flushes: false }],
  [TCSETAW, { type: TERMIO, waits: true, flushes: false }],
  [TCSETAF, { type: TERMIO, waits: true, flushes: true }],
  [TCSETS, { type: TERMIOS, waits: false, flushes: false }],
  [TCSETSW, { type: TERMIOS, waits: true, flushes: false }],
  [TCSETSF, { type: TERMIOS, waits: true, flushes: true }],
  [TCSETS2, { type: TERMIOS2, waits: false, flushes: false }],
  [TCSETSW2, { type: TERMIOS2, waits: true, flushes: false }],
  [TCSETSF2, { type: TERMIOS2, waits: true, flushes: true }],
]);

function setTermios(tty: Tty, caller: IoctlCaller, at: number, setter: Setter): 0 | Errno {
  const next = readStruct(caller, at, setter.type);
  if (isErr(next)) return next;
  if (setter.flushes) tty.flushInput();
  // Output of a pty is with the master at once, so there is nothing to wait for.
  const { iflag, oflag, cflag, lflag, line, cc } = next;
  tty.setTermios(setter.type === TERMIO ? withLowHalves(tty.termios, next) : { iflag, oflag, cflag, lflag, line, cc });
  return 0;
}

/** What a termio does not hold stays. */
function withLowHalves(now: Termios, next: Termios): Termios {
  const join = (old: number, low: number): number => ((old & ~0xffff) | low) >>> 0;
  const cc = now.cc.slice();
  cc.set(next.cc.subarray(0, TERMIO_CC));
  return {
    iflag: join(now.iflag, next.iflag),
    oflag: join(now.oflag, next.oflag),
    cflag: join(now.cflag, next.cflag),
    lflag: join(now.lflag, next.lflag),
    line: next.line,
    cc,
  };
}

function flush(tty: Tty, which: number, fromMaster: boolean): 0 | Errno {
  const input = fromMaster ? TCOFLUSH : TCIFLUSH;
  const output = fromMaster ? TCIFLUSH : TCOFLUSH;
  if (which !== TCIFLUSH && which !== TCOFLUSH && which !== TCIOFLUSH) return EINVAL;
  if (which === input || which === TCIOFLUSH) tty.flushInput();
  if (which === output || which === TCIOFLUSH) tty.discardOutput();
  return 0;
}

function control(tty: Tty, action: number): 0 | Errno {
  switch (action) {
    case TCOOFF:
      tty.setStopped(true);
      return 0;
    case TCOON:
      tty.setStopped(false);
      return 0;
    case TCIOFF:
    case TCION:
      tty.emit(tty.termios.cc[action === TCIOFF ? VSTOP : VSTART]!);
      return 0;
    default:
      return EINVAL;
  }
}

/** tcdrain(3): waits until the person's side has taken everything. */
function* drain(tty: Tty): Blocking<number | Errno> {
  while (tty.output.length > 0 && !tty.masterClosed) {
    const woken = yield* sleepOn(tty.slaveQueue, WRITE_EVENTS);
    if (isErr(woken)) return woken;
  }
  return 0;
}

function sessionIoctl(tty: Tty, task: Task, caller: IoctlCaller, request: number, argument: number, fromMaster: boolean): number | Errno {
  const { group } = task;
  const isOwn = terminalOf(group) === tty;
  switch (request) {
    case TIOCGPGRP:
      if (!isOwn && !fromMaster) return ENOTTY;
      return writeInt(caller, argument, tty.foreground ? pidFor(task, tty.foreground.id) : 0);
    case TIOCGSID:
      if ((!isOwn && !fromMaster) || !tty.session) return ENOTTY;
      return writeInt(caller, argument, pidFor(task, tty.session.id));
    case TIOCSPGRP:
      return isOwn || fromMaster ? setForeground(tty, task, caller, argument) : ENOTTY;
    case TIOCNOTTY:
      if (!isOwn) return ENOTTY;
      giveUpTerminal(tty, group);
      return 0;
    default:
      return takeTerminal(tty, task, argument);
  }
}

function setForeground(tty: Tty, task: Task, caller: IoctlCaller, argument: number): number | Errno {
  const allowed = checkChange(task, tty);
  if (isErr(allowed)) return allowed;
  return readInt(caller, argument, (id) => {
    if (id < 0) return EINVAL;
    const target = task.machine.processGroups.get(globalPid(task, id));
    if (!target) return ESRCH;
    if (target.session !== task.group.processGroup.session) return EPERM;
    tty.foreground = target;
    return 0;
  });
}

/** TIOCNOTTY: the leader takes it from the whole session; others only leave it. */
function giveUpTerminal(tty: Tty, group: ThreadGroup): void {
  if (group.processGroup.session.id !== group.pid) {
    group.withoutTerminal = true;
    return;
  }
  const { foreground } = tty;
  if (foreground) {
    sendToProcessGroup(foreground, kernelInfo(SIGHUP));
    sendToProcessGroup(foreground, kernelInfo(SIGCONT));
  }
  tty.detachSession();
}

/** TIOCSCTTY: for a session leader without a terminal; `force` steals it from another session (root). */
function takeTerminal(tty: Tty, task: Task, force: number): number | Errno {
  const { processGroup, pid } = task.group;
  const { session } = processGroup;
  if (session.terminal === tty && session.id === pid) return 0;
  if (session.id !== pid || session.terminal) return EPERM;
  if (tty.session) {
    if (force !== 1 || !hasCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
    tty.detachSession();
  }
  tty.attachSession(session, processGroup);
  task.group.withoutTerminal = false;
  return 0;
}
