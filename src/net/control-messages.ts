/** Ancillary data of sendmsg and recvmsg (Linux: net/core/scm.c; cmsg(3)): struct cmsghdr to descriptors and credentials, and back. */
import { isErr, type Errno } from '../base/brands.js';
import { CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN } from '../abi/capability.js';
import { EINVAL, EPERM, ETOOMANYREFS } from '../abi/errno.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import { SCM_CREDENTIALS, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET } from '../abi/socket.js';
import { CMSGHDR, SCM_MAX_FD, UCRED, type Ucred } from '../abi/socket-struct.js';
import { PidFile } from '../fs/pidfd.js';
import { fileOf, installFile } from '../kernel/task-files.js';
import { globalPid, pidFor } from '../kernel/pid-namespace.js';
import { shownGid, shownUid, toKernelGid, toKernelUid } from '../vfs/user-namespace.js';
import type { Task } from '../kernel/task.js';
import { capableIn, hasCapability, hasOwnCapability } from '../vfs/credentials.js';
import type { OpenFile } from '../vfs/open-file.js';
import type { ControlMessage } from './socket.js';
import { collectGarbage, filesInFlight, MOST_IN_FLIGHT } from './unix/in-flight.js';

export interface SentControl {
  readonly files: OpenFile[];
  credentials: Ucred | undefined;
  /** Of other levels, for the socket to read. */
  readonly others: ControlMessage[];
}

/** (uid_t) -1: nobody is known. */
const NO_ID = 0xffffffff;

const align = (length: number): number => Math.ceil(length / 8) * 8;

/** Reads what a sender attached. EINVAL for what is malformed or unknown; EBADF, EPERM. */
export function parseControl(task: Task, control: Uint8Array): SentControl | Errno {
  const view = new DataView(control.buffer, control.byteOffset, control.length);
  const sent: SentControl = { files: [], credentials: undefined, others: [] };
  for (let at = 0; at + CMSGHDR.size <= control.length; ) {
    const header = CMSGHDR.read(view, at);
    if (header.length < CMSGHDR.size || at + header.length > control.length) return EINVAL;
    const data = new DataView(view.buffer, view.byteOffset + at + CMSGHDR.size, header.length - CMSGHDR.size);
    if (header.level === SOL_SOCKET) {
      const result = parseOne(task, header.type, data, sent);
      if (isErr(result)) return result;
    } else {
      sent.others.push({ level: header.level, type: header.type, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    }
    at += align(header.length);
  }
  return sent;
}

function parseOne(task: Task, type: number, data: DataView, sent: SentControl): 0 | Errno {
  switch (type) {
    case SCM_RIGHTS:
      return parseRights(task, data, sent);
    case SCM_CREDENTIALS: {
      if (data.byteLength !== UCRED.size) return EINVAL;
      const credentials = UCRED.read(data, 0);
      if (!isKnown(task, credentials)) return EINVAL;
      const known = toKernelIds(task, credentials);
      if (!maySend(task, known)) return EPERM;
      sent.credentials = known;
      return 0;
    }
    default:
      return EINVAL;
  }
}

function parseRights(task: Task, data: DataView, sent: SentControl): 0 | Errno {
  const count = Math.floor(data.byteLength / 4);
  if (sent.files.length + count > SCM_MAX_FD) return EINVAL;
  for (let i = 0; i < count; i++) {
    const file = fileOf(task, data.getInt32(i * 4, true));
    if (isErr(file)) return file;
    sent.files.push(file);
  }
  const isPrivileged = hasCapability(task.cred, CAP_SYS_ADMIN);
  const most = isPrivileged ? MOST_IN_FLIGHT : Math.min(MOST_IN_FLIGHT, task.group.limits.soft[RLIMIT_NOFILE]!);
  if (filesInFlight() > most) collectGarbage();
  return filesInFlight() > most ? ETOOMANYREFS : 0;
}

/** Users, groups and processes are sent by the ids that the kernel has for them. */
function toKernelIds(task: Task, { pid, uid, gid }: Ucred): Ucred {
  const { userNs } = task.cred;
  return { pid: globalPid(task, pid), uid: toKernelUid(userNs, uid), gid: toKernelGid(userNs, gid) };
}

function isKnown(task: Task, credentials: Ucred): boolean {
  const { uid, gid } = toKernelIds(task, credentials);
  return uid >= 0 && gid >= 0;
}

/** As the one who receives them knows them. */
export function credentialsFor(task: Task, { pid, uid, gid }: Ucred): Ucred {
  const { userNs } = task.cred;
  if (uid === NO_ID) return { pid, uid, gid };
  return { pid: pidFor(task, pid), uid: shownUid(userNs, uid), gid: shownGid(userNs, gid) };
}

/** A new descriptor that stands for a process by the kernel's id of it; EINVAL when it is gone. */
export function pidfdFor(task: Task, pid: number): number | Errno {
  const group = task.machine.groups.get(pid);
  return group ? installFile(task, new PidFile(group, 0), true) : EINVAL;
}

/** A process may send its own identifiers, a privileged one any. */
function maySend(task: Task, { pid, uid, gid }: Ucred): boolean {
  const { cred } = task;
  return (
    (pid === task.group.pid || capableIn(cred, task.group.pidNs.owner!, CAP_SYS_ADMIN)) &&
    (uid === cred.uid || uid === cred.euid || uid === cred.suid || hasOwnCapability(cred, CAP_SETUID)) &&
    (gid === cred.gid || gid === cred.egid || gid === cred.sgid || hasOwnCapability(cred, CAP_SETGID))
  );
}

/** Builds the receiver's control buffer of at most `capacity` bytes. */
export class ControlWriter {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** msg_controllen of the answer. */
  length = 0;
  /** Something did not fit (MSG_CTRUNC). */
  isTruncated = false;

  constructor(private readonly capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** How many descriptors fit. */
  get roomForFiles(): number {
    return Math.max(0, Math.floor((this.capacity - this.length - CMSGHDR.size) / 4));
  }

  putCredentials(credentials: Ucred): void {
    const data = new Uint8Array(UCRED.size);
    UCRED.write(new DataView(data.buffer), 0, credentials);
    this.put(SOL_SOCKET, SCM_CREDENTIALS, data);
  }

  /** SCM_PIDFD: the descriptor, or why there is none. */
  putPidfd(task: Task, pid: number): void {
    if (this.capacity - this.length < CMSGHDR.size + 4) {
      this.isTruncated = true;
      return;
    }
    this.put(SOL_SOCKET, SCM_PIDFD, new Uint8Array(Int32Array.of(pidfdFor(task, pid)).buffer));
  }

  putFiles(fds: readonly number[]): void {
    this.put(SOL_SOCKET, SCM_RIGHTS, new Uint8Array(Int32Array.from(fds).buffer));
  }

  put(level: number, type: number, data: Uint8Array): void {
    const room = this.capacity - this.length;
    if (room < CMSGHDR.size) {
      this.isTruncated = true;
      return;
    }
    const length = CMSGHDR.size + data.length;
    const stored = Math.min(length, room);
    if (stored < length) this.isTruncated = true;
    CMSGHDR.write(this.view, this.length, { length: stored, level, type });
    this.bytes.set(data.subarray(0, stored - CMSGHDR.size), this.length + CMSGHDR.size);
    this.length = Math.min(this.capacity, this.length + align(stored));
  }
}
