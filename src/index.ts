/** skas: a Linux machine for a Node program. */
export { Sandbox } from './api/sandbox.js';
export type { ExecOptions, SandboxOptions, Shell, SpawnOptions } from './api/sandbox.js';
export { SandboxProcess } from './api/process.js';
export type { OutputChunk, ProcessOptions } from './api/process.js';
export type { Result, Usage } from './api/result.js';
export { SandboxFs } from './api/fs.js';
export type { SandboxDirent, SandboxStats, WriteFileOptions } from './api/fs.js';
export { hostdir, image, memfs, overlay, tarfs } from './api/mount-spec.js';
export type { FileSystemSpec, Limits, PlatformChoice } from './api/machine-options.js';
export type { KillTarget, MachineStatistics, ProcessLimits, ReachedLimit, SpawnFailure, TerminalSize } from './api/protocol.js';
export type { StdinInput } from './api/stdin-source.js';
export { shellQuote } from './api/shell.js';
export type { ShellValue } from './api/shell.js';
export {
  ClosedError,
  ExitError,
  FileError,
  KernelError,
  LimitError,
  OptionError,
  SandboxError,
  SpawnError,
  TimeoutError,
  UnsupportedHostError,
} from './api/errors.js';
