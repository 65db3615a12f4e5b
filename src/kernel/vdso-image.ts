/**
 * The vDSO as an ELF shared object (elf(5); Linux: arch/x86/entry/vdso/vdso-layout.lds.S). One loadable segment, read and
 * execute; a dynamic section with symbol table, hash table and symbol versions (LINUX_2.6), as C libraries and Go look them up;
 * section headers for debuggers. It lies directly behind the page of clock parameters.
 */
import { assembleVdso } from './vdso-code.js';
import { PAGE_SIZE } from '../base/page.js';

const SONAME = 'linux-vdso.so.1';
const VERSION = 'LINUX_2.6';
const VERSION_INDEX = 2;

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;
const DYN_SIZE = 16;
const VERDEF_SIZE = 28;
const PROGRAM_HEADERS = 3;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const PF_R = 4;

const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const DT_SONAME = 14;
const DT_VERSYM = 0x6ffffff0;
const DT_VERDEF = 0x6ffffffc;
const DT_VERDEFNUM = 0x6ffffffd;

const STB_GLOBAL = 1;
const STB_WEAK = 2;
const STT_FUNC = 2;

/** System V hash of a symbol's name. */
export function elfHash(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) {
    hash = ((hash << 4) + name.charCodeAt(i)) >>> 0;
    const high = hash & 0xf0000000;
    if (high !== 0) hash ^= high >>> 24;
    hash = (hash & ~high) >>> 0;
  }
  return hash;
}

/** Strings with their offsets, each stored once. */
class StringTable {
  private text = '\0';
  private readonly offsets = new Map<string, number>();

  add(name: string): number {
    let offset = this.offsets.get(name);
    if (offset === undefined) {
      offset = this.text.length;
      this.offsets.set(name, offset);
      this.text += `${name}\0`;
    }
    return offset;
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.text);
  }
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly align: number;
  readonly entrySize: number;
  /** Name of the section that sh_link means. */
  readonly link?: string;
  readonly info?: number;
  offset: number;
}

const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
const SHT_HASH = 5;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERDEF = 0x6ffffffd;
const SHT_GNU_VERSYM = 0x6fffffff;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;

interface Symbol {
  readonly name: string;
  readonly binding: number;
  readonly offset: number;
  readonly length: number;
}

/** The whole image, a multiple of the page size; the parameter page is the page before it. */
export function buildVdsoImage(): Uint8Array {
  const names = new StringTable();
  const symbols = symbolsOf(assembleVdso(0).functions);
  const sections = layOut(names, symbols);
  const text = sections.find(({ name }) => name === '.text')!;
  // Only now is it known how far the code lies behind the parameter page.
  text.bytes.set(assembleVdso(PAGE_SIZE + text.offset).code);
  writeSymbols(sections, names, symbols, text.offset);
  writeDynamic(sections, names);
  return writeImage(sections);
}

/** __vdso_f, and f as a weak alias. */
function symbolsOf(functions: Readonly<Record<string, { offset: number; length: number }>>): Symbol[] {
  return Object.entries(functions).flatMap(([name, place]) => [
    { name: `__vdso_${name}`, binding: STB_GLOBAL, ...place },
    { name, binding: STB_WEAK, ...place },
  ]);
}

function layOut(names: StringTable, symbols: readonly Symbol[]): Section[] {
  for (const { name } of symbols) names.add(name);
  const verdef = versionDefinitions(names);
  const count = symbols.length + 1;
  const section = (
    name: string,
    type: number,
    bytes: Uint8Array,
    align: number,
    entrySize: number,
    extra: Partial<Section> = {},
  ): Section => ({ name, type, flags: SHF_ALLOC, bytes, align, entrySize, offset: 0, ...extra });
  const sections = [
    section('.hash', SHT_HASH, hashTable(symbols), 8, 4, { link: '.dynsym' }),
    section('.dynsym', SHT_DYNSYM, new Uint8Array(count * SYM_SIZE), 8, SYM_SIZE, { link: '.dynstr', info: 1 }),
    section('.dynstr', SHT_STRTAB, names.bytes(), 1, 0),
    section('.gnu.version', SHT_GNU_VERSYM, symbolVersions(count), 2, 2, { link: '.dynsym' }),
    section('.gnu.version_d', SHT_GNU_VERDEF, verdef, 8, 0, { link: '.dynstr', info: 2 }),
    section('.dynamic', SHT_DYNAMIC, new Uint8Array(10 * DYN_SIZE), 8, DYN_SIZE, { link: '.dynstr' }),
    section('.text', SHT_PROGBITS, assembleVdso(0).code, 16, 0, { flags: SHF_ALLOC | SHF_EXECINSTR }),
  ];
  let offset = EHDR_SIZE + PROGRAM_HEADERS * PHDR_SIZE;
  for (const each of sections) {
    each.offset = offset = Math.ceil(offset / each.align) * each.align;
    offset += each.bytes.length;
  }
  return sections;
}

/** Few buckets: with a dozen symbols short chains are as good. */
function hashTable(symbols: readonly Symbol[]): Uint8Array {
  const buckets = 3;
  const count = symbols.length + 1;
  const table = new Uint32Array(2 + buckets + count);
  table[0] = buckets;
  table[1] = count;
  symbols.forEach(({ name }, i) => {
    const bucket = 2 + (elfHash(name) % buckets);
    table[2 + buckets + i + 1] = table[bucket]!;
    table[bucket] = i + 1;
  });
  return new Uint8Array(table.buffer);
}

function symbolVersions(count: number): Uint8Array {
  return new Uint8Array(new Uint16Array(count).fill(VERSION_INDEX).fill(0, 0, 1).buffer);
}

/** The object itself (base) and LINUX_2.6. */
function versionDefinitions(names: StringTable): Uint8Array {
  const VER_FLG_BASE = 1;
  const bytes = new Uint8Array(2 * VERDEF_SIZE);
  const view = new DataView(bytes.buffer);
  [SONAME, VERSION].forEach((name, i) => {
    const at = i * VERDEF_SIZE;
    view.setUint16(at, 1, true); // vd_version
    view.setUint16(at + 2, i === 0 ? VER_FLG_BASE : 0, true);
    view.setUint16(at + 4, i + 1, true); // vd_ndx
    view.setUint16(at + 6, 1, true); // vd_cnt
    view.setUint32(at + 8, elfHash(name), true);
    view.setUint32(at + 12, 20, true); // vd_aux
    view.setUint32(at + 16, i === 0 ? VERDEF_SIZE : 0, true); // vd_next
    view.setUint32(at + 20, names.add(name), true); // vda_name
  });
  return bytes;
}

function writeSymbols(sections: readonly Section[], names: StringTable, symbols: readonly Symbol[], text: number): void {
  const { bytes } = find(sections, '.dynsym');
  const view = new DataView(bytes.buffer);
  const textIndex = sections.findIndex(({ name }) => name === '.text') + 1;
  symbols.forEach(({ name, binding, offset, length }, i) => {
    const at = (i + 1) * SYM_SIZE;
    view.setUint32(at, names.add(name), true);
    view.setUint8(at + 4, (binding << 4) | STT_FUNC);
    view.setUint16(at + 6, textIndex, true);
    view.setBigUint64(at + 8, BigInt(text + offset), true);
    view.setBigUint64(at + 16, BigInt(length), true);
  });
}

function writeDynamic(sections: readonly Section[], names: StringTable): void {
  const view = new DataView(find(sections, '.dynamic').bytes.buffer);
  const entries: [number, number][] = [
    [DT_SONAME, names.add(SONAME)],
    [DT_HASH, find(sections, '.hash').offset],
    [DT_STRTAB, find(sections, '.dynstr').offset],
    [DT_SYMTAB, find(sections, '.dynsym').offset],
    [DT_STRSZ, find(sections, '.dynstr').bytes.length],
    [DT_SYMENT, SYM_SIZE],
    [DT_VERSYM, find(sections, '.gnu.version').offset],
    [DT_VERDEF, find(sections, '.gnu.version_d').offset],
    [DT_VERDEFNUM, 2],
  ];
  entries.forEach(([tag, value], i) => {
    view.setBigUint64(i * DYN_SIZE, BigInt(tag), true);
    view.setBigUint64(i * DYN_SIZE + 8, BigInt(value), true);
  });
}

function find(sections: readonly Section[], name: string): Section {
  return sections.find((section) => section.name === name)!;
}

function writeImage(sections: readonly Section[]): Uint8Array {
  const sectionNames = new StringTable();
  for (const { name } of sections) sectionNames.add(name);
  sectionNames.add('.shstrtab');
  const last = sections[sections.length - 1]!;
  const shstrtab: Section = {
    name: '.shstrtab',
    type: SHT_STRTAB,
    flags: 0,
    bytes: sectionNames.bytes(),
    align: 1,
    entrySize: 0,
    offset: last.offset + last.bytes.length,
  };
  const all = [...sections, shstrtab];
  const headersAt = Math.ceil((shstrtab.offset + shstrtab.bytes.length) / 8) * 8;
  const end = headersAt + (all.length + 1) * SHDR_SIZE;
  const image = new Uint8Array(Math.ceil(end / PAGE_SIZE) * PAGE_SIZE);
  const view = new DataView(image.buffer);
  for (const { bytes, offset } of all) image.set(bytes, offset);
  all.forEach((section, i) => {
    writeSectionHeader(view, headersAt + (i + 1) * SHDR_SIZE, section, sectionNames, all);
  });
  writeFileHeader(image, view, headersAt, all.length + 1);
  const dynamic = find(sections, '.dynamic');
  programHeader(view, 0, PT_LOAD, PF_R | PF_X, 0, end, PAGE_SIZE);
  programHeader(view, 1, PT_DYNAMIC, PF_R, dynamic.offset, dynamic.bytes.length, 8);
  programHeader(view, 2, PT_GNU_STACK, PF_R, 0, 0, 16);
  return image;
}

function writeFileHeader(image: Uint8Array, view: DataView, headersAt: number, sectionCount: number): void {
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64-bit, little-endian, version 1
  view.setUint16(16, 3, true); // ET_DYN
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(EHDR_SIZE), true); // e_phoff
  view.setBigUint64(40, BigInt(headersAt), true); // e_shoff
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(54, PHDR_SIZE, true);
  view.setUint16(56, PROGRAM_HEADERS, true);
  view.setUint16(58, SHDR_SIZE, true);
  view.setUint16(60, sectionCount, true);
  view.setUint16(62, sectionCount - 1, true); // e_shstrndx
}

function programHeader(view: DataView, index: number, type: number, flags: number, offset: number, size: number, align: number): void {
  const at = EHDR_SIZE + index * PHDR_SIZE;
  view.setUint32(at, type, true);
  view.setUint32(at + 4, flags, true);
  for (const field of [8, 16, 24]) view.setBigUint64(at + field, BigInt(offset), true); // offset, vaddr, paddr
  for (const field of [32, 40]) view.setBigUint64(at + field, BigInt(size), true); // filesz, memsz
  view.setBigUint64(at + 48, BigInt(align), true);
}

function writeSectionHeader(view: DataView, at: number, section: Section, names: StringTable, all: readonly Section[]): void {
  view.setUint32(at, names.add(section.name), true);
  view.setUint32(at + 4, section.type, true);
  view.setBigUint64(at + 8, BigInt(section.flags), true);
  view.setBigUint64(at + 16, BigInt(section.flags === 0 ? 0 : section.offset), true); // sh_addr
  view.setBigUint64(at + 24, BigInt(section.offset), true);
  view.setBigUint64(at + 32, BigInt(section.bytes.length), true);
  view.setUint32(at + 40, section.link === undefined ? 0 : all.findIndex(({ name }) => name === section.link) + 1, true);
  view.setUint32(at + 44, section.info ?? 0, true);
  view.setBigUint64(at + 48, BigInt(section.align), true);
  view.setBigUint64(at + 56, BigInt(section.entrySize), true);
}
