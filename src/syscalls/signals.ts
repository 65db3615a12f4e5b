/** Actions, masks, waiting for signals, the way back from handlers (sigaction(2), sigprocmask(2), sigwaitinfo(2), signal(7)). */
import { thenDo } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EINTR, EINVAL } from '../abi/errno.js';
import { RSP } from '../platform/registers.js';
import { SIGACTION, SIGSET, STACK } from '../abi/signal-struct.js';
import { SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SS_AUTODISARM } from '../abi/signal.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { durationNs } from '../kernel/guest-clock.js';
import { changeAction, changeMask } from '../kernel/signals/action.js';
import { setAltStack } from '../kernel/signals/alt-stack.js';
import { altStackState } from '../kernel/signals/frame.js';
import type { SignalAction } from '../kernel/signals/shared-signals.js';
import { SigSet } from '../kernel/signals/sig-set.js';
import { encodeInfo, SIGINFO_SIZE, type SignalInfo } from '../kernel/signals/signal-info.js';
import { sigreturn } from '../kernel/signals/sigreturn.js';
import { suspend, waitForSignal } from '../kernel/signals/take.js';
import { address, oneOf, ptr, signal, size, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';

const SIGSET_SIZE = 8;

export function readSigSet(task: Task, at: number): SigSet | Errno {
  const set = task.mm.readStruct(at, SIGSET);
  return isErr(set) ? set : new SigSet(set.low | 0, set.high | 0);
}

function writeSigSet(task: Task, at: number, set: SigSet, length = SIGSET_SIZE): 0 | Errno {
  const bytes = new Uint8Array(SIGSET_SIZE);
  set.write(new DataView(bytes.buffer), 0);
  return task.mm.copyOut(at, bytes, 0, length);
}

export const rtSigaction = syscall(
  'rt_sigaction',
  [signal, ptr(SIGACTION), ptr(SIGACTION, true), size],
  (task, number, actionAt, oldAt, length) => {
    if (length !== SIGSET_SIZE) return EINVAL;
    let action: SignalAction | undefined;
    if (actionAt !== 0) {
      const given = task.mm.readStruct(actionAt, SIGACTION);
      if (isErr(given)) return given;
      const { handler, flags, restorer, maskLow, maskHigh } = given;
      action = { handler, flags, restorer, mask: new SigSet(maskLow | 0, maskHigh | 0) };
    }
    const old = changeAction(task, number, action);
    if (isErr(old)) return old;
    if (oldAt === 0) return 0;
    const { handler, flags, restorer, mask } = old as SignalAction;
    return task.mm.writeStruct(oldAt, SIGACTION, {
      handler,
      flags,
      flagsHigh: 0,
      restorer,
      maskLow: mask.low >>> 0,
      maskHigh: mask.high >>> 0,
    });
  },
);

export const rtSigprocmask = syscall(
  'rt_sigprocmask',
  [oneOf({ SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK }), ptr(SIGSET), ptr(SIGSET, true), size],
  (task, how, setAt, oldAt, length) => {
    if (length !== SIGSET_SIZE) return EINVAL;
    const old = task.signals.mask.copy();
    if (setAt !== 0) {
      const set = readSigSet(task, setAt);
      if (isErr(set)) return set;
      const changed = changeMask(task, how, set as SigSet);
      if (isErr(changed)) return changed;
    }
    return oldAt === 0 ? 0 : writeSigSet(task, oldAt, old);
  },
);

export const rtSigpending = syscall('rt_sigpending', [ptr(SIGSET, true), size], (task, at, length) => {
  if (length > SIGSET_SIZE) return EINVAL;
  const set = task.signals.pending.copy();
  set.unite(task.group.signals.pending);
  const { mask } = task.signals;
  return writeSigSet(task, at, new SigSet(set.low & mask.low, set.high & mask.high), length);
});

export const rtSigreturn = syscall('rt_sigreturn', [], sigreturn);

export const restartSyscall = syscall('restart_syscall', [], (task) => {
  const { restartBlock } = task.signals;
  task.signals.restartBlock = undefined;
  return restartBlock ? restartBlock(task) : EINTR;
});

export const rtSigtimedwait = syscall(
  'rt_sigtimedwait',
  [ptr(SIGSET), address, ptr(TIMESPEC), size],
  (task, setAt, infoAt, timeout, length) => {
    if (length !== SIGSET_SIZE) return EINVAL;
    const set = readSigSet(task, setAt);
    if (isErr(set)) return set;
    let deadlineNs = Infinity;
    if (timeout !== 0) {
      const time = task.mm.readStruct(timeout, TIMESPEC);
      if (isErr(time)) return time;
      const duration = durationNs(time.sec, time.nsec);
      if (isErr(duration)) return duration;
      deadlineNs = duration === 0 ? 0 : task.machine.clock.monotonicNs() + duration;
    }
    return thenDo(waitForSignal(task, (set as SigSet).removeUnblockable(), deadlineNs), (info) => {
      if (typeof info === 'number') return info;
      const stored = infoAt === 0 ? 0 : storeInfo(task, infoAt, info);
      return isErr(stored) ? stored : info.signo;
    });
  },
);

function storeInfo(task: Task, at: number, info: SignalInfo): 0 | Errno {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  encodeInfo(info, new DataView(bytes.buffer), 0);
  return task.mm.copyOut(at, bytes);
}

export const rtSigsuspend = syscall('rt_sigsuspend', [ptr(SIGSET), size], (task, at, length) => {
  if (length !== SIGSET_SIZE) return EINVAL;
  const set = readSigSet(task, at);
  return isErr(set) ? set : suspend(task, set as SigSet);
});

export const pause = syscall('pause', [], (task) => suspend(task, undefined));

export const sigaltstack = syscall('sigaltstack', [ptr(STACK), ptr(STACK, true)], (task, stackAt, oldAt) => {
  const stack = task.signals.altStack;
  const sp = task.thread.regs.get(RSP);
  const old = { sp: stack.base, flags: (altStackState(stack, sp) | (stack.flags & SS_AUTODISARM)) >>> 0, size: stack.size };
  if (stackAt !== 0) {
    const given = task.mm.readStruct(stackAt, STACK);
    if (isErr(given)) return given;
    const changed = setAltStack(task, given.sp, given.flags, given.size);
    if (isErr(changed)) return changed;
  }
  return oldAt === 0 ? 0 : task.mm.writeStruct(oldAt, STACK, old);
});
