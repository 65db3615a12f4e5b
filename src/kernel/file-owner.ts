/**
 * Who is told of a file by a signal: F_SETOWN, F_SETSIG, O_ASYNC's SIGIO and SIGURG (Linux: fs/fcntl.c, send_sigio, fasync). A file with
 * a wait queue sends to its owner what it tells those who wait for it.
 */
import { isErr, type Errno } from '../base/brands.js';
import type { Waiter } from '../base/wait-queue.js';
import { EFAULT, EINVAL, ESRCH } from '../abi/errno.js';
import { F_GETOWN, F_GETOWN_EX, F_GETSIG, F_SETOWN, F_SETSIG, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, O_ASYNC } from '../abi/fcntl.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI } from '../abi/poll.js';
import { POLL_IN, POLL_OUT, SIGIO, SIGURG } from '../abi/signal.js';
import { i32, struct } from '../base/struct.js';
import { hasCapability } from '../vfs/credentials.js';
import { isScoped } from '../vfs/landlock.js';
import { LANDLOCK_SCOPE_SIGNAL } from '../abi/landlock.js';
import { CAP_KILL } from '../abi/capability.js';
import type { OpenFile, ReleaseListener } from '../vfs/open-file.js';
import type { Machine } from './machine.js';
import { sendToGroup, sendToTask } from './signals/send.js';
import { kernelInfo, rawInfo, SIGINFO_SIZE, type SignalInfo } from './signals/signal-info.js';
import { SIGNAL_MAX } from './signals/sig-set.js';
import { globalPid, pidFor } from './pid-namespace.js';
import type { Task } from './task.js';

const OWNER = struct('f_owner_ex', { type: i32, pid: i32 }, 8);

/** F_SETOWN and kin; the owner has to exist when it is set, and the setter's identity decides later whom it may reach. */
export function ownerControl(task: Task, file: OpenFile, command: number, argument: number): number {
  switch (command) {
    case F_GETOWN:
      return shownOwner(task, file);
    case F_SETOWN: {
      if (argument === -0x80000000) return EINVAL;
      return setOwner(task, file, argument < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(argument));
    }
    case F_GETSIG:
      return file.ownerSignal;
    case F_SETSIG:
      if (argument > SIGNAL_MAX) return EINVAL;
      file.ownerSignal = argument;
      return 0;
    case F_GETOWN_EX: {
      const owner = { type: file.ownerType, pid: Math.abs(shownOwner(task, file)) };
      return isErr(task.mm.writeStruct(argument, OWNER, owner)) ? EFAULT : 0;
    }
    default: {
      const owner = task.mm.readStruct(argument, OWNER);
      if (isErr(owner)) return EFAULT;
      if (owner.type < F_OWNER_TID || owner.type > F_OWNER_PGRP || owner.pid < 0) return EINVAL;
      return setOwner(task, file, owner.type, owner.pid);
    }
  }
}

/** A process group is negative; 0: nobody, or one that the caller cannot see. */
function shownOwner(task: Task, { owner }: OpenFile): number {
  return owner < 0 ? -pidFor(task, -owner) : pidFor(task, owner);
}

/** `shownId`: as the caller calls it. */
function setOwner(task: Task, file: OpenFile, type: number, shownId: number): 0 | Errno {
  const id = shownId === 0 ? 0 : globalPid(task, shownId);
  const { tasks, groups, processGroups } = task.machine;
  const known = type === F_OWNER_TID ? tasks : type === F_OWNER_PID ? groups : processGroups;
  if (shownId !== 0 && !known.has(id)) return ESRCH;
  file.owner = type === F_OWNER_PGRP ? -id : id;
  file.ownerType = type;
  file.ownerCredentials = task.cred;
  return 0;
}

/** F_NOTIFY and F_SETLEASE: the caller is told unless somebody else was named. */
export function ownBy(task: Task, file: OpenFile): void {
  if (file.owner === 0) setOwner(task, file, F_OWNER_PID, pidFor(task, task.group.pid));
}

/** Sends the file's signal to its owner. code: POLL_*; band: the poll events; fd: by which it was set up. */
export function signalOwner(machine: Machine, file: OpenFile, code: number, band: number, fd: number): void {
  const id = Math.abs(file.owner);
  if (id === 0) return;
  const info = file.ownerSignal === 0 ? kernelInfo(SIGIO) : pollInfo(file.ownerSignal, code, band, fd);
  sendToOwner(machine, file, id, info);
}

/** Urgent data has come: the owner is told by SIGURG, whatever F_SETSIG and O_ASYNC say (Linux: send_sigurg). */
export function signalUrgent(machine: Machine, file: OpenFile): void {
  const id = Math.abs(file.owner);
  if (id !== 0) sendToOwner(machine, file, id, kernelInfo(SIGURG));
}

function sendToOwner(machine: Machine, file: OpenFile, id: number, info: SignalInfo): void {
  if (file.ownerType === F_OWNER_TID) {
    const target = machine.tasks.get(id);
    if (target && mayTell(file, target)) sendToTask(target, info);
    return;
  }
  const group = machine.groups.get(id);
  const members = file.ownerType === F_OWNER_PGRP ? [...(machine.processGroups.get(id)?.members ?? [])] : group ? [group] : [];
  for (const member of members) if (member.leader && mayTell(file, member.leader)) sendToGroup(member, info);
}

/** Linux: sigio_perm. */
function mayTell({ ownerCredentials }: OpenFile, { cred }: Task): boolean {
  if (!ownerCredentials || isScoped(ownerCredentials, cred.landlock, LANDLOCK_SCOPE_SIGNAL)) return false;
  const { uid, euid } = ownerCredentials;
  if (hasCapability(ownerCredentials, CAP_KILL)) return true;
  return euid === cred.suid || euid === cred.uid || uid === cred.suid || uid === cred.uid;
}

/** si_code, si_band and si_fd. */
function pollInfo(signo: number, code: number, band: number, fd: number): SignalInfo {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, code, true);
  view.setInt32(16, band, true);
  view.setInt32(24, fd, true);
  return rawInfo(signo, bytes);
}

const INPUT = POLLIN | POLLPRI | POLLHUP | POLLERR;

/** Waits on the file's queue in its owner's name. */
class AsyncNotice implements Waiter, ReleaseListener {
  constructor(
    private readonly machine: Machine,
    private readonly file: OpenFile,
    private readonly fd: number,
  ) {}

  onWake(key: number): void {
    const { machine, file, fd } = this;
    if (file.readable && (key & INPUT) !== 0) signalOwner(machine, file, POLL_IN, POLLIN, fd);
    else if (file.writable && (key & POLLOUT) !== 0) signalOwner(machine, file, POLL_OUT, POLLOUT, fd);
  }

  onFileRelease(): void {
    this.file.queue?.remove(this);
  }
}

const notices = new WeakMap<OpenFile, AsyncNotice>();

/** O_ASYNC may have changed: begins or ends telling the owner. */
export function updateAsync(machine: Machine, file: OpenFile, fd: number): void {
  const wanted = (file.flags & O_ASYNC) !== 0 && file.queue !== undefined;
  const notice = notices.get(file);
  if (wanted === (notice !== undefined)) return;
  if (notice) {
    notice.onFileRelease();
    file.removeReleaseListener(notice);
    notices.delete(file);
    return;
  }
  const made = new AsyncNotice(machine, file, fd);
  notices.set(file, made);
  file.queue!.add(made);
  file.addReleaseListener(made);
}
