/** ptrace(2) and wait4(2). Buffers are passed by address: callers keep one per purpose and reuse it. */
import type { Errno, HostAddr, HostPid } from '../base/brands.js';
import { bind } from './libc.js';

export const PTRACE_TRACEME = 0;
export const PTRACE_POKEUSER = 6;
export const PTRACE_CONT = 7;
export const PTRACE_GETREGS = 12;
export const PTRACE_SETREGS = 13;
export const PTRACE_SYSCALL = 24;
export const PTRACE_SYSEMU = 31;
export const PTRACE_SETOPTIONS = 0x4200;
export const PTRACE_GETSIGINFO = 0x4202;
export const PTRACE_GETREGSET = 0x4204;
export const PTRACE_SETREGSET = 0x4205;
export const PTRACE_GET_SYSCALL_INFO = 0x420e;

export const PTRACE_O_TRACESYSGOOD = 1;
export const PTRACE_O_EXITKILL = 0x100000;

/** PTRACE_GETREGSET's name for the XSAVE image. */
export const NT_X86_XSTATE = 0x202;

/** Answers 0 or an Errno; not for PTRACE_PEEK*, whose results libc returns differently. */
export const ptrace = bind('ptrace', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'int64_t']) as (
  request: number,
  pid: HostPid,
  address: number,
  data: number,
) => number | Errno;

/** Pid of the child whose state changed, 0 with WNOHANG, or an Errno. The status word is stored at `status`. */
export const wait4 = bind('wait4', 'int', ['int', 'intptr_t', 'int', 'intptr_t']) as (
  pid: number,
  status: HostAddr,
  options: number,
  usage: HostAddr,
) => number | Errno;
