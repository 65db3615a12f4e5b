/** Setting and steering the wall clock (settimeofday(2), clock_settime(2), adjtimex(2); Linux: kernel/time/time.c). */
import { isErr, type Errno, type UserPtr } from '../base/brands.js';
import { CAP_SYS_TIME } from '../abi/capability.js';
import { EINVAL, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { CLOCK_REALTIME } from '../abi/time.js';
import { TIMESPEC, TIMEVAL } from '../abi/time-struct.js';
import { ADJ_ADJTIME, ADJ_OFFSET, ADJ_OFFSET_READONLY, TIMEX, type TimexStruct } from '../abi/timex.js';
import { readClock } from '../kernel/guest-clock.js';
import { address, int, partial, ptr, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { hasCapability } from '../vfs/credentials.js';

const OWN_CLOCK = partial('the machine has a wall clock of its own; rates are kept and have no effect');
const MAX_MINUTES_WEST = 15 * 60;
const scratch = { sec: 0, nsec: 0 };

function mayTell(task: Task): boolean {
  return hasCapability(task.cred, CAP_SYS_TIME);
}

/** A bad time is told before a missing privilege. */
function setTime(task: Task, sec: number, nsec: number): 0 | Errno {
  if (sec < 0 || nsec < 0 || nsec >= 1e9) return EINVAL;
  return mayTell(task) ? task.machine.timekeeping.set(task.machine, sec, nsec) : EPERM;
}

export const clockSettime = syscall('clock_settime', [int, ptr(TIMESPEC)], (task, clock, at) => {
  if (clock !== CLOCK_REALTIME) return EINVAL;
  const time = task.mm.readStruct(at, TIMESPEC);
  return isErr(time) ? time : setTime(task, time.sec, time.nsec);
});

export const settimeofday = syscall(
  'settimeofday',
  [ptr(TIMEVAL), address],
  (task, at, zoneAt) => {
    let time = { sec: 0, usec: 0 };
    if (at !== 0) {
      const read = task.mm.readStruct(at, TIMEVAL);
      if (isErr(read)) return read;
      if (read.usec < 0 || read.usec >= 1e6) return EINVAL;
      time = read;
    }
    if (zoneAt !== 0) {
      const west = task.mm.readU32(zoneAt);
      if (isErr(west)) return west;
      if (Math.abs(west | 0) > MAX_MINUTES_WEST) return EINVAL;
    }
    if (at === 0) return mayTell(task) ? 0 : EPERM;
    return setTime(task, time.sec, time.usec * 1000);
  },
  partial('time zones are not kept'),
);

function adjust(task: Task, at: UserPtr<TimexStruct>): number {
  const wanted = task.mm.readStruct(at, TIMEX);
  if (isErr(wanted)) return wanted;
  const { modes } = wanted;
  const asks = modes === 0 || modes === (ADJ_ADJTIME | ADJ_OFFSET | ADJ_OFFSET_READONLY);
  if (!asks && !mayTell(task)) return (modes & ADJ_ADJTIME) !== 0 && (modes & ADJ_OFFSET) === 0 ? EINVAL : EPERM;
  const state = task.machine.timekeeping.adjust(task.machine, wanted);
  if (isErr(state)) return state;
  const stored = task.mm.writeStruct(at, TIMEX, wanted);
  return isErr(stored) ? stored : state;
}

export const adjtimex = syscall('adjtimex', [ptr(TIMEX)], adjust, OWN_CLOCK);

export const clockAdjtime = syscall(
  'clock_adjtime',
  [int, ptr(TIMEX)],
  (task, clock, at) => {
    if (clock === CLOCK_REALTIME) return adjust(task, at);
    return readClock(task.machine, clock, scratch) ? EOPNOTSUPP : EINVAL;
  },
  OWN_CLOCK,
);
