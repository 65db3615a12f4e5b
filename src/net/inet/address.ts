/**
 * Internet addresses (Linux: include/uapi/linux/in.h, in6.h; ip(7), ipv6(7)). Which of them can be
 * reached is known to stack.ts. An IPv4 address in IPv6 form counts as the IPv4 one.
 */
import type { Errno } from '../../base/brands.js';
import { EAFNOSUPPORT, EINVAL } from '../../abi/errno.js';
import { AF_INET, AF_INET6 } from '../../abi/socket.js';
import { LOOPBACK4, LOOPBACK6 } from '../../kernel/net-namespace.js';

/** Host part: four numbers with dots, or 32 hexadecimal digits. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export { LOOPBACK4, LOOPBACK6 };
export const ANY4 = '0.0.0.0';
export const ANY6 = '0'.repeat(32);
const MAPPED = `${'0'.repeat(20)}ffff`;
const SOCKADDR_IN_SIZE = 16;
/** Without the scope id, which old programs leave out. */
const SOCKADDR_IN6_MIN = 24;
const SOCKADDR_IN6_SIZE = 28;

export function isV4(host: string): boolean {
  return host.includes('.');
}
export function isMulticast(host: string): boolean {
  if (!isV4(host)) return host.startsWith('ff');
  const first = Number(host.slice(0, host.indexOf('.')));
  return first >= 224 && first < 240;
}
export function isAny(host: string): boolean {
  return host === ANY4 || host === ANY6;
}
export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === LOOPBACK6;
}

/** What the struct sockaddr of a guest says to a socket of `family`. */
export function parseAddress(family: number, bytes: Uint8Array): Endpoint | Errno {
  const given = bytes.length >= 2 ? bytes[0]! | (bytes[1]! << 8) : -1;
  if (family === AF_INET) {
    if (bytes.length < SOCKADDR_IN_SIZE) return EINVAL;
    return given === AF_INET ? { host: [...bytes.subarray(4, 8)].join('.'), port: portOf(bytes) } : EAFNOSUPPORT;
  }
  if (given === AF_INET && bytes.length >= SOCKADDR_IN_SIZE) return { host: [...bytes.subarray(4, 8)].join('.'), port: portOf(bytes) };
  if (bytes.length < SOCKADDR_IN6_MIN) return EINVAL;
  if (given !== AF_INET6) return EAFNOSUPPORT;
  return { host: hostOf(bytes.subarray(8, 24)), port: portOf(bytes) };
}

function portOf(bytes: Uint8Array): number {
  return (bytes[2]! << 8) | bytes[3]!;
}

/** A struct in_addr or in6_addr as a host. */
export function hostOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const host = Buffer.from(bytes).toString('hex');
  return host.startsWith(MAPPED) ? bytes.subarray(12).join('.') : host;
}

/** The struct sockaddr of an endpoint, for a socket of `family`. */
export function encodeAddress(family: number, { host, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE);
  bytes[0] = family;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  if (family === AF_INET) bytes.set(host.split('.').map(Number), 4);
  else if (isV4(host)) {
    const any = host === ANY4;
    if (!any) bytes.set([0xff, 0xff, ...host.split('.').map(Number)], 18);
  } else bytes.set(Buffer.from(host, 'hex'), 8);
  return bytes;
}
