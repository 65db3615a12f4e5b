/**
 * NETLINK_ROUTE as a machine with nothing but a loopback interface answers it (Linux: net/core/rtnetlink.c, net/ipv4/devinet.c;
 * rtnetlink(7)): links, addresses and routes can be listed, nothing can be changed.
 */
import type { Errno } from '../../base/brands.js';
import { ENODEV, EOPNOTSUPP, EPERM } from '../../abi/errno.js';
import { AF_INET, AF_INET6 } from '../../abi/socket.js';

export const NLMSG_HEADER_SIZE = 16;
const NLM_F_MULTI = 2;
const NLM_F_DUMP = 0x300;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
/** Of each group of four the third asks, the others change. */
const RTM_BASE = 16;
const RTM_MAX = 123;

const LOOPBACK_INDEX = 1;
const ARPHRD_LOOPBACK = 772;
/** IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP */
const LOOPBACK_FLAGS = 0x10049;
const MTU = 65536;
const SCOPE_HOST = 254;
const IFA_F_PERMANENT = 0x80;

/** One request, its header read. */
export interface RouteRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** struct rtattr with its value, padded to four bytes. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + value.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(`${value}\0`, 'latin1'));

/** struct nlmsghdr and payload. */
export function message(type: number, flags: number, sequence: number, port: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((NLMSG_HEADER_SIZE + payload.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, NLMSG_HEADER_SIZE + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, port, true);
  bytes.set(payload, NLMSG_HEADER_SIZE);
  return bytes;
}

function linkPayload(): Uint8Array {
  const info = new Uint8Array(16);
  const view = new DataView(info.buffer);
  view.setUint16(2, ARPHRD_LOOPBACK, true);
  view.setInt32(4, LOOPBACK_INDEX, true);
  view.setUint32(8, LOOPBACK_FLAGS, true);
  return concat([
    info,
    attribute(3, text('lo')),
    attribute(13, u32(1000)), // IFLA_TXQLEN
    attribute(16, Uint8Array.of(0)), // IFLA_OPERSTATE: unknown, as for Linux's own loopback
    attribute(17, Uint8Array.of(0)), // IFLA_LINKMODE
    attribute(4, u32(MTU)),
    attribute(27, u32(0)), // IFLA_GROUP
    attribute(30, u32(0)), // IFLA_PROMISCUITY
    attribute(31, u32(1)), // IFLA_NUM_TX_QUEUES
    attribute(33, Uint8Array.of(1)), // IFLA_CARRIER
    attribute(6, text('noqueue')),
    attribute(1, new Uint8Array(6)), // IFLA_ADDRESS
    attribute(2, new Uint8Array(6)), // IFLA_BROADCAST
    attribute(7, new Uint8Array(96)), // IFLA_STATS
    attribute(23, new Uint8Array(192)), // IFLA_STATS64
  ]);
}

function addressPayload(family: number): Uint8Array {
  const isV4 = family === AF_INET;
  const host = isV4 ? Uint8Array.of(127, 0, 0, 1) : Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0));
  const info = Uint8Array.of(family, isV4 ? 8 : 128, IFA_F_PERMANENT, SCOPE_HOST, LOOPBACK_INDEX, 0, 0, 0);
  const forever = concat([u32(0xffffffff), u32(0xffffffff), u32(0), u32(0)]);
  return concat([
    info,
    attribute(1, host), // IFA_ADDRESS
    ...(isV4 ? [attribute(2, host), attribute(3, text('lo'))] : []), // IFA_LOCAL, IFA_LABEL
    attribute(6, forever), // IFA_CACHEINFO
    attribute(8, u32(IFA_F_PERMANENT)),
  ]);
}

/** What a dump lists, as [type, payload]. */
function listing({ type, payload }: RouteRequest): (readonly [number, Uint8Array])[] | Errno {
  const family = payload[0] ?? 0;
  switch (type) {
    case RTM_GETLINK:
      return [[RTM_NEWLINK, linkPayload()]];
    case RTM_GETADDR:
      return [AF_INET, AF_INET6]
        .filter((each) => family === 0 || family === each)
        .map((each) => [RTM_NEWADDR, addressPayload(each)] as const);
    case RTM_GETROUTE:
      return [];
    default:
      return EOPNOTSUPP;
  }
}

/** The messages that answer a request, or the error that does. */
export function answerRoute(request: RouteRequest, port: number): Uint8Array[] | Errno {
  const { type, flags, sequence, payload } = request;
  if (type < RTM_BASE || type > RTM_MAX) return EOPNOTSUPP;
  if ((type & 3) !== 2) return EPERM;
  if ((flags & NLM_F_DUMP) !== 0) {
    const listed = listing(request);
    if (typeof listed === 'number') return listed;
    const parts = listed.map(([kind, body]) => message(kind, NLM_F_MULTI, sequence, port, body));
    const end = message(NLMSG_DONE, NLM_F_MULTI, sequence, port, u32(0));
    return parts.length > 0 ? [concat(parts), end] : [end];
  }
  if (type !== RTM_GETLINK) return EOPNOTSUPP;
  const wanted = payload.length >= 8 ? new DataView(payload.buffer, payload.byteOffset).getInt32(4, true) : 0;
  const named = Buffer.from(payload.subarray(16)).toString('latin1').includes('\x03\0lo\0');
  if (wanted !== LOOPBACK_INDEX && !(wanted === 0 && named)) return ENODEV;
  return [message(RTM_NEWLINK, 0, sequence, port, linkPayload())];
}
