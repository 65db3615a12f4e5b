/**
 * What this host offers, found out by trying (UML: os_early_checks and check_ptrace in arch/um/os-Linux/start_up.c). A guest of
 * a few instructions is really run; nothing is concluded from version numbers.
 */
import { readFileSync } from 'node:fs';
import { Assembler } from '../asm/assembler.js';
import { BpfProgram, SECCOMP_DATA_NR, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP } from '../asm/bpf.js';
import { staticElf } from '../asm/elf-writer.js';
import { at, mem, r10, r8, rax, rbx, rdi, rdx, rsi, rsp } from '../asm/operands.js';
import { AT_HWCAP2, AT_MINSIGSTKSZ } from '../abi/auxvec.js';
import { EACCES, EPERM } from '../abi/errno.js';
import { PROT_EXEC, PROT_READ } from '../abi/mman.js';
import { PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP } from '../abi/prctl.js';
import { SIGSYS } from '../abi/signal.js';
import { NR } from '../abi/syscall-numbers.js';
import { __WALL } from '../abi/wait.js';
import { isErr, type Errno } from '../base/brands.js';
import { getauxval } from '../host/auxv.js';
import { closeFd, memfdWith } from '../host/events.js';
import { spawnSession } from '../host/process.js';
import { frameBytes, type FrameStore } from './frames.js';
import { FAULT_WRITE, TRAP_FAULT, TRAP_SYSCALL, type HostThread } from './platform.js';
import { PtracePlatform } from './ptrace/ptrace-platform.js';
import { lastStatus, waitFor } from './ptrace/tracee.js';
import { RIP } from './registers.js';
import { stubDataStride } from './stub/layout.js';

export interface ProbeResult {
  readonly name: string;
  readonly ok: boolean;
  /** False: skas runs without it, only slower or with less. */
  readonly required: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string;
}

/** HWCAP2_FSGSBASE. */
const FSGSBASE = 2;
const CODE = 0x40_0000;
const PTRACE_ADVICE =
  'allow ptrace: docker run --cap-add SYS_PTRACE or a seccomp profile that has it; sysctl kernel.yama.ptrace_scope=1 or 0; no LSM that denies it';

/** All checks. `frames`: guest RAM to try with; the calling thread becomes, for that time, a kernel thread. */
export function probeHost(frames: FrameStore): ProbeResult[] {
  return [probeMemfd(), probeYama(), ...probePtrace(frames), probeSeccomp(), probeFsgsbase(), probeSignalFrame(), probeOldPatches()];
}

function result(name: string, ok: boolean, detail: string, advice = '', required = true): ProbeResult {
  return { name, ok, required, detail, advice: ok ? '' : advice };
}

function probeMemfd(): ProbeResult {
  const fd = memfdWith('skas-probe', new Uint8Array(1));
  if (!isErr(fd)) closeFd(fd);
  return result(
    'memfd',
    !isErr(fd),
    isErr(fd) ? `memfd_create fails with errno ${-fd}` : 'guest RAM is an anonymous file',
    'use Linux 3.17 or later',
  );
}

function probeYama(): ProbeResult {
  const scope = readText('/proc/sys/kernel/yama/ptrace_scope');
  if (scope === undefined) return result('yama', true, 'not there');
  const forbidden = scope === '3' || (scope === '2' && process.geteuid?.() !== 0);
  return result('yama', !forbidden, `kernel.yama.ptrace_scope is ${scope}`, 'sysctl kernel.yama.ptrace_scope=1');
}

/** Runs a guest: a system call by SYSEMU, a write fault with faultinfo from the stub, its address space steered by a batch. */
function probePtrace(frames: FrameStore): ProbeResult[] {
  const platform = PtracePlatform.create(frames);
  if (!(platform instanceof PtracePlatform)) {
    const denied = platform.errno === EPERM || platform.errno === EACCES;
    return [
      result(
        'ptrace',
        false,
        `${platform.step} fails with errno ${-platform.errno}`,
        denied ? PTRACE_ADVICE : `${PTRACE_ADVICE}, if it is that`,
      ),
    ];
  }
  try {
    return runGuest(frames, platform);
  } finally {
    platform.shutdown();
  }
}

function runGuest(frames: FrameStore, platform: PtracePlatform): ProbeResult[] {
  const tracing = result('ptrace', true, 'a stub process runs, traced by this one');
  const xstate = result('extended state', true, `${platform.xstateSize} bytes of vector registers per thread`);
  const guest = platform.createSpace();
  const frame = frames.allocate(1);
  if (isErr(guest) || isErr(frame))
    return [tracing, result('clone', false, `a stub cannot be cloned: errno ${-(guest as Errno)}`, 'raise ulimit -u')];
  frameBytes(frames, frame, 4096).set(new Assembler().mov(rax, NR.getppid).syscall().mov(rbx, CODE).store(mem(rbx), rax).assemble());
  guest.space.map(CODE, 4096, PROT_READ | PROT_EXEC, frame);
  const mapped = guest.space.commit();
  guest.regs.set(RIP, CODE);
  const called = runToTrap(platform, guest) && guest.trap.kind === TRAP_SYSCALL && guest.trap.nr === NR.getppid;
  const faulted = called && runToTrap(platform, guest) && guest.trap.kind === TRAP_FAULT && guest.trap.address === CODE;
  if (faulted) guest.completeFault();
  guest.destroy();
  frames.release(frame, 1);
  return [
    tracing,
    xstate,
    result(
      'mapping',
      mapped === 0,
      mapped === 0 ? 'a stub maps guest RAM in batches' : `mmap in a stub fails with errno ${-mapped}`,
      'allow executable shared mappings of a memfd (SELinux: execmem)',
    ),
    result(
      'sysemu',
      called,
      called ? 'system calls trap and are not executed' : 'PTRACE_SYSEMU does not trap',
      'use a host kernel with PTRACE_SYSEMU',
    ),
    result(
      'faultinfo',
      faulted && (guest.trap.errorCode & FAULT_WRITE) !== 0,
      'the stub tells address and kind of a page fault',
      'please report it',
    ),
  ];
}

function runToTrap(platform: PtracePlatform, guest: HostThread): boolean {
  guest.resume();
  for (let wakeups = 0; wakeups < 100; wakeups++) if (platform.wait(Infinity) === guest) return true;
  return false;
}

/** A child that forbids itself getppid by SECCOMP_RET_TRAP and calls it: it must end of SIGSYS. */
function probeSeccomp(): ProbeResult {
  const advice = 'enable CONFIG_SECCOMP_FILTER; without it only the ptrace platform works';
  const file = memfdWith('skas-probe', seccompElf());
  if (isErr(file)) return result('seccomp', false, 'not tried: no memfd', advice, false);
  const pid = spawnSession(`/proc/self/fd/${file}`, []);
  closeFd(file);
  if (isErr(pid) || isErr(waitFor(pid, __WALL))) return result('seccomp', false, 'not tried: no child process', advice, false);
  const ok = (lastStatus() & 0x7f) === SIGSYS;
  return result('seccomp', ok, ok ? 'filters can trap system calls' : 'SECCOMP_RET_TRAP is not available', advice, false);
}

function seccompElf(): Uint8Array {
  const SECCOMP_MODE_FILTER = 2;
  const filter = new BpfProgram()
    .load(SECCOMP_DATA_NR)
    .jeq(NR.getppid, 'trap')
    .ret(SECCOMP_RET_ALLOW)
    .label('trap')
    .ret(SECCOMP_RET_TRAP)
    .assemble();
  const a = new Assembler();
  a.mov(rdi, PR_SET_NO_NEW_PRIVS).mov(rsi, 1).mov(rdx, 0).mov(r10, 0).mov(r8, 0).mov(rax, NR.prctl).syscall();
  // struct sock_fprog on the stack: its filter pointer is known only here.
  a.lea(rbx, at('filter'))
    .push(rbx)
    .mov(rax, filter.length / 8)
    .push(rax);
  a.mov(rdi, PR_SET_SECCOMP).mov(rsi, SECCOMP_MODE_FILTER).mov(rdx, rsp).mov(rax, NR.prctl).syscall();
  a.mov(rax, NR.getppid).syscall();
  a.mov(rdi, 1).mov(rax, NR.exit_group).syscall();
  a.align(8).label('filter').data(filter);
  return staticElf(a.assemble(), CODE);
}

function probeFsgsbase(): ProbeResult {
  const ok = Math.floor(getauxval(AT_HWCAP2) / FSGSBASE) % 2 === 1;
  const detail = ok
    ? 'segment bases are set without a system call'
    : 'absent: thread-local storage costs a host call per switch on the seccomp platform';
  return result('fsgsbase', ok, detail, 'use Linux 5.9 or later on a CPU since 2012', false);
}

function probeSignalFrame(): ProbeResult {
  const bytes = getauxval(AT_MINSIGSTKSZ);
  const stride = stubDataStride(Math.max(2048, bytes));
  return result('signal frame', true, `${bytes || 'unknown'} bytes at most; a stub keeps ${stride} per guest thread`);
}

/** skas3 hosts of 2005 were patched; skas0 is the way without. */
function probeOldPatches(): ProbeResult {
  const patched = readText('/proc/mm') !== undefined;
  const detail = patched
    ? '/proc/mm is there and not used: a stub process per address space does its work'
    : 'no /proc/mm, no PTRACE_FAULTINFO, and no need: a stub process per address space, its batches and its SIGSEGV handler do their work';
  return result('host patches', true, detail);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
