/** System V semaphores (semget(2), semop(2), semctl(2)). */
import { isErr, type Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { E2BIG, EINVAL, ERANGE } from '../abi/errno.js';
import {
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  IPC_64,
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SEMAEM,
  SEMVMX,
  SEM_INFO,
  SEM_STAT,
  SEM_STAT_ANY,
  SETALL,
  SETVAL,
} from '../abi/ipc.js';
import { SEMBUF, SEMID_DS, SEMINFO, type SemidDs } from '../abi/ipc-struct.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { durationNs } from '../kernel/guest-clock.js';
import { checkAccess } from '../kernel/ipc/ids.js';
import {
  countWaiters,
  removeSem,
  semget as get,
  semop as operate,
  setValues,
  type SemaphoreSet,
  type SemOperation,
} from '../kernel/ipc/sem.js';
import { address, flags, int, oneOf, ptr, syscall, uint, ulong } from '../kernel/syscall.js';
import { pidFor } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { R10 } from '../platform/registers.js';
import { ipcSet, ipcStat, permFields, type IpcKind } from './ipc-control.js';

export const semget = syscall('semget', [int, int, flags({ IPC_CREAT, IPC_EXCL })], get);

function readOperations(task: Task, at: number, count: number): SemOperation[] | Errno {
  const operations: SemOperation[] = [];
  for (let i = 0; i < count; i++) {
    const operation = task.mm.readStruct(at + i * SEMBUF.size, SEMBUF);
    if (isErr(operation)) return operation;
    operations.push(operation);
  }
  return operations;
}

function doOperations(task: Task, id: number, at: number, count: number, deadlineNs: number): number | Blocking<number> {
  if (count < 1 || id < 0) return EINVAL;
  if (count > task.nsproxy.ipc.limits.semopm) return E2BIG;
  const operations = readOperations(task, at, count);
  return isErr(operations) ? operations : operate(task, id, operations as SemOperation[], deadlineNs);
}

export const semop = syscall('semop', [int, address, uint], (task, id, at, count) => doOperations(task, id, at, count, Infinity));

export const semtimedop = syscall('semtimedop', [int, address, uint, ptr(TIMESPEC)], (task, id, at, count, timeout) => {
  if (timeout === 0) return doOperations(task, id, at, count, Infinity);
  const time = task.mm.readStruct(timeout, TIMESPEC);
  if (isErr(time)) return time;
  const duration = durationNs(time.sec, time.nsec);
  return isErr(duration) ? duration : doOperations(task, id, at, count, task.machine.clock.monotonicNs() + duration);
});

const COMMANDS = {
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  IPC_INFO,
  GETPID,
  GETVAL,
  GETALL,
  GETNCNT,
  GETZCNT,
  SETVAL,
  SETALL,
  SEM_STAT,
  SEM_INFO,
  SEM_STAT_ANY,
};

export const semctl = syscall('semctl', [int, int, oneOf(COMMANDS), ulong], (task, id, num, command, argument) => {
  const wanted = command & ~IPC_64;
  if (id < 0) return EINVAL;
  switch (wanted) {
    case IPC_INFO:
    case SEM_INFO:
      return infoSem(task, wanted, argument);
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
      return ipcStat(task, SEM, id, wanted, argument);
    case IPC_RMID:
      return removeSem(task, id);
    case IPC_SET:
      return ipcSet(task, SEM, id, argument);
    default:
      return valueCommand(task, id, num, wanted, argument);
  }
});

function infoSem(task: Task, command: number, at: number): number | Errno {
  const { ipc } = task.nsproxy;
  const { semmni, semmns, semmsl, semopm } = ipc.limits;
  const used = command === SEM_INFO;
  const info = {
    semmap: semmns,
    semmni,
    semmns,
    semmnu: semmns,
    semmsl,
    semopm,
    semume: semopm,
    semusz: used ? ipc.sem.size : 20,
    semvmx: SEMVMX,
    semaem: used ? ipc.semaphores : SEMAEM,
  };
  const stored = task.mm.writeStruct(at, SEMINFO, info);
  return isErr(stored) ? stored : ipc.sem.highestSlot;
}

const SEM: IpcKind<SemaphoreSet, SemidDs> = {
  table: (ipc) => ipc.sem,
  status: SEMID_DS,
  describe: ({ perm, otime, ctime, values }) => ({ ...SEMID_DS.zero(), ...permFields(perm), otime, ctime, nsems: values.length }),
  statAny: SEM_STAT_ANY,
};

/** The commands that read or set values. */
function valueCommand(task: Task, id: number, num: number, command: number, argument: number): number | Errno {
  const changes = command === SETVAL || command === SETALL;
  if (!changes && (command < GETPID || command > GETZCNT)) return EINVAL;
  const value = task.thread.regs.i32of(R10);
  if (command === SETVAL && (value < 0 || value > SEMVMX)) return ERANGE;
  const set = task.nsproxy.ipc.sem.find(id);
  if (isErr(set)) return set;
  if (command === SETVAL && (num < 0 || num >= set.values.length)) return EINVAL;
  const allowed = checkAccess(task.cred, set.perm, changes ? 0o222 : 0o444);
  if (isErr(allowed)) return allowed;
  if (command === SETALL) return setAll(task, set, argument);
  if (command === GETALL) return task.mm.copyOut(argument, new Uint8Array(set.values.buffer));
  if (num < 0 || num >= set.values.length) return EINVAL;
  switch (command) {
    case SETVAL:
      return setValues(task, set, num, [value]);
    case GETVAL:
      return set.values[num]!;
    case GETPID:
      return pidFor(task, set.pids[num]!);
    default:
      return countWaiters(set, num, command === GETZCNT);
  }
}

function setAll(task: Task, set: SemaphoreSet, at: number): number | Errno {
  const values = new Uint16Array(set.values.length);
  const copied = task.mm.copyIn(at, new Uint8Array(values.buffer));
  return isErr(copied) ? copied : setValues(task, set, 0, values);
}
