/** ELF64 file header and program header (elf(5); Linux: include/uapi/linux/elf.h). */
import { bytes, struct, u16, u32, u64, type StructOf } from '../base/struct.js';

export const ELF64_EHDR = struct(
  'elf64_hdr',
  {
    ident: bytes(16),
    type: u16,
    machine: u16,
    version: u32,
    entry: u64,
    phoff: u64,
    shoff: u64,
    flags: u32,
    ehsize: u16,
    phentsize: u16,
    phnum: u16,
    shentsize: u16,
    shnum: u16,
    shstrndx: u16,
  },
  64,
);
export type Elf64Ehdr = StructOf<typeof ELF64_EHDR>;

export const ELF64_PHDR = struct(
  'elf64_phdr',
  { type: u32, flags: u32, offset: u64, vaddr: u64, paddr: u64, filesz: u64, memsz: u64, align: u64 },
  56,
);
export type Elf64Phdr = StructOf<typeof ELF64_PHDR>;
