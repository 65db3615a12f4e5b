/** AF_UNIX as an address family: makes its sockets. */
import type { Errno } from '../../base/brands.js';
import { EPROTONOSUPPORT, ESOCKTNOSUPPORT } from '../../abi/errno.js';
import { AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } from '../../abi/socket.js';
import { registerSocketTable } from '../../kernel/socket-tables.js';
import type { Task } from '../../kernel/task.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { registerFamily, type AddressFamily, type Socket } from '../socket.js';
import { ConnectedSocket } from './connected-socket.js';
import { UnixDatagramSocket } from './datagram-socket.js';
import { setCarrierTest, type FileCarrier } from './in-flight.js';
import { UnixSeqpacketSocket } from './seqpacket-socket.js';
import { unixTable } from './socket-table.js';
import { UnixStreamSocket } from './stream-socket.js';
import { credentialsOf, UnixSocket } from './unix-socket.js';

function create(task: Task, type: number, protocol: number): UnixSocket | Errno {
  const socket = construct(task, type, protocol);
  if (socket instanceof UnixSocket) socket.landlock = task.cred.landlock;
  return socket;
}

function construct(task: Task, type: number, protocol: number): UnixSocket | Errno {
  if (protocol !== 0 && protocol !== AF_UNIX) return EPROTONOSUPPORT;
  const { fsuid, fsgid } = task.cred;
  switch (type) {
    case SOCK_STREAM:
      return new UnixStreamSocket(task.machine, fsuid, fsgid);
    case SOCK_SEQPACKET:
      return new UnixSeqpacketSocket(task.machine, fsuid, fsgid);
    case SOCK_DGRAM:
    case SOCK_RAW: // an old name for the same thing
      return new UnixDatagramSocket(task.machine, fsuid, fsgid);
    default:
      return ESOCKTNOSUPPORT;
  }
}

function createPair(task: Task, type: number, protocol: number): [Socket, Socket] | Errno {
  const first = create(task, type, protocol);
  const second = create(task, type, protocol);
  if (typeof first === 'number') return first;
  if (typeof second === 'number') return second;
  const credentials = credentialsOf(task);
  if (first instanceof ConnectedSocket && second instanceof ConnectedSocket) first.join(second, credentials, credentials);
  if (first instanceof UnixDatagramSocket && second instanceof UnixDatagramSocket) first.join(second, credentials);
  return [first, second];
}

const unixFamily: AddressFamily = { create, createPair };

/** Makes AF_UNIX known. */
export function registerUnix(): void {
  setCarrierTest((file: OpenFile): file is FileCarrier => file instanceof UnixSocket);
  registerFamily(AF_UNIX, unixFamily);
  registerSocketTable('unix', unixTable);
}
