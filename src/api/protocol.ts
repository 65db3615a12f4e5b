/**
 * What Node's main thread and the kernel's thread say to each other. Plain data only, so that the kernel could as well live in
 * another process: every message survives a structured clone, and bytes are transferred rather than copied.
 *
 *   main   --postMessage, then ringDoorbell-->  kernel   (ToKernel; the kernel drains its port when the doorbell rings)
 *   main   <----------- postMessage ----------  kernel   (FromKernel; arrives on main's event loop)
 *
 * Flow control is by credit in both directions, so that neither side buffers without bound:
 *   output  the kernel may have OUTPUT_WINDOW_BYTES of a stream in flight; `consumed` gives credit back. A guest that writes
 *           without credit waits.
 *   input   the kernel asks with `stdin-wanted` when a guest wants bytes and has none; main answers with one `stdin` or
 *           `stdin-end`. So a guest that never reads consumes nothing of the host's standard input.
 */
import type { MachineOptions } from './machine-options.js';
import type { LimitName } from '../kernel/limit-names.js';
import type { FileOperation, FileResult } from './file-protocol.js';

/** Bytes of one output stream that may be on their way or unread on main's side. */
export const OUTPUT_WINDOW_BYTES = 1 << 20;
/** Largest run of bytes that main sends in one `stdin` message. */
export const INPUT_CHUNK_BYTES = 64 << 10;

// Words of the memory that main shares with the kernel thread.
/** One more than the doorbell's descriptor, once there is one; 0 before. Set before the kernel first looks at its port. */
export const SHARED_DOORBELL = 0;
/** Not 0: the machine shall stop. */
export const SHARED_STOP = 1;
/** Value of SHARED_STOP while main may still ring, and when it has rung for the last time: then the doorbell may be closed. */
export const STOP_ASKED = 1;
export const STOP_RUNG = 2;

/** How a standard stream of a new process is connected: to main, or to /dev/null. `stdout` (stderr only): 2>&1. */
export type StreamKind = 'pipe' | 'null';

export interface TerminalSize {
  cols: number;
  rows: number;
}

/** Limits of one process tree, as rlimits; absent: the machine's. */
export interface ProcessLimits {
  openFiles?: number;
  /** RLIMIT_CPU, seconds. */
  cpuSeconds?: number;
  /** Bytes that the process tree may write to its standard streams together. */
  outputBytes?: number;
}

export interface SpawnRequest {
  /** Program (searched in PATH when it has no slash) and arguments; text. */
  argv: string[];
  /** Variables to add to, or (null) take from, the machine's environment. */
  env: Record<string, string | null>;
  /** Absolute guest path; absent: the machine's. */
  cwd?: string;
  /** `UID`, `UID:GID` or a name; absent: the machine's. */
  user?: string;
  stdin: StreamKind;
  stdout: StreamKind;
  stderr: StreamKind | 'stdout';
  /** A terminal of this size in place of the three streams. */
  pty?: TerminalSize;
  limits?: ProcessLimits;
}

/** Whom a signal is for: the process, its process group, or its session (every process that it left behind included). */
export type KillTarget = 'process' | 'group' | 'session';

export type ToKernel =
  | { type: 'boot'; options: MachineOptions }
  | { type: 'spawn'; id: number; request: SpawnRequest }
  | { type: 'stdin'; id: number; bytes: Uint8Array }
  | { type: 'stdin-end'; id: number }
  | { type: 'consumed'; id: number; fd: 1 | 2; bytes: number }
  /** Nobody reads the stream any more: a guest that writes gets EPIPE. */
  | { type: 'close-output'; id: number; fd: 1 | 2 }
  | { type: 'kill'; id: number; signal: number; target: KillTarget }
  | { type: 'resize'; id: number; size: TerminalSize }
  /** Main has done with the process and will not name it again. */
  | { type: 'forget'; id: number }
  | { type: 'file'; request: number; operation: FileOperation }
  | { type: 'stats'; request: number }
  | { type: 'shutdown' };

/** What a process and its children that it waited for used. */
export interface Usage {
  /** User and system time of the process and the children it waited for. */
  cpuMs: number;
  /** Largest resident set of the process or of a child that it waited for. */
  peakMemoryBytes: number;
  /** System calls that the process and the children it waited for made. */
  syscalls: number;
  /** The kernel killed it because the machine had no memory left. */
  outOfMemory: boolean;
  /** Limits that the process, or a child that it waited for, has reached; see `Limits`. */
  limits: ReachedLimit[];
}

export type ReachedLimit = LimitName | 'wall';

/** Why a program was not started. */
export interface SpawnFailure {
  /** A Linux error name: 'ENOENT', 'EACCES', 'ENOEXEC', ... */
  code: string;
  /** What it concerns: 'program', 'cwd', 'user' or 'process'. */
  what: 'program' | 'cwd' | 'user' | 'process';
  /** The value that was given. */
  value: string;
}

/** Counters of the whole machine. Calls, signals and faults are counted only when the machine was made with `stats`. */
export interface MachineStatistics {
  /** By name. `timeNs`: from the trap to the result, waits included. */
  calls: Record<string, { calls: number; errors: number; timeNs: number }>;
  signals: Record<string, number>;
  faultsResolved: number;
  faultsToSignals: number;
  /** The platform's own: traps by kind, host calls. */
  platform: Record<string, number>;
  machine: { framesInUse: number; processes: number; threads: number };
}

export type FromKernel =
  | { type: 'ready'; platform: string }
  | { type: 'boot-failed'; failure: BootFailure }
  | { type: 'started'; id: number; pid: number }
  | { type: 'spawn-failed'; id: number; failure: SpawnFailure }
  | { type: 'stdin-wanted'; id: number }
  /** No guest process can read the stream any more. */
  | { type: 'stdin-closed'; id: number }
  | { type: 'output'; id: number; fd: 1 | 2; bytes: Uint8Array }
  /** The last guest process that could write to the stream is gone. */
  | { type: 'output-end'; id: number; fd: 1 | 2 }
  /** `status`: as wait(2) reports it. */
  | { type: 'exited'; id: number; status: number; usage: Usage }
  | { type: 'file-done'; request: number; result: FileResult }
  | { type: 'file-failed'; request: number; code: string }
  | { type: 'stats-done'; request: number; statistics: MachineStatistics }
  /** Lines of --strace. */
  | { type: 'trace'; text: string }
  /** An exception escaped the kernel while it served `pid`, which has been killed. */
  | { type: 'bug'; pid: number; name: string; message: string }
  | { type: 'stopped' };

/** Why the machine did not start. `unsupported`: this host lacks something that skas needs. */
export interface BootFailure {
  kind: 'unsupported' | 'option' | 'bug';
  message: string;
}

/** The half of a MessagePort that the kernel's side uses: tests put a plain object in its place. */
export interface KernelPort {
  post(message: FromKernel, transfer?: readonly ArrayBuffer[]): void;
}
