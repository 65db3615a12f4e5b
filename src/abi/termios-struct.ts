/** struct termios as the terminal ioctls have it (Linux: include/uapi/asm-generic/termbits.h), and struct winsize. */
import { bytes, struct, u16, u32, u8, type StructOf } from '../base/struct.js';

export const TERMIOS = struct('termios', { iflag: u32, oflag: u32, cflag: u32, lflag: u32, line: u8, cc: bytes(19) }, 36);
export type Termios = StructOf<typeof TERMIOS>;

/** The termio of System V, the low half of each word: TCGETA, TCSETA. */
export const TERMIO = struct('termio', { iflag: u16, oflag: u16, cflag: u16, lflag: u16, line: u8, cc: bytes(8) }, 18);

export const TERMIOS2 = struct(
  'termios2',
  { iflag: u32, oflag: u32, cflag: u32, lflag: u32, line: u8, cc: bytes(19), ispeed: u32, ospeed: u32 },
  44,
);

export const WINSIZE = struct('winsize', { row: u16, col: u16, xpixel: u16, ypixel: u16 }, 8);
export type Winsize = StructOf<typeof WINSIZE>;

export const TCGETS2 = 0x802c542a;
export const TCSETS2 = 0x402c542b;
export const TCSETSW2 = 0x402c542c;
export const TCSETSF2 = 0x402c542d;
