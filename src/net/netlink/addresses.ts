/** RTM_GETADDR, NEWADDR and DELADDR (Linux: net/ipv4/devinet.c, net/ipv6/addrconf.c; rtnetlink(7)). Addresses never expire. */
import { isErr, type Errno } from '../../base/brands.js';
import { EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, EINVAL, ENODEV, ENOSPC } from '../../abi/errno.js';
import {
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFADDRMSG,
  NLM_F_REPLACE,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  type Ifaddrmsg,
} from '../../abi/netlink.js';
import { AF_INET, AF_INET6 } from '../../abi/socket.js';
import { LOOPBACK6, MAX_ADDRESSES, type NetAddress, type NetDevice, type NetNamespace } from '../../kernel/net-namespace.js';
import { notify } from './listeners.js';
import { attribute, Attributes, concat, hostBytes, text, u32, viewOf } from './messages.js';

const FOREVER = concat([u32(0xffffffff), u32(0xffffffff), u32(0), u32(0)]);
const MAX_LABEL = 15;

function addressPayload(device: NetDevice, address: NetAddress): Uint8Array {
  const { family, host, peer, broadcast, prefixLength, scope, label } = address;
  const flags = device.primaryOf(address) === address ? IFA_F_PERMANENT : IFA_F_PERMANENT | IFA_F_SECONDARY;
  const info = new Uint8Array(IFADDRMSG.size);
  IFADDRMSG.write(viewOf(info), 0, { family, prefixLength, flags, scope, index: device.index });
  return concat([
    info,
    attribute(IFA_ADDRESS, hostBytes(peer)),
    ...(family === AF_INET ? [attribute(IFA_LOCAL, hostBytes(host))] : []),
    ...(broadcast !== undefined ? [attribute(IFA_BROADCAST, hostBytes(broadcast))] : []),
    ...(family === AF_INET ? [attribute(IFA_LABEL, text(label))] : []),
    attribute(IFA_CACHEINFO, FOREVER),
    attribute(IFA_FLAGS, u32(flags)),
  ]);
}

/** Those of one family, or of all (0). */
export function listAddresses(net: NetNamespace, family: number): Uint8Array[] {
  const listed: Uint8Array[] = [];
  for (const each of family === 0 ? [AF_INET, AF_INET6] : [family])
    for (const device of net.devices.values())
      for (const address of device.addresses) if (address.family === each) listed.push(addressPayload(device, address));
  return listed;
}

interface Asked {
  readonly info: Ifaddrmsg;
  readonly device: NetDevice;
  readonly host: string;
  readonly peer: string;
  readonly attributes: Attributes;
}

function read(net: NetNamespace, payload: Uint8Array): Asked | Errno {
  if (payload.length < IFADDRMSG.size) return EINVAL;
  const info = IFADDRMSG.read(viewOf(payload), 0);
  const { family, prefixLength } = info;
  if (family !== AF_INET && family !== AF_INET6) return EAFNOSUPPORT;
  if (prefixLength > (family === AF_INET ? 32 : 128)) return EINVAL;
  const attributes = new Attributes(payload.subarray(IFADDRMSG.size));
  const peer = attributes.host(IFA_ADDRESS, family);
  const host = attributes.host(IFA_LOCAL, family) ?? (family === AF_INET6 ? peer : undefined);
  if (host === undefined) return EINVAL;
  const device = net.devices.get(info.index);
  return device ? { info, device, host, peer: peer ?? host, attributes } : ENODEV;
}

function scopeOf({ info: { family, scope }, host }: Asked): number {
  if (family === AF_INET) return scope;
  return host === LOOPBACK6 ? RT_SCOPE_HOST : /^fe[89ab]/.test(host) ? RT_SCOPE_LINK : 0;
}

const groupOf = (family: number): number => (family === AF_INET ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR);

export function newAddress(net: NetNamespace, flags: number, payload: Uint8Array): 0 | Errno {
  const asked = read(net, payload);
  if (isErr(asked)) return asked;
  const { info, device, host, peer, attributes } = asked as Asked;
  const { family, prefixLength } = info;
  const same = device.addresses.find((other) => other.host === host && (family === AF_INET6 || other.prefixLength === prefixLength));
  if (same) return (flags & NLM_F_REPLACE) !== 0 ? 0 : EEXIST;
  if (device.addresses.length >= MAX_ADDRESSES || !net.hasRoom) return ENOSPC;
  const label = (attributes.text(IFA_LABEL) ?? device.name).slice(0, MAX_LABEL);
  const broadcast = family === AF_INET ? attributes.host(IFA_BROADCAST, family) : undefined;
  const address = { family, host, peer, prefixLength, scope: scopeOf(asked as Asked), label, broadcast };
  device.addAddress(address);
  net.addressesChanged();
  notify(net, groupOf(family), RTM_NEWADDR, addressPayload(device, address));
  return 0;
}

export function deleteAddress(net: NetNamespace, payload: Uint8Array): 0 | Errno {
  const asked = read(net, payload);
  if (isErr(asked)) return asked;
  const { info, device, host } = asked as Asked;
  const at = device.addresses.findIndex((address) => address.host === host && address.prefixLength === info.prefixLength);
  if (at < 0) return EADDRNOTAVAIL;
  const [gone] = device.addresses.splice(at, 1);
  net.addressesChanged();
  notify(net, groupOf(info.family), RTM_DELADDR, addressPayload(device, gone!));
  return 0;
}
