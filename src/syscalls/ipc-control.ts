/** What the control calls of System V IPC have in common (Linux: ipc/util.c, ipcctl_obtain_check and kernel_to_ipc64_perm). */
import { isErr, type Errno } from '../base/brands.js';
import type { StructType } from '../base/struct.js';
import { IPC_STAT } from '../abi/ipc.js';
import type { ShmidDs } from '../abi/ipc-struct.js';
import { checkAccess, checkOwner, nowSeconds, setOwner, type IpcObject, type IpcPerm, type IpcTable } from '../kernel/ipc/ids.js';
import type { IpcNamespace } from '../kernel/ipc/ipc-namespace.js';
import type { Task } from '../kernel/task.js';

type PermFields = Pick<ShmidDs, 'key' | 'uid' | 'gid' | 'cuid' | 'cgid' | 'mode' | 'seq' | 'pad' | 'pad2' | 'unused1' | 'unused2'>;

/** Shared memory, semaphores or message queues, as their control call sees them. */
export interface IpcKind<T extends IpcObject, Status extends PermFields> {
  readonly table: (ipc: IpcNamespace) => IpcTable<T>;
  readonly status: StructType<Status>;
  readonly describe: (object: T, task: Task) => Status;
  /** SHM_STAT_ANY and the like: the command that needs no right to read. */
  readonly statAny: number;
}

/** The head that the three status structs share. */
export function permFields(perm: IpcPerm): PermFields {
  const { key, uid, gid, cuid, cgid, mode, sequence } = perm;
  return { key, uid, gid, cuid, cgid, mode, seq: sequence, pad: 0, pad2: 0, unused1: 0, unused2: 0 };
}

/** IPC_STAT takes an id; the other STAT commands take a slot and answer with the id found there. */
export function ipcStat<T extends IpcObject, Status extends PermFields>(
  task: Task,
  kind: IpcKind<T, Status>,
  id: number,
  command: number,
  at: number,
): number | Errno {
  const table = kind.table(task.nsproxy.ipc);
  const object = command === IPC_STAT ? table.find(id) : table.atSlot(id);
  if (isErr(object)) return object;
  const allowed = command === kind.statAny ? 0 : checkAccess(task.cred, object.perm, 0o444);
  if (isErr(allowed)) return allowed;
  const stored = task.mm.writeStruct(at, kind.status, kind.describe(object, task));
  return isErr(stored) ? stored : command === IPC_STAT ? 0 : object.perm.id;
}

/** IPC_SET where owner and mode are all that can be set. */
export function ipcSet<T extends IpcObject & { ctime: number }, Status extends PermFields>(
  task: Task,
  kind: IpcKind<T, Status>,
  id: number,
  at: number,
): 0 | Errno {
  const given = task.mm.readStruct(at, kind.status);
  if (isErr(given)) return given;
  const object = kind.table(task.nsproxy.ipc).find(id);
  if (isErr(object)) return object;
  const allowed = checkOwner(task.cred, object.perm) || setOwner(object.perm, given.uid, given.gid, given.mode);
  if (isErr(allowed)) return allowed;
  object.ctime = nowSeconds(task.machine);
  return 0;
}
