/** eventfd (Linux: fs/eventfd.c), timerfd_* (fs/timerfd.c), signalfd (fs/signalfd.c). */
import { isErr, type Errno } from '../base/brands.js';
import { CAP_WAKE_ALARM } from '../abi/capability.js';
import { EBADF, EFAULT, EINVAL, EPERM } from '../abi/errno.js';
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from '../abi/fcntl.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
} from '../abi/time.js';
import { ITIMERSPEC, type ItimerspecStruct } from '../abi/time-struct.js';
import { EventFile } from '../fs/eventfd.js';
import { SignalFile } from '../fs/signalfd.js';
import { TimerFile, type TimerState } from '../fs/timerfd.js';
import { durationNs } from '../kernel/guest-clock.js';
import { SigSet } from '../kernel/signals/sig-set.js';
import { address, fd, flags, int, oneOf, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { fileOf, installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';
import { hasCapability } from '../vfs/credentials.js';

const EFD_SEMAPHORE = 1;
const EFD_CLOEXEC = O_CLOEXEC;
const EFD_NONBLOCK = O_NONBLOCK;

function makeEventFile(task: Task, initial: number, options: number): number | Errno {
  if ((options & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) !== 0) return EINVAL;
  const file = new EventFile(anonInode('anon_inode:[eventfd]'), O_RDWR | (options & O_NONBLOCK), initial, (options & EFD_SEMAPHORE) !== 0);
  return installFile(task, file, (options & EFD_CLOEXEC) !== 0);
}

export const eventfd = syscall('eventfd', [uint], (task, initial) => makeEventFile(task, initial, 0));
export const eventfd2 = syscall('eventfd2', [uint, flags({ EFD_SEMAPHORE, EFD_CLOEXEC, EFD_NONBLOCK })], makeEventFile);

const CLOCKS = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
const TFD_TIMER_CANCEL_ON_SET = 2;

export const timerfdCreate = syscall('timerfd_create', [oneOf(CLOCKS), flags({ TFD_NONBLOCK, TFD_CLOEXEC })], (task, clock, options) => {
  if ((options & ~(TFD_NONBLOCK | TFD_CLOEXEC)) !== 0 || !Object.values(CLOCKS).includes(clock)) return EINVAL;
  const isAlarm = clock === CLOCK_REALTIME_ALARM || clock === CLOCK_BOOTTIME_ALARM;
  if (isAlarm && !hasCapability(task.cred, CAP_WAKE_ALARM)) return EPERM;
  const file = new TimerFile(anonInode('anon_inode:[timerfd]'), O_RDWR | (options & O_NONBLOCK), task.machine, clock);
  return installFile(task, file, (options & TFD_CLOEXEC) !== 0);
});

function timerOf(task: Task, number: number): TimerFile | Errno {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  return file instanceof TimerFile ? file : EINVAL;
}

function itimerspecOf({ valueNs, intervalNs }: TimerState): ItimerspecStruct {
  const interval = intervalNs === Infinity ? 0 : intervalNs;
  return {
    intervalSec: Math.floor(interval / 1e9),
    intervalNsec: Math.floor(interval % 1e9),
    valueSec: Math.floor(valueNs / 1e9),
    valueNsec: Math.floor(valueNs % 1e9),
  };
}

export const timerfdSettime = syscall(
  'timerfd_settime',
  [fd, flags({ TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET }), ptr(ITIMERSPEC), ptr(ITIMERSPEC, true)],
  (task, number, options, newValue, oldValue) => {
    const value = task.mm.readStruct(newValue, ITIMERSPEC);
    if (isErr(value)) return EFAULT;
    const intervalNs = durationNs(value.intervalSec, value.intervalNsec);
    if ((options & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0 || isErr(intervalNs)) return EINVAL;
    if (isErr(durationNs(value.valueSec, value.valueNsec))) return EINVAL;
    const timer = timerOf(task, number);
    if (isErr(timer)) return timer;
    const before = timer.get();
    const cancelOnSet = (options & TFD_TIMER_CANCEL_ON_SET) !== 0;
    const result = timer.set((options & TFD_TIMER_ABSTIME) !== 0, value.valueSec, value.valueNsec, intervalNs, cancelOnSet);
    if (result !== 0 || oldValue === 0) return result;
    return isErr(task.mm.writeStruct(oldValue, ITIMERSPEC, itimerspecOf(before))) ? EFAULT : 0;
  },
);

export const timerfdGettime = syscall('timerfd_gettime', [fd, ptr(ITIMERSPEC, true)], (task, number, value) => {
  const timer = timerOf(task, number);
  if (isErr(timer)) return timer;
  return isErr(task.mm.writeStruct(value, ITIMERSPEC, itimerspecOf(timer.get()))) ? EFAULT : 0;
});

const SFD_CLOEXEC = O_CLOEXEC;
const SFD_NONBLOCK = O_NONBLOCK;

function makeSignalFile(task: Task, number: number, maskPointer: number, maskSize: number, options: number): number | Errno {
  if ((options & ~(SFD_CLOEXEC | SFD_NONBLOCK)) !== 0 || maskSize !== 8) return EINVAL;
  const bytes = new Uint8Array(8);
  if (isErr(task.copyIn(maskPointer, bytes))) return EFAULT;
  const mask = SigSet.read(new DataView(bytes.buffer), 0).removeUnblockable();
  if (number === -1) {
    const file = new SignalFile(anonInode('anon_inode:[signalfd]'), O_RDWR | (options & O_NONBLOCK), task.machine, mask);
    return installFile(task, file, (options & SFD_CLOEXEC) !== 0);
  }
  const file = fileOf(task, number);
  if (isErr(file)) return EBADF;
  if (!(file instanceof SignalFile)) return EINVAL;
  file.setMask(mask);
  return number;
}

export const signalfd = syscall('signalfd', [int, address, size], (task, number, mask, maskSize) =>
  makeSignalFile(task, number, mask, maskSize, 0),
);
export const signalfd4 = syscall('signalfd4', [int, address, size, flags({ SFD_CLOEXEC, SFD_NONBLOCK })], makeSignalFile);
