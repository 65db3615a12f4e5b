/**
 * The numeric options of the internet protocols (Linux: net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c, tcp.c, udp.c; ip(7),
 * ipv6(7), tcp(7), udp(7)): what each is before it is set, and what it takes. Most of them mean nothing on loopback and are only
 * kept; those that do mean something are looked up by name elsewhere.
 */
import * as inet from '../../abi/inet.js';
import { SOCK_RAW, SOCK_STREAM } from '../../abi/socket.js';
import type { InetSocket } from './inet-socket.js';

export interface OptionRule {
  readonly initial: number;
  /** 'switch': anything but 0 is 1; otherwise the lowest and the highest value. */
  readonly takes: 'switch' | readonly [number, number];
  /** What -1 sets. */
  readonly minusOne?: number;
  /** Only for sockets of this kind. */
  readonly only?: 'stream' | 'datagram' | 'raw';
}

const SWITCH: OptionRule = { initial: 0, takes: 'switch' };
const SWITCHED_ON: OptionRule = { initial: 1, takes: 'switch' };
const INT_MAX = 0x7fffffff;
const ANY_NUMBER = [-INT_MAX - 1, INT_MAX] as const;

function range(initial: number, lowest: number, highest: number): OptionRule {
  return { initial, takes: [lowest, highest] };
}

function switches(...names: number[]): [number, OptionRule][] {
  return names.map((name) => [name, SWITCH]);
}

const IP_RULES = new Map<number, OptionRule>([
  ...switches(6, 7, inet.IP_PKTINFO, inet.IP_RECVERR, inet.IP_RECVTTL, inet.IP_RECVTOS, inet.IP_FREEBIND, 18, inet.IP_TRANSPARENT),
  ...switches(inet.IP_RECVORIGDSTADDR, 23, inet.IP_BIND_ADDRESS_NO_PORT, 25),
  [inet.IP_TOS, { initial: 0, takes: ANY_NUMBER }],
  [inet.IP_TTL, { ...range(64, 1, 255), minusOne: 64 }],
  [inet.IP_HDRINCL, { ...SWITCH, only: 'raw' }],
  [inet.IP_MTU_DISCOVER, range(1, 0, 5)],
  [21, range(0, 0, 255)],
  [22, { ...SWITCH, only: 'raw' }],
  [inet.IP_MULTICAST_TTL, { ...range(1, 0, 255), minusOne: 1 }],
  [inet.IP_MULTICAST_LOOP, SWITCHED_ON],
  [inet.IP_MULTICAST_ALL, range(1, 0, 1)],
  [51, { initial: 0, takes: ANY_NUMBER }],
]);

const IPV6_RULES = new Map<number, OptionRule>([
  ...switches(inet.IPV6_2292PKTINFO, 3, 4, 5, inet.IPV6_2292HOPLIMIT, 11, inet.IPV6_RECVERR, inet.IPV6_V6ONLY, 30, 33),
  ...switches(inet.IPV6_RECVPKTINFO, inet.IPV6_RECVHOPLIMIT, 53, 56, 58, 60, inet.IPV6_DONTFRAG, inet.IPV6_RECVTCLASS),
  ...switches(inet.IPV6_RECVORIGDSTADDR, inet.IPV6_TRANSPARENT, 77, inet.IPV6_FREEBIND),
  [inet.IPV6_UNICAST_HOPS, { ...range(64, 0, 255), minusOne: 64 }],
  [inet.IPV6_MULTICAST_HOPS, { ...range(1, 0, 255), minusOne: 1, only: 'datagram' }],
  [inet.IPV6_MULTICAST_LOOP, range(1, 0, 1)],
  [inet.IPV6_MTU_DISCOVER, range(1, 0, 5)],
  [29, SWITCHED_ON],
  [31, range(0, 0, 1)],
  [inet.IPV6_TCLASS, { ...range(0, 0, 255), minusOne: 0 }],
  [70, SWITCHED_ON],
  [72, range(1280, 0, 0xffff)],
  [73, range(0, 0, 255)],
]);

const TCP_RULES = new Map<number, OptionRule>([
  ...switches(inet.TCP_NODELAY, inet.TCP_CORK),
  [4, range(7200, 1, 32767)],
  [5, range(75, 1, 32767)],
  [6, range(9, 1, 127)],
  [7, range(6, 1, 127)],
  [8, range(60, -INT_MAX, INT_MAX)],
  [9, range(0, 0, INT_MAX)],
  [10, range(0, 0, INT_MAX)],
  [12, SWITCHED_ON],
  [16, range(0, 0, 1)],
  [17, range(0, 0, 1)],
  [18, range(0, 0, INT_MAX)],
  [23, range(0, 0, INT_MAX)],
  [24, { initial: 0, takes: ANY_NUMBER }],
  [25, { initial: 0, takes: ANY_NUMBER }],
  [27, range(0, 0, 2)],
  [30, range(0, 0, 1)],
  [34, range(0, 0, 1)],
  [36, range(0, 0, 1)],
  [37, range(0, 0, INT_MAX)],
]);

const UDP_RULES = new Map<number, OptionRule>([
  ...switches(inet.UDP_CORK, 101, 102, inet.UDP_GRO),
  [100, range(0, 0, 0)],
  [inet.UDP_SEGMENT, range(0, 0, 0xffff)],
]);

const UDPLITE_RULES = new Map<number, OptionRule>([
  ...UDP_RULES,
  [inet.UDPLITE_SEND_CSCOV, { initial: 0, takes: ANY_NUMBER }],
  [inet.UDPLITE_RECV_CSCOV, { initial: 0, takes: ANY_NUMBER }],
]);

const RAW_RULES = new Map<number, OptionRule>();

/** The options of `level` that a socket has; undefined: the level is not its. */
export function rulesFor(socket: InetSocket, level: number): ReadonlyMap<number, OptionRule> | undefined {
  switch (level) {
    case inet.SOL_IP:
      return IP_RULES;
    case inet.SOL_IPV6:
      return socket.isV6Family ? IPV6_RULES : undefined;
    case inet.SOL_TCP:
      return socket.type === SOCK_STREAM ? TCP_RULES : undefined;
    case inet.SOL_UDP:
      return socket.protocol === inet.IPPROTO_UDP ? UDP_RULES : undefined;
    case inet.SOL_UDPLITE:
      return socket.protocol === inet.IPPROTO_UDPLITE ? UDPLITE_RULES : undefined;
    default:
      return level === socket.protocol && socket.type === SOCK_RAW ? RAW_RULES : undefined;
  }
}

export function isForKind({ only }: OptionRule, type: number): boolean {
  if (only === 'raw') return type === SOCK_RAW;
  return only === undefined || (only === 'stream') === (type === SOCK_STREAM);
}
