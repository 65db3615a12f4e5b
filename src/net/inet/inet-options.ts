/** Options of the levels SOL_TCP, SOL_UDP, SOL_IP and SOL_IPV6 (tcp(7), ip(7), ipv6(7)): kept and given back; few mean anything on loopback. */
import type { Errno } from '../../base/brands.js';
import { EINVAL, ENODEV, ENOPROTOOPT, EOPNOTSUPP } from '../../abi/errno.js';
import { AF_INET6, SOCK_STREAM, SOL_SOCKET } from '../../abi/socket.js';
import type { InetSocket } from './inet-socket.js';

const SOL_IP = 0;
const SOL_TCP = 6;
const SOL_UDP = 17;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const TCP_MAXSEG = 2;
const TCP_CONGESTION = 13;
const TCP_INFO = 11;
const TCP_INFO_SIZE = 232;
const TCP_ESTABLISHED = 1;
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;
const IP_ADD_MEMBERSHIP = 35;
const IPV6_ADD_MEMBERSHIP = 20;

/** Numbers of options that are known, and what they are before they are set. */
const DEFAULTS: Readonly<Record<number, ReadonlyMap<number, number>>> = {
  [SOL_TCP]: new Map([
    ...([1, 3, 8, 9, 18, 23, 24, 25, 30] as const).map((name) => [name, 0] as const),
    [TCP_MAXSEG, 65483],
    [4, 7200],
    [5, 75],
    [6, 9],
    [7, 6],
    [12, 1],
  ]),
  [SOL_UDP]: new Map([1, 100, 101, 102, 103, 104].map((name) => [name, 0] as const)),
  [SOL_IP]: new Map([
    ...[1, 3, 6, 8, 10, 11, 12, 13, 15, 19, 20, 24, 32, 49, 50].map((name) => [name, 0] as const),
    [2, 64],
    [33, 1],
    [34, 1],
  ]),
  [SOL_IPV6]: new Map([
    ...[2, 8, 11, 12, 17, 23, 24, 25, IPV6_V6ONLY, 49, 51, 53, 57, 59, 61, 66, 67, 70, 72, 74, 75, 76].map((name) => [name, 0] as const),
    [16, 64],
    [18, 1],
    [19, 1],
  ]),
};

function keyOf(level: number, name: number): number {
  return (level + 1) * 65536 + name;
}

export const V6ONLY_KEY = keyOf(SOL_IPV6, IPV6_V6ONLY);

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** The default of an option that the socket has. */
function defaultOf(socket: InetSocket, level: number, name: number): number | Errno {
  if ((level === SOL_TCP) !== (socket.type === SOCK_STREAM) && (level === SOL_TCP || level === SOL_UDP)) return ENOPROTOOPT;
  if (level === SOL_IPV6 && socket.family !== AF_INET6) return ENOPROTOOPT;
  return DEFAULTS[level]?.get(name) ?? ENOPROTOOPT;
}

export function getInetOption(socket: InetSocket, level: number, name: number): Uint8Array | Errno | undefined {
  if (level === SOL_SOCKET) return undefined;
  if (level === SOL_TCP && socket.type === SOCK_STREAM && name === TCP_INFO) {
    const bytes = new Uint8Array(TCP_INFO_SIZE);
    bytes[0] = socket.isListening ? TCP_LISTEN : socket.remote ? TCP_ESTABLISHED : TCP_CLOSE;
    return bytes;
  }
  if (level === SOL_TCP && name === TCP_CONGESTION) return Uint8Array.from(Buffer.from('cubic\0'.padEnd(16, '\0')));
  const foreign = level === SOL_UDP ? socket.type === SOCK_STREAM : level === SOL_TCP && socket.type !== SOCK_STREAM;
  if (foreign || DEFAULTS[level] === undefined || (level === SOL_IPV6 && socket.family !== AF_INET6)) return EOPNOTSUPP;
  const initial = defaultOf(socket, level, name);
  return initial < 0 ? (initial as Errno) : intBytes(socket.plainOptions.get(keyOf(level, name)) ?? initial);
}

export function setInetOption(socket: InetSocket, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
  if (level === SOL_SOCKET) return undefined;
  if ((level === SOL_IP && name === IP_ADD_MEMBERSHIP) || (level === SOL_IPV6 && name === IPV6_ADD_MEMBERSHIP)) return ENODEV;
  if (level === SOL_TCP && name === TCP_CONGESTION) return 0;
  const initial = defaultOf(socket, level, name);
  if (initial < 0) return initial as Errno;
  if (value.length === 0) return EINVAL;
  if (name === IPV6_V6ONLY && level === SOL_IPV6 && socket.local) return EINVAL;
  const number = value.length >= 4 ? new DataView(value.buffer, value.byteOffset).getInt32(0, true) : value[0]!;
  socket.plainOptions.set(keyOf(level, name), number);
  return 0;
}
