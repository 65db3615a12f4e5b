/**
 * Static ELF executables from machine code (elf(5)): one loadable segment that holds headers and code, and a PT_GNU_STACK that
 * asks for a stack without execute permission. No sections, no symbols, no dynamic linking.
 */
import { assert } from '../base/assert.js';

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;

/** Where code begins behind the headers, in the file and relative to `base`. */
const ELF_CODE_OFFSET = EHDR_SIZE + 2 * PHDR_SIZE;

/** The image of an executable for `base` (a page boundary) that begins at byte `entry` of `code`. */
export function staticElf(code: Uint8Array, base: number, entry = 0): Uint8Array {
  assert(base % 4096 === 0, 'ELF base must be on a page boundary');
  const image = new Uint8Array(ELF_CODE_OFFSET + code.length);
  const view = new DataView(image.buffer);
  const u64 = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64-bit, little-endian, version 1
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  u64(24, base + ELF_CODE_OFFSET + entry);
  u64(32, EHDR_SIZE); // e_phoff
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(54, PHDR_SIZE, true);
  view.setUint16(56, 2, true); // e_phnum
  view.setUint16(58, 64, true); // e_shentsize
  programHeader(view, EHDR_SIZE, PT_LOAD, PF_R | PF_X, base, image.length);
  programHeader(view, EHDR_SIZE + PHDR_SIZE, PT_GNU_STACK, PF_R | PF_W, 0, 0);
  image.set(code, ELF_CODE_OFFSET);
  return image;
}

function programHeader(view: DataView, offset: number, type: number, flags: number, address: number, size: number): void {
  view.setUint32(offset, type, true);
  view.setUint32(offset + 4, flags, true);
  view.setBigUint64(offset + 16, BigInt(address), true); // p_vaddr
  view.setBigUint64(offset + 24, BigInt(address), true); // p_paddr
  view.setBigUint64(offset + 32, BigInt(size), true); // p_filesz
  view.setBigUint64(offset + 40, BigInt(size), true); // p_memsz
  view.setBigUint64(offset + 48, 4096n, true); // p_align
}
