/**
 * UDP and UDP-Lite over the loopback interface (Linux: net/ipv4/udp.c, udplite.c; udp(7), udplite(7)): corking, segments, and what
 * an unreachable port says. Left out: checksums (nothing is ever damaged), UDP_GRO (datagrams come one by one).
 */
import { isErr, type Errno } from '../../base/brands.js';
import { ECONNREFUSED, EDESTADDRREQ, EINVAL, EMSGSIZE, EOPNOTSUPP, EPIPE } from '../../abi/errno.js';
import { IP_MULTICAST_ALL, IPPROTO_UDPLITE, SOL_IP, SOL_UDP, UDP_CORK } from '../../abi/inet.js';
import { MSG_MORE, MSG_OOB, SOCK_DGRAM } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { SendRequest } from '../socket.js';
import { isAny, isMulticast, isV4, type Endpoint } from './address.js';
import { DatagramSocket } from './datagram-socket.js';
import { packetOptions, type Datagram, type PacketOptions } from './datagram-control.js';
import { queuesErrors } from './error-queue.js';
import { showToRaw } from './ip-delivery.js';
import type { InetSocket } from './inet-socket.js';
import type { PortTable } from './ports.js';
import type { InetStack, Route } from './stack.js';

/** 65,535 less the headers of UDP, and of IPv4, whose length counts its own. */
const MAX_DATAGRAM4 = 65507;
const MAX_DATAGRAM6 = 65527;
/** UDP_MAX_SEGMENTS */
const MAX_SEGMENTS = 128;

/** A datagram of which more is to come (MSG_MORE, UDP_CORK). */
interface Corked {
  readonly parts: Uint8Array[];
  length: number;
  readonly target: Endpoint;
  readonly options: PacketOptions;
}

export class UdpSocket extends DatagramSocket {
  private corked: Corked | undefined = undefined;

  constructor(task: Task, stack: InetStack, family: number, protocol: number) {
    super(task, stack, family, SOCK_DGRAM, protocol);
  }

  protected override get ports(): PortTable<InetSocket> {
    return this.portsOf(this.stack);
  }
  private portsOf(stack: InetStack): PortTable<InetSocket> {
    return this.protocol === IPPROTO_UDPLITE ? stack.udplite : stack.udp;
  }

  send(request: SendRequest): number | Errno {
    if (request.io.remaining > 0xffff) return EMSGSIZE;
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    const error = this.takeError();
    if (error !== 0) return error;
    if (this.sendShut) return EPIPE;
    const corked = this.corked ?? this.begin(request);
    if (isErr(corked)) return corked;
    const { remaining } = request.io;
    const most = isV4(corked.target.host) ? MAX_DATAGRAM4 : MAX_DATAGRAM6;
    if (corked.length + remaining > most) return EMSGSIZE;
    const bytes = new Uint8Array(remaining);
    const taken = remaining > 0 ? request.io.take(bytes) : 0;
    if (isErr(taken)) return taken;
    corked.parts.push(bytes);
    corked.length += bytes.length;
    this.corked = corked;
    if ((request.flags & MSG_MORE) === 0 && this.option(SOL_UDP, UDP_CORK) === 0) {
      const flushed = this.sendCorked();
      if (isErr(flushed)) return flushed;
    }
    return taken;
  }

  private begin(request: SendRequest): Corked | Errno {
    const to = request.destination ? this.parseDestination(request.destination) : (this.remote ?? EDESTADDRREQ);
    if (isErr(to)) return to;
    const target = to as Endpoint;
    if (target.port === 0) return EINVAL;
    const options = packetOptions(this, request.control, target.host);
    if (isErr(options)) return options;
    const bound = this.autobind();
    return isErr(bound) ? bound : { parts: [], length: 0, target, options };
  }

  /** UDP_CORK was taken off: what has been collected goes. */
  override onOptionSet(level: number, name: number, value: number): void {
    if (level === SOL_UDP && name === UDP_CORK && value === 0) this.sendCorked();
  }

  private sendCorked(): 0 | Errno {
    const { corked } = this;
    this.corked = undefined;
    if (!corked) return 0;
    const bytes = corked.parts.length === 1 ? corked.parts[0]! : joined(corked);
    const { segmentBytes } = corked.options;
    if (segmentBytes === 0 || bytes.length <= segmentBytes) {
      this.transmit(bytes, corked);
      return 0;
    }
    if (bytes.length > segmentBytes * MAX_SEGMENTS) return EINVAL;
    for (let at = 0; at < bytes.length; at += segmentBytes) this.transmit(bytes.slice(at, at + segmentBytes), corked);
    return 0;
  }

  private transmit(bytes: Uint8Array, { target, options }: Corked): void {
    const own = this.local!;
    const host = options.source ?? (isAny(own.host) ? this.sourceFor(target.host) : own.host);
    const source = { host, port: own.port };
    const { ttl, tos } = options;
    if (isMulticast(target.host)) {
      this.transmitToGroup({ bytes, source, destination: target, ttl, tos, time: undefined });
      return;
    }
    const route = this.stack.route(target.host);
    const { stack } = isErr(route) ? { stack: undefined } : (route as Route);
    // Where nobody has the address, nobody answers either.
    if (!stack) return;
    const receiver = this.portsOf(stack).find(target, (owner) => (owner as UdpSocket).takesFrom(source), source) as UdpSocket | undefined;
    const datagram = { bytes, source, destination: target, ttl, tos, time: undefined };
    showToRaw(this.stack, stack, this.protocol, datagram, receiver !== undefined);
    if (receiver) receiver.deliver(datagram);
    else this.reportUnreachable(ECONNREFUSED, queuesErrors(this, isV4(target.host)), bytes, target);
  }

  /** Everybody at the port hears what is sent to a group that one of them is in, unless IP_MULTICAST_ALL is off. */
  private transmitToGroup(datagram: Datagram): void {
    const { host, port } = datagram.destination;
    const hearers = [...this.ports.ownersOf(port)] as UdpSocket[];
    if (!hearers.some((hearer) => hearer.isInGroup(host))) return;
    for (const hearer of hearers) {
      const at = hearer.local!.host;
      const hearsAll = hearer.isInGroup(host) || hearer.option(SOL_IP, IP_MULTICAST_ALL) !== 0;
      if ((at === host || isAny(at)) && hearsAll && hearer.takesFrom(datagram.source)) hearer.deliver({ ...datagram });
    }
  }

  protected override disconnect(): void {
    super.disconnect();
    this.corked = undefined;
  }
}

function joined({ parts, length }: Corked): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
