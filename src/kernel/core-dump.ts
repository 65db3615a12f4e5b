/**
 * Core files (core(5); Linux: fs/coredump.c, fs/binfmt_elf.c elf_core_dump): an ELF file of notes and of the memory that the
 * process had touched, written where kernel.core_pattern says, within RLIMIT_CORE. A core is as large as the address space and
 * mostly holes. Left out: patterns that name a program, registers of other threads, NT_FILE, pages of shared file mappings.
 */
import { isErr, type ByteString } from '../base/brands.js';
import { PAGE_SIZE, pageUp } from '../base/page.js';
import { ELF64_EHDR, ELF64_PHDR } from '../abi/elf-struct.js';
import { EM_X86_64, ET_CORE, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE } from '../abi/elf.js';
import { O_CREAT, O_LARGEFILE, O_NOFOLLOW, O_WRONLY } from '../abi/fcntl.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { RLIMIT_CORE, RLIMIT_FSIZE } from '../abi/resource.js';
import { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ } from '../abi/signal.js';
import { S_IFREG } from '../abi/stat.js';
import { KernelIoVec } from '../mm/io-vec.js';
import type { AddressSpace } from '../mm/address-space.js';
import { VM_DONTDUMP, type Vma } from '../mm/vma.js';
import { emptyAttributes } from '../vfs/inode.js';
import { dropFile } from '../vfs/fd-table.js';
import { openPath } from '../vfs/open-path.js';
import type { OpenFile } from '../vfs/open-file.js';
import { NT_FPREGSET, NT_PRSTATUS } from '../abi/ptrace.js';
import { regset } from './ptrace/registers.js';
import type { Task } from './task.js';

const CORE_SIGNALS: ReadonlySet<number> = new Set([
  ...[SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS],
]);
const NT_PRPSINFO = 3;
const NT_AUXV = 6;
const PRSTATUS_BYTES = 336;
const PRSTATUS_REGS = 112;
const PRPSINFO_BYTES = 136;
const NOTE_NAME = 'CORE\0\0\0\0';
/** Most bytes of memory that one core holds: writing them keeps the machine busy. */
const MOST_BYTES = 256 * 2 ** 20;
/** The size of a core, holes included. */
const MOST_SIZE = 2 ** 36;
/** More mappings than program headers can count are not dumped. */
const MOST_HEADERS = 0xfff0;

/** Writes a core for a process that `signal` ends; true when there is one (the flag 0x80 of the wait status). */
export function dumpCore(task: Task, signal: number): boolean {
  if (!CORE_SIGNALS.has(signal)) return false;
  const { group } = task;
  const limit = Math.min(group.limits.soft[RLIMIT_CORE]!, group.limits.soft[RLIMIT_FSIZE]!);
  if (limit < PAGE_SIZE || group.dumpable !== 1 || group.exiting !== undefined) return false;
  const file = openCore(task);
  if (!file) return false;
  const written = writeCore(task, signal, file, limit);
  dropFile(file);
  return written;
}

/** kernel.core_pattern with its %-letters (Linux: format_corename). */
function coreName(task: Task): ByteString {
  const { sysctl } = task.machine;
  const { group, cred } = task;
  const values: Readonly<Record<string, string>> = {
    p: String(group.pid),
    P: String(group.pid),
    i: String(task.tid),
    u: String(cred.uid),
    g: String(cred.gid),
    e: task.name.replaceAll('/', '!'),
    h: task.nsproxy.uts.hostname,
    t: String(task.machine.clock.realtime().sec),
    '%': '%',
  };
  const name = sysctl.corePattern.replace(/%(.)/g, (_all, letter: string) => values[letter] ?? '');
  return sysctl.coreUsesPid !== 0 && !sysctl.corePattern.includes('%p') ? `${name}.${group.pid}` : name;
}

/** A regular file of the process' own, emptied. */
function openCore(task: Task): OpenFile | undefined {
  const name = coreName(task);
  if (name === '' || name.startsWith('|')) return undefined;
  const { fs, cred } = task;
  const opened = openPath(fs, cred, fs.cwd, name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_LARGEFILE, 0o600, 0);
  if (typeof opened === 'number' || !('inode' in opened)) return undefined;
  const attributes = emptyAttributes();
  const { inode } = opened;
  const isOwn = inode.type === S_IFREG && inode.uid === cred.fsuid && inode.getAttributes(attributes) === 0 && attributes.nlink === 1;
  if (isOwn && opened.truncate(0) === 0) return opened;
  dropFile(opened);
  return undefined;
}

function writeCore(task: Task, signal: number, file: OpenFile, limit: number): boolean {
  const vmas = task.mm.vmas.items.filter(isDumped);
  if (vmas.length > MOST_HEADERS) return false;
  const notes = Buffer.concat([
    note(NT_PRSTATUS, processStatus(task, signal)),
    note(NT_PRPSINFO, processInfo(task)),
    note(NT_AUXV, task.mm.auxv),
    note(NT_FPREGSET, registers(task, NT_FPREGSET)),
  ]);
  const headerBytes = ELF64_EHDR.size + ELF64_PHDR.size * (vmas.length + 1);
  const head = new Uint8Array(pageUp(headerBytes + notes.length));
  const view = new DataView(head.buffer);
  writeFileHeader(view, vmas.length + 1);
  writeHeader(view, 0, { type: PT_NOTE, flags: 0, offset: headerBytes, vaddr: 0, filesz: notes.length, memsz: 0 });
  head.set(notes, headerBytes);
  let offset = head.length;
  for (const [index, vma] of vmas.entries()) {
    const length = vma.end - vma.start;
    const filesz = bytesOf(task.mm, vma);
    writeHeader(view, index + 1, { type: PT_LOAD, flags: segmentFlags(vma.prot), offset, vaddr: vma.start, filesz, memsz: length });
    offset += filesz;
  }
  if (offset > MOST_SIZE) return false;
  if (file.write(new KernelIoVec(head, 0, Math.min(head.length, limit)), 0) < 0) return false;
  writeMemory(task, file, vmas, head.length, limit);
  return true;
}

/** What is in frames, and of files that are dumped all that they hold, at its place; the rest is a hole. */
function writeMemory(task: Task, file: OpenFile, vmas: readonly Vma[], start: number, limit: number): void {
  const { mm } = task;
  let offset = start;
  let left = MOST_BYTES;
  for (const vma of vmas) {
    const end = vma.start + bytesOf(mm, vma);
    for (const [from, to] of pieces(mm, vma, end)) {
      const position = offset + (from - vma.start);
      if (position + (to - from) > limit || to - from > left) return;
      left -= to - from;
      if (file.write(mm.ioVec(from, to - from), position) < 0) return;
    }
    offset += end - vma.start;
  }
  if (offset <= limit && file.inode.size < offset) file.truncate(offset);
}

/** The ranges to be written of a mapping that is dumped up to `end`. A page of a file counts though nobody has touched it. */
function* pieces(mm: AddressSpace, vma: Vma, end: number): Iterable<readonly [number, number]> {
  if (vma.cache !== undefined && !vma.isShared) {
    if (end > vma.start) yield [vma.start, end];
    return;
  }
  const { items } = mm.extents;
  for (let i = mm.extents.indexOf(vma.start); i < items.length && items[i]!.start < end; i++) {
    yield [Math.max(vma.start, items[i]!.start), Math.min(items[i]!.end, end)];
  }
}

function isDumped(vma: Vma): boolean {
  return (vma.flags & VM_DONTDUMP) === 0;
}

/** How much of a mapping is dumped: all that no file can give back, and the first page of files, where ELF headers are. */
function bytesOf(mm: AddressSpace, vma: Vma): number {
  if (vma.prot === 0) return 0;
  if (vma.cache === undefined || vma.file?.describe().path === '[vdso]' || (!vma.isShared && hasCopies(mm, vma)))
    return vma.end - vma.start;
  return vma.offset === 0 && (vma.prot & PROT_READ) !== 0 ? PAGE_SIZE : 0;
}

/** Pages of a private mapping that were written, whatever its protection is now. */
function hasCopies(mm: AddressSpace, vma: Vma): boolean {
  const { items } = mm.extents;
  for (let i = mm.extents.indexOf(vma.start); i < items.length && items[i]!.start < vma.end; i++) if (!items[i]!.cached) return true;
  return false;
}

function segmentFlags(prot: number): number {
  return ((prot & PROT_READ) !== 0 ? PF_R : 0) | ((prot & PROT_WRITE) !== 0 ? PF_W : 0) | ((prot & PROT_EXEC) !== 0 ? PF_X : 0);
}

function writeFileHeader(view: DataView, phnum: number): void {
  const ident = new Uint8Array(16);
  ident.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const sizes = { ehsize: ELF64_EHDR.size, phentsize: ELF64_PHDR.size, phnum };
  ELF64_EHDR.write(view, 0, {
    ...ELF64_EHDR.zero(),
    ident,
    type: ET_CORE,
    machine: EM_X86_64,
    version: 1,
    phoff: ELF64_EHDR.size,
    ...sizes,
  });
}

interface Segment {
  type: number;
  flags: number;
  offset: number;
  vaddr: number;
  filesz: number;
  memsz: number;
}

function writeHeader(view: DataView, index: number, segment: Segment): void {
  const align = segment.type === PT_LOAD ? PAGE_SIZE : 4;
  ELF64_PHDR.write(view, ELF64_EHDR.size + index * ELF64_PHDR.size, { ...ELF64_PHDR.zero(), ...segment, align });
}

/** Name size, size, type, the name, the contents; each part to a multiple of four bytes. */
function note(type: number, contents: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + NOTE_NAME.length + Math.ceil(contents.length / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 5, true);
  view.setUint32(4, contents.length, true);
  view.setUint32(8, type, true);
  for (let i = 0; i < NOTE_NAME.length; i++) bytes[12 + i] = NOTE_NAME.charCodeAt(i);
  bytes.set(contents, 12 + NOTE_NAME.length);
  return bytes;
}

function registers(task: Task, type: number): Uint8Array {
  const found = regset(task, type);
  return typeof found === 'number' ? new Uint8Array(0) : found;
}

/** struct elf_prstatus. */
function processStatus(task: Task, signal: number): Uint8Array {
  const bytes = new Uint8Array(PRSTATUS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, signal, true);
  view.setInt16(12, signal, true);
  writeIds(view, 32, task);
  bytes.set(registers(task, NT_PRSTATUS).subarray(0, PRSTATUS_BYTES - PRSTATUS_REGS - 8), PRSTATUS_REGS);
  view.setInt32(PRSTATUS_BYTES - 8, 1, true);
  return bytes;
}

/** pid, parent, group, session. */
function writeIds(view: DataView, at: number, task: Task): void {
  const { group } = task;
  const ids = [task.tid, group.parent?.pid ?? 0, group.processGroup.id, group.processGroup.session.id];
  for (const [i, id] of ids.entries()) view.setInt32(at + i * 4, id, true);
}

/** struct elf_prpsinfo. */
function processInfo(task: Task): Uint8Array {
  const bytes = new Uint8Array(PRPSINFO_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[1] = 'R'.charCodeAt(0);
  view.setUint32(16, task.cred.uid, true);
  view.setUint32(20, task.cred.gid, true);
  writeIds(view, 24, task);
  for (let i = 0; i < Math.min(15, task.name.length); i++) bytes[40 + i] = task.name.charCodeAt(i);
  const { argStart, argEnd } = task.mm;
  const length = Math.max(0, Math.min(79, argEnd - argStart));
  if (isErr(task.mm.copyIn(argStart, bytes, 56, length))) return bytes;
  for (let i = 56; i < 56 + length; i++) if (bytes[i] === 0) bytes[i] = 0x20;
  return bytes;
}
