/**
 * Asking any socket about the network interfaces of its network, and setting them (Linux: net/core/dev_ioctl.c, net/ipv4/devinet.c;
 * netdevice(7)). Of IPv4 addresses only the first of an interface; what is older than netlink and nobody uses is left out.
 */
import { isErr, type Errno } from '../base/brands.js';
import { EADDRNOTAVAIL, EFAULT, EINVAL, ENODEV, ENOSPC, ENOTTY, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { CAP_NET_ADMIN } from '../abi/capability.js';
import { IFF_UP } from '../abi/netlink.js';
import { AF_INET } from '../abi/socket.js';
import { openNamespace } from '../fs/nsfs.js';
import type { NetAddress, NetDevice, NetNamespace } from '../kernel/net-namespace.js';
import { Task } from '../kernel/task.js';
import { capableIn } from '../vfs/credentials.js';
import type { IoctlCaller } from '../vfs/open-file.js';

const SIOCGIFNAME = 0x8910;
const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCSIFADDR = 0x8916;
const SIOCGIFDSTADDR = 0x8917;
const SIOCGIFBRDADDR = 0x8919;
const SIOCGIFNETMASK = 0x891b;
const SIOCSIFNETMASK = 0x891c;
const SIOCGIFMETRIC = 0x891d;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFTXQLEN = 0x8942;
const SIOCSIFTXQLEN = 0x8943;
const SIOCGSKNS = 0x894c;
const SETTERS: ReadonlySet<number> = new Set([SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFMTU, SIOCSIFTXQLEN]);

/** struct ifreq: a name, and 24 bytes that depend on the request. */
const IFREQ_SIZE = 40;
const VALUE = 16;
/** struct sockaddr_in: where the address is. */
const HOST = VALUE + 4;

function nameIn(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, VALUE)).toString('latin1');
  return text.slice(0, text.indexOf('\0') < 0 ? VALUE : text.indexOf('\0'));
}

/** The answer to an interface request; undefined: it is none. */
export function interfaceIoctl(net: NetNamespace, caller: IoctlCaller, request: number, argument: number): number | Errno | undefined {
  if (request < SIOCGIFNAME || request > SIOCGSKNS) return undefined;
  if (request === SIOCGIFCONF) return interfaceList(net, caller, argument);
  if (!(caller instanceof Task)) return ENOTTY;
  const isAdmin = capableIn(caller.cred, net.owner!, CAP_NET_ADMIN);
  if (request === SIOCGSKNS) return isAdmin ? openNamespace(caller, net) : EPERM;
  const bytes = new Uint8Array(IFREQ_SIZE);
  if (isErr(caller.copyIn(argument, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  const device = request === SIOCGIFNAME ? net.devices.get(view.getInt32(VALUE, true)) : net.device(nameIn(bytes));
  if (!device) return ENODEV;
  if (SETTERS.has(request)) return isAdmin ? change(net, device, request, view, bytes) : EPERM;
  if (request === SIOCGIFNAME) putName(bytes, device.name);
  else {
    const filled = fill(device, view, bytes, request);
    if (filled !== 0) return filled;
  }
  return isErr(caller.copyOut(argument, bytes)) ? EFAULT : 0;
}

function putName(bytes: Uint8Array, name: string): void {
  bytes.fill(0, 0, VALUE);
  bytes.set(Buffer.from(name, 'latin1'), 0);
}

function firstAddress({ addresses }: NetDevice): NetAddress | undefined {
  return addresses.find(({ family }) => family === AF_INET);
}

function fill(device: NetDevice, view: DataView, bytes: Uint8Array, request: number): 0 | Errno {
  switch (request) {
    case SIOCGIFINDEX:
      view.setInt32(VALUE, device.index, true);
      return 0;
    case SIOCGIFFLAGS:
      view.setInt16(VALUE, device.shownFlags & 0xffff, true);
      return 0;
    case SIOCGIFMTU:
      view.setInt32(VALUE, device.mtu, true);
      return 0;
    case SIOCGIFTXQLEN:
      view.setInt32(VALUE, device.txQueueLength, true);
      return 0;
    case SIOCGIFMETRIC:
      view.setInt32(VALUE, 0, true);
      return 0;
    case SIOCGIFHWADDR:
      view.setUint16(VALUE, device.hardwareType, true);
      bytes.set(device.hardwareAddress, VALUE + 2);
      return 0;
    default:
      return fillAddress(firstAddress(device), view, bytes, request);
  }
}

function fillAddress(address: NetAddress | undefined, view: DataView, bytes: Uint8Array, request: number): 0 | Errno {
  const isAsked = request === SIOCGIFADDR || request === SIOCGIFDSTADDR || request === SIOCGIFNETMASK || request === SIOCGIFBRDADDR;
  if (!isAsked) return request % 2 === 0 ? EOPNOTSUPP : EADDRNOTAVAIL;
  if (!address) return EADDRNOTAVAIL;
  if (request === SIOCGIFADDR) return putHost(view, bytes, address.host);
  if (request === SIOCGIFDSTADDR) return putHost(view, bytes, address.peer);
  if (request === SIOCGIFBRDADDR) return putHost(view, bytes, address.broadcast ?? '0.0.0.0');
  const mask = address.prefixLength === 0 ? 0 : (0xffffffff << (32 - address.prefixLength)) >>> 0;
  return putHost(view, bytes, [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.'));
}

function putHost(view: DataView, bytes: Uint8Array, host: string): 0 {
  bytes.fill(0, VALUE, VALUE + 16);
  view.setUint16(VALUE, AF_INET, true);
  bytes.set(host.split('.').map(Number), HOST);
  return 0;
}

function change(net: NetNamespace, device: NetDevice, request: number, view: DataView, bytes: Uint8Array): 0 | Errno {
  const number = view.getInt32(VALUE, true);
  switch (request) {
    case SIOCSIFFLAGS:
      device.setUp((view.getUint16(VALUE, true) & IFF_UP) !== 0);
      return 0;
    case SIOCSIFMTU:
      if (number < 0) return EINVAL;
      device.mtu = number;
      return 0;
    case SIOCSIFTXQLEN:
      if (number < 0) return EINVAL;
      device.txQueueLength = number;
      return 0;
    default:
      return view.getUint16(VALUE, true) === AF_INET ? changeAddress(net, device, request, view, bytes) : EINVAL;
  }
}

/** A new address comes with the mask of its class, and takes the interface up; a mask is for the address that there is. */
function changeAddress(net: NetNamespace, device: NetDevice, request: number, view: DataView, bytes: Uint8Array): 0 | Errno {
  const old = firstAddress(device);
  const host = [...bytes.subarray(HOST, HOST + 4)].join('.');
  if (request === SIOCSIFNETMASK) {
    if (!old) return EADDRNOTAVAIL;
    const mask = view.getUint32(HOST);
    const prefixLength = Math.clz32(~mask >>> 0);
    if (((mask << prefixLength) & 0xffffffff) !== 0) return EINVAL;
    device.addresses[device.addresses.indexOf(old)] = { ...old, prefixLength };
  } else {
    if (!old && !net.hasRoom) return ENOSPC;
    const first = bytes[HOST]!;
    const prefixLength = first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
    if (old) device.addresses.splice(device.addresses.indexOf(old), 1);
    const common = { family: AF_INET, scope: device.kind === 'loopback' ? 254 : 0, label: device.name, broadcast: undefined };
    if (host !== '0.0.0.0') device.addresses.unshift({ ...common, host, peer: host, prefixLength });
    device.setUp(true);
  }
  net.addressesChanged();
  return 0;
}

/** SIOCGIFCONF: struct ifconf is a length and, eight bytes on, a pointer; a null pointer asks for the length. Those with IPv4 only. */
function interfaceList({ devices }: NetNamespace, caller: IoctlCaller, argument: number): 0 | Errno {
  const bytes = new Uint8Array(16);
  if (isErr(caller.copyIn(argument, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  const buffer = view.getUint32(8, true) + view.getUint32(12, true) * 4294967296;
  const room = view.getInt32(0, true);
  let used = 0;
  for (const device of devices.values())
    for (const { family, host, label } of device.addresses) {
      if (family !== AF_INET || (buffer !== 0 && used + IFREQ_SIZE > room)) continue;
      const entry = new Uint8Array(IFREQ_SIZE);
      putName(entry, label);
      putHost(new DataView(entry.buffer), entry, host);
      if (buffer !== 0 && isErr(caller.copyOut(buffer + used, entry))) return EFAULT;
      used += IFREQ_SIZE;
    }
  view.setInt32(0, used, true);
  return isErr(caller.copyOut(argument, bytes)) ? EFAULT : 0;
}
