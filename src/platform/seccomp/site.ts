/**
 * Which bytes of program text are a system call site that can be patched, and what they become.
 *
 *   mov $nr, %eax; syscall             b8 imm32 0f 05               glibc, musl: most of their calls
 *   mov $nr, %rax; syscall             48 c7 c0 imm32 0f 05         hand-written code
 *   mov 8(%rsp), %r9; syscall          4c 8b 4c 24 08 0f 05         glibc's syscall(3): the number is in rax already
 *   xor %eax, %eax; syscall; cmp $-4096, %rax    31 c0 0f 05 48 3d 00 f0 ff ff    read(2) in glibc
 *
 * All become `jmp *slot` (ff 24 25 disp32). In the 7-byte forms the system call instruction is where the address' upper half is:
 * slots lie at 0x60000-0x6ffff, so it reads `06 00`, which does not decode. Whoever jumps there gets a SIGILL that the platform
 * takes for the call. In the 9-byte form the instruction itself is left alone.
 *
 * `read` is short, and its jump reaches into the comparison that follows; the code it jumps to makes that too. Threads may be at the
 * system call or, when they wait in it, behind it. Its slots are at addresses for which both places trap with nothing lost: at the
 * system call `and $slot, %eax` leaves every number of a call as it is, and what is left of the comparison does not decode; behind
 * it is the address' second byte, one of those that are no instruction. The platform makes the call or the comparison then. There
 * are few such addresses, which go to the first sites that are hot.
 *
 * Only sites that trapped are looked at: the call ended at `end`, so there is an instruction boundary before `0f 05`, and rax
 * held the number that the bytes before would have loaded. What is left to exclude is that those bytes are the tail of a longer
 * instruction, and rax had that value by another way: an instruction whose last five bytes are `b8 imm32`. `endsLonger` refuses
 * whatever could begin one. Accesses with rax as their base need no thought: at a number below 65536 there is nothing to access.
 * What it refuses gets a second look (`isReached`): decoded from any byte some way before, the code comes to an instruction at the
 * b8. The true instructions are among those readings, whichever they are; where any of them jumps over the place, or cannot be
 * decoded, the site is refused and traps as before.
 */
import { instructionLength, NO_INSTRUCTION, UNKNOWN_LENGTH } from '../../asm/instruction-length.js';

export interface Site {
  /** Offset of its first byte in the page. */
  readonly start: number;
  /** The system call's number; -1: in rax. */
  readonly nr: number;
  /** The read form, whose jump makes the comparison behind the call too. */
  readonly compares: boolean;
}

/** Bytes of the jump. */
export const JUMP_BYTES = 7;
const SYSCALL_0 = 0x0f;
const SYSCALL_1 = 0x05;
/** More is no number of a call. */
const MAX_NUMBER = 0xffff;
/** Of the read form: the xor, the comparison, and what the comparison adds to the length. */
const XOR = [0x31, 0xc0];
const COMPARE = [0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff];
export const COMPARE_BYTES = 6;
const SYSCALL_FUNCTION = [0x4c, 0x8b, 0x4c, 0x24, 0x08];
/** How far before a site decoding begins, and from how many bytes: no instruction is longer. */
const READ_BEHIND = 56;
const READINGS = 15;
/** Longest beginning of an instruction that `endsLonger` looks at. */
const LOOK_BEHIND = 6;

/** The site whose system call instruction ends at byte `end` of a page, made with `nr`. Sites across pages are left alone. */
export function recognizeSite(page: Uint8Array, end: number, nr: number): Site | undefined {
  const call = end - 2;
  if (call < LOOK_BEHIND || page[call] !== SYSCALL_0 || page[call + 1] !== SYSCALL_1) return undefined;
  if (isAt(page, call - 5, SYSCALL_FUNCTION)) return { start: call - 5, nr: -1, compares: false };
  if (nr === 0 && isAt(page, call - 2, XOR)) {
    const isRead = isAt(page, end, COMPARE) && !isPrefix(page[call - 3]!);
    return isRead ? { start: call - 2, nr, compares: true } : undefined;
  }
  if (nr < 0 || nr > MAX_NUMBER || immediateBefore(page, call) !== nr) return undefined;
  const start = call - 5;
  if (page[start] === 0xb8) return endsLonger(page, start) && !isReached(page, start) ? undefined : { start, nr, compares: false };
  if (call >= 7 && page[start] === 0xc0 && page[start - 1] === 0xc7 && page[start - 2] === 0x48)
    return { start: call - 7, nr, compares: false };
  return undefined;
}

function isAt(page: Uint8Array, start: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => page[start + i] === byte);
}

function immediateBefore(page: Uint8Array, at: number): number {
  return page[at - 4]! + page[at - 3]! * 0x100 + page[at - 2]! * 0x10000 + page[at - 1]! * 0x1000000;
}

/** True when an instruction that began before `at` could end with the `b8` there and the four bytes behind it. */
function endsLonger(page: Uint8Array, at: number): boolean {
  if (at < LOOK_BEHIND) return true;
  const b1 = page[at - 1]!;
  const b2 = page[at - 2]!;
  const b3 = page[at - 3]!;
  if (isPrefix(b1)) return true;
  // b8 as ModRM with a 32-bit displacement: lea and hints do not access it; with REX.B or VEX the base is not rax.
  if (b1 === 0x8d || (b2 === 0x0f && b1 >= 0x0d && b1 <= 0x1f)) return true;
  if (hasHighBase(b2) || (b2 === 0x0f && hasHighBase(b3)) || isVector(b3) || isVector(page[at - 4]!) || isVector(page[at - 5]!))
    return true;
  // b8 as SIB before a 32-bit displacement.
  if ((b1 & 0xc7) === 0x84) return true;
  // b8 as the last byte of an address, before a 32-bit immediate: [opcode, ModRM, SIB].
  if (takesImmediate(b2) && ((b1 & 0xc7) === 0x04 || ((b1 & 0xc0) === 0x40 && (b1 & 7) !== 4))) return true;
  if (takesImmediate(b3) && (b2 & 0xc7) === 0x44) return true;
  if (takesImmediate(page[at - 5]!) && hasFarAddress(page[at - 4]!)) return true;
  if (takesImmediate(page[at - 6]!) && (page[at - 5]! & 0xc7) === 0x84) return true;
  // b8 as the fourth byte of a 64-bit immediate or address.
  return (page[at - 5]! & 0xf8) === 0x48 && ((page[at - 4]! & 0xf8) === 0xb8 || (page[at - 4]! & 0xfc) === 0xa0);
}

/** True when all readings of the bytes before `at` have an instruction there. */
function isReached(page: Uint8Array, at: number): boolean {
  const first = at - READ_BEHIND;
  if (first < 0) return false;
  let reached = 0;
  for (let begin = first; begin < first + READINGS; begin++) {
    let place = begin;
    while (place < at) {
      const length = instructionLength(page, place);
      if (length === UNKNOWN_LENGTH) return false;
      if (length === NO_INSTRUCTION) break; // not how the processor reads them
      place += length;
    }
    if (place > at) return false;
    if (place === at) reached++;
  }
  return reached > 0;
}

/** REX, operand and address size, segments, lock, rep. */
function isPrefix(byte: number): boolean {
  return (
    (byte & 0xf0) === 0x40 || (byte >= 0x64 && byte <= 0x67) || (byte & 0xe7) === 0x26 || byte === 0xf0 || byte === 0xf2 || byte === 0xf3
  );
}

/** REX with B. */
function hasHighBase(byte: number): boolean {
  return (byte & 0xf1) === 0x41;
}

/** VEX, EVEX. */
function isVector(byte: number): boolean {
  return byte === 0xc4 || byte === 0xc5 || byte === 0x62;
}

/** Opcodes with ModRM and a 32-bit immediate. */
function takesImmediate(opcode: number): boolean {
  return opcode === 0x81 || opcode === 0xc7 || opcode === 0x69 || opcode === 0xf7;
}

/** ModRM with a 32-bit displacement and no SIB. */
function hasFarAddress(modrm: number): boolean {
  return ((modrm & 0xc0) === 0x80 && (modrm & 7) !== 4) || (modrm & 0xc7) === 5;
}

/** Puts the jump in its place. `slot`: address of the pointer that it jumps through. */
export function writeJump(page: Uint8Array, site: Site, slot: number): void {
  page.set([0xff, 0x24, 0x25, slot & 0xff, (slot >>> 8) & 0xff, (slot >>> 16) & 0xff, slot >>> 24], site.start);
}
