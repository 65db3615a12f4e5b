/**
 * How long an x86-64 instruction is (Intel SDM vol. 2, chapter 2 and appendix A): prefixes, opcode, ModRM, SIB, displacement,
 * immediate. Nothing is said of what it does. Left out, and answered as unknown: XOP, 3DNow!, APX, and the few opcodes whose length
 * differs between processors.
 */

/** No processor executes these bytes. */
export const NO_INSTRUCTION = 0;
/** Left out, or the bytes end before it does. */
export const UNKNOWN_LENGTH = -1;

const LONGEST = 15;

// What follows an opcode: ModRM or not, and how many bytes of immediate.
const MODRM = 0x10;
const IMM_BYTES = 0x0f;
/** Immediates of 4 bytes, or 2 with an operand-size prefix; of 8 with REX.W too; an address. */
const IMM_Z = 0x20;
const IMM_V = 0x40;
const ADDRESS = 0x80;
const NONE = 0x100;
const UNKNOWN = 0x200;

const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;
const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, OPERAND_SIZE, ADDRESS_SIZE, 0xf0, 0xf2, 0xf3];
const REX_W = 8;

const isPrefix = new Uint8Array(256);
for (const prefix of PREFIXES) isPrefix[prefix] = 1;

/** One-byte opcodes. */
const ONE = table(0, [
  [0x40, 0x4f, NONE], // REX in front of REX
  [0x63, 0x63, MODRM],
  [0x68, 0x68, IMM_Z],
  [0x69, 0x69, MODRM | IMM_Z],
  [0x6a, 0x6a, 1],
  [0x6b, 0x6b, MODRM | 1],
  [0x60, 0x62, NONE], // 62 is EVEX, looked at before
  [0x70, 0x7f, 1],
  [0x80, 0x80, MODRM | 1],
  [0x81, 0x81, MODRM | IMM_Z],
  [0x82, 0x82, NONE],
  [0x83, 0x83, MODRM | 1],
  [0x84, 0x8e, MODRM],
  [0x8f, 0x8f, UNKNOWN], // pop, or XOP
  [0x9a, 0x9a, NONE],
  [0xa0, 0xa3, ADDRESS],
  [0xa8, 0xa8, 1],
  [0xa9, 0xa9, IMM_Z],
  [0xb0, 0xb7, 1],
  [0xb8, 0xbf, IMM_V],
  [0xc0, 0xc1, MODRM | 1],
  [0xc2, 0xc2, 2],
  [0xc6, 0xc6, MODRM | 1],
  [0xc7, 0xc7, MODRM | IMM_Z],
  [0xc8, 0xc8, 3],
  [0xca, 0xca, 2],
  [0xcd, 0xcd, 1],
  [0xce, 0xce, NONE],
  [0xd0, 0xd3, MODRM],
  [0xd4, 0xd4, NONE],
  [0xd5, 0xd6, UNKNOWN], // REX2
  [0xd8, 0xdf, MODRM],
  [0xe0, 0xe7, 1],
  [0xe8, 0xe9, 4],
  [0xea, 0xea, NONE],
  [0xeb, 0xeb, 1],
  [0xf6, 0xf7, MODRM], // test has an immediate: see below
  [0xfe, 0xff, MODRM],
]);
for (let group = 0; group < 0x40; group += 8) {
  ONE.fill(MODRM, group, group + 4);
  ONE[group + 4] = 1;
  ONE[group + 5] = IMM_Z;
  ONE[group + 6] = NONE;
  ONE[group + 7] = NONE;
}

/** Opcodes behind 0f. */
const TWO = table(MODRM, [
  [0x04, 0x04, UNKNOWN],
  [0x05, 0x09, 0],
  [0x0a, 0x0a, UNKNOWN],
  [0x0b, 0x0b, 0],
  [0x0c, 0x0c, UNKNOWN],
  [0x0e, 0x0e, 0],
  [0x0f, 0x0f, UNKNOWN],
  [0x20, 0x27, UNKNOWN],
  [0x30, 0x37, 0],
  [0x38, 0x3f, UNKNOWN], // 38 and 3a: looked at before
  [0x70, 0x73, MODRM | 1],
  [0x77, 0x77, 0],
  [0x78, 0x79, UNKNOWN],
  [0x80, 0x8f, 4],
  [0xa0, 0xa2, 0],
  [0xa4, 0xa4, MODRM | 1],
  [0xa6, 0xa7, UNKNOWN],
  [0xa8, 0xaa, 0],
  [0xac, 0xac, MODRM | 1],
  [0xba, 0xba, MODRM | 1],
  [0xc2, 0xc2, MODRM | 1],
  [0xc4, 0xc6, MODRM | 1],
  [0xc8, 0xcf, 0],
  [0xff, 0xff, UNKNOWN],
]);

function table(otherwise: number, ranges: readonly (readonly [number, number, number])[]): Uint16Array {
  const made = new Uint16Array(256).fill(otherwise);
  for (const [first, last, what] of ranges) made.fill(what, first, last + 1);
  return made;
}

/** Length in bytes of the instruction that begins at byte `start`, or NO_INSTRUCTION, or UNKNOWN_LENGTH. */
export function instructionLength(code: Uint8Array, start: number): number {
  let at = start;
  let hasOperandSize = false;
  let hasAddressSize = false;
  for (; at < code.length && isPrefix[code[at]!] === 1; at++) {
    if (code[at] === OPERAND_SIZE) hasOperandSize = true;
    if (code[at] === ADDRESS_SIZE) hasAddressSize = true;
  }
  if (at + 1 >= code.length) return UNKNOWN_LENGTH;
  const rex = (code[at]! & 0xf0) === 0x40 ? code[at++]! : 0;
  const opcode = code[at++]!;
  let what: number;
  if (opcode === 0x0f) {
    const second = code[at++] ?? 0;
    if (second === 0x38 || second === 0x3a) at++;
    what = second === 0x38 ? MODRM : second === 0x3a ? MODRM | 1 : TWO[second]!;
  } else if (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62) {
    what = vector(code, at, opcode);
    at += opcode === 0x62 ? 4 : opcode === 0xc4 ? 3 : 2;
  } else {
    what = ONE[opcode]!;
    // A near call or jump with an operand size: two bytes for AMD, four for Intel.
    if (hasOperandSize && (opcode === 0xe8 || opcode === 0xe9)) what = UNKNOWN;
    if ((opcode === 0xf6 || opcode === 0xf7) && ((code[at] ?? 0) & 0x30) === 0) what |= opcode === 0xf6 ? 1 : IMM_Z;
  }
  if (what === NONE) return NO_INSTRUCTION;
  if (what === UNKNOWN) return UNKNOWN_LENGTH;
  if ((what & MODRM) !== 0) at += modrmLength(code, at);
  at += immediateLength(what, hasOperandSize, (rex & REX_W) !== 0, hasAddressSize);
  if (at > code.length) return UNKNOWN_LENGTH;
  return at - start > LONGEST ? NO_INSTRUCTION : at - start;
}

/** VEX and EVEX: the map of opcodes is in the byte behind the prefix. */
function vector(code: Uint8Array, at: number, prefix: number): number {
  const map = prefix === 0xc5 ? 1 : (code[at] ?? 0) & (prefix === 0xc4 ? 0x1f : 0x0f);
  const opcode = code[at + (prefix === 0x62 ? 3 : prefix === 0xc4 ? 2 : 1)] ?? 0;
  if (map === 1) return opcode === 0x77 && prefix !== 0x62 ? 0 : TWO[opcode] === 4 || TWO[opcode] === 0 ? UNKNOWN : TWO[opcode]!;
  if (map === 2) return MODRM;
  if (map === 3) return MODRM | 1;
  return UNKNOWN;
}

/** ModRM with its SIB and displacement. */
function modrmLength(code: Uint8Array, at: number): number {
  const modrm = code[at] ?? 0;
  const mod = modrm >> 6;
  if (mod === 3) return 1;
  const hasSib = (modrm & 7) === 4;
  const base = hasSib ? (code[at + 1] ?? 0) & 7 : modrm & 7;
  const displacement = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
  return 1 + (hasSib ? 1 : 0) + displacement;
}

function immediateLength(what: number, hasOperandSize: boolean, isWide: boolean, hasAddressSize: boolean): number {
  if ((what & ADDRESS) !== 0) return hasAddressSize ? 4 : 8;
  if ((what & IMM_V) !== 0 && isWide) return 8;
  if ((what & (IMM_V | IMM_Z)) !== 0) return hasOperandSize && !isWide ? 2 : 4;
  return what & IMM_BYTES;
}
