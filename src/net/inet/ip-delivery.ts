/**
 * Where packets go that are not a TCP or UDP socket's business alone (Linux: net/ipv4/ip_input.c, raw.c, icmp.c): raw sockets get
 * a copy of each packet of their protocol, echo requests an answer, and packets to closed ports an error. TCP makes no packets here.
 */
import { isErr } from '../../base/brands.js';
import * as inet from '../../abi/inet.js';
import { AF_INET, AF_INET6 } from '../../abi/socket.js';
import { isV4, type Endpoint } from './address.js';
import type { DatagramSocket } from './datagram-socket.js';
import { ICMP_HEADER, icmpError, sealIcmp, udpSegment, withHeader4, type IpPacket } from './ip-packet.js';
import type { InetStack, Route } from './stack.js';

const DEFAULT_TTL = 64;
const UDP_HEADER = 8;
/** Type of service of ICMP errors: internetwork control. */
const ICMP_ERROR_TOS = 0xc0;

function icmpProtocol(host: string): number {
  return isV4(host) ? inet.IPPROTO_ICMP : inet.IPPROTO_ICMPV6;
}

/** Delivers a packet that a raw or ping socket of `from` sent, or that answers one. */
export function deliverPacket(from: InetStack, packet: IpPacket): void {
  const route = from.route(packet.destination);
  if (isErr(route)) return;
  const { stack } = route as Route;
  // Where nobody has the address, nobody answers either.
  if (!stack) return;
  deliverToRaw(stack, packet);
  if (packet.protocol === icmpProtocol(packet.destination)) receiveIcmp(stack, packet);
  else if (packet.protocol === inet.IPPROTO_UDP) receiveUdp(stack, packet);
}

function deliverToRaw(stack: InetStack, packet: IpPacket): void {
  const toV4 = isV4(packet.destination);
  for (const socket of stack.raws) {
    if ((socket.family === AF_INET) !== toV4 || !socket.takes(packet)) continue;
    const { source, destination, ttl, tos } = packet;
    const bytes = toV4 ? withHeader4(packet) : packet.payload;
    const [from, to] = [source, destination].map((host) => ({ host, port: 0 })) as [Endpoint, Endpoint];
    socket.deliver({ bytes, source: from, destination: to, ttl, tos, time: undefined });
  }
}

function receiveIcmp(stack: InetStack, packet: IpPacket): void {
  const { payload, source, destination, ttl, tos } = packet;
  if (payload.length < ICMP_HEADER) return;
  const toV4 = isV4(destination);
  if (payload[0] === (toV4 ? inet.ICMP_ECHO : inet.ICMPV6_ECHO_REQUEST)) {
    const answer = payload.slice();
    answer[0] = toV4 ? inet.ICMP_ECHOREPLY : inet.ICMPV6_ECHO_REPLY;
    sealIcmp(answer, packet.protocol, destination, source);
    deliverPacket(stack, { ...packet, source: destination, destination: source, ttl: DEFAULT_TTL, payload: answer });
  } else if (payload[0] === (toV4 ? inet.ICMP_ECHOREPLY : inet.ICMPV6_ECHO_REPLY)) {
    // A ping socket has the identifier of the message where others have a port.
    const to = { host: destination, port: (payload[4]! << 8) | payload[5]! };
    const from = { host: source, port: 0 };
    const family = toV4 ? AF_INET : AF_INET6;
    const receiver = stack.pings.find(to, (owner) => (owner as DatagramSocket).family === family) as DatagramSocket | undefined;
    receiver?.deliver({ bytes: payload, source: from, destination: to, ttl, tos, time: undefined });
  }
}

/** UDP as a raw socket made it. */
function receiveUdp(stack: InetStack, { payload, source, destination, ttl, tos }: IpPacket): void {
  if (payload.length < UDP_HEADER) return;
  const view = new DataView(payload.buffer, payload.byteOffset);
  const length = Math.min(view.getUint16(4), payload.length);
  if (length < UDP_HEADER) return;
  const from = { host: source, port: view.getUint16(0) };
  const to = { host: destination, port: view.getUint16(2) };
  const receiver = stack.udp.find(to, (owner) => (owner as DatagramSocket).takesFrom(from), from) as DatagramSocket | undefined;
  receiver?.deliver({ bytes: payload.slice(UDP_HEADER, length), source: from, destination: to, ttl, tos, time: undefined });
}

/** Shows raw sockets of the receiving side a datagram of UDP, and those of the sending one the error that nobody taking it means. */
export function showToRaw(
  from: InetStack,
  to: InetStack,
  protocol: number,
  datagram: { bytes: Uint8Array; source: Endpoint; destination: Endpoint; ttl: number; tos: number },
  isTaken: boolean,
): void {
  if (from.raws.size === 0 && to.raws.size === 0) return;
  const { source, destination, ttl, tos } = datagram;
  const payload = udpSegment(protocol, source, destination, datagram.bytes);
  const packet: IpPacket = { protocol, source: source.host, destination: destination.host, ttl, tos, payload };
  deliverToRaw(to, packet);
  if (isTaken) return;
  const toV4 = isV4(destination.host);
  const error = toV4
    ? icmpError(inet.ICMP_DEST_UNREACH, inet.ICMP_PORT_UNREACH, packet)
    : icmpError(inet.ICMPV6_DEST_UNREACH, inet.ICMPV6_PORT_UNREACH, packet);
  const icmp = icmpProtocol(destination.host);
  sealIcmp(error, icmp, destination.host, source.host);
  deliverToRaw(from, {
    protocol: icmp,
    source: destination.host,
    destination: source.host,
    ttl: DEFAULT_TTL,
    tos: ICMP_ERROR_TOS,
    payload: error,
  });
}
