/** Switches of a process or thread (prctl(2), arch_prctl(2), personality(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { byteString } from '../base/bytes.js';
import { EFAULT, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { CAP_LAST_CAP, CAP_SETPCAP } from '../abi/capability.js';
import * as prctlNumbers from '../abi/prctl.js';
import {
  ARCH_GET_CPUID,
  ARCH_GET_FS,
  ARCH_GET_GS,
  ARCH_GET_XCOMP_PERM,
  ARCH_GET_XCOMP_SUPP,
  ARCH_REQ_XCOMP_PERM,
  ARCH_SET_CPUID,
  ARCH_SET_FS,
  ARCH_SET_GS,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_DUMPABLE,
  PR_GET_KEEPCAPS,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_SECCOMP,
  PR_GET_SECUREBITS,
  PR_GET_SPECULATION_CTRL,
  PR_GET_THP_DISABLE,
  PR_GET_TID_ADDRESS,
  PR_GET_TIMERSLACK,
  PR_GET_TIMING,
  PR_GET_TSC,
  PR_MCE_KILL,
  PR_MCE_KILL_DEFAULT,
  PR_MCE_KILL_GET,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_MM,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_PTRACER,
  PR_SET_SECCOMP,
  PR_SET_SECUREBITS,
  PR_SET_SPECULATION_CTRL,
  PR_SET_THP_DISABLE,
  PR_SET_TIMERSLACK,
  PR_SET_TIMING,
  PR_SET_TSC,
  PR_SPEC_NOT_AFFECTED,
  PR_TIMING_STATISTICAL,
  PR_TSC_ENABLE,
} from '../abi/prctl.js';
import { supportedXfeatures } from '../host/cpu.js';
import { difference, hasBit, intersection, union } from '../kernel/capability-sets.js';
import { commit, SECBIT_KEEP_CAPS } from '../kernel/identity.js';
import { SIGNAL_MAX } from '../kernel/signals/sig-set.js';
import { oneOf, partial, syscall, uint, ulong } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { FS_BASE, GS_BASE } from '../platform/registers.js';
import { TASK_SIZE } from '../platform/platform.js';
import { hasOwnCapability } from '../vfs/credentials.js';
import { setSeccompMode } from './seccomp.js';

const COMM_LENGTH = 16;
/** Every bit and lock bit of capabilities(7)' securebits. */
const SECURE_ALL = 0xff;
const SECURE_LOCKS = 0xaa;

const byName = (prefix: string): Record<string, number> =>
  Object.fromEntries(Object.entries(prctlNumbers).filter(([name]) => name.startsWith(prefix)));
const PRCTL_OPTIONS = { ...byName('PR_SET_'), ...byName('PR_GET_'), PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_MCE_KILL };

export const prctl = syscall(
  'prctl',
  [oneOf(PRCTL_OPTIONS), ulong, ulong, ulong, ulong],
  (task, option, a, b, c, d) =>
    processOption(task, option, a, b, c, d) ?? capabilityOption(task, option, a, b, c, d) ?? hardwareOption(task, option, a, b),
  partial("no core scheduling, no changes of the memory map's description"),
);

/** Options that belong to the process or thread itself; undefined: none of these. */
function processOption(task: Task, option: number, a: number, b: number, c: number, d: number): number | undefined {
  const { group } = task;
  switch (option) {
    case PR_SET_PDEATHSIG:
      if (a > SIGNAL_MAX) return EINVAL;
      group.parentDeathSignal = a;
      return 0;
    case PR_GET_PDEATHSIG:
      return task.mm.writeU32(a, group.parentDeathSignal);
    case PR_SET_DUMPABLE:
      if (a > 1) return EINVAL;
      group.dumpable = a;
      return 0;
    case PR_GET_DUMPABLE:
      return group.dumpable;
    case PR_SET_NAME:
      return setName(task, a);
    case PR_GET_NAME: {
      const bytes = new Uint8Array(COMM_LENGTH);
      for (let i = 0; i < task.name.length && i < COMM_LENGTH - 1; i++) bytes[i] = task.name.charCodeAt(i);
      return task.copyOut(a, bytes);
    }
    case PR_SET_CHILD_SUBREAPER:
      group.isSubreaper = a !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return task.mm.writeU32(a, group.isSubreaper ? 1 : 0);
    case PR_SET_NO_NEW_PRIVS:
      if (a !== 1 || b !== 0 || c !== 0 || d !== 0) return EINVAL;
      task.noNewPrivs = true;
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? EINVAL : Number(task.noNewPrivs);
    case PR_SET_TIMERSLACK:
      task.timerSlackNs = a === 0 || a > Number.MAX_SAFE_INTEGER ? task.defaultTimerSlackNs : a;
      return 0;
    case PR_GET_TIMERSLACK:
      return task.timerSlackNs;
    case PR_GET_TID_ADDRESS:
      return task.mm.writeU64(a, task.clearChildTid);
    case PR_GET_SECCOMP:
      return task.seccompMode;
    case PR_SET_SECCOMP:
      return setSeccompMode(task, a, b);
    case PR_SET_PTRACER:
      return 0;
    case PR_SET_MM:
      return EPERM;
    default:
      return undefined;
  }
}

function setName(task: Task, at: number): 0 | Errno {
  // Byte by byte: the string may end right before memory that cannot be read.
  const bytes = new Uint8Array(COMM_LENGTH);
  let length = 0;
  for (; length < COMM_LENGTH - 1; length++) {
    if (isErr(task.mm.copyIn(at + length, bytes, length, 1))) return EFAULT;
    if (bytes[length] === 0) break;
  }
  task.name = byteString(bytes, 0, length);
  return 0;
}

function capabilityOption(task: Task, option: number, a: number, b: number, c: number, d: number): number | undefined {
  const { cred } = task;
  switch (option) {
    case PR_GET_KEEPCAPS:
      return (cred.securebits & SECBIT_KEEP_CAPS) !== 0 ? 1 : 0;
    case PR_SET_KEEPCAPS:
      if (a > 1) return EINVAL;
      if ((cred.securebits & (SECBIT_KEEP_CAPS << 1)) !== 0) return EPERM;
      return commit(task, { ...cred, securebits: a === 1 ? cred.securebits | SECBIT_KEEP_CAPS : cred.securebits & ~SECBIT_KEEP_CAPS });
    case PR_CAPBSET_READ:
      return a > CAP_LAST_CAP ? EINVAL : Number(hasBit(cred.bounding, a));
    case PR_CAPBSET_DROP:
      if (!hasOwnCapability(cred, CAP_SETPCAP)) return EPERM;
      return a > CAP_LAST_CAP ? EINVAL : commit(task, { ...cred, bounding: difference(cred.bounding, 2 ** a) });
    case PR_GET_SECUREBITS:
      return cred.securebits;
    case PR_SET_SECUREBITS:
      return setSecurebits(task, a);
    case PR_CAP_AMBIENT:
      return c !== 0 || d !== 0 ? EINVAL : changeAmbient(task, a, b);
    default:
      return undefined;
  }
}

/** Locked bits stay, locks are never opened. */
function setSecurebits(task: Task, wanted: number): 0 | Errno {
  const { cred } = task;
  const locked = (cred.securebits & SECURE_LOCKS) >> 1;
  if (wanted > SECURE_ALL) return EPERM;
  if (((cred.securebits ^ wanted) & locked) !== 0 || (cred.securebits & SECURE_LOCKS & ~wanted) !== 0) return EPERM;
  return hasOwnCapability(cred, CAP_SETPCAP) ? commit(task, { ...cred, securebits: wanted }) : EPERM;
}

const SECBIT_NO_CAP_AMBIENT_RAISE = 1 << 6;

function changeAmbient(task: Task, operation: number, capability: number): number {
  const { cred } = task;
  if (operation === PR_CAP_AMBIENT_CLEAR_ALL) return capability !== 0 ? EINVAL : commit(task, { ...cred, ambient: 0 });
  if (capability > CAP_LAST_CAP) return EINVAL;
  const bit = 2 ** capability;
  switch (operation) {
    case PR_CAP_AMBIENT_IS_SET:
      return Number(hasBit(cred.ambient, capability));
    case PR_CAP_AMBIENT_RAISE: {
      const allowed = intersection(intersection(cred.permitted, cred.inheritable), bit) !== 0;
      if (!allowed || (cred.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) !== 0) return EPERM;
      return commit(task, { ...cred, ambient: union(cred.ambient, bit) });
    }
    case PR_CAP_AMBIENT_LOWER:
      return commit(task, { ...cred, ambient: difference(cred.ambient, bit) });
    default:
      return EINVAL;
  }
}

function hardwareOption(task: Task, option: number, a: number, b: number): number {
  switch (option) {
    case PR_SET_THP_DISABLE:
      if (b !== 0) return EINVAL;
      task.group.hugePagesDisabled = a !== 0;
      return 0;
    case PR_GET_THP_DISABLE:
      return a !== 0 || b !== 0 ? EINVAL : Number(task.group.hugePagesDisabled);
    case PR_MCE_KILL:
      return 0;
    case PR_MCE_KILL_GET:
      return PR_MCE_KILL_DEFAULT;
    case PR_GET_TIMING:
      return PR_TIMING_STATISTICAL;
    case PR_SET_TIMING:
      return a === PR_TIMING_STATISTICAL ? 0 : EINVAL;
    case PR_GET_TSC:
      return task.mm.writeU32(a, PR_TSC_ENABLE);
    case PR_SET_TSC:
      return a === PR_TSC_ENABLE ? 0 : EINVAL;
    case PR_GET_SPECULATION_CTRL:
      return a > 2 ? ENODEV : b !== 0 ? EINVAL : PR_SPEC_NOT_AFFECTED;
    case PR_SET_SPECULATION_CTRL:
      return a > 2 ? ENODEV : ENXIO;
    default:
      return EINVAL;
  }
}

const ARCH_OPTIONS = byName('ARCH_');

export const archPrctl = syscall(
  'arch_prctl',
  [oneOf(ARCH_OPTIONS), ulong],
  (task, option, value) => {
    const { regs } = task.thread;
    switch (option) {
      case ARCH_SET_FS:
      case ARCH_SET_GS:
        if (value >= TASK_SIZE) return EPERM;
        regs.set(option === ARCH_SET_FS ? FS_BASE : GS_BASE, value);
        return 0;
      case ARCH_GET_FS:
        return task.mm.writeU64(value, regs.get(FS_BASE));
      case ARCH_GET_GS:
        return task.mm.writeU64(value, regs.get(GS_BASE));
      case ARCH_GET_CPUID:
        return 1;
      case ARCH_SET_CPUID:
        return ENODEV;
      case ARCH_GET_XCOMP_SUPP:
      case ARCH_GET_XCOMP_PERM: {
        const { low, high } = supportedXfeatures();
        return task.mm.writeU64(value, (low >>> 0) + (high >>> 0) * 4294967296);
      }
      case ARCH_REQ_XCOMP_PERM:
        return EOPNOTSUPP;
      default:
        return EINVAL;
    }
  },
  partial('no AMX, no faulting of cpuid, no shadow stacks'),
);

const QUERY = 0xffffffff;

export const personality = syscall(
  'personality',
  [uint],
  (task, value) => {
    const old = task.personality;
    if (value !== QUERY) task.personality = value;
    return old;
  },
  partial('kept and reported; addresses stay randomised'),
);
