/** Headers of IPv4, ICMP and UDP as raw sockets see them (Linux: include/uapi/linux/ip.h, icmp.h; RFC 791, 792, 768, 1071). */
import { isV4, type Endpoint } from './address.js';

export const IP_HEADER = 20;
export const ICMP_HEADER = 8;
const UDP_HEADER = 8;
/** An ICMP error brings this much of the packet that it is about. */
const ICMP_QUOTE = 548;
const DONT_FRAGMENT = 0x4000;

/** What travels between two addresses of this machine. */
export interface IpPacket {
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly ttl: number;
  readonly tos: number;
  readonly payload: Uint8Array;
}

/** The Internet checksum over `parts`, each but the last of even length. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function hostBytes(host: string): Uint8Array {
  return isV4(host) ? Uint8Array.from(host.split('.').map(Number)) : Uint8Array.from(Buffer.from(host, 'hex'));
}

/** The packet as a raw socket of AF_INET gets it: with its IPv4 header. */
export function withHeader4(packet: IpPacket): Uint8Array {
  const { payload } = packet;
  const bytes = new Uint8Array(IP_HEADER + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[1] = packet.tos;
  view.setUint16(2, bytes.length);
  view.setUint16(6, DONT_FRAGMENT);
  bytes[8] = packet.ttl;
  bytes[9] = packet.protocol;
  bytes.set(hostBytes(packet.source), 12);
  bytes.set(hostBytes(packet.destination), 16);
  view.setUint16(10, checksum(bytes.subarray(0, IP_HEADER)));
  bytes.set(payload, IP_HEADER);
  return bytes;
}

/** Addresses, protocol and length, which checksums of UDP and ICMPv6 cover too. */
function pseudoHeader(protocol: number, source: string, destination: string, length: number): Uint8Array {
  const hosts = [hostBytes(source), hostBytes(destination)] as const;
  const bytes = new Uint8Array(hosts[0].length * 2 + 8);
  bytes.set(hosts[0], 0);
  bytes.set(hosts[1], hosts[0].length);
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 8, length);
  bytes[bytes.length - 1] = protocol;
  return bytes;
}

/** Stores the checksum of an ICMP message, or of an ICMPv6 one. */
export function sealIcmp(message: Uint8Array, protocol: number, source: string, destination: string): void {
  message[2] = message[3] = 0;
  const sum = isV4(source) ? checksum(message) : checksum(pseudoHeader(protocol, source, destination, message.length), message);
  message[2] = sum >> 8;
  message[3] = sum & 0xff;
}

/** A datagram with its UDP header. */
export function udpSegment(protocol: number, source: Endpoint, destination: Endpoint, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(UDP_HEADER + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint16(4, bytes.length);
  bytes.set(data, UDP_HEADER);
  view.setUint16(6, checksum(pseudoHeader(protocol, source.host, destination.host, bytes.length), bytes) || 0xffff);
  return bytes;
}

/** An ICMP error about `packet`. */
export function icmpError(type: number, code: number, packet: IpPacket): Uint8Array {
  const about = (isV4(packet.source) ? withHeader4(packet) : packet.payload).subarray(0, ICMP_QUOTE);
  const message = new Uint8Array(ICMP_HEADER + about.length);
  message[0] = type;
  message[1] = code;
  message.set(about, ICMP_HEADER);
  return message;
}
