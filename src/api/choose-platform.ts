/** Which platform a machine runs on: the one that was asked for, or the first of AUTO that works on this host. */
import { EACCES, EPERM, ERRNO_NAMES } from '../abi/errno.js';
import type { Errno } from '../base/brands.js';
import type { PhysMem } from '../mm/phys-mem.js';
import type { Platform } from '../platform/platform.js';
import { PtracePlatform } from '../platform/ptrace/ptrace-platform.js';
import { SeccompPlatform } from '../platform/seccomp/seccomp-platform.js';
import type { MachineOptions } from './machine-options.js';
import type { BootFailure } from './protocol.js';

type PlatformName = Platform['name'];

const CREATE = {
  ptrace: PtracePlatform.create,
  seccomp: SeccompPlatform.create,
};

/** What `auto` tries, best first. Trying is the probe: each platform runs a guest instruction before it says that it is there. */
const AUTO: readonly PlatformName[] = ['seccomp', 'ptrace'];

export function choosePlatform(wanted: MachineOptions['platform'], physmem: PhysMem): Platform | BootFailure {
  const failures: string[] = [];
  for (const name of wanted === 'auto' ? AUTO : [wanted]) {
    const platform = CREATE[name](physmem);
    if (!('errno' in platform)) return platform;
    failures.push(
      `the ${name} platform does not work here: ${platform.step} (${errnoName(platform.errno)})${advice(name, platform.errno)}`,
    );
  }
  const other = wanted === 'auto' ? '' : '; leave out --platform for the one that works, or run skas doctor';
  return { kind: 'unsupported', message: failures.join('; ') + other };
}

function errnoName(errno: Errno): string {
  return ERRNO_NAMES[-errno] ?? String(errno);
}

function advice(name: PlatformName, errno: Errno): string {
  if (name !== 'ptrace' || (errno !== EPERM && errno !== EACCES)) return '';
  return ': allow ptrace (docker run --cap-add SYS_PTRACE or a seccomp profile with ptrace; sysctl kernel.yama.ptrace_scope=1)';
}
