/**
 * What a machine is made of, as plain data: Sandbox.create and the command line fill it in, the kernel's thread builds it.
 * Everything has a default, and every limit is finite.
 */
import { totalmem } from 'node:os';

/** A file system to mount; see hostdir, memfs, overlay and image in mount-spec.ts. */
export type FileSystemSpec =
  | { type: 'hostdir'; path: string; readOnly: boolean }
  | { type: 'memfs'; sizeBytes?: number }
  | { type: 'overlay'; lower: { type: 'hostdir'; path: string } }
  | ImageSpec
  | { type: 'unpacked'; indexPath: string };

/** An archive or image; becomes `unpacked` before there is a machine (resolve-images.ts). */
export interface ImageSpec {
  type: 'image';
  /** A tar archive, an OCI image layout, or DIR:TAG. */
  source: string;
  /** Most bytes when unpacked. */
  maxBytes?: number;
}

export interface MountSpec {
  /** Absolute guest path. */
  target: string;
  fs: FileSystemSpec;
}

/** Limits of a machine. Reaching one gives the guest Linux's own errno or signal, never the host trouble. */
export interface Limits {
  /** Host memory for guest pages, files in memory included. Beyond: ENOMEM, or SIGKILL for a page that cannot be had. */
  memoryBytes: number;
  /** Tasks (threads) at one time. Beyond: fork gives EAGAIN. */
  processes: number;
  /** Descriptors of one process (RLIMIT_NOFILE). Beyond: EMFILE. */
  openFiles: number;
  /** CPU time of one process in seconds (RLIMIT_CPU). Beyond: SIGXCPU, then SIGKILL. */
  cpuSeconds: number;
  /** Wall time of one exec or spawn in seconds. Beyond: SIGTERM, then SIGKILL. */
  wallSeconds: number;
  /** Files kept in memory (the overlay's upper side, every memfs and tmpfs together). Beyond: ENOSPC. */
  diskBytes: number;
  /** Bytes that one exec or spawn may write to its standard streams. Beyond: SIGXFSZ and EFBIG. */
  outputBytes: number;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Less does not hold a kernel's stubs and one program. */
export const MIN_MEMORY_BYTES = 4 * MiB;

/** The limits of a machine for which none are given. Memory: half of the host's, between 512 MiB and 8 GiB. */
export function defaultLimits(): Limits {
  const memoryBytes = Math.floor(Math.min(Math.max(totalmem() / 2, 512 * MiB), 8 * GiB) / MiB) * MiB;
  return {
    memoryBytes,
    processes: 1024,
    openFiles: 4096,
    cpuSeconds: 3600,
    wallSeconds: 24 * 3600,
    diskBytes: memoryBytes,
    outputBytes: 64 * GiB,
  };
}

export const PLATFORM_CHOICES = ['auto', 'ptrace', 'seccomp'] as const;
export type PlatformChoice = (typeof PLATFORM_CHOICES)[number];

export interface MachineOptions {
  platform: PlatformChoice;
  /** Absent: the host's system directories, read-only under an overlay in memory. */
  root?: FileSystemSpec;
  /** In this order. */
  mounts: MountSpec[];
  /** The host's working directory, to be shown through an overlay; absent: not shown. */
  hostCwd?: string;
  /** Variables on top of the minimal environment; null removes one. */
  env: Record<string, string | null>;
  /** Working directory of programs; absent: `hostCwd` where the guest has it, else the user's home, else '/'. */
  cwd?: string;
  /** `UID`, `UID:GID` or a user's name; absent: the user and group that run skas. */
  user?: string;
  hostname: string;
  limits: Limits;
  /** Prints system calls: those named, or all. */
  trace?: { calls: string[] | undefined };
  /** Counts what --stats shows. */
  stats: boolean;
}

/** Options with every default filled in. */
export function machineOptions(given: Partial<Omit<MachineOptions, 'limits'>> & { limits?: Partial<Limits> } = {}): MachineOptions {
  const limits = defaultLimits();
  for (const [name, value] of Object.entries(given.limits ?? {})) {
    if (value !== undefined) limits[name as keyof Limits] = value;
  }
  if (given.limits?.memoryBytes !== undefined && given.limits.diskBytes === undefined) limits.diskBytes = limits.memoryBytes;
  return {
    ...given,
    platform: given.platform ?? 'auto',
    mounts: given.mounts ?? [],
    env: given.env ?? {},
    hostname: given.hostname ?? 'skas',
    stats: given.stats ?? false,
    limits,
  };
}
