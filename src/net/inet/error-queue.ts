/**
 * IP_RECVERR, MSG_ERRQUEUE (Linux: net/ipv4/ip_sockglue.c, ip_icmp_error, ip_recv_error; ip(7)): each ICMP error that a socket's
 * packets met, with the packet's bytes. On loopback that is "port unreachable". Left out: errors of the sender's own making.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, ECONNREFUSED } from '../../abi/errno.js';
import * as inet from '../../abi/inet.js';
import { AF_INET, AF_INET6, MSG_ERRQUEUE, MSG_TRUNC } from '../../abi/socket.js';
import type { ReceiveRequest } from '../socket.js';
import { encodeAddress, isV4, type Endpoint } from './address.js';
import type { InetSocket } from './inet-socket.js';

/** More errors than this are lost. */
const MOST_ERRORS = 64;

interface QueuedError {
  readonly bytes: Uint8Array;
  readonly destination: Endpoint;
}

export class ErrorQueue {
  private readonly errors: QueuedError[] = [];

  get isEmpty(): boolean {
    return this.errors.length === 0;
  }

  add(bytes: Uint8Array, destination: Endpoint): void {
    if (this.errors.length < MOST_ERRORS) this.errors.push({ bytes, destination });
  }

  clear(): void {
    this.errors.length = 0;
  }

  /** recvmsg with MSG_ERRQUEUE. The socket's error becomes that of the next one. */
  receive(socket: InetSocket, request: ReceiveRequest): number | Errno {
    const error = this.errors.shift();
    if (!error) return EAGAIN;
    socket.error = this.isEmpty ? 0 : ECONNREFUSED;
    const { bytes, destination } = error;
    const length = Math.min(bytes.length, request.io.remaining);
    const moved = length > 0 ? request.io.put(bytes, 0, length) : 0;
    if (isErr(moved)) return moved;
    request.source = encodeAddress(socket.family, destination);
    request.outFlags |= MSG_ERRQUEUE | (moved < bytes.length ? MSG_TRUNC : 0);
    request.isComplete = true;
    const toV4 = isV4(destination.host);
    const level = socket.family === AF_INET ? inet.SOL_IP : inet.SOL_IPV6;
    const type = socket.family === AF_INET ? inet.IP_RECVERR : inet.IPV6_RECVERR;
    request.control = [{ level, type, data: describe(socket.family, toV4, destination) }];
    return moved;
  }
}

/** struct sock_extended_err and the address of the host that complained. */
function describe(family: number, toV4: boolean, { host }: Endpoint): Uint8Array {
  const offender = encodeAddress(family, { host, port: 0 });
  const data = new Uint8Array(inet.SOCK_EXTENDED_ERR.size + offender.length);
  inet.SOCK_EXTENDED_ERR.write(new DataView(data.buffer), 0, {
    errno: -ECONNREFUSED,
    origin: toV4 ? inet.SO_EE_ORIGIN_ICMP : inet.SO_EE_ORIGIN_ICMP6,
    type: toV4 ? inet.ICMP_DEST_UNREACH : inet.ICMPV6_DEST_UNREACH,
    code: toV4 ? inet.ICMP_PORT_UNREACH : inet.ICMPV6_PORT_UNREACH,
    pad: 0,
    info: 0,
    data: 0,
  });
  data.set(offender, inet.SOCK_EXTENDED_ERR.size);
  return data;
}

/** Whether errors are to be queued for packets to an IPv4, or IPv6, address. */
export function queuesErrors(socket: InetSocket, toV4: boolean): boolean {
  if (socket.family === AF_INET6 && socket.option(inet.SOL_IPV6, inet.IPV6_RECVERR) !== 0) return true;
  return toV4 && socket.option(inet.SOL_IP, inet.IP_RECVERR) !== 0;
}
