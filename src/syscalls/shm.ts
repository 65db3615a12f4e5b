/** System V shared memory (shmget(2), shmop(2), shmctl(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { EINVAL } from '../abi/errno.js';
import {
  IPC_64,
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SHM_EXEC,
  SHM_HUGETLB,
  SHM_INFO,
  SHM_LOCK,
  SHM_NORESERVE,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
} from '../abi/ipc.js';
import { SHMID_DS, SHMINFO, SHM_INFO_STRUCT, type ShmidDs } from '../abi/ipc-struct.js';
import { lockShm, removeShm, shmat as attach, shmdt as detach, shmget as get, type ShmSegment } from '../kernel/ipc/shm.js';
import { address, flags, int, oneOf, partial, size, syscall } from '../kernel/syscall.js';
import { pidFor } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { ipcSet, ipcStat, permFields, type IpcKind } from './ipc-control.js';

export const shmget = syscall(
  'shmget',
  [int, size, flags({ IPC_CREAT, IPC_EXCL, SHM_NORESERVE })],
  (task, key, bytes, options) => ((options & SHM_HUGETLB) !== 0 ? EINVAL : get(task, key, bytes, options)),
  partial('no huge pages'),
);
export const shmat = syscall('shmat', [int, address, flags({ SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC })], attach);
export const shmdt = syscall('shmdt', [address], detach);

const COMMANDS = { IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO, SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };

export const shmctl = syscall('shmctl', [int, oneOf(COMMANDS), address], (task, id, command, at) => {
  const wanted = command & ~IPC_64;
  if (id < 0) return EINVAL;
  switch (wanted) {
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
      return ipcStat(task, SHM, id, wanted, at);
    case IPC_SET:
      return ipcSet(task, SHM, id, at);
    case IPC_RMID:
      return removeShm(task, id);
    case SHM_LOCK:
    case SHM_UNLOCK:
      return lockShm(task, id, wanted === SHM_LOCK);
    case IPC_INFO:
    case SHM_INFO:
      return infoShm(task, wanted, at);
    default:
      return EINVAL;
  }
});

const SHM: IpcKind<ShmSegment, ShmidDs> = {
  table: (ipc) => ipc.shm,
  status: SHMID_DS,
  describe: ({ perm, size: segsz, atime, dtime, ctime, cpid, lpid, nattch }, task) => {
    const pids = { cpid: pidFor(task, cpid), lpid: pidFor(task, lpid) };
    return { ...permFields(perm), segsz, atime, dtime, ctime, ...pids, nattch, unused3: 0, unused4: 0 };
  },
  statAny: SHM_STAT_ANY,
};

function infoShm(task: Task, command: number, at: number): number | Errno {
  const { ipc } = task.nsproxy;
  const { shmmax, shmall, shmmni } = ipc.limits;
  if (command === IPC_INFO) {
    const stored = task.mm.writeStruct(at, SHMINFO, { ...SHMINFO.zero(), shmmax, shmmin: 1, shmmni, shmseg: shmmni, shmall });
    return isErr(stored) ? stored : ipc.shm.highestSlot;
  }
  let resident = 0;
  for (const { cache } of ipc.shm.list()) resident += cache.residentPages;
  const info = { ...SHM_INFO_STRUCT.zero(), usedIds: ipc.shm.size, total: ipc.shmPages, resident };
  const stored = task.mm.writeStruct(at, SHM_INFO_STRUCT, info);
  return isErr(stored) ? stored : ipc.shm.highestSlot;
}
