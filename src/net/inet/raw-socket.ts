/**
 * SOCK_RAW of AF_INET and AF_INET6 (Linux: net/ipv4/raw.c, net/ipv6/raw.c; raw(7)): packets of one protocol, with their header on
 * IPv4, and filters for ICMP. Left out: fragments, IPV6_CHECKSUM's effect, and TCP, of which there are no packets on this machine.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EADDRNOTAVAIL, EDESTADDRREQ, EINVAL, EMSGSIZE, EOPNOTSUPP, EPIPE } from '../../abi/errno.js';
import * as inet from '../../abi/inet.js';
import { AF_INET, MSG_OOB, SOCK_RAW, SOL_RAW } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { SendRequest } from '../socket.js';
import { hostOf, isAny, parseAddress, type Endpoint } from './address.js';
import { packetOptions } from './datagram-control.js';
import { DatagramSocket } from './datagram-socket.js';
import { deliverPacket } from './ip-delivery.js';
import { IP_HEADER, sealIcmp, type IpPacket } from './ip-packet.js';
import type { InetSocket } from './inet-socket.js';
import type { PortTable } from './ports.js';
import type { InetStack } from './stack.js';

const MAX_PACKET = 65535;
/** ICMP_FILTER and ICMPV6_FILTER. */
const FILTER = 1;
const FILTER_WORDS4 = 1;
const FILTER_WORDS6 = 8;

export class RawSocket extends DatagramSocket {
  /** A set bit keeps messages of that type out. */
  private readonly filter: Uint32Array;

  constructor(task: Task, stack: InetStack, family: number, protocol: number) {
    super(task, stack, family, SOCK_RAW, protocol);
    this.filter = new Uint32Array(family === AF_INET ? FILTER_WORDS4 : FILTER_WORDS6);
    stack.raws.add(this);
  }

  protected override get ports(): PortTable<InetSocket> {
    return this.stack.rawPorts;
  }

  override bind(_task: Task, address: Uint8Array): 0 | Errno {
    const wanted = parseAddress(this.family, address);
    if (isErr(wanted)) return wanted;
    const { host } = wanted as Endpoint;
    if (!this.mayBindTo(host)) return EADDRNOTAVAIL;
    this.local = { host, port: 0 };
    return 0;
  }

  protected override autobind(): 0 | Errno {
    this.local ??= { host: this.anyHost, port: 0 };
    return 0;
  }

  override takesFrom(source: Endpoint): boolean {
    return this.remote === undefined || this.remote.host === source.host;
  }

  /** Whether a packet of its family is for this socket. */
  takes({ protocol, source, destination, payload }: IpPacket): boolean {
    if (protocol !== this.protocol || !this.takesFrom({ host: source, port: 0 })) return false;
    const { local } = this;
    if (local && !isAny(local.host) && local.host !== destination) return false;
    const type = payload[0] ?? 0;
    const isFiltered = protocol === inet.IPPROTO_ICMPV6 || (protocol === inet.IPPROTO_ICMP && type < 32);
    return !isFiltered || ((this.filter[type >> 5] ?? 0) & (1 << (type & 31))) === 0;
  }

  send(request: SendRequest): number | Errno {
    const { io } = request;
    if (io.remaining > MAX_PACKET) return EMSGSIZE;
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if (this.sendShut) return EPIPE;
    const to = request.destination ? this.parseDestination(request.destination) : (this.remote ?? EDESTADDRREQ);
    if (isErr(to)) return to;
    const { host } = to as Endpoint;
    const options = packetOptions(this, request.control, host);
    if (isErr(options)) return options;
    const bytes = new Uint8Array(io.remaining);
    const taken = bytes.length > 0 ? io.take(bytes) : 0;
    if (isErr(taken)) return taken;
    const bound = this.local && !isAny(this.local.host) ? this.local.host : this.sourceFor(host);
    const source = options.source ?? bound;
    const { ttl, tos } = options;
    const packet = this.hasOwnHeader
      ? parsePacket(bytes, source, host)
      : { protocol: this.protocol, source, destination: host, ttl, tos, payload: bytes };
    if (isErr(packet)) return packet;
    if (this.protocol === inet.IPPROTO_ICMPV6 && bytes.length >= 4) sealIcmp(bytes, this.protocol, source, host);
    deliverPacket(this.stack, packet);
    return taken;
  }

  private get hasOwnHeader(): boolean {
    return this.family === AF_INET && (this.protocol === inet.IPPROTO_RAW || this.option(inet.SOL_IP, inet.IP_HDRINCL) !== 0);
  }

  private isFilter(level: number, name: number): boolean {
    if (name !== FILTER) return false;
    return this.protocol === inet.IPPROTO_ICMP ? level === SOL_RAW : this.protocol === inet.IPPROTO_ICMPV6 && level === inet.SOL_ICMPV6;
  }

  override getOption(task: Task, level: number, name: number): Uint8Array | Errno | undefined {
    return this.isFilter(level, name) ? new Uint8Array(this.filter.slice().buffer) : super.getOption(task, level, name);
  }

  override setOption(task: Task, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
    if (!this.isFilter(level, name)) return super.setOption(task, level, name, value);
    if (value.length === 0) return EINVAL;
    new Uint8Array(this.filter.buffer).set(value.subarray(0, this.filter.byteLength));
    return 0;
  }

  override release(): void {
    this.stack.raws.delete(this);
    super.release();
  }
}

/** A packet with the IPv4 header that its sender wrote; an address of zero is filled in. */
function parsePacket(bytes: Uint8Array, source: string, destination: string): IpPacket | Errno {
  const headerBytes = (bytes[0]! & 15) * 4;
  if (bytes.length < IP_HEADER || headerBytes < IP_HEADER || headerBytes > bytes.length) return EINVAL;
  const given = hostOf(bytes.subarray(12, 16));
  return {
    protocol: bytes[9]!,
    source: isAny(given) ? source : given,
    destination,
    ttl: bytes[8]!,
    tos: bytes[1]!,
    payload: bytes.slice(headerBytes),
  };
}
