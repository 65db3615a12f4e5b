/** Options that all sockets have, level SOL_SOCKET (Linux: net/core/sock.c, sk_setsockopt; socket(7)). */
import type { Errno } from '../base/brands.js';
import { EDOM, EINVAL, ENOPROTOOPT, EPERM } from '../abi/errno.js';
import { CAP_NET_ADMIN } from '../abi/capability.js';
import {
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_BUSY_POLL_BUDGET,
  SO_DEBUG,
  SO_DOMAIN,
  SO_DONTROUTE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PREFER_BUSY_POLL,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SO_TYPE,
  SOL_SOCKET,
} from '../abi/socket.js';
import { LINGER } from '../abi/socket-struct.js';
import { TIMEVAL } from '../abi/time-struct.js';
import type { Task } from '../kernel/task.js';
import { hasCapability } from '../vfs/credentials.js';
import type { Socket } from './socket.js';

/** /proc/sys/net/core/wmem_max and rmem_max. */
const MAX_BUFFER = 212992;
const MIN_SEND_BUFFER = 4608;
const MIN_RECEIVE_BUFFER = 2304;

/** On or off. */
const SWITCHES: ReadonlySet<number> = new Set([
  SO_DEBUG,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_KEEPALIVE,
  SO_DONTROUTE,
  SO_BROADCAST,
  SO_OOBINLINE,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
]);
/** Kept as they are given. */
const NUMBERS: ReadonlySet<number> = new Set([SO_PRIORITY, SO_RCVLOWAT, SO_PREFER_BUSY_POLL, SO_BUSY_POLL_BUDGET]);
const LINGER_ON = -1;

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** The value's bytes, which the caller cuts to the length asked for. */
export function getSocketOption(task: Task, socket: Socket, level: number, name: number): Uint8Array | Errno {
  const own = socket.getOption(task, level, name);
  if (own !== undefined) return own;
  if (level !== SOL_SOCKET) return ENOPROTOOPT;
  switch (name) {
    case SO_TYPE:
      return intBytes(socket.type);
    case SO_DOMAIN:
      return intBytes(socket.family);
    case SO_PROTOCOL:
      return intBytes(socket.protocol);
    case SO_ERROR:
      return intBytes(-socket.takeError());
    case SO_ACCEPTCONN:
      return intBytes(socket.isListening ? 1 : 0);
    case SO_SNDBUF:
      return intBytes(socket.sendBufferBytes);
    case SO_RCVBUF:
      return intBytes(socket.receiveBufferBytes);
    case SO_RCVLOWAT:
      return intBytes(socket.plainOptions.get(name) ?? 1);
    case SO_SNDLOWAT:
      return intBytes(1);
    case SO_LINGER:
      return lingerBytes(socket);
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
      return timevalBytes(socket.receiveTimeoutNs);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW:
      return timevalBytes(socket.sendTimeoutNs);
    default:
      return SWITCHES.has(name) || NUMBERS.has(name) ? intBytes(socket.plainOptions.get(name) ?? 0) : ENOPROTOOPT;
  }
}

function lingerBytes(socket: Socket): Uint8Array {
  const bytes = new Uint8Array(LINGER.size);
  const on = socket.plainOptions.get(LINGER_ON) ?? 0;
  LINGER.write(new DataView(bytes.buffer), 0, { on, seconds: socket.plainOptions.get(SO_LINGER) ?? 0 });
  return bytes;
}

function timevalBytes(timeoutNs: number): Uint8Array {
  const bytes = new Uint8Array(TIMEVAL.size);
  const value = timeoutNs === Infinity ? TIMEVAL.zero() : { sec: Math.floor(timeoutNs / 1e9), usec: Math.floor((timeoutNs % 1e9) / 1e3) };
  TIMEVAL.write(new DataView(bytes.buffer), 0, value);
  return bytes;
}

export function setSocketOption(task: Task, socket: Socket, level: number, name: number, value: Uint8Array): 0 | Errno {
  const own = socket.setOption(task, level, name, value);
  if (own !== undefined) return own;
  if (level !== SOL_SOCKET) return ENOPROTOOPT;
  if (value.length < 4) return EINVAL;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const number = view.getInt32(0, true);
  switch (name) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
      return setBuffer(task, socket, name, number);
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW:
      return setTimeout(socket, name === SO_RCVTIMEO || name === SO_RCVTIMEO_NEW, view);
    case SO_LINGER: {
      if (value.length < LINGER.size) return EINVAL;
      const linger = LINGER.read(view, 0);
      socket.plainOptions.set(LINGER_ON, linger.on !== 0 ? 1 : 0).set(SO_LINGER, linger.seconds);
      return 0;
    }
    default:
      if (!SWITCHES.has(name) && !NUMBERS.has(name)) return ENOPROTOOPT;
      socket.plainOptions.set(name, SWITCHES.has(name) ? (number !== 0 ? 1 : 0) : number);
      return 0;
  }
}

/** The kernel doubles what is asked for, as half of it is for its own bookkeeping. */
function setBuffer(task: Task, socket: Socket, name: number, bytes: number): 0 | Errno {
  const forced = name === SO_SNDBUFFORCE || name === SO_RCVBUFFORCE;
  if (forced && !hasCapability(task.cred, CAP_NET_ADMIN)) return EPERM;
  // A negative number is a huge one, except by force.
  const asked = bytes < 0 ? (forced ? 0 : MAX_BUFFER) : Math.min(bytes, forced ? 2 ** 24 : MAX_BUFFER);
  if (name === SO_SNDBUF || name === SO_SNDBUFFORCE) {
    socket.sendBufferBytes = Math.max(asked * 2, MIN_SEND_BUFFER);
    socket.onSendBufferChanged();
  } else {
    socket.receiveBufferBytes = Math.max(asked * 2, MIN_RECEIVE_BUFFER);
  }
  return 0;
}

function setTimeout(socket: Socket, forReceive: boolean, view: DataView): 0 | Errno {
  if (view.byteLength < TIMEVAL.size) return EINVAL;
  const { sec, usec } = TIMEVAL.read(view, 0);
  if (usec < 0 || usec >= 1e6) return EDOM;
  const isNever = (sec === 0 && usec === 0) || sec > 2 ** 31;
  // A negative time has passed already.
  const timeoutNs = sec < 0 ? 0 : isNever ? Infinity : sec * 1e9 + usec * 1e3;
  if (forReceive) socket.receiveTimeoutNs = timeoutNs;
  else socket.sendTimeoutNs = timeoutNs;
  return 0;
}
