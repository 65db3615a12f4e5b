/**
 * What this host offers, found out by trying (UML: os_early_checks and check_ptrace in arch/um/os-Linux/start_up.c). A guest of
 * a few instructions is really run; nothing is concluded from version numbers.
 */
import { readFileSync } from 'node:fs';
import { AT_HWCAP2, AT_MINSIGSTKSZ } from '../abi/auxvec.js';
import { isErr } from '../base/brands.js';
import { getauxval } from '../host/auxv.js';
import { closeFd, memfdWith } from '../host/events.js';
import type { FrameStore } from './frames.js';
import { probePtracePlatform, probeSeccompPlatform } from './probe-platform.js';
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
/** All checks. `frames`: guest RAM to try with; the calling thread becomes, for that time, a kernel thread. */
export function probeHost(frames: FrameStore): ProbeResult[] {
  return [probeMemfd(), probeYama(), ...probePlatforms(frames), probeFsgsbase(), probeSignalFrame(), probeOldPatches()];
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
  return result(
    'yama',
    !forbidden,
    `kernel.yama.ptrace_scope is ${scope}`,
    'sysctl kernel.yama.ptrace_scope=1, for the ptrace platform',
    false,
  );
}

/** Neither is required while the other works. */
function probePlatforms(frames: FrameStore): ProbeResult[] {
  const found = [probeSeccompPlatform(frames), probePtracePlatform(frames)];
  const required = found.every((each) => !each.ok);
  return found.map((each) => ({ ...each, required }));
}

function probeFsgsbase(): ProbeResult {
  const ok = Math.floor(getauxval(AT_HWCAP2) / FSGSBASE) % 2 === 1;
  const detail = ok ? 'segment bases are set without a system call' : 'absent: the seccomp platform needs it';
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
