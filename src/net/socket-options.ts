/** Options that all sockets have, level SOL_SOCKET (Linux: net/core/sock.c, sk_setsockopt; socket(7)). */
import type { Errno } from '../base/brands.js';
import { EDOM, EINVAL, ENODATA, ENODEV, ENOENT, ENOPROTOOPT, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { CAP_NET_ADMIN, CAP_NET_RAW } from '../abi/capability.js';
import * as so from '../abi/socket.js';
import { LINGER } from '../abi/socket-struct.js';
import { TIMEVAL } from '../abi/time-struct.js';
import type { Task } from '../kernel/task.js';
import { capableIn } from '../vfs/credentials.js';
import type { Socket } from './socket.js';

/** /proc/sys/net/core/wmem_max and rmem_max. */
const MAX_BUFFER = 212992;
const MIN_SEND_BUFFER = 4608;
const MIN_RECEIVE_BUFFER = 2304;
const INT_MAX = 0x7fffffff;

/** A socket stamps packets in one of these ways, or not. */
const STAMPS: readonly number[] = [so.SO_TIMESTAMP, so.SO_TIMESTAMPNS, so.SO_TIMESTAMP_NEW, so.SO_TIMESTAMPNS_NEW];

/** On or off. */
const SWITCHES: ReadonlySet<number> = new Set([
  so.SO_DEBUG,
  so.SO_REUSEADDR,
  so.SO_REUSEPORT,
  so.SO_KEEPALIVE,
  so.SO_DONTROUTE,
  so.SO_BROADCAST,
  so.SO_OOBINLINE,
  so.SO_NO_CHECK,
  ...STAMPS,
  so.SO_PASSSEC,
  so.SO_RXQ_OVFL,
  so.SO_WIFI_STATUS,
  so.SO_NOFCS,
  so.SO_SELECT_ERR_QUEUE,
  so.SO_PREFER_BUSY_POLL,
  so.SO_RCVMARK,
]);

/** Kept as they are given, within bounds: what they are at first, the lowest and the highest. */
const NUMBERS: ReadonlyMap<number, readonly [number, number, number]> = new Map([
  [so.SO_PRIORITY, [0, -INT_MAX - 1, INT_MAX]],
  [so.SO_RCVLOWAT, [1, -INT_MAX - 1, INT_MAX]],
  [so.SO_MARK, [0, -INT_MAX - 1, INT_MAX]],
  [so.SO_BUSY_POLL, [0, 0, INT_MAX]],
  [so.SO_INCOMING_CPU, [-1, -INT_MAX - 1, INT_MAX]],
  [so.SO_ZEROCOPY, [0, 0, 1]],
  [so.SO_BINDTOIFINDEX, [0, 0, INT_MAX]],
  [so.SO_BUF_LOCK, [0, 0, 3]],
  [so.SO_TXREHASH, [1, -1, 1]],
]);
/** Numbers of the machine that nobody can set. */
const BPF_EXTENSIONS = 64;
const NETNS_COOKIE = 1;
const MEMINFO_BYTES = 36;
const NEEDS_ADMIN: ReadonlySet<number> = new Set([so.SO_MARK, so.SO_RCVMARK, so.SO_PREFER_BUSY_POLL]);
const HIGHEST_FREE_PRIORITY = 6;
/** All of SOF_TIMESTAMPING_*. */
const TIMESTAMPING_FLAGS = 0x3ffff;
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
  if (level !== so.SOL_SOCKET) return ENOPROTOOPT;
  switch (name) {
    case so.SO_TYPE:
      return intBytes(socket.type);
    case so.SO_DOMAIN:
      return intBytes(socket.family);
    case so.SO_PROTOCOL:
      return intBytes(socket.protocol);
    case so.SO_ERROR:
      return intBytes(-socket.takeError());
    case so.SO_ACCEPTCONN:
      return intBytes(socket.isListening ? 1 : 0);
    case so.SO_SNDBUF:
      return intBytes(socket.sendBufferBytes);
    case so.SO_RCVBUF:
      return intBytes(socket.receiveBufferBytes);
    case so.SO_SNDLOWAT:
      return intBytes(1);
    case so.SO_LINGER:
      return lingerBytes(socket);
    case so.SO_RCVTIMEO:
    case so.SO_RCVTIMEO_NEW:
      return timevalBytes(socket.receiveTimeoutNs);
    case so.SO_SNDTIMEO:
    case so.SO_SNDTIMEO_NEW:
      return timevalBytes(socket.sendTimeoutNs);
    default:
      return getFixed(socket, name) ?? getStored(socket, name);
  }
}

function getStored(socket: Socket, name: number): Uint8Array | Errno {
  const initial = SWITCHES.has(name) ? 0 : NUMBERS.get(name)?.[0];
  return initial === undefined ? ENOPROTOOPT : intBytes(socket.plainOptions.get(name) ?? initial);
}

/** What is not a number that was set. */
function getFixed(socket: Socket, name: number): Uint8Array | Errno | undefined {
  switch (name) {
    case so.SO_BSDCOMPAT:
    case so.SO_LOCK_FILTER:
    case so.SO_INCOMING_NAPI_ID:
      return intBytes(0);
    case so.SO_BPF_EXTENSIONS:
      return intBytes(BPF_EXTENSIONS);
    case so.SO_PEERNAME:
      return socket.peerAddress();
    case so.SO_BINDTODEVICE: {
      const isBound = (socket.plainOptions.get(so.SO_BINDTOIFINDEX) ?? 0) !== 0;
      return isBound ? Uint8Array.from(Buffer.from('lo\0')) : new Uint8Array(0);
    }
    case so.SO_GET_FILTER:
      return new Uint8Array(0);
    case so.SO_TIMESTAMPING:
    case so.SO_TIMESTAMPING_NEW:
      return longBytes(socket.plainOptions.get(so.SO_TIMESTAMPING) ?? 0);
    case so.SO_MAX_PACING_RATE:
      return longBytes(socket.plainOptions.get(name) ?? 2 ** 64);
    case so.SO_COOKIE:
      return longBytes(socket.inode.ino);
    case so.SO_NETNS_COOKIE:
      return longBytes(NETNS_COOKIE);
    case so.SO_MEMINFO:
      return memoryInfo(socket);
    case so.SO_PEERGROUPS:
      return ENODATA;
    default:
      return undefined;
  }
}

/** An unsigned long; 2^64 and more are all ones. */
function longBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  if (value >= 2 ** 64) return bytes.fill(0xff);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, value % 4294967296, true);
  view.setUint32(4, Math.floor(value / 4294967296), true);
  return bytes;
}

/** SK_MEMINFO_RCVBUF and SK_MEMINFO_SNDBUF; nothing else is counted. */
function memoryInfo(socket: Socket): Uint8Array {
  const words = new Uint32Array(MEMINFO_BYTES / 4);
  words[1] = socket.receiveBufferBytes;
  words[3] = socket.sendBufferBytes;
  return new Uint8Array(words.buffer);
}

function lingerBytes(socket: Socket): Uint8Array {
  const bytes = new Uint8Array(LINGER.size);
  const on = socket.plainOptions.get(LINGER_ON) ?? 0;
  LINGER.write(new DataView(bytes.buffer), 0, { on, seconds: socket.plainOptions.get(so.SO_LINGER) ?? 0 });
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
  if (level !== so.SOL_SOCKET) return ENOPROTOOPT;
  if (name === so.SO_BINDTODEVICE) return bindToDevice(task, socket, value);
  if (value.length < 4) return EINVAL;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const number = view.getInt32(0, true);
  switch (name) {
    case so.SO_SNDBUF:
    case so.SO_SNDBUFFORCE:
    case so.SO_RCVBUF:
    case so.SO_RCVBUFFORCE:
      return setBuffer(task, socket, name, number);
    case so.SO_RCVTIMEO:
    case so.SO_RCVTIMEO_NEW:
    case so.SO_SNDTIMEO:
    case so.SO_SNDTIMEO_NEW:
      return setTimeout(socket, name === so.SO_RCVTIMEO || name === so.SO_RCVTIMEO_NEW, view);
    case so.SO_LINGER: {
      if (value.length < LINGER.size) return EINVAL;
      const linger = LINGER.read(view, 0);
      socket.lingersForNothing = linger.on !== 0 && linger.seconds === 0;
      socket.plainOptions.set(LINGER_ON, linger.on !== 0 ? 1 : 0).set(so.SO_LINGER, linger.seconds);
      return 0;
    }
    case so.SO_BSDCOMPAT:
      return 0;
    case so.SO_ATTACH_FILTER:
    case so.SO_ATTACH_BPF:
    case so.SO_ATTACH_REUSEPORT_CBPF:
    case so.SO_ATTACH_REUSEPORT_EBPF:
      return EINVAL;
    case so.SO_DETACH_FILTER:
      return ENOENT;
    case so.SO_TIMESTAMPING:
    case so.SO_TIMESTAMPING_NEW:
      if ((number & ~TIMESTAMPING_FLAGS) !== 0) return EINVAL;
      socket.plainOptions.set(so.SO_TIMESTAMPING, number);
      return 0;
    case so.SO_MAX_PACING_RATE:
      socket.plainOptions.set(name, number === -1 ? 2 ** 64 : number >>> 0);
      return 0;
    default:
      return setStored(task, socket, name, number);
  }
}

function setStored(task: Task, socket: Socket, name: number, number: number): 0 | Errno {
  const bounds = NUMBERS.get(name);
  if (!bounds && !SWITCHES.has(name)) return ENOPROTOOPT;
  if (isForFewer(socket, name) && (number !== 0 || name !== so.SO_REUSEPORT)) return EOPNOTSUPP;
  if (bounds && (number < bounds[1] || number > bounds[2])) return EINVAL;
  const isHigh = name === so.SO_PRIORITY && (number < 0 || number > HIGHEST_FREE_PRIORITY);
  const raisesPoll = name === so.SO_BUSY_POLL && number > (socket.plainOptions.get(name) ?? 0);
  if ((NEEDS_ADMIN.has(name) || isHigh || raisesPoll) && !capableIn(task.cred, socket.net.owner!, CAP_NET_ADMIN)) return EPERM;
  if (STAMPS.includes(name)) for (const stamp of STAMPS) socket.plainOptions.delete(stamp);
  const lowest = number < 0 ? INT_MAX : Math.max(number, 1);
  socket.plainOptions.set(name, bounds ? (name === so.SO_RCVLOWAT ? lowest : number) : number !== 0 ? 1 : 0);
  return 0;
}

/** Options of TCP and UDP alone. */
function isForFewer(socket: Socket, name: number): boolean {
  if (name === so.SO_TXREHASH) return socket.type !== so.SOCK_STREAM || socket.family === so.AF_UNIX;
  return (name === so.SO_REUSEPORT || name === so.SO_ZEROCOPY) && socket.family !== so.AF_INET && socket.family !== so.AF_INET6;
}

/** SO_BINDTODEVICE: an interface's name; an empty one takes it back. */
function bindToDevice(task: Task, socket: Socket, value: Uint8Array): 0 | Errno {
  const name = Buffer.from(value.subarray(0, 15)).toString('latin1').split('\0')[0]!;
  const isBound = (socket.plainOptions.get(so.SO_BINDTOIFINDEX) ?? 0) !== 0;
  if (isBound && !capableIn(task.cred, socket.net.owner!, CAP_NET_RAW)) return EPERM;
  const device = name === '' ? undefined : socket.net.device(name);
  if (name !== '' && !device) return ENODEV;
  socket.plainOptions.set(so.SO_BINDTOIFINDEX, device?.index ?? 0);
  return 0;
}

/** The kernel doubles what is asked for, as half of it is for its own bookkeeping. */
function setBuffer(task: Task, socket: Socket, name: number, bytes: number): 0 | Errno {
  const forced = name === so.SO_SNDBUFFORCE || name === so.SO_RCVBUFFORCE;
  if (forced && !capableIn(task.cred, socket.net.owner!, CAP_NET_ADMIN)) return EPERM;
  // A negative number is a huge one, except by force.
  const asked = bytes < 0 ? (forced ? 0 : MAX_BUFFER) : Math.min(bytes, forced ? 2 ** 24 : MAX_BUFFER);
  if (name === so.SO_SNDBUF || name === so.SO_SNDBUFFORCE) {
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
