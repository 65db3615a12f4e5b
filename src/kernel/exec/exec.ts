/**
 * execve (Linux: fs/exec.c; execve(2)): a program is found and checked with nothing changed (`prepareProgram`), then its image
 * is laid out in an address space (`loadProgram`), then the task becomes it (`execTask`).
 *
 * The address space belongs to a stub process. A lone task clears it and goes on there; a task that shares it (vfork) moves to
 * a new stub process: the host process changes underneath the guest's pid, as the seed of this design describes.
 */
import { isErr, type Errno, type GuestAddr } from '../../base/brands.js';
import { ENOMEM } from '../../abi/errno.js';
import {
  AT_BASE,
  AT_CLKTCK,
  AT_EGID,
  AT_ENTRY,
  AT_EUID,
  AT_FLAGS,
  AT_GID,
  AT_HWCAP,
  AT_HWCAP2,
  AT_MINSIGSTKSZ,
  AT_PAGESZ,
  AT_PHDR,
  AT_PHENT,
  AT_PHNUM,
  AT_SECURE,
  AT_SYSINFO_EHDR,
  AT_UID,
} from '../../abi/auxvec.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_GROWSDOWN, MAP_PRIVATE, MAP_STACK, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK } from '../../abi/resource.js';
import { PAGE_SIZE, pageUp } from '../../base/page.js';
import { getauxval } from '../../host/auxv.js';
import { AddressSpace } from '../../mm/address-space.js';
import { HIGHEST_MMAP_BASE } from '../../mm/address-space-map.js';
import { EFLAGS, REGISTER_COUNT, RIP, RSP } from '../../platform/registers.js';
import { TASK_SIZE, type HostSpace, type HostThread } from '../../platform/platform.js';
import type { Credentials } from '../../vfs/credentials.js';
import type { Machine } from '../machine.js';
import { releaseMemory } from '../exit.js';
import { dropOwnKeyrings } from '../keys/task-keyrings.js';
import { staysDumpable } from '../identity.js';
import { deleteTimers } from '../posix-timers.js';
import type { ResourceLimits } from '../resource-limits.js';
import type { Task } from '../task.js';
import { enterTimeForChildren, settleIn } from '../time-namespace.js';
import { mapVdso } from '../vdso.js';
import { killOtherThreads } from './de-thread.js';
import { setExecutable } from './executable.js';
import { mapElf, type LoadedElf } from './elf.js';
import type { Program } from './program.js';
import { buildStack, stackBytes } from './stack.js';

/** personality(2): no random addresses; what a program with rights of its own does not inherit. */
const ADDR_NO_RANDOMIZE = 0x0040000;
const PER_CLEAR_ON_SETID = 0x0740000;
const CLOCK_TICKS = 100;
/** IF and the always-one bit: what a fresh program sees. */
const INITIAL_EFLAGS = 0x202;
/** Distance of the stack's top from TASK_SIZE is random within 16 GiB, as with 22 bits of stack randomisation on Linux. */
const STACK_RANDOM_PAGES = 1 << 22;
/** Position-independent programs lie at two thirds of the address space, plus up to 1 TiB. */
const PIE_BASE = 0x5555_5555_4000;
const PIE_RANDOM_PAGES = 1 << 28;
const BRK_RANDOM_PAGES = 1 << 13;

/** What loading a program needs to know of the process that it will be. */
export interface LoadContext {
  readonly machine: Machine;
  readonly cred: Credentials;
  readonly limits: ResourceLimits;
  /** AT_SECURE: identity was raised by the file. */
  readonly secure: boolean;
  /** False under personality(ADDR_NO_RANDOMIZE), as debuggers set it: the same addresses each time. */
  readonly randomize: boolean;
}

export interface LoadedProgram {
  readonly mm: AddressSpace;
  readonly entry: GuestAddr;
  readonly stackPointer: GuestAddr;
}

/** Lays out `program` in the (empty) address space of `space`. On failure nothing stays mapped by the new AddressSpace. */
export function loadProgram(context: LoadContext, space: HostSpace, program: Program): LoadedProgram | Errno {
  const mm = new AddressSpace(context.machine.physmem, space, context.randomize ? undefined : HIGHEST_MMAP_BASE);
  setLimits(mm, context.limits);
  const loaded = layOut(context, mm, program);
  if (isErr(loaded)) {
    mm.dispose();
    return loaded;
  }
  return loaded;
}

/** Copies the process limits that memory management enforces. */
export function setLimits(mm: AddressSpace, limits: ResourceLimits): void {
  mm.limits.addressSpace = limits.soft[RLIMIT_AS]!;
  mm.limits.data = limits.soft[RLIMIT_DATA]!;
  mm.limits.stack = limits.soft[RLIMIT_STACK]!;
}

function layOut(context: LoadContext, mm: AddressSpace, program: Program): LoadedProgram | Errno {
  const { machine } = context;
  const random = (range: number): number => (context.randomize ? randomPages(machine, range) : 0);
  const top = TASK_SIZE - PAGE_SIZE - random(STACK_RANDOM_PAGES) * PAGE_SIZE;
  const stackTop = mapStack(mm, top, program);
  if (isErr(stackTop)) return stackTop;
  const base = program.elf.interpreter !== undefined ? PIE_BASE + random(PIE_RANDOM_PAGES) * PAGE_SIZE : 0;
  const main = mapElf(mm, program.elf, program.file, base);
  if (isErr(main)) return main;
  setLayout(mm, main, random(BRK_RANDOM_PAGES));
  if (!program.interpreter) mm.ownText = mm.vmas.find(main.startCode)?.cache;
  const interpreter = program.interpreter && mapElf(mm, program.interpreter.elf, program.interpreter.file, 0);
  if (isErr(interpreter)) return interpreter;
  const vdso = mapVdso(machine, mm);
  if (isErr(vdso)) return vdso;
  const randomBytes = new Uint8Array(16);
  machine.randomBytes(randomBytes);
  const { argv, envp, fileName } = program;
  const auxv = auxiliaryVector(context, program, main, interpreter?.bias ?? 0, vdso);
  const stackPointer = buildStack(mm, stackTop, { argv, envp, fileName, random: randomBytes, auxv });
  if (isErr(stackPointer)) return stackPointer;
  return { mm, entry: interpreter ? interpreter.entry : main.entry, stackPointer };
}

function mapStack(mm: AddressSpace, top: GuestAddr, program: Program): GuestAddr | Errno {
  const prot = PROT_READ | PROT_WRITE | (program.elf.executableStack ? PROT_EXEC : 0);
  const length = pageUp(stackBytes(program.argv, program.envp, program.fileName) + 33 * PAGE_SIZE);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN | MAP_STACK;
  const start = mm.map({ address: top - length, length, prot, flags, name: '[stack]' });
  return isErr(start) ? start : top;
}

function setLayout(mm: AddressSpace, main: LoadedElf, brkPages: number): void {
  mm.startCode = main.startCode;
  mm.endCode = main.endCode;
  mm.startData = main.startData;
  mm.endData = main.endData;
  mm.startBrk = pageUp(main.end) + brkPages * PAGE_SIZE;
  mm.brk = mm.startBrk;
}

function auxiliaryVector(
  context: LoadContext,
  program: Program,
  main: LoadedElf,
  base: GuestAddr,
  vdso: GuestAddr,
): (readonly [number, number])[] {
  const { cred } = context;
  const pairs: (readonly [number, number])[] = [];
  if (vdso !== 0) pairs.push([AT_SYSINFO_EHDR, vdso]);
  pairs.push(
    [AT_MINSIGSTKSZ, getauxval(AT_MINSIGSTKSZ)],
    [AT_HWCAP, getauxval(AT_HWCAP)],
    [AT_PAGESZ, PAGE_SIZE],
    [AT_CLKTCK, CLOCK_TICKS],
    [AT_PHDR, main.headers],
    [AT_PHENT, program.elf.header.phentsize],
    [AT_PHNUM, program.elf.header.phnum],
    [AT_BASE, base],
    [AT_FLAGS, 0],
    [AT_ENTRY, main.entry],
    [AT_UID, cred.uid],
    [AT_EUID, cred.euid],
    [AT_GID, cred.gid],
    [AT_EGID, cred.egid],
    [AT_SECURE, context.secure ? 1 : 0],
    [AT_HWCAP2, getauxval(AT_HWCAP2)],
  );
  return pairs;
}

function randomPages(machine: Machine, range: number): number {
  const word = new Uint32Array(1);
  machine.randomBytes(new Uint8Array(word.buffer));
  return word[0]! % range;
}

/** Registers of a fresh program. */
export function startRegisters(thread: HostThread, program: LoadedProgram): void {
  const { regs } = thread;
  for (let register = 0; register < REGISTER_COUNT; register++) regs.set(register, 0);
  regs.set(RIP, program.entry);
  regs.set(RSP, program.stackPointer);
  regs.set(EFLAGS, INITIAL_EFLAGS);
  thread.resetFp();
}

/** The task becomes the program. 0, or an Errno with the old program intact, or ENOMEM after which the caller must kill it. */
export function execTask(task: Task, program: Program): 0 | Errno {
  const { machine, group } = task;
  const lone = task.mm.users === [...group.tasks].filter((member) => member.mm === task.mm).length;
  const fresh = lone ? undefined : machine.platform.createSpace();
  if (isErr(fresh)) return fresh;
  if (task.trace) task.trace.debug = undefined;
  killOtherThreads(task);
  if (fresh) moveTo(task, fresh);
  else {
    task.thread.space.clear(); // before its frames can be given to others
    releaseMemory(task);
  }
  const personality = task.personality & ~(program.secure ? PER_CLEAR_ON_SETID : 0);
  const context: LoadContext = {
    machine,
    cred: program.cred,
    limits: group.limits,
    secure: program.secure,
    randomize: (personality & ADDR_NO_RANDOMIZE) === 0,
  };
  const loaded = loadProgram(context, task.thread.space, program);
  if (isErr(loaded)) return ENOMEM;
  task.mm = loaded.mm;
  if (task.nsproxy.time === task.nsproxy.timeForChildren) settleIn(task);
  else enterTimeForChildren(task);
  becomeProgram(task, program);
  startRegisters(task.thread, loaded);
  task.vforkDone.wake();
  return 0;
}

function moveTo(task: Task, thread: HostThread): void {
  const old = task.thread;
  task.thread = thread;
  thread.owner = task;
  old.destroy(); // before its frames can be given to others
  releaseMemory(task);
}

/** What the task keeps and loses besides its memory (execve(2), "Effect on process attributes"). */
function becomeProgram(task: Task, program: Program): void {
  const { group } = task;
  task.name = program.name;
  task.clearChildTid = 0;
  task.robustList = 0;
  if (program.secure) task.personality &= ~PER_CLEAR_ON_SETID;
  const isDumpable = staysDumpable(task.cred, program.cred);
  task.cred = program.cred;
  group.hasExeced = true;
  dropOwnKeyrings(task);
  setExecutable(group, program.path);
  group.exitSignal = 17;
  group.dumpable = isDumpable ? 1 : 0;
  if (program.secure) group.parentDeathSignal = 0;
  group.signals.forExec();
  deleteTimers(group);
  task.signals.forExec();
  if (task.files.users > 1) {
    task.files.users--;
    task.files = task.files.copy();
  }
  task.files.closeForExec();
}
