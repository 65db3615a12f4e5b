/**
 * ELF: reading and mapping executables (Linux: fs/binfmt_elf.c; elf(5)). Everything in the file is hostile: each number is
 * checked before it is used, and nothing of the caller changes until the file has been found good.
 *
 * Left out: ELF32 (i386 guests), core dumps, NUMA notes, hardware tags of GNU_PROPERTY (shadow stacks are not offered).
 */
import { isErr, type Errno, type GuestAddr } from '../../base/brands.js';
import { PAGE_SIZE, pageDown, pageUp } from '../../base/page.js';
import {
  ELFCLASS64,
  ELFDATA2LSB,
  EM_X86_64,
  ET_DYN,
  ET_EXEC,
  PF_R,
  PF_W,
  PF_X,
  PT_GNU_STACK,
  PT_INTERP,
  PT_LOAD,
  PT_PHDR,
} from '../../abi/elf.js';
import { ELF64_EHDR, ELF64_PHDR, type Elf64Ehdr, type Elf64Phdr } from '../../abi/elf-struct.js';
import { EINVAL, EIO, ELIBBAD, ENOEXEC } from '../../abi/errno.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import type { AddressSpace, MappedFile } from '../../mm/address-space.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import type { PageCache } from '../../mm/page-cache.js';
import { TASK_SIZE } from '../../platform/platform.js';

const MAX_PROGRAM_HEADERS_BYTES = 65536;
const PATH_MAX = 4096;

export interface ElfFile {
  readonly header: Elf64Ehdr;
  readonly programHeaders: readonly Elf64Phdr[];
  /** PT_INTERP's path, when there is one. */
  readonly interpreter: string | undefined;
  readonly executableStack: boolean;
  readonly isPositionIndependent: boolean;
}

/** Reads exactly `length` bytes, or fails with `whenShort`. */
function readExactly(cache: PageCache, position: number, length: number, whenShort: Errno): Uint8Array | Errno {
  const buffer = new Uint8Array(length);
  const io = new KernelIoVec(buffer);
  while (io.remaining > 0) {
    const count = cache.read(io, position + length - io.remaining);
    if (isErr(count)) return count;
    if (count === 0) return whenShort;
  }
  return buffer;
}

/** Parses the headers. ENOEXEC: not an x86-64 ELF executable. */
export function readElf(cache: PageCache): ElfFile | Errno {
  const first = readExactly(cache, 0, ELF64_EHDR.size, ENOEXEC);
  if (isErr(first)) return first;
  const header = ELF64_EHDR.read(new DataView(first.buffer), 0);
  if (!isOurs(header)) return ENOEXEC;
  const programHeaders = readProgramHeaders(cache, header);
  if (isErr(programHeaders)) return programHeaders;
  const interpreter = readInterpreter(cache, programHeaders);
  if (isErr(interpreter)) return interpreter;
  const stack = programHeaders.find((ph) => ph.type === PT_GNU_STACK);
  return {
    header,
    programHeaders,
    interpreter,
    executableStack: stack ? (stack.flags & PF_X) !== 0 : false,
    isPositionIndependent: header.type === ET_DYN,
  };
}

function isOurs(header: Elf64Ehdr): boolean {
  const { ident } = header;
  return (
    ident[0] === 0x7f &&
    ident[1] === 0x45 &&
    ident[2] === 0x4c &&
    ident[3] === 0x46 &&
    ident[4] === ELFCLASS64 &&
    ident[5] === ELFDATA2LSB &&
    header.machine === EM_X86_64 &&
    (header.type === ET_EXEC || header.type === ET_DYN) &&
    header.phentsize === ELF64_PHDR.size
  );
}

function readProgramHeaders(cache: PageCache, header: Elf64Ehdr): Elf64Phdr[] | Errno {
  const size = header.phnum * ELF64_PHDR.size;
  if (size === 0 || size > MAX_PROGRAM_HEADERS_BYTES || header.phoff > Number.MAX_SAFE_INTEGER) return ENOEXEC;
  const table = readExactly(cache, header.phoff, size, ENOEXEC);
  if (isErr(table)) return table;
  const view = new DataView(table.buffer);
  return Array.from({ length: header.phnum }, (_, i) => ELF64_PHDR.read(view, i * ELF64_PHDR.size));
}

function readInterpreter(cache: PageCache, programHeaders: readonly Elf64Phdr[]): string | undefined | Errno {
  const entry = programHeaders.find((ph) => ph.type === PT_INTERP);
  if (!entry) return undefined;
  if (entry.filesz < 2 || entry.filesz > PATH_MAX) return ENOEXEC;
  const text = readExactly(cache, entry.offset, entry.filesz, EIO);
  if (isErr(text)) return text;
  if (text[text.length - 1] !== 0) return ENOEXEC;
  return Buffer.from(text.subarray(0, text.indexOf(0))).toString('latin1');
}

/** Where an ELF file ended up. */
export interface LoadedElf {
  /** Added to every virtual address of the file. */
  readonly bias: number;
  readonly entry: GuestAddr;
  /** Address of the program headers in memory (AT_PHDR); 0 when no segment holds them. */
  readonly headers: GuestAddr;
  readonly startCode: GuestAddr;
  readonly endCode: GuestAddr;
  readonly startData: GuestAddr;
  readonly endData: GuestAddr;
  /** End of the highest segment: where brk begins. */
  readonly end: GuestAddr;
}

/** Where to put it: `base` for position-independent files, or 0 to let the address space choose. */
export function mapElf(mm: AddressSpace, elf: ElfFile, file: MappedFile, base: GuestAddr): LoadedElf | Errno {
  const segments = elf.programHeaders.filter((ph) => ph.type === PT_LOAD && ph.memsz > 0);
  const range = checkSegments(segments);
  if (isErr(range)) return range;
  const bias = chooseBias(mm, elf, range, base);
  if (isErr(bias)) return bias;
  let startCode = Infinity;
  let endCode = 0;
  let startData = 0;
  let endData = 0;
  let end = 0;
  for (const segment of segments) {
    const mapped = mapSegment(mm, segment, file, bias, !elf.isPositionIndependent);
    if (isErr(mapped)) return mapped;
    const start = segment.vaddr + bias;
    startCode = Math.min(startCode, start);
    startData = Math.max(startData, start);
    if (segment.flags & PF_X) endCode = Math.max(endCode, start + segment.filesz);
    endData = Math.max(endData, start + segment.filesz);
    end = Math.max(end, start + segment.memsz);
  }
  return {
    bias,
    entry: elf.header.entry + bias,
    headers: headersAddress(elf, segments, bias),
    startCode,
    endCode,
    startData,
    endData,
    end,
  };
}

interface Range {
  low: number;
  high: number;
  align: number;
}

function checkSegments(segments: readonly Elf64Phdr[]): Range | Errno {
  if (segments.length === 0) return ENOEXEC;
  let low = Infinity;
  let high = 0;
  let align = PAGE_SIZE;
  for (const segment of segments) {
    const { vaddr, memsz, filesz, offset } = segment;
    if (filesz > memsz || memsz > TASK_SIZE || vaddr > TASK_SIZE - memsz || offset > Number.MAX_SAFE_INTEGER) return EINVAL;
    if (vaddr % PAGE_SIZE !== offset % PAGE_SIZE) return EINVAL;
    low = Math.min(low, pageDown(vaddr));
    high = Math.max(high, pageUp(vaddr + memsz));
    if (segment.align > align && segment.align <= 1 << 30 && Number.isInteger(Math.log2(segment.align))) align = segment.align;
  }
  return { low, high, align };
}

function chooseBias(mm: AddressSpace, elf: ElfFile, range: Range, base: GuestAddr): number | Errno {
  if (!elf.isPositionIndependent) return 0;
  const length = range.high - range.low;
  if (base !== 0) return base - (base % range.align) - range.low;
  // Reserve the whole range, so that segments lie together, and give it back: the segments then go there.
  const room = mm.map({ address: 0, length: length + range.align, prot: 0, flags: MAP_PRIVATE | MAP_ANONYMOUS });
  if (isErr(room)) return room;
  mm.unmap(room, length + range.align);
  return Math.ceil(room / range.align) * range.align - range.low;
}

function protectionOf(flags: number): number {
  return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

function mapSegment(mm: AddressSpace, segment: Elf64Phdr, file: MappedFile, bias: number, exact: boolean): 0 | Errno {
  const start = pageDown(segment.vaddr + bias);
  const lead = segment.vaddr + bias - start;
  const prot = protectionOf(segment.flags);
  const fixed = exact ? MAP_FIXED_NOREPLACE : MAP_FIXED;
  const fileEnd = segment.vaddr + bias + segment.filesz;
  const memoryEnd = pageUp(segment.vaddr + bias + segment.memsz);
  let covered = start;
  if (segment.filesz > 0) {
    const length = pageUp(segment.filesz + lead);
    const mapped = mm.map({ address: start, length, prot, flags: MAP_PRIVATE | fixed, file, offset: segment.offset - lead });
    if (isErr(mapped)) return mapped;
    covered = start + length;
  }
  if (segment.memsz <= segment.filesz) return 0;
  if (covered > fileEnd && segment.filesz > 0 && prot & PROT_WRITE) {
    const cleared = mm.copyOut(fileEnd, ZERO_PAGE, 0, covered - fileEnd);
    if (isErr(cleared)) return ELIBBAD;
  }
  if (memoryEnd <= covered) return 0;
  const bss = mm.map({ address: covered, length: memoryEnd - covered, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS | fixed });
  return isErr(bss) ? bss : 0;
}

const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

function headersAddress(elf: ElfFile, segments: readonly Elf64Phdr[], bias: number): GuestAddr {
  const own = elf.programHeaders.find((ph) => ph.type === PT_PHDR);
  if (own) return own.vaddr + bias;
  const { phoff } = elf.header;
  const holder = segments.find((segment) => phoff >= segment.offset && phoff < segment.offset + segment.filesz);
  return holder ? phoff - holder.offset + holder.vaddr + bias : 0;
}
