/**
 * Ping sockets, SOCK_DGRAM with IPPROTO_ICMP (Linux: net/ipv4/ping.c; icmp(7)): echo requests without CAP_NET_RAW. The port is the
 * identifier of the messages. Everybody may have them, as distributions set net.ipv4.ping_group_range.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EDESTADDRREQ, EINVAL, EMSGSIZE, EOPNOTSUPP, EPIPE } from '../../abi/errno.js';
import * as inet from '../../abi/inet.js';
import { AF_INET, MSG_OOB, SOCK_DGRAM } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { SendRequest } from '../socket.js';
import { isAny, type Endpoint } from './address.js';
import { packetOptions } from './datagram-control.js';
import { DatagramSocket } from './datagram-socket.js';
import { deliverPacket } from './ip-delivery.js';
import { ICMP_HEADER, sealIcmp } from './ip-packet.js';
import type { InetSocket } from './inet-socket.js';
import type { PortTable } from './ports.js';
import type { InetStack } from './stack.js';

const MAX_MESSAGE = 65535;

export class PingSocket extends DatagramSocket {
  constructor(task: Task, stack: InetStack, family: number, protocol: number) {
    super(task, stack, family, SOCK_DGRAM, protocol);
  }

  protected override get ports(): PortTable<InetSocket> {
    return this.stack.pings;
  }

  override takesFrom(source: Endpoint): boolean {
    return this.remote === undefined || this.remote.host === source.host;
  }

  send(request: SendRequest): number | Errno {
    const { io } = request;
    if (io.remaining > MAX_MESSAGE) return EMSGSIZE;
    if (io.remaining < ICMP_HEADER) return EINVAL;
    if ((request.flags & MSG_OOB) !== 0) return EOPNOTSUPP;
    if (this.sendShut) return EPIPE;
    const message = new Uint8Array(io.remaining);
    const taken = io.take(message);
    if (isErr(taken)) return taken;
    const echo = this.family === AF_INET ? inet.ICMP_ECHO : inet.ICMPV6_ECHO_REQUEST;
    if (message[0] !== echo || message[1] !== 0) return EINVAL;
    const to = request.destination ? this.parseDestination(request.destination) : (this.remote ?? EDESTADDRREQ);
    if (isErr(to)) return to;
    const { host } = to as Endpoint;
    const options = packetOptions(this, request.control, host);
    if (isErr(options)) return options;
    const bound = this.autobind();
    if (isErr(bound)) return bound;
    const own = this.local!;
    const source = options.source ?? (isAny(own.host) ? this.sourceFor(host) : own.host);
    message[4] = own.port >> 8;
    message[5] = own.port & 0xff;
    sealIcmp(message, this.protocol, source, host);
    deliverPacket(this.stack, { protocol: this.protocol, source, destination: host, ttl: options.ttl, tos: options.tos, payload: message });
    return taken;
  }
}
