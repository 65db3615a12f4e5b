/** Whether a platform works on this host, found out by running a guest of a few instructions on it. */
import { Assembler } from '../asm/assembler.js';
import { mem, rax, rbx } from '../asm/operands.js';
import { EACCES, EPERM } from '../abi/errno.js';
import { PROT_EXEC, PROT_READ } from '../abi/mman.js';
import { NR } from '../abi/syscall-numbers.js';
import { isErr, type Errno } from '../base/brands.js';
import { frameBytes, type FrameStore } from './frames.js';
import { FAULT_WRITE, TRAP_FAULT, TRAP_SYSCALL, type HostThread, type Platform } from './platform.js';
import { PtracePlatform } from './ptrace/ptrace-platform.js';
import { RIP } from './registers.js';
import { SeccompPlatform } from './seccomp/seccomp-platform.js';

export interface PlatformProbe {
  readonly name: Platform['name'];
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string;
}

const CODE = 0x40_0000;
const PTRACE_ADVICE =
  'allow ptrace: docker run --cap-add SYS_PTRACE or a seccomp profile that has it; sysctl kernel.yama.ptrace_scope=1 or 0; no LSM that denies it';
const SECCOMP_ADVICE = 'enable CONFIG_SECCOMP_FILTER, use Linux 5.9 or later on a CPU with FSGSBASE (since 2012)';
const MAPPING_ADVICE = 'allow executable shared mappings of a memfd (SELinux: execmem)';

export function probePtracePlatform(frames: FrameStore): PlatformProbe {
  return probe('ptrace', PtracePlatform.create(frames), frames, PTRACE_ADVICE);
}

export function probeSeccompPlatform(frames: FrameStore): PlatformProbe {
  return probe('seccomp', SeccompPlatform.create(frames), frames, SECCOMP_ADVICE);
}

type Failure = { readonly errno: Errno; readonly step: string };

function probe(name: Platform['name'], made: Platform | Failure, frames: FrameStore, advice: string): PlatformProbe {
  if ('errno' in made) {
    const denied = made.errno === EPERM || made.errno === EACCES;
    const doubt = denied || name === 'seccomp' ? advice : `${advice}, if it is that`;
    return { name, ok: false, detail: `${made.step} fails with errno ${-made.errno}`, advice: doubt };
  }
  const failure = runGuest(made, frames);
  made.shutdown();
  return { name, ok: !failure, detail: failure?.detail ?? 'a guest calls, faults, and is mapped memory', advice: failure?.advice ?? '' };
}

/** A guest that calls, then writes to its own code. Undefined: all traps came as they should. */
function runGuest(platform: Platform, frames: FrameStore): { detail: string; advice: string } | undefined {
  const guest = platform.createSpace();
  if (isErr(guest)) return { detail: `a stub cannot be cloned: errno ${-guest}`, advice: 'raise ulimit -u' };
  const frame = frames.allocate(1);
  if (isErr(frame)) return { detail: 'no memory for a guest', advice: 'free some memory' };
  frameBytes(frames, frame, 4096).set(new Assembler().mov(rax, NR.getppid).syscall().mov(rbx, CODE).store(mem(rbx), rax).assemble());
  guest.space.map(CODE, 4096, PROT_READ | PROT_EXEC, frame);
  const failure = tryTraps(platform, guest);
  guest.destroy();
  frames.release(frame, 1);
  return failure;
}

function tryTraps(platform: Platform, guest: HostThread): { detail: string; advice: string } | undefined {
  const mapped = guest.space.commit();
  if (mapped !== 0) return { detail: `mmap in a stub fails with errno ${-mapped}`, advice: MAPPING_ADVICE };
  guest.regs.set(RIP, CODE);
  const { trap } = guest;
  const called = runToTrap(platform, guest) && trap.kind === TRAP_SYSCALL && trap.nr === NR.getppid;
  if (!called) return { detail: 'a system call does not trap', advice: 'use another host kernel' };
  if (!runToTrap(platform, guest) || trap.kind !== TRAP_FAULT || trap.address !== CODE)
    return { detail: 'a page fault does not trap', advice: 'please report it' };
  guest.completeFault();
  return (trap.errorCode & FAULT_WRITE) === 0 ? { detail: 'a page fault does not tell its kind', advice: 'please report it' } : undefined;
}

function runToTrap(platform: Platform, guest: HostThread): boolean {
  guest.resume();
  for (let wakeups = 0; wakeups < 100; wakeups++) if (platform.wait(Infinity) === guest) return true;
  return false;
}
