/**
 * The mode of the host's terminal: termios(3). Node's own raw mode leaves output processing on (ONLCR), which a guest's terminal
 * has done already; and a full-screen program's line feeds must arrive as they are.
 */
import { isErr, type Errno, type HostFd } from '../base/brands.js';
import { bind } from './libc.js';

const tcgetattrCall = bind('tcgetattr', 'int', ['int', 'void*']);
const tcsetattrCall = bind('tcsetattr', 'int', ['int', 'int', 'void*']);

/** Larger than libc's struct termios (60 bytes). */
const TERMIOS_BYTES = 128;
const TCSADRAIN = 1;
// Offsets in struct termios, and what cfmakeraw(3) changes.
const IFLAG = 0;
const OFLAG = 4;
const CFLAG = 8;
const LFLAG = 12;
const CC_VTIME = 17 + 5;
const CC_VMIN = 17 + 6;
const RAW_IFLAG_OFF = 0o2753; // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
const OPOST = 0o1;
const RAW_LFLAG_OFF = 0o100113; // ISIG ICANON ECHO ECHONL IEXTEN
const CSIZE_PARENB = 0o460;
const CS8 = 0o60;

/** The terminal's mode as bytes, for `setTerminalMode`. */
export function terminalMode(fd: HostFd): Uint8Array | Errno {
  const mode = new Uint8Array(TERMIOS_BYTES);
  const got = tcgetattrCall(fd, mode);
  return isErr(got) ? got : mode;
}

export function setTerminalMode(fd: HostFd, mode: Uint8Array): 0 | Errno {
  return tcsetattrCall(fd, TCSADRAIN, mode) as 0 | Errno;
}

/** The same mode, raw in both directions: cfmakeraw(3). */
export function rawMode(mode: Uint8Array): Uint8Array {
  const raw = mode.slice();
  const view = new DataView(raw.buffer);
  const clear = (offset: number, bits: number): void => view.setUint32(offset, view.getUint32(offset, true) & ~bits, true);
  clear(IFLAG, RAW_IFLAG_OFF);
  clear(OFLAG, OPOST);
  clear(LFLAG, RAW_LFLAG_OFF);
  clear(CFLAG, CSIZE_PARENB);
  view.setUint32(CFLAG, view.getUint32(CFLAG, true) | CS8, true);
  raw[CC_VMIN] = 1;
  raw[CC_VTIME] = 0;
  return raw;
}
