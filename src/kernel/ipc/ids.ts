/**
 * Identifiers, keys and permissions that shared memory, semaphores and message queues have in common (Linux: ipc/util.c;
 * sysvipc(7)). An id is a slot number plus a sequence number, so that the id of a removed object is not soon another's.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { CAP_IPC_OWNER, CAP_SYS_ADMIN } from '../../abi/capability.js';
import { EACCES, EEXIST, EIDRM, EINVAL, ENOENT, ENOSPC, EPERM } from '../../abi/errno.js';
import { IPC_CREAT, IPC_EXCL, IPC_PRIVATE } from '../../abi/ipc.js';
import { capableIn, inGroup, type Credentials } from '../../vfs/credentials.js';
import type { UserNamespace } from '../../vfs/user-namespace.js';
import type { Machine } from '../machine.js';

/** Slots that a table may have, whatever its limit says (Linux: IPCMNI). */
export const IPC_SLOTS = 32768;
const SEQUENCES = 65536;

/** Owner, creator and mode of an object (Linux: struct kern_ipc_perm). */
export class IpcPerm {
  id = -1;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  /** Removed: whoever waited gets EIDRM. */
  deleted = false;

  constructor(
    public key: number,
    public mode: number,
    cred: Credentials,
    /** Whose capabilities count: the IPC namespace's owner. */
    readonly userNs: UserNamespace,
  ) {
    this.uid = this.cuid = cred.euid;
    this.gid = this.cgid = cred.egid;
  }

  get slot(): number {
    return this.id % IPC_SLOTS;
  }
  get sequence(): number {
    return Math.floor(this.id / IPC_SLOTS);
  }
}

export function nowSeconds(machine: Machine): number {
  return machine.clock.realtime().sec;
}

export interface IpcObject {
  readonly perm: IpcPerm;
}

/** `flags`: rwx bits of any of the three classes (0o444 to read, 0o222 to change). */
export function checkAccess(cred: Credentials, perm: IpcPerm, flags: number): 0 | Errno {
  const wanted = ((flags >> 6) | (flags >> 3) | flags) & 7;
  let granted = perm.mode;
  if (cred.euid === perm.cuid || cred.euid === perm.uid) granted >>= 6;
  else if (isMember(cred, perm.cgid) || isMember(cred, perm.gid)) granted >>= 3;
  return (wanted & ~granted) !== 0 && !capableIn(cred, perm.userNs, CAP_IPC_OWNER) ? EACCES : 0;
}

function isMember(cred: Credentials, gid: number): boolean {
  return cred.egid === gid || inGroup(cred, gid);
}

/** IPC_SET, IPC_RMID: owner, creator or CAP_SYS_ADMIN. */
export function checkOwner(cred: Credentials, perm: IpcPerm): 0 | Errno {
  return cred.euid === perm.cuid || cred.euid === perm.uid || capableIn(cred, perm.userNs, CAP_SYS_ADMIN) ? 0 : EPERM;
}

/** IPC_SET's new owner and mode; EINVAL for an id that is none. */
export function setOwner(perm: IpcPerm, uid: number, gid: number, mode: number): 0 | Errno {
  if (uid === 0xffffffff || gid === 0xffffffff) return EINVAL;
  perm.uid = uid;
  perm.gid = gid;
  perm.mode = (perm.mode & ~0o777) | (mode & 0o777);
  return 0;
}

export class IpcTable<T extends IpcObject> {
  private readonly slots = new Map<number, T>();
  private readonly keys = new Map<number, T>();
  private sequence = 0;
  private lowestFree = 0;
  private highest = -1;

  get size(): number {
    return this.slots.size;
  }
  /** Highest slot in use; 0 when there is none, as the info commands report it. */
  get highestSlot(): number {
    return Math.max(0, this.highest);
  }
  /** Objects in the order of their slots. */
  list(): T[] {
    return [...this.slots.entries()].sort((a, b) => a[0] - b[0]).map(([, object]) => object);
  }

  /**
   * The get calls: the id of the object of `key`, made by `make` where that is asked for.
   * `fits`: checks an existing one against the other arguments.
   */
  get(cred: Credentials, key: number, flags: number, make: () => T | Errno, fits: (object: T) => 0 | Errno): number | Errno {
    const existing = key === IPC_PRIVATE ? undefined : this.keys.get(key);
    if (!existing) {
      if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) return ENOENT;
      const made = make();
      return isErr(made) ? made : (made as T).perm.id;
    }
    if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) return EEXIST;
    const checked = fits(existing) || checkAccess(cred, existing.perm, flags);
    return isErr(checked) ? checked : existing.perm.id;
  }

  /** Enters a new object and gives it its id; ENOSPC at `limit`. */
  add(object: T, limit: number): 0 | Errno {
    if (this.slots.size >= Math.min(limit, IPC_SLOTS)) return ENOSPC;
    let slot = this.lowestFree;
    while (this.slots.has(slot)) slot++;
    this.lowestFree = slot + 1;
    this.highest = Math.max(this.highest, slot);
    object.perm.id = this.sequence * IPC_SLOTS + slot;
    this.sequence = (this.sequence + 1) % SEQUENCES;
    this.slots.set(slot, object);
    if (object.perm.key !== IPC_PRIVATE) this.keys.set(object.perm.key, object);
    return 0;
  }

  /** The object of an id: EINVAL when there is none, EIDRM when its slot has become another's. */
  find(id: number): T | Errno {
    if (id < 0) return EINVAL;
    const object = this.slots.get(id % IPC_SLOTS);
    if (!object) return EINVAL;
    return object.perm.id === id ? object : EIDRM;
  }

  /** The object of a slot (the STAT commands of ipcs(1)). */
  atSlot(slot: number): T | Errno {
    return (slot < 0 ? undefined : this.slots.get(slot % IPC_SLOTS)) ?? EINVAL;
  }

  /** The key leads no longer here; the id still does. */
  dropKey(object: T): void {
    if (this.keys.get(object.perm.key) === object) this.keys.delete(object.perm.key);
    object.perm.key = IPC_PRIVATE;
  }

  remove(object: T): void {
    const { slot } = object.perm;
    this.dropKey(object);
    this.slots.delete(slot);
    object.perm.deleted = true;
    this.lowestFree = Math.min(this.lowestFree, slot);
    while (this.highest >= 0 && !this.slots.has(this.highest)) this.highest--;
  }
}
