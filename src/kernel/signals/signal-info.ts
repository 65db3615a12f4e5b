/**
 * What came with a signal (Linux: siginfo_t, include/uapi/asm-generic/siginfo.h), as plain data. `layout` says which members
 * of the union mean something. `encodeInfo` gives the 128 bytes that a guest sees.
 */
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  SIGCHLD,
  SI_KERNEL,
  SI_TIMER,
  SI_TKILL,
  SI_USER,
} from '../../abi/signal.js';

export const SIGINFO_SIZE = 128;

export type InfoLayout = 'none' | 'kill' | 'queue' | 'fault' | 'child' | 'timer' | 'poll' | 'sys' | 'raw';

export interface SignalInfo {
  readonly signo: number;
  /** si_code: SI_USER, SI_KERNEL, SEGV_MAPERR, CLD_EXITED, ... */
  readonly code: number;
  readonly errno?: number;
  readonly layout: InfoLayout;
  /** Sender, or the child (kill, child); timer id (timer). */
  readonly pid?: number;
  readonly uid?: number;
  /** Faulting address (fault), or address of the instruction (sys). May hold all 64 bits: a non-canonical address is negative. */
  readonly address?: number;
  /** CLD_EXITED: exit code; otherwise the signal (child). */
  readonly status?: number;
  /** In clock ticks of 1/100 s (child). */
  readonly utime?: number;
  readonly stime?: number;
  /** Expirations that were missed (timer); filled in when the signal is taken. */
  overrun?: number;
  /** sigval (timer, queue). */
  readonly value?: bigint;
  /** POLL_* events and descriptor (poll). */
  readonly band?: number;
  readonly fd?: number;
  /** System call number and AUDIT_ARCH (sys). */
  readonly syscall?: number;
  readonly arch?: number;
  /** 128 bytes as the guest gave them to rt_sigqueueinfo (raw). */
  readonly raw?: Uint8Array;
  /** Called when the signal leaves the queue: a timer re-arms and fills in `overrun`. */
  readonly onTaken?: (info: SignalInfo) => void;
}

/** kill(2). */
export function userInfo(signo: number, pid: number, uid: number): SignalInfo {
  return { signo, code: SI_USER, layout: 'kill', pid, uid };
}

/** tkill(2), tgkill(2). */
export function threadKillInfo(signo: number, pid: number, uid: number): SignalInfo {
  return { signo, code: SI_TKILL, layout: 'kill', pid, uid };
}

/** From the kernel itself: terminals, broken pipes, timers of alarm(2). */
export function kernelInfo(signo: number): SignalInfo {
  return { signo, code: SI_KERNEL, layout: 'kill', pid: 0, uid: 0 };
}

/** SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP with an address. */
export function faultInfo(signo: number, code: number, address: number): SignalInfo {
  return { signo, code, layout: 'fault', address };
}

/** What a parent learns of a child. `code`: CLD_*; `status`: exit code or signal; times in nanoseconds. */
export function childInfo(
  code: number,
  pid: number,
  uid: number,
  status: number,
  userNs: number,
  systemNs: number,
  signo = SIGCHLD,
): SignalInfo {
  return { signo, code, layout: 'child', pid, uid, status, utime: Math.floor(userNs / 1e7), stime: Math.floor(systemNs / 1e7) };
}

/** childInfo's `code` and `status` for a status word of wait(2). */
export function childCodeOf(waitStatus: number): { code: number; status: number } {
  if ((waitStatus & 0xff) === 0x7f) return { code: CLD_STOPPED, status: (waitStatus >> 8) & 0xff };
  if (waitStatus === 0xffff) return { code: CLD_CONTINUED, status: 18 };
  const signal = waitStatus & 0x7f;
  if (signal === 0) return { code: CLD_EXITED, status: (waitStatus >> 8) & 0xff };
  return { code: (waitStatus & 0x80) !== 0 ? CLD_DUMPED : CLD_KILLED, status: signal };
}

/** A POSIX timer expired. */
export function timerInfo(signo: number, timerId: number, value: bigint, onTaken: (info: SignalInfo) => void): SignalInfo {
  return { signo, code: SI_TIMER, layout: 'timer', pid: timerId, overrun: 0, value, onTaken };
}

/** seccomp's and bad system calls' SIGSYS. */
export function sysInfo(signo: number, code: number, address: number, syscall: number, arch: number): SignalInfo {
  return { signo, code, layout: 'sys', address, syscall, arch };
}

/** rt_sigqueueinfo(2): the guest's own bytes; `signo` replaces theirs. */
export function rawInfo(signo: number, bytes: Uint8Array): SignalInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIGINFO_SIZE);
  view.setInt32(0, signo, true);
  return {
    signo,
    code: view.getInt32(8, true),
    errno: view.getInt32(4, true),
    layout: 'raw',
    pid: view.getInt32(16, true),
    uid: view.getUint32(20, true),
    value: view.getBigUint64(24, true),
    raw: bytes,
  };
}

function setAddress(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 4294967296, true);
  view.setUint32(offset + 4, Math.floor(value / 4294967296), true);
}

/** Writes the 128 bytes of `info` at `offset`. */
export function encodeInfo(info: SignalInfo, view: DataView, offset: number): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, SIGINFO_SIZE);
  if (info.raw) {
    bytes.set(info.raw);
    return;
  }
  bytes.fill(0);
  view.setInt32(offset, info.signo, true);
  view.setInt32(offset + 4, info.errno ?? 0, true);
  view.setInt32(offset + 8, info.code, true);
  const fields = offset + 16;
  switch (info.layout) {
    case 'kill':
      view.setInt32(fields, info.pid ?? 0, true);
      view.setUint32(fields + 4, info.uid ?? 0, true);
      break;
    case 'queue':
      view.setInt32(fields, info.pid ?? 0, true);
      view.setUint32(fields + 4, info.uid ?? 0, true);
      view.setBigUint64(fields + 8, BigInt.asUintN(64, info.value ?? 0n), true);
      break;
    case 'fault':
      setAddress(view, fields, info.address ?? 0);
      break;
    case 'child':
      view.setInt32(fields, info.pid ?? 0, true);
      view.setUint32(fields + 4, info.uid ?? 0, true);
      view.setInt32(fields + 8, info.status ?? 0, true);
      setAddress(view, fields + 16, info.utime ?? 0);
      setAddress(view, fields + 24, info.stime ?? 0);
      break;
    case 'timer':
      view.setInt32(fields, info.pid ?? 0, true);
      view.setInt32(fields + 4, info.overrun ?? 0, true);
      view.setBigUint64(fields + 8, BigInt.asUintN(64, info.value ?? 0n), true);
      break;
    case 'poll':
      setAddress(view, fields, info.band ?? 0);
      view.setInt32(fields + 8, info.fd ?? 0, true);
      break;
    case 'sys':
      setAddress(view, fields, info.address ?? 0);
      view.setInt32(fields + 8, info.syscall ?? 0, true);
      view.setUint32(fields + 12, info.arch ?? 0, true);
      break;
    default:
  }
}
