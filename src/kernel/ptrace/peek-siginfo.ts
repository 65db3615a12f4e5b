/** PTRACE_PEEKSIGINFO: a look at queued signals without taking them (Linux: kernel/ptrace.c, ptrace_peek_siginfo). */
import { isErr, type Errno } from '../../base/brands.js';
import { EINVAL } from '../../abi/errno.js';
import { PTRACE_PEEKSIGINFO_SHARED } from '../../abi/ptrace.js';
import { i32, struct, u32, u64 } from '../../base/struct.js';
import { encodeInfo, SIGINFO_SIZE } from '../signals/signal-info.js';
import type { Task } from '../task.js';

const ARGS = struct('ptrace_peeksiginfo_args', { off: u64, flags: u32, nr: i32 }, 16);

/** Stores up to `nr` of them at `at`; how many. */
export function pendingInfos(tracer: Task, target: Task, argsAt: number, at: number): number | Errno {
  const args = tracer.mm.readStruct(argsAt, ARGS);
  if (isErr(args)) return args;
  if ((args.flags & ~PTRACE_PEEKSIGINFO_SHARED) !== 0 || args.nr < 0) return EINVAL;
  const { pending } = (args.flags & PTRACE_PEEKSIGINFO_SHARED) !== 0 ? target.group.signals : target.signals;
  const infos = pending.list().slice(args.off, args.off + args.nr);
  const bytes = new Uint8Array(SIGINFO_SIZE);
  for (const [i, info] of infos.entries()) {
    encodeInfo(info, new DataView(bytes.buffer), 0);
    const copied = tracer.mm.copyOut(at + i * SIGINFO_SIZE, bytes);
    if (isErr(copied)) return i > 0 ? i : copied;
  }
  return infos.length;
}
