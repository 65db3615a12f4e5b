/**
 * Ancillary data of datagrams (Linux: net/ipv4/ip_sockglue.c, ip_cmsg_send, ip_cmsg_recv_offset; net/ipv6/datagram.c,
 * ip6_datagram_send_ctl, ip6_datagram_recv_ctl): what a sender asks for one packet, and what a receiver wants to know of it.
 * Left out: IP options, routing and extension headers.
 */
import { isErr, type Errno } from '../../base/brands.js';
import type { Timespec } from '../../base/clock.js';
import { EINVAL, ENODEV, EPERM } from '../../abi/errno.js';
import * as inet from '../../abi/inet.js';
import {
  AF_INET,
  AF_INET6,
  SO_RXQ_OVFL,
  SO_TIMESTAMP,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SOL_SOCKET,
} from '../../abi/socket.js';
import { TIMESPEC, TIMEVAL } from '../../abi/time-struct.js';
import type { ControlMessage } from '../socket.js';
import { encodeAddress, hostOf, isAny, isLoopback, isMulticast, isV4, type Endpoint } from './address.js';
import type { InetSocket } from './inet-socket.js';

const LOOPBACK_INDEX = 1;
const DEFAULT_TTL = 64;
const LARGEST = 255;

/** One packet as its receiver gets it. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly ttl: number;
  /** Type of service, or traffic class. */
  readonly tos: number;
  /** When it came, if the receiver wants to know. */
  time: Timespec | undefined;
}

/** What the headers of a packet to be sent say. */
export interface PacketOptions {
  ttl: number;
  tos: number;
  /** Source address that was asked for. */
  source: string | undefined;
  /** UDP_SEGMENT: bytes of each datagram; 0: all in one. */
  segmentBytes: number;
}

/** Those of the socket, as ancillary data changes them. `target`: where the packet goes. */
export function packetOptions(socket: InetSocket, control: readonly ControlMessage[] | undefined, target: string): PacketOptions | Errno {
  const toV4 = isV4(target);
  const toGroup = isMulticast(target);
  const hops = toV4
    ? socket.option(inet.SOL_IP, toGroup ? inet.IP_MULTICAST_TTL : inet.IP_TTL)
    : socket.option(inet.SOL_IPV6, toGroup ? inet.IPV6_MULTICAST_HOPS : inet.IPV6_UNICAST_HOPS);
  const tos = toV4 ? socket.option(inet.SOL_IP, inet.IP_TOS) : socket.option(inet.SOL_IPV6, inet.IPV6_TCLASS);
  const options: PacketOptions = {
    ttl: hops <= 0 ? DEFAULT_TTL : hops,
    tos: Math.max(0, tos),
    source: undefined,
    segmentBytes: socket.option(inet.SOL_UDP, inet.UDP_SEGMENT),
  };
  for (const message of control ?? []) {
    const result = message.level === inet.SOL_UDP ? segmentOption(message, options) : internetOption(message, options, toV4);
    if (isErr(result)) return result;
  }
  return options;
}

function segmentOption({ type, data }: ControlMessage, options: PacketOptions): 0 | Errno {
  if (type !== inet.UDP_SEGMENT || data.length !== 2) return EINVAL;
  options.segmentBytes = data[0]! | (data[1]! << 8);
  return 0;
}

function internetOption(message: ControlMessage, options: PacketOptions, toV4: boolean): 0 | Errno {
  if (message.level === inet.SOL_IP) return toV4 ? option4(message, options) : 0;
  if (message.level !== inet.SOL_IPV6) return 0;
  if (!toV4) return option6(message, options);
  return message.type === inet.IPV6_PKTINFO ? source6(message, options) : 0;
}

function intOf(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getInt32(0, true);
}

function option4({ type, data }: ControlMessage, options: PacketOptions): 0 | Errno {
  switch (type) {
    case inet.IP_PKTINFO: {
      if (data.length !== inet.IN_PKTINFO.size) return EINVAL;
      const info = inet.IN_PKTINFO.read(new DataView(data.buffer, data.byteOffset), 0);
      return setSource(options, info.ifindex, hostOf(info.specDst));
    }
    case inet.IP_TTL: {
      const ttl = data.length === 4 ? intOf(data) : 0;
      if (ttl < 1 || ttl > LARGEST) return EINVAL;
      options.ttl = ttl;
      return 0;
    }
    case inet.IP_TOS: {
      const tos = data.length === 4 ? intOf(data) : data.length === 1 ? data[0]! : -1;
      if (tos < 0 || tos > LARGEST) return EINVAL;
      options.tos = tos;
      return 0;
    }
    case inet.IP_RETOPTS:
      return 0;
    default:
      return EINVAL;
  }
}

function option6(message: ControlMessage, options: PacketOptions): 0 | Errno {
  const { type, data } = message;
  switch (type) {
    case inet.IPV6_PKTINFO:
    case inet.IPV6_2292PKTINFO:
      return source6(message, options);
    case inet.IPV6_HOPLIMIT:
    case inet.IPV6_2292HOPLIMIT:
    case inet.IPV6_TCLASS: {
      const value = data.length === 4 ? intOf(data) : -2;
      if (value < -1 || value > LARGEST) return EINVAL;
      if (type === inet.IPV6_TCLASS) options.tos = Math.max(0, value);
      else options.ttl = value < 0 ? DEFAULT_TTL : value;
      return 0;
    }
    case inet.IPV6_DONTFRAG:
      return data.length === 4 && (intOf(data) === 0 || intOf(data) === 1) ? 0 : EINVAL;
    case inet.IPV6_HOPOPTS:
    case inet.IPV6_DSTOPTS:
    case inet.IPV6_RTHDR:
      return data.length < 2 ? EINVAL : EPERM;
    default:
      return EINVAL;
  }
}

function source6({ data }: ControlMessage, options: PacketOptions): 0 | Errno {
  if (data.length < inet.IN6_PKTINFO.size) return EINVAL;
  const info = inet.IN6_PKTINFO.read(new DataView(data.buffer, data.byteOffset), 0);
  return setSource(options, info.ifindex, hostOf(info.addr));
}

function setSource(options: PacketOptions, ifindex: number, host: string): 0 | Errno {
  if (ifindex !== 0 && ifindex !== LOOPBACK_INDEX) return ENODEV;
  if (isAny(host)) return 0;
  if (!isLoopback(host)) return EINVAL;
  options.source = host;
  return 0;
}

function int(value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setInt32(0, value, true);
  return data;
}

/** What the socket's owner wants to be told with each packet. */
export function receivedControl(socket: InetSocket, datagram: Datagram, dropped: number): ControlMessage[] {
  const told: ControlMessage[] = [];
  tellTime(socket, datagram.time, told);
  if (dropped > 0 && socket.plainOptions.get(SO_RXQ_OVFL)) told.push({ level: SOL_SOCKET, type: SO_RXQ_OVFL, data: int(dropped) });
  const { destination } = datagram;
  const toV4 = isV4(destination.host);
  if (socket.family === AF_INET6 && socket.option(inet.SOL_IPV6, inet.IPV6_RECVPKTINFO)) {
    told.push({ level: inet.SOL_IPV6, type: inet.IPV6_PKTINFO, data: packetInfo6(destination) });
  }
  if (toV4) tell4(socket, datagram, told);
  else tell6(socket, datagram, told);
  return told;
}

function tell4(socket: InetSocket, { destination, ttl, tos }: Datagram, told: ControlMessage[]): void {
  const level = inet.SOL_IP;
  if (socket.option(level, inet.IP_PKTINFO)) {
    const data = new Uint8Array(inet.IN_PKTINFO.size);
    const addr = Uint8Array.from(destination.host.split('.').map(Number));
    inet.IN_PKTINFO.write(new DataView(data.buffer), 0, { ifindex: LOOPBACK_INDEX, specDst: addr, addr });
    told.push({ level, type: inet.IP_PKTINFO, data });
  }
  if (socket.option(level, inet.IP_RECVTTL)) told.push({ level, type: inet.IP_TTL, data: int(ttl) });
  if (socket.option(level, inet.IP_RECVTOS)) told.push({ level, type: inet.IP_TOS, data: Uint8Array.of(tos) });
  if (socket.option(level, inet.IP_RECVORIGDSTADDR)) {
    told.push({ level, type: inet.IP_RECVORIGDSTADDR, data: encodeAddress(AF_INET, destination) });
  }
}

function tell6(socket: InetSocket, { destination, ttl, tos }: Datagram, told: ControlMessage[]): void {
  const level = inet.SOL_IPV6;
  if (socket.option(level, inet.IPV6_RECVHOPLIMIT)) told.push({ level, type: inet.IPV6_HOPLIMIT, data: int(ttl) });
  if (socket.option(level, inet.IPV6_RECVTCLASS)) told.push({ level, type: inet.IPV6_TCLASS, data: int(tos) });
  if (socket.option(level, inet.IPV6_2292PKTINFO)) told.push({ level, type: inet.IPV6_2292PKTINFO, data: packetInfo6(destination) });
  if (socket.option(level, inet.IPV6_2292HOPLIMIT)) told.push({ level, type: inet.IPV6_2292HOPLIMIT, data: int(ttl) });
  if (socket.option(level, inet.IPV6_RECVORIGDSTADDR)) {
    told.push({ level, type: inet.IPV6_RECVORIGDSTADDR, data: encodeAddress(AF_INET6, destination) });
  }
}

function packetInfo6(destination: Endpoint): Uint8Array {
  const data = new Uint8Array(inet.IN6_PKTINFO.size);
  const addr = encodeAddress(AF_INET6, destination).subarray(8, 24);
  inet.IN6_PKTINFO.write(new DataView(data.buffer), 0, { addr, ifindex: LOOPBACK_INDEX });
  return data;
}

/** SO_TIMESTAMP and its kin: whether packets are to be stamped. */
export function wantsTime(socket: InetSocket): boolean {
  const { plainOptions } = socket;
  return STAMPS.some((name) => (plainOptions.get(name) ?? 0) !== 0);
}

const STAMPS = [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW] as const;

/** A packet that came before anybody asked is stamped now. */
function tellTime(socket: InetSocket, time: Timespec | undefined, told: ControlMessage[]): void {
  for (const type of STAMPS) {
    if (!socket.plainOptions.get(type)) continue;
    const { sec, nsec } = time ?? socket.machine.clock.realtime();
    const data = new Uint8Array(TIMESPEC.size);
    const view = new DataView(data.buffer);
    if (type === SO_TIMESTAMPNS || type === SO_TIMESTAMPNS_NEW) TIMESPEC.write(view, 0, { sec, nsec });
    else TIMEVAL.write(view, 0, { sec, usec: Math.floor(nsec / 1000) });
    told.push({ level: SOL_SOCKET, type, data });
  }
}
