/** Making, naming and connecting sockets, and their options (Linux: net/socket.c). Messages: socket-messages.ts. */
import { isErr, type Errno } from '../base/brands.js';
import { thenDo, type Blocking } from '../base/blocking.js';
import { EACCES, ECONNABORTED, EFAULT, EINVAL, ENOTSOCK } from '../abi/errno.js';
import { O_CLOEXEC, O_NONBLOCK } from '../abi/fcntl.js';
import { LANDLOCK_ACCESS_NET_BIND_TCP, LANDLOCK_ACCESS_NET_CONNECT_TCP } from '../abi/landlock.js';
import { RLIMIT_NOFILE } from '../abi/resource.js';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from '../abi/socket.js';
import { SOCKADDR_MAX } from '../abi/socket-struct.js';
import { address, fd, flags, int, oneOf, syscall } from '../kernel/syscall.js';
import { fileOf, installFile, refuseDescriptor } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { createSocket, createSocketPair, Socket } from '../net/socket.js';
import { getSocketOption, setSocketOption } from '../net/socket-options.js';
import { acceptOn, connectOn } from '../net/socket-wait.js';
import { dropFile } from '../vfs/fd-table.js';
import { isPortDenied } from '../vfs/landlock.js';
import { installPair } from './pipes.js';

const FAMILIES = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
const TYPES = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_NONBLOCK, SOCK_CLOEXEC };
const TYPE_MASK = 0xf;
const TYPE_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;
/** First number that is no socket type. */
const SOCK_MAX = 11;

export function socketOf(task: Task, number: number): Socket | Errno {
  const file = fileOf(task, number);
  if (isErr(file)) return file;
  return file instanceof Socket ? file : ENOTSOCK;
}

/** A socket address from the guest. */
export function readAddress(task: Task, pointer: number, length: number): Uint8Array | Errno {
  if (length < 0 || length > SOCKADDR_MAX) return EINVAL;
  const bytes = new Uint8Array(length);
  return length > 0 && isErr(task.copyIn(pointer, bytes)) ? EFAULT : bytes;
}

/** Stores as much of an address as there is room for, and its true length. */
export function writeAddress(task: Task, bytes: Uint8Array, pointer: number, lengthPointer: number): 0 | Errno {
  const room = task.mm.readU32(lengthPointer);
  if (isErr(room)) return EFAULT;
  if (room > 0x7fffffff) return EINVAL;
  const stored = bytes.subarray(0, Math.min(room, bytes.length));
  if (stored.length > 0 && isErr(task.copyOut(pointer, stored))) return EFAULT;
  return isErr(task.mm.writeU32(lengthPointer, bytes.length)) ? EFAULT : 0;
}

function checkType(type: number): 0 | Errno {
  return (type & ~(TYPE_MASK | TYPE_FLAGS)) !== 0 || (type & TYPE_MASK) >= SOCK_MAX ? EINVAL : 0;
}

export const socket = syscall('socket', [oneOf(FAMILIES), flags(TYPES), int], (task, family, type, protocol) => {
  const bad = checkType(type);
  if (bad !== 0) return bad;
  const made = createSocket(task, family, type & TYPE_MASK, protocol);
  if (isErr(made)) return made;
  made.flags |= type & O_NONBLOCK;
  return installFile(task, made, (type & O_CLOEXEC) !== 0);
});

export const socketpair = syscall('socketpair', [oneOf(FAMILIES), flags(TYPES), int, address], (task, family, type, protocol, pair) => {
  const bad = checkType(type);
  if (bad !== 0) return bad;
  const made = createSocketPair(task, family, type & TYPE_MASK, protocol);
  if (isErr(made)) return made;
  const [first, second] = made as [Socket, Socket];
  first.flags |= type & O_NONBLOCK;
  second.flags |= type & O_NONBLOCK;
  return installPair(task, pair, first, second, (type & O_CLOEXEC) !== 0);
});

/** Landlock's say in ports of TCP. To take a connection back (AF_UNSPEC) is never forbidden. */
function isPortForbidden(task: Task, { family, type }: Socket, name: Uint8Array, access: number): boolean {
  if (task.cred.landlock === undefined || type !== SOCK_STREAM || (family !== AF_INET && family !== AF_INET6) || name.length < 4)
    return false;
  const isUnspecified = name[0] === 0 && name[1] === 0;
  if (isUnspecified && access === LANDLOCK_ACCESS_NET_CONNECT_TCP) return false;
  return isPortDenied(task.cred, name[2]! * 256 + name[3]!, access);
}

export const bind = syscall('bind', [fd, address, int], (task, number, pointer, length) => {
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  const name = readAddress(task, pointer, length);
  if (isErr(name)) return name;
  if (isPortForbidden(task, file, name as Uint8Array, LANDLOCK_ACCESS_NET_BIND_TCP)) return EACCES;
  return file.bind(task, name as Uint8Array);
});

export const listen = syscall('listen', [fd, int], (task, number, backlog) => {
  const file = socketOf(task, number);
  return isErr(file) ? file : file.listen(task, backlog);
});

export const connect = syscall('connect', [fd, address, int], (task, number, pointer, length) => {
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  const name = readAddress(task, pointer, length);
  if (isErr(name)) return name;
  if (isPortForbidden(task, file, name as Uint8Array, LANDLOCK_ACCESS_NET_CONNECT_TCP)) return EACCES;
  return connectOn(task, file, name as Uint8Array);
});

function acceptFrom(task: Task, number: number, pointer: number, lengthPointer: number, options: number): number | Blocking<number> {
  if ((options & ~TYPE_FLAGS) !== 0) return EINVAL;
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  if (noFreeDescriptor(task)) return refuseDescriptor(task);
  return thenDo<Socket | Errno, number>(acceptOn(file), (accepted) => {
    if (typeof accepted === 'number') return accepted;
    return installAccepted(task, accepted, pointer, lengthPointer, options);
  });
}

/** A connection must not be taken off the queue when no descriptor is free for it. */
function noFreeDescriptor(task: Task): boolean {
  const limit = task.group.limits.soft[RLIMIT_NOFILE]!;
  if (task.files.capacity < limit) return false;
  for (let fd = 0; fd < limit; fd++) if (task.files.get(fd) === undefined) return false;
  return true;
}

function installAccepted(task: Task, accepted: Socket, pointer: number, lengthPointer: number, options: number): number | Errno {
  const peer = pointer === 0 ? undefined : accepted.peerAddress();
  if (isErr(peer)) {
    dropFile(accepted);
    return ECONNABORTED;
  }
  if (peer) {
    const written = writeAddress(task, peer as Uint8Array, pointer, lengthPointer);
    if (written !== 0) {
      dropFile(accepted);
      return written;
    }
  }
  accepted.flags |= options & O_NONBLOCK;
  return installFile(task, accepted, (options & O_CLOEXEC) !== 0);
}

export const accept = syscall('accept', [fd, address, address], (task, number, pointer, length) =>
  acceptFrom(task, number, pointer, length, 0),
);
export const accept4 = syscall('accept4', [fd, address, address, flags({ SOCK_NONBLOCK, SOCK_CLOEXEC })], acceptFrom);

export const getsockname = syscall('getsockname', [fd, address, address], (task, number, pointer, length) => {
  const file = socketOf(task, number);
  return isErr(file) ? file : writeAddress(task, file.localAddress(), pointer, length);
});

export const getpeername = syscall('getpeername', [fd, address, address], (task, number, pointer, length) => {
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  const peer = file.peerAddress();
  return isErr(peer) ? peer : writeAddress(task, peer as Uint8Array, pointer, length);
});

export const shutdown = syscall('shutdown', [fd, oneOf({ SHUT_RD, SHUT_WR, SHUT_RDWR })], (task, number, how) => {
  const file = socketOf(task, number);
  return isErr(file) ? file : file.shutdown(how);
});

/** No option is longer than this. */
const MAX_OPTION = 1024;

export const setsockopt = syscall('setsockopt', [fd, int, int, address, int], (task, number, level, name, pointer, length) => {
  if (length < 0) return EINVAL;
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  const value = new Uint8Array(Math.min(length, MAX_OPTION));
  if (value.length > 0 && isErr(task.copyIn(pointer, value))) return EFAULT;
  return setSocketOption(task, file, level, name, value);
});

export const getsockopt = syscall('getsockopt', [fd, int, int, address, address], (task, number, level, name, pointer, lengthPointer) => {
  const file = socketOf(task, number);
  if (isErr(file)) return file;
  const room = task.mm.readU32(lengthPointer);
  if (isErr(room)) return EFAULT;
  if (room > 0x7fffffff) return EINVAL;
  const value = getSocketOption(task, file, level, name);
  if (isErr(value)) return value;
  const stored = (value as Uint8Array).subarray(0, room);
  if (stored.length > 0 && isErr(task.copyOut(pointer, stored))) return EFAULT;
  return isErr(task.mm.writeU32(lengthPointer, stored.length)) ? EFAULT : 0;
});
