/**
 * getsockopt and setsockopt of the internet protocols: numbers by the table of inet-option-table.ts, and what is more than a
 * number. Multicast groups exist on the loopback interface only; memberships for single sources are left out.
 */
import type { Errno } from '../../base/brands.js';
import { EADDRNOTAVAIL, EINVAL, ENODEV, ENOENT, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO } from '../../abi/errno.js';
import { CAP_NET_ADMIN, CAP_NET_RAW } from '../../abi/capability.js';
import * as inet from '../../abi/inet.js';
import { AF_INET, SOCK_STREAM, SOL_SOCKET } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import { capableIn } from '../../vfs/credentials.js';
import { hostOf, isAny, isLoopback, isMulticast, isV4 } from './address.js';
import { isForKind, rulesFor, type OptionRule } from './inet-option-table.js';
import type { InetSocket } from './inet-socket.js';
import { tcpInfo } from './tcp-info.js';

const TCP_MAXSEG = 2;
const TCP_INFO = 11;
const TCP_CONGESTION = 13;
const TCP_ULP = 31;
const CONGESTION_NAMES = new Set(['cubic', 'reno']);
/** Segment size before a connection, and on the loopback interface. */
const MSS_UNKNOWN = 536;
const MSS_LOOPBACK = 65483;
const LOOPBACK_MTU = 65536;
const LOOPBACK_INDEX = 1;
const UDPLITE_HEADER = 8;

function keyOf(level: number, name: number): number {
  return (level + 1) * 65536 + name;
}

export const V6ONLY_KEY = keyOf(inet.SOL_IPV6, inet.IPV6_V6ONLY);
const CONGESTION_KEY = keyOf(inet.SOL_TCP, TCP_CONGESTION);

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** The value of a numeric option; 0 of one that the socket does not have. */
export function inetOption(socket: InetSocket, level: number, name: number): number {
  return socket.plainOptions.get(keyOf(level, name)) ?? rulesFor(socket, level)?.get(name)?.initial ?? 0;
}

export function getInetOption(socket: InetSocket, level: number, name: number): Uint8Array | Errno | undefined {
  if (level === SOL_SOCKET) return undefined;
  const rules = rulesFor(socket, level);
  if (!rules) return EOPNOTSUPP;
  const special = getSpecial(socket, level, name);
  if (special !== undefined) return special;
  const rule = rules.get(name);
  return rule ? intBytes(inetOption(socket, level, name)) : ENOPROTOOPT;
}

function getSpecial(socket: InetSocket, level: number, name: number): Uint8Array | Errno | undefined {
  if (level === inet.SOL_TCP) {
    if (name === TCP_INFO) return tcpInfo(socket);
    if (name === TCP_MAXSEG) return intBytes(socket.remote ? MSS_LOOPBACK : MSS_UNKNOWN);
    if (name === TCP_CONGESTION) return nameBytes((socket.plainOptions.get(CONGESTION_KEY) ?? 0) === 0 ? 'cubic' : 'reno');
    return name === TCP_ULP ? new Uint8Array(0) : undefined;
  }
  if ((level === inet.SOL_IP && name === inet.IP_MTU) || (level === inet.SOL_IPV6 && name === inet.IPV6_MTU)) {
    return socket.remote ? intBytes(LOOPBACK_MTU) : ENOTCONN;
  }
  if (level === inet.SOL_IP && name === inet.IP_MULTICAST_IF) return intBytes(inetOption(socket, level, name));
  if (level !== inet.SOL_IPV6) return undefined;
  if (name === inet.IPV6_ADDRFORM) return ENOTCONN;
  return name === inet.IPV6_MULTICAST_IF ? intBytes(inetOption(socket, level, name)) : undefined;
}

function nameBytes(name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(name.padEnd(16, '\0')));
}

export function setInetOption(task: Task, socket: InetSocket, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
  if (level === SOL_SOCKET) return undefined;
  const rules = rulesFor(socket, level);
  if (!rules) return ENOPROTOOPT;
  const special = setSpecial(task, socket, level, name, value);
  if (special !== undefined) return special;
  const rule = rules.get(name);
  // Only the options of IPv4 take a single byte.
  if (value.length < 4 && (level !== inet.SOL_IP || value.length === 0)) return EINVAL;
  if (!rule || !isForKind(rule, socket.type)) return ENOPROTOOPT;
  const given = value.length >= 4 ? new DataView(value.buffer, value.byteOffset).getInt32(0, true) : value[0]!;
  const number = numberFor(socket, level, name, rule, given);
  if (number === undefined) return EINVAL;
  socket.plainOptions.set(keyOf(level, name), number);
  socket.onOptionSet(level, name, number);
  return 0;
}

/** What is stored for what is given; undefined: it is refused. */
function numberFor(socket: InetSocket, level: number, name: number, rule: OptionRule, given: number): number | undefined {
  const { takes, minusOne } = rule;
  if (given === -1 && minusOne !== undefined) return minusOne;
  if (takes === 'switch') return given === 0 ? 0 : 1;
  if (given < takes[0] || given > takes[1]) return undefined;
  // TCP keeps the two bits of congestion notification to itself.
  if (level === inet.SOL_IP && name === inet.IP_TOS) return given & (socket.type === SOCK_STREAM ? 0xfc : 0xff);
  // A checksum covers the header at least.
  if (level === inet.SOL_UDPLITE && name <= inet.UDPLITE_RECV_CSCOV && name >= inet.UDPLITE_SEND_CSCOV) {
    return given !== 0 && (given < 0 || given < UDPLITE_HEADER) ? UDPLITE_HEADER : Math.min(given, 0xffff);
  }
  return given;
}

function setSpecial(task: Task, socket: InetSocket, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
  if (level === inet.SOL_TCP) return setTcp(socket, name, value);
  if (level === inet.SOL_IP) {
    if (name === inet.IP_TRANSPARENT && !mayPretend(task, socket)) return EPERM;
    if (name === inet.IP_MULTICAST_IF) return setMulticastInterface(socket, level, name, value);
    return name >= inet.IP_ADD_MEMBERSHIP && name <= 48 ? setMembership(socket, level, name, value) : undefined;
  }
  if (level !== inet.SOL_IPV6) return undefined;
  switch (name) {
    case inet.IPV6_ADDRFORM:
      return value.length < 4 ? EINVAL : changeFamily(socket, new DataView(value.buffer, value.byteOffset).getInt32(0, true));
    case inet.IPV6_V6ONLY:
      return socket.local ? EINVAL : undefined;
    case inet.IPV6_TRANSPARENT:
      return mayPretend(task, socket) ? undefined : EPERM;
    case inet.IPV6_MULTICAST_IF:
      return setMulticastInterface(socket, level, name, value);
    default: {
      const isMembership = name === inet.IPV6_JOIN_GROUP || name === inet.IPV6_JOIN_GROUP + 1;
      return isMembership || (name >= inet.MCAST_JOIN_GROUP && name <= 48) ? setMembership(socket, level, name, value) : undefined;
    }
  }
}

function mayPretend({ cred }: Task, { net }: InetSocket): boolean {
  return capableIn(cred, net.owner!, CAP_NET_RAW) || capableIn(cred, net.owner!, CAP_NET_ADMIN);
}

function setTcp(socket: InetSocket, name: number, value: Uint8Array): 0 | Errno | undefined {
  if (name === TCP_CONGESTION) {
    const text = Buffer.from(value.subarray(0, 16)).toString('latin1').split('\0')[0]!;
    if (value.length === 0) return EINVAL;
    if (!CONGESTION_NAMES.has(text)) return ENOENT;
    socket.plainOptions.set(CONGESTION_KEY, text === 'cubic' ? 0 : 1);
    return 0;
  }
  if (name === TCP_ULP) return ENOENT;
  if (name !== TCP_MAXSEG) return undefined;
  const bytes = value.length < 4 ? -1 : new DataView(value.buffer, value.byteOffset).getInt32(0, true);
  return bytes === 0 || (bytes >= 88 && bytes <= 32767) ? 0 : EINVAL;
}

/** IPV6_ADDRFORM: a connection to an IPv4 address becomes a socket of AF_INET. */
function changeFamily(socket: InetSocket, family: number): 0 | Errno {
  if (family !== AF_INET) return EINVAL;
  if (!socket.remote) return ENOTCONN;
  if (socket.v6Only || !isV4(socket.remote.host)) return EADDRNOTAVAIL;
  socket.family = AF_INET;
  return 0;
}

/** IP_MULTICAST_IF by address (in_addr, ip_mreq) or index (ip_mreqn), IPV6_MULTICAST_IF by index: lo, or none. */
function setMulticastInterface(socket: InetSocket, level: number, name: number, value: Uint8Array): 0 | Errno {
  if (socket.type === SOCK_STREAM) return level === inet.SOL_IP ? EINVAL : ENOPROTOOPT;
  if (value.length < 4) return EINVAL;
  const view = new DataView(value.buffer, value.byteOffset);
  if (level === inet.SOL_IPV6) {
    const index = view.getInt32(0, true);
    if (index !== 0 && index !== LOOPBACK_INDEX) return ENODEV;
    socket.plainOptions.set(keyOf(level, name), index);
    return 0;
  }
  const host = hostOf(value.subarray(value.length >= 8 ? 4 : 0, value.length >= 8 ? 8 : 4));
  const index = value.length >= 12 ? view.getInt32(8, true) : 0;
  const isKnown = index === LOOPBACK_INDEX || (index === 0 && (isAny(host) || isLoopback(host)));
  if (!isKnown) return EADDRNOTAVAIL;
  socket.plainOptions.set(keyOf(level, name), isAny(host) ? 0 : view.getInt32(value.length >= 8 ? 4 : 0, true));
  return 0;
}

/** Where the group and the interface lie in the structs of IP_*_MEMBERSHIP, IPV6_*_GROUP and MCAST_*_GROUP. */
function setMembership(socket: InetSocket, level: number, name: number, value: Uint8Array): 0 | Errno {
  if (level === inet.SOL_IP && socket.type === SOCK_STREAM && name <= 41) return EPROTO;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const isGeneral = name >= inet.MCAST_JOIN_GROUP;
  if (isGeneral && name !== inet.MCAST_JOIN_GROUP && name !== inet.MCAST_LEAVE_GROUP) return EINVAL;
  const isOfSource = level === inet.SOL_IP && name >= 37 && name <= 41;
  if (isOfSource || value.length < (isGeneral ? 136 : level === inet.SOL_IP ? 8 : 20)) return EINVAL;
  const group = isGeneral ? generalGroup(level, value) : hostOf(value.subarray(0, level === inet.SOL_IP ? 4 : 16));
  if (group === undefined || !isMulticast(group)) return EINVAL;
  const byAddress = !isGeneral && level === inet.SOL_IP ? hostOf(value.subarray(4, 8)) : undefined;
  const index = isGeneral
    ? view.getUint32(0, true)
    : level !== inet.SOL_IP
      ? view.getUint32(16, true)
      : value.length >= 12
        ? view.getInt32(8, true)
        : 0;
  const isLo = index === LOOPBACK_INDEX || (index === 0 && byAddress !== undefined && isLoopback(byAddress));
  const isJoin = name === inet.MCAST_JOIN_GROUP || name === (level === inet.SOL_IP ? inet.IP_ADD_MEMBERSHIP : inet.IPV6_JOIN_GROUP);
  if (isJoin) return isLo ? socket.joinGroup(group) : ENODEV;
  return socket.leaveGroup(group) ? 0 : EADDRNOTAVAIL;
}

/** struct group_req: the interface's index and, eight bytes on, a sockaddr. */
function generalGroup(level: number, value: Uint8Array): string | undefined {
  const family = value[8]! | (value[9]! << 8);
  if (family !== (level === inet.SOL_IP ? AF_INET : 10)) return undefined;
  return level === inet.SOL_IP ? hostOf(value.subarray(12, 16)) : hostOf(value.subarray(16, 32));
}
