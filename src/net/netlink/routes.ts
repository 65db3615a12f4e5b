/**
 * RTM_GETROUTE, NEWROUTE and DELROUTE (Linux: net/ipv4/fib_frontend.c, net/ipv6/route.c; rtnetlink(7)): the routes that follow from
 * addresses, and those that a guest adds: of one next hop each, unicast only.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAFNOSUPPORT, EEXIST, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP, ESRCH } from '../../abi/errno.js';
import {
  IFF_BROADCAST,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTA_CACHEINFO,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTMSG,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTPROT_KERNEL,
  type Rtmsg,
} from '../../abi/netlink.js';
import { AF_INET, AF_INET6 } from '../../abi/socket.js';
import { inPrefix, MAX_ROUTES, type NetAddress, type NetDevice, type NetNamespace, type NetRoute } from '../../kernel/net-namespace.js';
import { notify } from './listeners.js';
import { attribute, Attributes, concat, hostBytes, u32, viewOf } from './messages.js';

const CACHEINFO = new Uint8Array(32);
const RTM_F_CLONED = 0x200;
const RTCF_LOCAL = 0x80000000;

function routePayload(route: NetRoute, flags = 0): Uint8Array {
  const { family, host, prefixLength, gateway, source, device, metric, table, protocol, scope, type } = route;
  const info = new Uint8Array(RTMSG.size);
  const fixed = { family, destinationLength: prefixLength, sourceLength: 0, tos: 0, table: table < 256 ? table : 0 };
  RTMSG.write(viewOf(info), 0, { ...fixed, protocol, scope, type, flags });
  return concat([
    info,
    attribute(RTA_TABLE, u32(table)),
    ...(host !== undefined ? [attribute(RTA_DST, hostBytes(host))] : []),
    ...(metric !== 0 || family === AF_INET6 ? [attribute(RTA_PRIORITY, u32(metric))] : []),
    ...(source !== undefined ? [attribute(RTA_PREFSRC, hostBytes(source))] : []),
    ...(gateway !== undefined ? [attribute(RTA_GATEWAY, hostBytes(gateway))] : []),
    attribute(RTA_OIF, u32(device.index)),
    ...(family === AF_INET6 ? [attribute(RTA_CACHEINFO, CACHEINFO), attribute(RTA_PREF, Uint8Array.of(0))] : []),
  ]);
}

/** Host bits cleared, or all set. */
function edgeOf(host: string, length: number, ones: boolean): string {
  const bytes = hostBytes(host);
  for (let bit = length; bit < bytes.length * 8; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (ones) bytes[bit >> 3]! |= mask;
    else bytes[bit >> 3]! &= ~mask;
  }
  return host.includes('.') ? [...bytes].join('.') : Buffer.from(bytes).toString('hex');
}

/** What follows from an address (Linux: fib_add_ifaddr). */
function routesOf(device: NetDevice, address: NetAddress): NetRoute[] {
  const { family, host, peer, prefixLength } = address;
  const common = { family, device, gateway: undefined, metric: 0, protocol: RTPROT_KERNEL };
  const isLoopback = device.kind === 'loopback';
  if (family === AF_INET6) {
    const own = { ...common, host, prefixLength: 128, source: undefined, table: RT_TABLE_LOCAL, scope: RT_SCOPE_UNIVERSE, type: RTN_LOCAL };
    const around = { ...own, host: edgeOf(host, prefixLength, false), prefixLength, metric: 256, table: RT_TABLE_MAIN, type: RTN_UNICAST };
    return isLoopback || prefixLength === 128 ? [own] : [own, around];
  }
  const primary = device.primaryOf(address);
  const local = { ...common, source: primary.host, table: RT_TABLE_LOCAL, scope: RT_SCOPE_HOST, type: RTN_LOCAL };
  const routes: NetRoute[] = [{ ...local, host, prefixLength: 32 }];
  if (primary !== address) return routes;
  const network = { host: edgeOf(peer, prefixLength, false), prefixLength };
  if (prefixLength < 32 && isLoopback) routes.push({ ...local, ...network });
  if (prefixLength < 31 && (isLoopback || (device.flags & IFF_BROADCAST) !== 0))
    routes.push({ ...local, host: edgeOf(peer, prefixLength, true), prefixLength: 32, scope: RT_SCOPE_LINK, type: RTN_BROADCAST });
  if (prefixLength < 32 && !isLoopback)
    routes.push({ ...local, ...network, table: RT_TABLE_MAIN, scope: RT_SCOPE_LINK, type: RTN_UNICAST });
  return routes;
}

function inOrderOfDump(a: NetRoute, b: NetRoute): number {
  const [first, second] = [a, b].map(({ host }) => (host === undefined ? '' : Buffer.from(hostBytes(host)).toString('hex')));
  return a.table - b.table || (first! < second! ? -1 : first! > second! ? 1 : a.prefixLength - b.prefixLength || a.metric - b.metric);
}

/** Those of one family, or of all (0); the main table comes first. */
export function listRoutes(net: NetNamespace, family: number): Uint8Array[] {
  const all: NetRoute[] = [...net.routes];
  for (const device of net.devices.values())
    if (device.isUp) for (const address of device.addresses) all.push(...routesOf(device, address));
  const listed = [AF_INET, AF_INET6].filter((each) => family === 0 || family === each);
  const inOrder = listed.flatMap((each) => all.filter((route) => route.family === each).sort(inOrderOfDump));
  return inOrder.map((route) => routePayload(route));
}

interface Asked {
  readonly info: Rtmsg;
  readonly attributes: Attributes;
  readonly table: number;
  readonly host: string | undefined;
}

function read(payload: Uint8Array): Asked | Errno {
  if (payload.length < RTMSG.size) return EINVAL;
  const info = RTMSG.read(viewOf(payload), 0);
  const { family, destinationLength } = info;
  if (family !== AF_INET && family !== AF_INET6) return EAFNOSUPPORT;
  if (destinationLength > (family === AF_INET ? 32 : 128)) return EINVAL;
  const attributes = new Attributes(payload.subarray(RTMSG.size));
  const host = attributes.host(RTA_DST, family);
  if (host === undefined && destinationLength > 0) return EINVAL;
  return { info, attributes, host, table: attributes.number(RTA_TABLE) ?? (info.table || RT_TABLE_MAIN) };
}

/** `ip route get`: the way to one address. */
export function findRoute(net: NetNamespace, payload: Uint8Array): Uint8Array | Errno {
  const asked = read(payload);
  if (isErr(asked)) return asked;
  const { info, host } = asked as Asked;
  if (host === undefined) return EINVAL;
  const { family } = info;
  const whole = { family, host, prefixLength: family === AF_INET ? 32 : 128, metric: 0, protocol: 0, scope: 0 };
  if (net.isLocal(host)) {
    const device = net.devices.get(1)!;
    const found = { ...whole, gateway: undefined, source: net.sourceFor(host), device, table: RT_TABLE_MAIN, type: RTN_LOCAL };
    return concat([routePayload(found, RTM_F_CLONED + RTCF_LOCAL), attribute(RTA_CACHEINFO, CACHEINFO)]);
  }
  const way = net.routeFor(host);
  if (!way) return ENETUNREACH;
  const gateway = way.via === host ? undefined : way.via;
  const found = { ...whole, gateway, source: way.source, device: way.device, table: RT_TABLE_MAIN, type: RTN_UNICAST };
  return routePayload(found, RTM_F_CLONED);
}

const groupOf = (family: number): number => (family === AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE);

function isSame(route: NetRoute, { info, host, table }: Asked): boolean {
  return route.family === info.family && route.host === host && route.prefixLength === info.destinationLength && route.table === table;
}

export function newRoute(net: NetNamespace, flags: number, payload: Uint8Array): 0 | Errno {
  const read_ = read(payload);
  if (isErr(read_)) return read_;
  const asked = read_ as Asked;
  const { info, attributes, host, table } = asked;
  const { family } = info;
  if (info.type !== RTN_UNICAST) return EOPNOTSUPP;
  const gateway = attributes.host(RTA_GATEWAY, family);
  const device = nextHop(net, attributes.number(RTA_OIF), gateway);
  if (isErr(device)) return device;
  const source = attributes.host(RTA_PREFSRC, family);
  if (source !== undefined && !net.isLocal(source)) return EINVAL;
  const metric = attributes.number(RTA_PRIORITY) ?? (family === AF_INET6 ? 1024 : 0);
  const same = net.routes.findIndex((route) => isSame(route, asked) && route.metric === metric);
  if (same >= 0 && (flags & NLM_F_REPLACE) === 0) return EEXIST;
  if (same < 0 && (flags & NLM_F_CREATE) === 0) return ENOENT;
  if (same >= 0 && (flags & NLM_F_EXCL) !== 0) return EEXIST;
  if (same >= 0) net.routes.splice(same, 1);
  if (net.routes.length >= MAX_ROUTES || !net.hasRoom) return ENOSPC;
  const { destinationLength: prefixLength, protocol, scope, type } = info;
  const route = { family, host, prefixLength, gateway, source, device: device as NetDevice, metric, table, protocol, scope, type };
  net.routes.push(route);
  net.addressesChanged();
  notify(net, groupOf(family), RTM_NEWROUTE, routePayload(route));
  return 0;
}

/** The interface of a new route: the one that is named, or that leads to the gateway. */
function nextHop(net: NetNamespace, index: number | undefined, gateway: string | undefined): NetDevice | Errno {
  const given = index === undefined ? undefined : net.devices.get(index);
  if (index !== undefined && !given) return ENODEV;
  if (given && !given.isUp) return ENETDOWN;
  if (gateway === undefined) return given ?? ENODEV;
  if (net.isLocal(gateway)) return EINVAL;
  for (const device of given ? [given] : net.devices.values())
    if (device.isUp && device.addresses.some(({ peer, prefixLength }) => inPrefix(gateway, peer, prefixLength))) return device;
  return ENETUNREACH;
}

export function deleteRoute(net: NetNamespace, payload: Uint8Array): 0 | Errno {
  const asked = read(payload);
  if (isErr(asked)) return asked;
  const { attributes, info } = asked as Asked;
  const metric = attributes.number(RTA_PRIORITY);
  const index = attributes.number(RTA_OIF);
  const at = net.routes.findIndex(
    (route) =>
      isSame(route, asked as Asked) &&
      (metric === undefined || route.metric === metric) &&
      (index === undefined || route.device.index === index),
  );
  if (at < 0) return ESRCH;
  const [gone] = net.routes.splice(at, 1);
  net.addressesChanged();
  notify(net, groupOf(info.family), RTM_DELROUTE, routePayload(gone!));
  return 0;
}
