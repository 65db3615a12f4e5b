/**
 * Network namespaces and their interfaces (Linux: struct net, struct net_device, net/core/dev.c, net/ipv4/devinet.c;
 * network_namespaces(7)): a loopback interface, and such as a guest makes itself: dummy ones, and veth pairs, which join two
 * namespaces of this machine. Nothing leads out of the machine. Hosts are written as net/inet/address.ts has them: four numbers with
 * dots, or 32 hexadecimal digits. Left out: link-local addresses of IPv6, neighbours, counters, queues.
 */
import { AF_INET, AF_INET6 } from '../abi/socket.js';
import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  IF_OPER_DOWN,
  IF_OPER_LOWERLAYERDOWN,
  IF_OPER_UNKNOWN,
  IF_OPER_UP,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_RUNNING,
  IFF_UP,
  RT_SCOPE_HOST,
} from '../abi/netlink.js';
import { Namespace } from '../vfs/namespace.js';
import type { UserNamespace } from '../vfs/user-namespace.js';

export const LOOPBACK4 = '127.0.0.1';
export const LOOPBACK6 = `${'0'.repeat(31)}1`;
/** Interfaces, addresses of one, routes: more are refused. */
export const MAX_DEVICES = 64;
export const MAX_ADDRESSES = 256;
export const MAX_ROUTES = 256;
/** All of these in all networks: each is some hundred bytes of the kernel's heap. */
const MAX_RECORDS = 65536;
let records = 0;

export type DeviceKind = 'loopback' | 'dummy' | 'veth';

export interface NetAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly host: string;
  readonly prefixLength: number;
  readonly scope: number;
  readonly label: string;
  /** Of a point-to-point address: the other end. */
  readonly peer: string;
  readonly broadcast: string | undefined;
}

/** A route that a guest has added; those that follow from addresses are not kept. */
export interface NetRoute {
  readonly family: number;
  /** Undefined with a length of 0: everything. */
  readonly host: string | undefined;
  readonly prefixLength: number;
  readonly gateway: string | undefined;
  readonly source: string | undefined;
  readonly device: NetDevice;
  readonly metric: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
}

/** The host's bits as text, for comparing prefixes. */
function bitsOf(host: string): string {
  const digits = host.includes('.') ? host.split('.').map((part) => Number(part).toString(2).padStart(8, '0')) : [...host];
  return host.includes('.') ? digits.join('') : digits.map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
}

/** Whether `host` lies in the prefix of `length` bits that `of` is in. */
export function inPrefix(host: string, of: string, length: number): boolean {
  if (host.includes('.') !== of.includes('.')) return false;
  return length === 0 || bitsOf(host).slice(0, length) === bitsOf(of).slice(0, length);
}

export class NetDevice {
  /** IFF_UP and what a guest may set; IFF_RUNNING and IFF_LOWER_UP are computed. */
  flags: number;
  mtu: number;
  txQueueLength = 1000;
  group = 0;
  hardwareAddress = new Uint8Array(6);
  addresses: NetAddress[] = [];
  /** Has been up: it has a queueing discipline from then on. */
  wasUp = false;
  /** The other end of a veth pair. */
  peer: NetDevice | undefined = undefined;

  constructor(
    /** Changes when the interface is moved; by `moveTo` only. */
    public net: NetNamespace,
    readonly kind: DeviceKind,
    public index: number,
    public name: string,
  ) {
    this.flags = kind === 'loopback' ? IFF_LOOPBACK : kind === 'dummy' ? IFF_BROADCAST | IFF_NOARP : IFF_BROADCAST | IFF_MULTICAST;
    this.mtu = kind === 'loopback' ? 65536 : 1500;
  }

  get isUp(): boolean {
    return (this.flags & IFF_UP) !== 0;
  }
  get hasCarrier(): boolean {
    return this.kind === 'veth' ? this.isUp && (this.peer?.isUp ?? false) : true;
  }
  /** As programs are told. */
  get shownFlags(): number {
    return this.isUp && this.hasCarrier ? this.flags | IFF_RUNNING | IFF_LOWER_UP : this.flags;
  }
  get hardwareType(): number {
    return this.kind === 'loopback' ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
  }
  get hardwareBroadcast(): Uint8Array {
    return new Uint8Array(6).fill(this.kind === 'loopback' ? 0 : 0xff);
  }
  get operationalState(): number {
    if (!this.isUp) return IF_OPER_DOWN;
    if (this.kind !== 'veth') return IF_OPER_UNKNOWN;
    return this.hasCarrier ? IF_OPER_UP : IF_OPER_LOWERLAYERDOWN;
  }

  /** IFF_UP on or off. The loopback interface gets its addresses when it comes up first (Linux: inetdev_event, addrconf_notify). */
  setUp(up: boolean): void {
    if (up === this.isUp) return;
    this.flags ^= IFF_UP;
    if (up) {
      this.wasUp = true;
      if (this.kind === 'loopback') this.addLoopbackAddresses();
    } else {
      this.addresses = this.addresses.filter(({ family }) => family === AF_INET);
      this.net.routes = this.net.routes.filter(({ device }) => device !== this);
    }
    this.net.addressesChanged();
  }

  /** The address of IPv4 that was first in the same prefix: that one is primary, others are secondary. */
  primaryOf(address: NetAddress): NetAddress {
    const { family, peer, prefixLength } = address;
    if (family !== AF_INET) return address;
    return this.addresses.find((other) => other.prefixLength === prefixLength && inPrefix(peer, other.peer, prefixLength)) ?? address;
  }

  /** Primary addresses of IPv4 stand in the order of their scopes, narrow ones first (Linux: __inet_insert_ifa). */
  addAddress(address: NetAddress): void {
    const { addresses } = this;
    let at = addresses.length;
    if (address.family === AF_INET && this.primaryOf(address) === address)
      for (at = 0; at < addresses.length && addresses[at]!.family === AF_INET && addresses[at]!.scope >= address.scope; ) at++;
    addresses.splice(at, 0, address);
  }

  private addLoopbackAddresses(): void {
    const common = { scope: RT_SCOPE_HOST, broadcast: undefined };
    if (!this.addresses.some(({ host, prefixLength }) => host === LOOPBACK4 && prefixLength === 8))
      this.addAddress({ ...common, family: AF_INET, host: LOOPBACK4, peer: LOOPBACK4, prefixLength: 8, label: this.name });
    if (!this.addresses.some(({ host }) => host === LOOPBACK6))
      this.addAddress({ ...common, family: AF_INET6, host: LOOPBACK6, peer: LOOPBACK6, prefixLength: 128, label: '' });
  }
}

export class NetNamespace extends Namespace {
  readonly kind = 'net';
  readonly devices = new Map<number, NetDevice>();
  routes: NetRoute[] = [];
  /** Abstract names of AF_UNIX sockets; net/unix/address.ts knows what they are. */
  readonly abstractSockets = new Map<string, object>();
  /** net.ipv4.ip_unprivileged_port_start, and ip_local_port_range. */
  firstFreePort = 1024;
  ephemeralPorts = { first: 32768, last: 60999 };
  /** Had an IPv4 address once: it has routing tables since. */
  hasTables = false;
  private localHosts = new Set<string>();
  private lastIndex = 0;
  /** Of `records`, those of this network. */
  private recorded = 0;
  private isOver = false;

  constructor(owner: UserNamespace, isFirst: boolean) {
    super('net', owner, isFirst);
    const loopback = this.addDevice('loopback', 'lo');
    if (isFirst) loopback.setUp(true);
  }

  /** One more interface, address or route may be kept. A network that nobody is in any more does not grow. */
  get hasRoom(): boolean {
    return !this.isOver && records < MAX_RECORDS;
  }

  private recount(): void {
    let own = this.isOver ? 0 : this.routes.length;
    if (!this.isOver) for (const { addresses } of this.devices.values()) own += 1 + addresses.length;
    records += own - this.recorded;
    this.recorded = own;
  }

  addDevice(kind: DeviceKind, name: string): NetDevice {
    const device = new NetDevice(this, kind, ++this.lastIndex, name);
    this.devices.set(device.index, device);
    this.recount();
    return device;
  }

  device(name: string): NetDevice | undefined {
    for (const device of this.devices.values()) if (device.name === name) return device;
    return undefined;
  }

  /** A name that is free: of "veth%d" the first. */
  freeName(pattern: string): string {
    for (let number = 0; ; number++) {
      const name = pattern.replace('%d', String(number));
      if (!this.device(name)) return name;
    }
  }

  /** Takes the interface, and its other end, out of the world. */
  remove(device: NetDevice): void {
    device.setUp(false);
    this.devices.delete(device.index);
    this.routes = this.routes.filter((route) => route.device !== device);
    this.addressesChanged();
    const { peer } = device;
    device.peer = undefined;
    if (peer) {
      peer.peer = undefined;
      peer.net.remove(peer);
    }
  }

  /** Into another namespace: down and without addresses. */
  moveTo(device: NetDevice, target: NetNamespace, name: string): void {
    device.setUp(false);
    device.addresses = [];
    this.devices.delete(device.index);
    this.addressesChanged();
    device.net = target;
    device.name = name;
    if (target.devices.has(device.index)) device.index = ++target.lastIndex;
    target.lastIndex = Math.max(target.lastIndex, device.index);
    target.devices.set(device.index, device);
    target.addressesChanged();
  }

  /** To be called after any change of interfaces, addresses and routes, or of what is up. */
  addressesChanged(): void {
    this.recount();
    this.localHosts = new Set();
    for (const { isUp, addresses } of this.devices.values()) {
      if (!isUp) continue;
      for (const { host } of addresses) this.localHosts.add(host);
      this.hasTables ||= addresses.length > 0;
    }
  }

  /** An address of this namespace: those of the loopback interface are whole prefixes. */
  isLocal(host: string): boolean {
    if (this.localHosts.has(host)) return true;
    const loopback = this.devices.get(1);
    if (!loopback?.isUp || !host.includes('.')) return false;
    return loopback.addresses.some((address) => address.family === AF_INET && inPrefix(host, address.host, address.prefixLength));
  }

  /** Whom packets to a local address come from: its own holder, else the one whose prefix it is in. */
  sourceFor(host: string): string {
    if (this.localHosts.has(host)) return host;
    const { addresses } = this.devices.get(1)!;
    return addresses.find(({ host: own, prefixLength }) => inPrefix(host, own, prefixLength))?.host ?? host;
  }

  /** The interface that leads to a host elsewhere, and the address that packets come from then. */
  routeFor(host: string): { readonly device: NetDevice; readonly source: string; readonly via: string } | undefined {
    const family = host.includes('.') ? AF_INET : AF_INET6;
    const choices: { device: NetDevice; source: string | undefined; via: string; length: number; metric: number }[] = [];
    for (const device of this.devices.values()) {
      if (!device.isUp || device.kind === 'loopback') continue;
      for (const { host: own, peer, prefixLength } of device.addresses)
        if (inPrefix(host, peer, prefixLength)) choices.push({ device, source: own, via: host, length: prefixLength, metric: 0 });
    }
    for (const { device, host: to, prefixLength, gateway, source, metric } of this.routes)
      if (to === undefined ? family === (gateway?.includes('.') === false ? AF_INET6 : AF_INET) : inPrefix(host, to, prefixLength))
        choices.push({ device, source, via: gateway ?? host, length: prefixLength, metric });
    const [best] = choices.sort((a, b) => b.length - a.length || a.metric - b.metric);
    if (!best) return undefined;
    const source = best.source ?? best.device.addresses.find((address) => address.family === family)?.host;
    return source === undefined ? undefined : { device: best.device, source, via: best.via };
  }

  protected override onUnused(): void {
    for (const device of [...this.devices.values()]) if (device.kind !== 'loopback') this.remove(device);
    this.isOver = true;
    this.recount();
  }
}
