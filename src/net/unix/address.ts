/** Names of AF_UNIX sockets (Linux: net/unix/af_unix.c; unix(7)): struct sockaddr_un to a name and back, and who has which. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { byteString, bytesOf } from '../../base/bytes.js';
import { EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL, ENOSPC, EPERM } from '../../abi/errno.js';
import { LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET } from '../../abi/landlock.js';
import { isScoped } from '../../vfs/landlock.js';
import { AF_UNIX } from '../../abi/socket.js';
import { SOCKADDR_UN_SIZE, SUN_PATH } from '../../abi/socket-struct.js';
import { S_IFSOCK } from '../../abi/stat.js';
import type { Task } from '../../kernel/task.js';
import type { Inode } from '../../vfs/inode.js';
import { createSocketNode } from '../../vfs/namei.js';
import { dropPath, holdPath, type Path } from '../../vfs/path.js';
import { LOOKUP_FOLLOW, walk } from '../../vfs/path-walk.js';
import { inodePermission, MAY_WRITE } from '../../vfs/permissions.js';
import type { UnixSocket } from './unix-socket.js';

/** `bytes`: the struct sockaddr_un as getsockname gives it; `place`: what a path name is held at. */
export interface UnixAddress {
  readonly bytes: Uint8Array;
  readonly abstractName: ByteString | undefined;
  readonly place: Path | undefined;
  readonly inode: Inode | undefined;
}

/** What a struct sockaddr_un says. */
type Name = { kind: 'unnamed' } | { kind: 'abstract'; name: ByteString } | { kind: 'path'; path: ByteString };

function parse(address: Uint8Array): Name | Errno {
  if (address.length < SUN_PATH || address.length > SOCKADDR_UN_SIZE) return EINVAL;
  if ((address[0]! | (address[1]! << 8)) !== AF_UNIX) return EINVAL;
  if (address.length === SUN_PATH) return { kind: 'unnamed' };
  if (address[SUN_PATH] === 0) return { kind: 'abstract', name: byteString(address, SUN_PATH) };
  const end = address.indexOf(0, SUN_PATH);
  return { kind: 'path', path: byteString(address, SUN_PATH, end < 0 ? address.length : end) };
}

function encode(name: ByteString, terminator: number): Uint8Array {
  const bytes = new Uint8Array(SUN_PATH + name.length + terminator);
  bytes[0] = AF_UNIX;
  bytes.set(bytesOf(name), SUN_PATH);
  return bytes;
}

export const UNNAMED = Uint8Array.of(AF_UNIX, 0);

/** Sockets bound to a path, by the inode that bind made. */
const bySocketInode = new WeakMap<Inode, UnixSocket>();

/** The names of a network's abstract sockets. Contents are UnixSockets. */
function abstractNames({ net }: UnixSocket): Map<ByteString, UnixSocket> {
  return net.abstractSockets as Map<ByteString, UnixSocket>;
}

/** bind(2): takes a name for `socket`. A bare family asks for an abstract one of the kernel's choice. */
export function bindAddress(task: Task, socket: UnixSocket, address: Uint8Array): UnixAddress | Errno {
  const name = parse(address);
  if (isErr(name)) return name;
  switch (name.kind) {
    case 'unnamed':
      return autobind(socket);
    case 'abstract':
      return bindAbstract(socket, name.name);
    case 'path':
      return bindPath(task, socket, name.path);
  }
}

/** What a second bind gets: a path that exists is looked at first. */
export function rebindError(task: Task, address: Uint8Array): Errno {
  const name = parse(address);
  if (isErr(name) || name.kind !== 'path') return EINVAL;
  return isErr(walk(task.fs, task.cred, task.fs.cwd, name.path, 0)) ? EINVAL : EADDRINUSE;
}

function bindAbstract(socket: UnixSocket, name: ByteString): UnixAddress | Errno {
  const names = abstractNames(socket);
  if (names.has(name)) return EADDRINUSE;
  names.set(name, socket);
  return { bytes: encode(name, 0), abstractName: name, place: undefined, inode: undefined };
}

function bindPath(task: Task, socket: UnixSocket, path: ByteString): UnixAddress | Errno {
  const place = createSocketNode(task.fs, task.cred, task.fs.cwd, path);
  if (isErr(place)) return place === EEXIST ? EADDRINUSE : place;
  holdPath(place);
  const inode = place.dentry.inode!;
  bySocketInode.set(inode, socket);
  return { bytes: encode(path, 1), abstractName: undefined, place, inode };
}

let nextAutobind = 0;

/** A name of five hexadecimal digits that nobody has. */
export function autobind(socket: UnixSocket): UnixAddress | Errno {
  for (let tries = 0; tries < 0x100000; tries++) {
    nextAutobind = (nextAutobind + 1) & 0xfffff;
    const bound = bindAbstract(socket, '\0' + nextAutobind.toString(16).padStart(5, '0'));
    if (!isErr(bound)) return bound;
  }
  return ENOSPC;
}

/** The socket's name is free again; a path's inode stays, and refuses connections. */
export function unbindAddress(socket: UnixSocket, address: UnixAddress): void {
  if (address.abstractName !== undefined) abstractNames(socket).delete(address.abstractName);
  if (address.inode) bySocketInode.delete(address.inode);
  if (address.place) dropPath(address.place);
}

/** The socket that has the name for `from`: ECONNREFUSED when none has, EACCES, ENOENT, ... as the path walk says. */
export function findSocket(task: Task, from: UnixSocket, address: Uint8Array): UnixSocket | Errno {
  const name = parse(address);
  if (isErr(name)) return name;
  switch (name.kind) {
    case 'unnamed':
      return EINVAL;
    case 'abstract':
      return findAbstract(task, from, name.name);
    case 'path':
      return findByPath(task, name.path);
  }
}

function findAbstract(task: Task, from: UnixSocket, name: ByteString): UnixSocket | Errno {
  const found = abstractNames(from).get(name);
  if (!found) return ECONNREFUSED;
  return isScoped(task.cred, found.landlock, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET) ? EPERM : found;
}

function findByPath(task: Task, path: ByteString): UnixSocket | Errno {
  const place = walk(task.fs, task.cred, task.fs.cwd, path, LOOKUP_FOLLOW);
  if (isErr(place)) return place;
  const inode = place.dentry.inode!;
  const denied = inodePermission(inode, task.cred, MAY_WRITE);
  if (denied !== 0) return denied;
  if (inode.type !== S_IFSOCK) return ECONNREFUSED;
  return bySocketInode.get(inode) ?? ECONNREFUSED;
}
